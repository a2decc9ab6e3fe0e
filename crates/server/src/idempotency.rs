//! `Idempotency-Key`: the same request sent twice is carried out once and answered twice.

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jasmin_protocol::ErrorCode;
use uuid::Uuid;

use crate::{
    app::Shared,
    extract::{Caller, whole_body},
    problem::Failure,
    store::Replay,
};

const HOURS: i64 = 48;
/// For how long answers are remembered.
pub(crate) const KEPT_MS: i64 = HOURS * 3_600_000;
const ANSWER_BYTES: usize = 256 * 1024;

/// Replays the answer of a `POST` that was carried out before. The endpoints under `/v1/auth` take no
/// keys: they have no account yet, and tokens do not belong into a table of answers.
///
/// The answer is remembered after the request's own transaction. A crash in between carries the
/// request out again, which every endpoint can bear: calls have their own ids and contacts are states.
pub(crate) async fn layer(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let keyed = request.method() == Method::POST
        && !request.uri().path().starts_with("/v1/auth/")
        && request.headers().contains_key("idempotency-key");
    if !keyed {
        return next.run(request).await;
    }
    match keyed_request(&app, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn keyed_request(app: &Shared, request: Request, next: Next) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let key = parts
        .headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    let key = key
        .and_then(|key| Uuid::parse_str(key.trim_matches('"')).ok())
        .ok_or_else(|| Failure::malformed("Idempotency-Key is not a UUID."))?;
    let caller = Caller::from_request_parts(&mut parts, app).await?;

    let request = Request::from_parts(parts.clone(), body);
    let body = whole_body(request, app).await?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let request_hash = app.keys.request_tag(path, &body);

    let now_ms = app.now_ms();
    if let Some(replay) = app
        .store
        .read()
        .await?
        .replay(caller.user, key, now_ms - KEPT_MS)
        .await?
    {
        if replay.request_hash != request_hash {
            let detail = "Use a fresh Idempotency-Key for another request.";
            return Err(Failure::new(ErrorCode::IdempotencyMismatch, detail));
        }
        let body = app.keys.data.open(&context(caller, key), &replay.body)?;
        return answer_again(replay.status, body);
    }

    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, ANSWER_BYTES)
        .await
        .map_err(|_| Failure::internal("an answer is too large to be remembered"))?;
    let replay = Replay {
        request_hash,
        status: i64::from(parts.status.as_u16()),
        body: app.keys.data.seal(&context(caller, key), &body)?,
    };
    let mut tx = app.store.begin().await?;
    tx.put_replay(caller.user, key, replay, now_ms).await?;
    tx.commit().await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Answers hold names.
fn context(caller: Caller, key: Uuid) -> String {
    format!("answer:{}:{key}", caller.user)
}

fn answer_again(status: i64, body: Vec<u8>) -> Result<Response, Failure> {
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| status.try_into().ok());
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        status.ok_or_else(|| Failure::internal("a kept answer has no status"))?;
    if has_body {
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
