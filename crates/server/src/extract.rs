use std::{net::IpAddr, str::FromStr, time::Duration};

use axum::{
    body::Bytes,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use jasmin_protocol::{DeviceId, ErrorCode, SessionId, UserId};
use serde::de::DeserializeOwned;

use crate::{app::Shared, keys::TokenError, limits::network, problem::Failure, store::Address};

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            let detail = "Send JSON, with Content-Type: application/json.";
            return Err(Failure::new(ErrorCode::UnsupportedMediaType, detail));
        }
        read_json(&whole_body(request, state).await?).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads a body up to the router's limit.
pub(crate) async fn whole_body(request: Request, state: &Shared) -> Result<Bytes, Failure> {
    match tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = "The body is larger than this endpoint takes.";
            Err(Failure::new(ErrorCode::PayloadTooLarge, detail))
        }
        Ok(Err(_)) | Err(_) => Err(Failure::malformed("The body did not arrive whole.")),
    }
}

/// Reads JSON. What is wrong is said by place and kind, never by quoting the value.
fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner();
        if !inner.is_data() {
            return Failure::malformed("The body is not JSON.");
        }
        let kind = if inner.to_string().starts_with("missing field") {
            "missing"
        } else {
            "wrong"
        };
        Failure::field(&pointer(error.path()), kind)
    })?;
    json.end()
        .map_err(|_| Failure::malformed("The body is more than one JSON value."))?;
    Ok(read)
}

/// A JSON pointer (RFC 6901) as a URI fragment.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::from("#");
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            // Names come from the body where it has an unknown field: only plain ones are repeated.
            Segment::Map { key } | Segment::Enum { variant: key }
                if key.len() <= 40
                    && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
            {
                text.push_str(&format!("/{key}"));
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// An id at the end of a path. Anything else there names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<Shared> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Failure> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(Failure::not_found());
        };
        text.parse().map(Self).map_err(|_| Failure::not_found())
    }
}

/// Whoever sends a request with a valid access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) session: SessionId,
}

impl Caller {
    pub(crate) fn address(self) -> Address {
        Address {
            user: self.user,
            device: self.device,
        }
    }

    /// Reads a token and looks its session up.
    pub(crate) async fn from_token(app: &Shared, token: &str) -> Result<Self, Failure> {
        let now_ms = app.now_ms();
        let access = app
            .keys
            .tokens
            .read(token, now_ms)
            .map_err(|error| match error {
                TokenError::Expired => Failure::new(
                    ErrorCode::TokenExpired,
                    "Refresh the tokens, then try again.",
                ),
                TokenError::Invalid => {
                    Failure::unauthenticated("The token is not one of this server's.")
                }
            })?;
        let session = app
            .store
            .read()
            .await?
            .session(access.session, now_ms)
            .await?;
        match session {
            Some(row) if row.user == access.user && row.device == access.device => Ok(Self {
                user: row.user,
                device: row.device,
                session: row.id,
            }),
            _ => Err(Failure::unauthenticated(
                "This sign-in is over. Sign in again.",
            )),
        }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(*known);
        }
        let authorization = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let (scheme, token) = authorization
            .unwrap_or_default()
            .split_once(' ')
            .unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Failure::unauthenticated(
                "Send Authorization: Bearer with an access token.",
            ));
        }
        let caller = Self::from_token(app, token.trim()).await?;
        let rate = app.config.limits.requests;
        app.limiter
            .take("request", caller.user.0.as_bytes(), rate, app.now_ms())
            .map_err(Failure::rate_limited)?;
        parts.extensions.insert(caller);
        Ok(caller)
    }
}

/// Counts a request without a token against its network address.
#[derive(Debug)]
pub(crate) struct Throttled;

impl FromRequestParts<Shared> for Throttled {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let key = network(peer(parts));
        app.limiter
            .take(
                "auth",
                &key,
                app.config.limits.auth_per_network,
                app.now_ms(),
            )
            .map_err(Failure::rate_limited)?;
        Ok(Self)
    }
}

/// The address at the other end of the connection. Headers that name another are not believed.
fn peer(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<ConnectInfo<std::net::SocketAddr>>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(peer)| peer.ip())
}

/// A request from this machine, by a name of this machine, that nobody passed on: what comes through
/// a proxy in front, or from a web page whose name was made to point here, is not local.
#[derive(Debug)]
pub(crate) struct Local;

impl FromRequestParts<Shared> for Local {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        if peer(parts).to_canonical().is_loopback() && !passed_on && is_local_name(host) {
            return Ok(Self);
        }
        Err(Failure::not_found())
    }
}

fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{LoginFinish, RegisterStart};
    use proptest::prelude::*;

    use super::*;

    fn said<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> (u16, Vec<(String, String)>) {
        let failure = read_json::<T>(json.as_bytes()).unwrap_err();
        let problem = failure.problem(uuid::Uuid::nil());
        let errors = problem
            .errors
            .into_iter()
            .map(|error| (error.pointer, error.code))
            .collect();
        (problem.status, errors)
    }

    fn one(pointer: &str, code: &str) -> (u16, Vec<(String, String)>) {
        (422, vec![(pointer.into(), code.into())])
    }

    #[test]
    fn says_where_a_body_is_wrong() {
        assert_eq!(said::<RegisterStart>("{"), (400, vec![]));
        assert_eq!(said::<RegisterStart>(""), (400, vec![]));
        assert_eq!(said::<RegisterStart>("[]"), one("#", "wrong"));
        assert_eq!(
            said::<RegisterStart>(r#"{"birthday":"x"}"#),
            one("#", "missing")
        );
        assert_eq!(
            said::<RegisterStart>(r#"{"birthday":7}"#),
            one("#/birthday", "wrong")
        );
        assert_eq!(
            said::<RegisterStart>(r#"{"agenda":"x"}"#),
            one("#/agenda", "wrong")
        );
        let nested = r#"{"attempt":"","opaque":"","device":{"device_id":"no"}}"#;
        assert_eq!(
            said::<LoginFinish>(nested),
            one("#/device/device_id", "wrong")
        );
    }

    #[test]
    fn does_not_repeat_what_it_was_sent() {
        let secret = "ada@example.org";
        for json in [
            format!(r#"{{"birthday":"1990-01-01","email":"e","opaque":"{secret}"}}"#),
            format!(r#"{{"{secret}":1}}"#),
        ] {
            let failure = read_json::<RegisterStart>(json.as_bytes()).unwrap_err();
            assert!(!format!("{failure:?}").contains(secret), "{failure:?}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "127.0.0.1:8420",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8420",
            "127.9.9.9",
        ] {
            assert!(is_local_name(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8420",
            "localhost.evil.example",
            "192.0.2.1",
            "10.0.0.1:80",
        ] {
            assert!(!is_local_name(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_body_or_a_client_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(failure) = read_json::<RegisterStart>(&bytes) {
                prop_assert!((400..500).contains(&failure.status));
            }
        }
    }
}
