use std::{borrow::Cow, collections::BTreeMap};

use axum::response::{IntoResponse, Response};
use jasmin_protocol::{ErrorCode, FieldError, Problem};
use utoipa::{
    IntoResponses,
    openapi::{
        RefOr,
        content::ContentBuilder,
        response::{Response as ResponseDoc, ResponseBuilder},
        schema::Ref,
    },
};
use uuid::Uuid;

use crate::{
    keys::{PasswordError, Unsealable},
    rules::Wrong,
    store::StoreError,
};

/// A request that is not carried out, on its way to becoming a [`Problem`].
///
/// As an axum response it is an empty one that carries itself as an extension: the outermost layer
/// writes the body, because only there the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) status: u16,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    pub(crate) retry_after_ms: Option<u64>,
    /// For the log of this server alone.
    pub(crate) cause: Option<String>,
}

impl Failure {
    /// For an operator's command: what failed, in words.
    pub(crate) fn into_words(self) -> String {
        self.cause.unwrap_or_else(|| self.detail.into_owned())
    }

    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms: None,
            cause: None,
        }
    }

    /// One part of a body is wrong. `pointer` is a JSON pointer as a URI fragment.
    pub(crate) fn field(pointer: &str, code: &str) -> Self {
        let mut failure = Self::new(
            ErrorCode::InvalidBody,
            "Correct the parts that are listed, and try again.",
        );
        failure.errors.push(FieldError {
            pointer: pointer.to_owned(),
            code: code.to_owned(),
        });
        failure
    }

    pub(crate) fn wrong(pointer: &str, wrong: Wrong) -> Self {
        Self::field(pointer, wrong.code())
    }

    /// Not JSON, or not HTTP: 400.
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: 400,
            ..Self::new(ErrorCode::InvalidBody, detail)
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "There is no such thing here.")
    }

    pub(crate) fn unauthenticated(detail: &'static str) -> Self {
        Self::new(ErrorCode::Unauthenticated, detail)
    }

    pub(crate) fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(ErrorCode::RateLimited, "Wait a little, then try again.")
        }
    }

    pub(crate) fn draining() -> Self {
        Self {
            retry_after_ms: Some(1000),
            ..Self::new(ErrorCode::Draining, "Try again in a moment.")
        }
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                ErrorCode::Internal,
                "This is the server's fault. Try again later.",
            )
        }
    }

    /// The words for the client. `id` names the occurrence in the server's log.
    pub(crate) fn problem(&self, id: Uuid) -> Problem {
        let code = serde_json::to_value(self.code).ok();
        let code = code
            .as_ref()
            .and_then(|code| code.as_str())
            .unwrap_or("internal");
        Problem {
            r#type: format!("https://jasmin.chat/problems/{code}"),
            title: self.code.title().to_owned(),
            status: self.status,
            detail: self.detail.clone().into_owned(),
            instance: format!("urn:uuid:{id}"),
            code: self.code,
            errors: self.errors.clone(),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self {
                cause: Some(error.to_string()),
                retry_after_ms: Some(2000),
                ..Self::new(
                    ErrorCode::DbUnavailable,
                    "Nothing was changed. Try again in a moment.",
                )
            },
            StoreError::Corrupt | StoreError::Unreadable(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<Unsealable> for Failure {
    fn from(error: Unsealable) -> Self {
        Self::internal(error.to_string())
    }
}

/// For messages that came from a client, in the body's field `opaque`.
impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Malformed => Self::field("#/opaque", "format"),
            PasswordError::Wrong => Self::unauthenticated("The address or the password is wrong."),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self
            .status
            .try_into()
            .unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

/// Every error answer in the OpenAPI document, by status.
impl IntoResponses for Failure {
    fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
        let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        by_status
            .entry(400)
            .or_default()
            .push(ErrorCode::InvalidBody.title());
        for code in ErrorCode::ALL {
            by_status
                .entry(code.status())
                .or_default()
                .push(code.title());
        }
        by_status
            .into_iter()
            .map(|(status, titles)| {
                let content = ContentBuilder::new()
                    .schema(Some(Ref::from_schema_name("Problem")))
                    .build();
                let response = ResponseBuilder::new()
                    .description(titles.join(". "))
                    .content("application/problem+json", content)
                    .build();
                (status.to_string(), RefOr::T(response))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_code_in_its_type() {
        let id = Uuid::from_u128(1);
        let problem = Failure::field("#/email", "format").problem(id);
        assert_eq!(problem.r#type, "https://jasmin.chat/problems/invalid-body");
        assert_eq!(problem.status, 422);
        assert_eq!(
            problem.instance,
            "urn:uuid:00000000-0000-0000-0000-000000000001"
        );
        assert_eq!(problem.errors[0].pointer, "#/email");
    }

    #[test]
    fn a_stores_words_stay_inside() {
        let failure = Failure::from(StoreError::Unavailable("host db.internal".into()));
        let problem = serde_json::to_string(&failure.problem(Uuid::nil())).unwrap();
        assert!(!problem.contains("db.internal"));
        assert_eq!(failure.status, 503);
    }
}
