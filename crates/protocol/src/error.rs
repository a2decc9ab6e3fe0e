use serde::{Deserialize, Serialize};

/// What went wrong, as a closed list: in the server's answers, in the OpenAPI document and in the
/// app's words. A code is added only when somebody branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each code is documented by its status and title below"
)]
pub enum ErrorCode {
    InvalidBody,
    PayloadTooLarge,
    UnsupportedMediaType,
    Unauthenticated,
    TokenExpired,
    NotAContact,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Gone,
    IdempotencyMismatch,
    AgeRestricted,
    RateLimited,
    DbUnavailable,
    Draining,
    Internal,
}

impl ErrorCode {
    /// Every code, for the OpenAPI document and for tests.
    pub const ALL: [ErrorCode; 16] = [
        Self::InvalidBody,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::NotAContact,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::Gone,
        Self::IdempotencyMismatch,
        Self::AgeRestricted,
        Self::RateLimited,
        Self::DbUnavailable,
        Self::Draining,
        Self::Internal,
    ];

    /// The HTTP status that goes with the code. A body that is not JSON is 400; one that is, but
    /// says the wrong thing, is 422: the server sets that one itself.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidBody => 422,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Unauthenticated | Self::TokenExpired => 401,
            Self::NotAContact => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::IdempotencyMismatch => 422,
            Self::AgeRestricted => 451,
            Self::RateLimited => 429,
            Self::DbUnavailable | Self::Draining => 503,
            Self::Internal => 500,
        }
    }

    /// A short English title, the same for every occurrence (RFC 9457, section 3.1.3).
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidBody => "The request is not what this endpoint takes",
            Self::PayloadTooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The request is not JSON",
            Self::Unauthenticated => "Sign in first",
            Self::TokenExpired => "The access token is over",
            Self::NotAContact => "Only accepted contacts can do this",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Not with this method",
            Self::Conflict => "This has changed meanwhile",
            Self::Gone => "This is over",
            Self::IdempotencyMismatch => "The same key came with another request",
            Self::AgeRestricted => "An account cannot be made",
            Self::RateLimited => "Too many requests",
            Self::DbUnavailable => "The server cannot reach its store",
            Self::Draining => "The server is restarting",
            Self::Internal => "The server failed",
        }
    }
}

/// An error answer, `application/problem+json` (RFC 9457). `detail` never holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `https://jasmin.chat/problems/<code>`.
    pub r#type: String,
    /// [`ErrorCode::title`].
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do next, for this occurrence.
    pub detail: String,
    /// `urn:uuid:<request id>`.
    pub instance: String,
    /// The closed code.
    pub code: ErrorCode,
    /// Which parts of the body were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// One wrong part of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer as a URI fragment: `#/email`.
    pub pointer: String,
    /// What is wrong with it: `format`, `too-long`, `too-short`, `missing`, `wrong`.
    pub code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_travel_in_kebab_case_and_have_error_statuses() {
        for code in ErrorCode::ALL {
            let text = serde_json::to_string(&code).unwrap();
            assert!(
                text.trim_matches('"')
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-')
            );
            assert_eq!(serde_json::from_str::<ErrorCode>(&text).unwrap(), code);
            assert!((400..600).contains(&code.status()), "{text} is an error");
        }
    }
}
