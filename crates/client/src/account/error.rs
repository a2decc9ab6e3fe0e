use jasmin_protocol::ErrorCode;

use crate::{Failure, FailureCode, api::ApiError, vault::VaultError};

/// Why somebody could not sign up, in or out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A field of the form is not as it must be.
    #[error("{field}: {detail}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        detail: &'static str,
    },
    /// Wrong address or password; which, nobody says.
    #[error("the address or the password is wrong")]
    WrongCredentials,
    /// Wrong, used or old code.
    #[error("the code is wrong or too old")]
    WrongCode,
    /// The server handed out an identity that this password does not open. Signing in would mean to
    /// speak with keys of somebody else.
    #[error("the server does not have this account's identity")]
    WrongIdentity,
    /// The server's part of the password proof is not of its form.
    #[error("the server's answer is not understood")]
    BadAnswer,
    /// The program failed.
    #[error("{0}")]
    Internal(&'static str),
    /// The server did not do it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        let code = match error {
            AccountError::Api(error) => return error.into(),
            AccountError::Vault(error) => return error.into(),
            AccountError::Invalid { field, detail } => {
                return Failure {
                    code: FailureCode::Invalid,
                    detail: detail.to_owned(),
                    field: Some(field.to_owned()),
                    retry_after_ms: None,
                };
            }
            AccountError::WrongCredentials => FailureCode::WrongCredentials,
            AccountError::WrongCode => FailureCode::WrongCode,
            AccountError::WrongIdentity => FailureCode::KeyChanged,
            AccountError::BadAnswer => FailureCode::Server,
            AccountError::Internal(_) => FailureCode::Internal,
        };
        Failure {
            code,
            detail,
            field: None,
            retry_after_ms: None,
        }
    }
}

/// A sign-in that the server refuses is a matter of address and password.
pub(super) fn sign_in_error(error: ApiError) -> AccountError {
    match error.code() {
        Some(ErrorCode::Unauthenticated) => AccountError::WrongCredentials,
        Some(_) | None => AccountError::Api(error),
    }
}

/// A code that the server refuses is wrong, used or old.
pub(super) fn code_error(error: ApiError) -> AccountError {
    match error.code() {
        Some(ErrorCode::Gone | ErrorCode::NotFound) => AccountError::WrongCode,
        Some(_) | None => AccountError::Api(error),
    }
}
