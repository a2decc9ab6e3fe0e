use std::time::Duration;

use jasmin_protocol::{ErrorCode, Problem};
use reqwest::{Method, Response, StatusCode, header};
use serde::Serialize;
use uuid::Uuid;

use super::{ApiError, ServerUrl};
use crate::{keys::random_bytes, redact::Secret};

const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A server that wants a longer pause is not waited for: a person is.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
const PROBLEM_JSON: &str = "application/problem+json";

/// Whether a request whose answer did not come can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The server does it once, or doing it twice is the same.
    Freely,
    /// A lost answer is final: only when there was no connection at all.
    UnlessSent,
}

/// One request, ready to be sent several times.
#[derive(Debug)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    key: Option<Uuid>,
    repeat: Repeat,
}

impl Ask {
    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path, None, Repeat::Freely)
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path, None, Repeat::Freely)
    }

    pub(crate) fn post_empty(path: &str, repeat: Repeat) -> Self {
        Self::new(Method::POST, path, None, repeat)
    }

    pub(crate) fn post<B: Serialize>(
        path: &str,
        body: &B,
        repeat: Repeat,
    ) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::Encoding)?;
        Ok(Self::new(Method::POST, path, Some(body), repeat))
    }

    pub(crate) fn put<B: Serialize>(path: &str, body: &B) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::Encoding)?;
        Ok(Self::new(Method::PUT, path, Some(body), Repeat::Freely))
    }

    fn new(method: Method, path: &str, body: Option<Vec<u8>>, repeat: Repeat) -> Self {
        let key = (method != Method::GET).then(Uuid::now_v7);
        Self {
            method,
            path: path.to_owned(),
            body,
            key,
            repeat,
        }
    }
}

/// Sends a request, up to three times where that does no harm.
pub(super) async fn send(
    http: &reqwest::Client,
    server: &ServerUrl,
    ask: &Ask,
    token: Option<&Secret>,
) -> Result<Vec<u8>, ApiError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let failed = match send_once(http, server, ask, token).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        match pause(ask, tries, &failed) {
            Some(pause) => {
                tracing::debug!(method = %ask.method, tries, error = %failed.error, "asked again");
                tokio::time::sleep(pause).await;
            }
            None => return Err(failed.error),
        }
    }
}

struct Failed {
    error: ApiError,
    /// The server may have done it all the same.
    sent: bool,
}

async fn send_once(
    http: &reqwest::Client,
    server: &ServerUrl,
    ask: &Ask,
    token: Option<&Secret>,
) -> Result<Vec<u8>, Failed> {
    let mut request = http.request(ask.method.clone(), server.at(&ask.path));
    if let Some(token) = token {
        request = request.bearer_auth(token.reveal());
    }
    if let Some(key) = ask.key {
        request = request.header("idempotency-key", key.to_string());
    }
    if let Some(body) = &ask.body {
        request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.clone());
    }
    let response = request.send().await.map_err(|error| {
        let sent = !error.is_connect();
        Failed {
            error: unreachable(error),
            sent,
        }
    })?;
    read(response)
        .await
        .map_err(|error| Failed { error, sent: true })
}

async fn read(mut response: Response) -> Result<Vec<u8>, ApiError> {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with(PROBLEM_JSON));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(unexpected(status));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    let problem: Option<Problem> = is_problem
        .then(|| serde_json::from_slice(&body).ok())
        .flatten();
    Err(problem.map_or(unexpected(status), |problem| {
        ApiError::Refused(Box::new(problem))
    }))
}

/// How long to wait before the next try, if there is to be one.
fn pause(ask: &Ask, tries: u32, failed: &Failed) -> Option<Duration> {
    let harmless = ask.repeat == Repeat::Freely || !failed.sent || is_before_work(&failed.error);
    if tries >= TRIES || !failed.error.is_temporary() || !harmless {
        return None;
    }
    let longest = FIRST_PAUSE * 2_u32.pow(tries);
    let pause = longest / 2 + fraction_of(longest / 2);
    match &failed.error {
        ApiError::Refused(problem) => {
            let wanted = Duration::from_millis(problem.retry_after_ms.unwrap_or(0));
            (wanted <= LONGEST_PAUSE).then(|| wanted.max(pause))
        }
        ApiError::Unreachable(_)
        | ApiError::Tls(_)
        | ApiError::NotAServer
        | ApiError::AppTooOld { .. }
        | ApiError::Unexpected { .. }
        | ApiError::Revoked
        | ApiError::Encoding => Some(pause),
    }
}

/// Refusals that come before the server does anything.
fn is_before_work(error: &ApiError) -> bool {
    error.code() == Some(ErrorCode::Draining)
}

/// A random part of a duration, so that many clients do not come back at the same moment.
pub(crate) fn fraction_of(whole: Duration) -> Duration {
    let random = u32::from_be_bytes(random_bytes());
    whole.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

fn unexpected(status: StatusCode) -> ApiError {
    ApiError::Unexpected {
        status: status.as_u16(),
    }
}

/// The innermost cause says most; the address and the host are left out.
fn unreachable(error: reqwest::Error) -> ApiError {
    if error.is_timeout() {
        return ApiError::Unreachable("no answer in time".to_owned());
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let words = if cause.is::<reqwest::Error>() {
        "the connection failed".to_owned()
    } else {
        cause.to_string()
    };
    ApiError::Unreachable(words)
}
