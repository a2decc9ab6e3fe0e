use jasmin_protocol::{ErrorCode, Problem};

use crate::{Failure, FailureCode};

/// Why the server did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer: no way there, no connection, or too late.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The system's trusted roots cannot be used.
    #[error("encryption cannot be set up: {0}")]
    Tls(String),
    /// Something answers there, but not a Jasmin server.
    #[error("there is no Jasmin server at this address")]
    NotAServer,
    /// The server wants a newer app.
    #[error("this app is too old for the server; it needs {needed}")]
    AppTooOld {
        /// From which version on.
        needed: String,
    },
    /// The server says no, and why.
    #[error("{}: {}", .0.title, .0.detail)]
    Refused(Box<Problem>),
    /// An answer that is not in the protocol, from a proxy for example.
    #[error("the server answered {status} in a way that is not understood")]
    Unexpected {
        /// HTTP status.
        status: u16,
    },
    /// The sign-in was ended. A new one is needed.
    #[error("the sign-in was ended")]
    Revoked,
    /// This side could not write the request.
    #[error("the request cannot be written")]
    Encoding,
}

impl ApiError {
    /// The server's code, where it gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable(_)
            | Self::Tls(_)
            | Self::NotAServer
            | Self::AppTooOld { .. }
            | Self::Unexpected { .. }
            | Self::Revoked
            | Self::Encoding => None,
        }
    }

    /// Whether the same request may work a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Unexpected { status } => matches!(status, 502..=504),
            Self::Refused(problem) => {
                matches!(problem.code, ErrorCode::Draining | ErrorCode::DbUnavailable)
            }
            Self::Tls(_)
            | Self::NotAServer
            | Self::AppTooOld { .. }
            | Self::Revoked
            | Self::Encoding => false,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let mut failure = Failure {
            code: FailureCode::Internal,
            detail: error.to_string(),
            field: None,
            retry_after_ms: None,
        };
        failure.code = match error {
            ApiError::Unreachable(_) => FailureCode::Unreachable,
            ApiError::NotAServer => FailureCode::NotAServer,
            ApiError::Unexpected { .. } | ApiError::AppTooOld { .. } => FailureCode::Server,
            ApiError::Revoked => FailureCode::WrongCredentials,
            ApiError::Tls(_) | ApiError::Encoding => FailureCode::Internal,
            ApiError::Refused(problem) => {
                failure.retry_after_ms = problem.retry_after_ms;
                failure.field = problem
                    .errors
                    .first()
                    .and_then(|error| field(&error.pointer));
                problem.code.into()
            }
        };
        failure
    }
}

/// The form's field that a JSON pointer (RFC 6901) is about: its first part.
fn field(pointer: &str) -> Option<String> {
    let name = pointer
        .trim_start_matches("#")
        .trim_start_matches('/')
        .split('/')
        .next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
