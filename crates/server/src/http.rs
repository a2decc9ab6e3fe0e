//! The router, and what every answer has in common.

use std::{any::Any, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use jasmin_protocol::{ErrorCode, Problem};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{app::Shared, idempotency, problem::Failure, routes};

/// The largest body: a call with an offer for each of sixteen devices.
const BODY_BYTES: usize = 1024 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Jasmin Chat signalling API",
        description = "Errors are problem details (RFC 9457). Unknown fields are errors. A POST \
            outside of /v1/auth takes an Idempotency-Key (a UUID): sent again with the same body \
            within 48 hours it gets the same answer."
    ),
    components(schemas(Problem)),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("PASETO".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

fn described() -> (Router<Shared>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(routes::described())
        .split_for_parts()
}

/// Returns the OpenAPI 3.1 document that `/openapi.json` answers with.
pub fn openapi() -> serde_json::Value {
    serde_json::to_value(described().1).unwrap_or_default()
}

/// Returns everything that the server answers to.
pub(crate) fn router(app: &Shared) -> Router {
    let document = Arc::new(openapi());
    let document = move || {
        let document = document.clone();
        async move { Json((*document).clone()) }
    };
    let panicked = CatchPanicLayer::custom(|_: Box<dyn Any + Send>| {
        Failure::internal("a handler panicked").into_response()
    });
    described()
        .0
        .route("/openapi.json", get(document))
        .route("/legal", get(routes::legal::archive))
        .route("/legal/feed.json", get(routes::legal::feed))
        .route("/legal/statistics", get(routes::statistics::shown))
        .route("/legal/transparency", get(routes::legal::transparency))
        .route("/legal/{version}", get(routes::legal::set))
        .fallback(async || Failure::not_found())
        .method_not_allowed_fallback(async || {
            Failure::new(
                ErrorCode::MethodNotAllowed,
                "The Allow header names the methods.",
            )
        })
        .layer(from_fn_with_state(app.clone(), idempotency::layer))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(panicked)
        .layer(from_fn_with_state(app.clone(), finish))
        .with_state(app.clone())
}

/// Gives each request an id, a span and a line in the statistics, and each failure its body.
async fn finish(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let id = Uuid::new_v4();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let is_api =
        request.uri().path().starts_with("/v1/") || request.uri().path().starts_with("/dev/");
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    async move {
        let mut response = next.run(request).await;
        if let Some(failure) = response.extensions_mut().remove::<Failure>() {
            write_problem(&mut response, &failure, id);
        }
        add_headers(response.headers_mut(), is_api);
        let status = response.status().as_u16();
        app.metrics.responded(status);
        tracing::debug!(status, "answered");
        response
    }
    .instrument(span)
    .await
}

fn write_problem(response: &mut Response, failure: &Failure, id: Uuid) {
    if failure.status >= 500 {
        tracing::error!(code = ?failure.code, cause = failure.cause, "a request failed");
    }
    let headers = response.headers_mut();
    if response_needs_challenge(failure) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(retry_after_ms) = failure.retry_after_ms {
        headers.insert(
            header::RETRY_AFTER,
            HeaderValue::from(retry_after_ms.div_ceil(1000)),
        );
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = match serde_json::to_vec(&failure.problem(id)) {
        Ok(problem) => Body::from(problem),
        Err(_) => Body::empty(),
    };
}

fn response_needs_challenge(failure: &Failure) -> bool {
    failure.status == StatusCode::UNAUTHORIZED.as_u16()
}

fn add_headers(headers: &mut HeaderMap, is_api: bool) {
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        // A page may say more exactly what it needs.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::World;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.insert(target.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn the_document_is_whole() {
        let document = openapi();
        assert_eq!(document["openapi"], "3.1.0");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(
                document.pointer(pointer).is_some(),
                "{reference} leads nowhere"
            );
        }
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str();
                assert!(id.is_some(), "{method} {path} has no name");
                assert!(
                    operation["responses"]["422"].is_object(),
                    "{method} {path} has no errors"
                );
            }
        }
        assert!(document["components"]["schemas"]["ErrorCode"].is_object());
    }

    #[test]
    fn operations_have_different_names() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        let ids: Vec<_> = paths
            .values()
            .flat_map(|methods| methods.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    }

    #[tokio::test]
    async fn the_document_is_served() {
        let world = World::new().await;
        let served: Value = world.get("/openapi.json").await.ok();
        assert_eq!(served, openapi());
    }

    #[tokio::test]
    async fn every_rejection_is_a_problem() {
        let world = World::new().await;
        let json = json!({});
        let huge = "x".repeat(BODY_BYTES + 1);
        for (request, status, code) in [
            (
                world.request("GET", "/nothing/here"),
                404,
                ErrorCode::NotFound,
            ),
            (
                world.request("PATCH", "/v1/meta"),
                405,
                ErrorCode::MethodNotAllowed,
            ),
            (
                world.request("POST", "/v1/meta").json(&json),
                405,
                ErrorCode::MethodNotAllowed,
            ),
            (
                world.request("POST", "/v1/auth/login/start"),
                415,
                ErrorCode::UnsupportedMediaType,
            ),
            (
                world
                    .request("POST", "/v1/auth/login/start")
                    .header("content-type", "application/json")
                    .body("{"),
                400,
                ErrorCode::InvalidBody,
            ),
            (
                world.request("POST", "/v1/auth/login/start").json(&json),
                422,
                ErrorCode::InvalidBody,
            ),
            (
                world
                    .request("POST", "/v1/auth/login/start")
                    .header("content-type", "application/json")
                    .body(&huge),
                413,
                ErrorCode::PayloadTooLarge,
            ),
            (world.request("GET", "/v1/ws"), 400, ErrorCode::InvalidBody),
        ] {
            let answer = request.send().await;
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem = answer.problem_body();
            assert_eq!((problem.status, problem.code), (status, code));
            assert!(problem.instance.starts_with("urn:uuid:"));
        }
    }

    #[tokio::test]
    async fn a_refused_method_is_told_the_allowed_ones() {
        let world = World::new().await;
        let answer = world.request("DELETE", "/v1/contacts").send().await;
        let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
        assert_eq!(answer.problem(), ErrorCode::MethodNotAllowed);
    }

    #[tokio::test]
    async fn every_answer_is_closed_to_browsers() {
        let world = World::new().await;
        for path in ["/v1/meta", "/nothing", "/v1/me"] {
            let answer = world.get(path).await;
            let headers = answer.headers();
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert!(
                headers["content-security-policy"]
                    .to_str()
                    .unwrap()
                    .contains("default-src 'none'")
            );
            assert_eq!(headers["referrer-policy"], "no-referrer");
            assert_eq!(
                headers.contains_key("cache-control"),
                path.starts_with("/v1")
            );
            assert!(!headers.contains_key("access-control-allow-origin"));
        }
    }
}
