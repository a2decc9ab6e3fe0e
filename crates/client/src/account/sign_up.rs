use jasmin_protocol::{PolicySetRef, RegisterFinish, RegisterStart, ResendCode, VerifyEmail};

use super::{AccountError, SignUpForm, error::code_error, opaque::SigningUp, wrap::wrap};
use crate::{
    api::Api,
    keys::IdentityKey,
    redact::Secret,
    vault::{StoredSignUp, Vault},
};

/// Makes an account whose address waits to be confirmed with the mailed code. The vault remembers
/// that a code is waited for, not the password: keep that for [`sign_in`](super::sign_in) after
/// [`verify_email`].
///
/// # Errors
/// [`AccountError::Invalid`] before anything is sent; `age-restricted`; as every request.
pub async fn sign_up(
    api: &Api,
    vault: &Vault,
    form: SignUpForm,
    policy_set: Option<PolicySetRef>,
) -> Result<StoredSignUp, AccountError> {
    let form = form.checked()?;
    let (signing_up, opaque) = SigningUp::start(&form.password)?;
    let started = api
        .register_start(&RegisterStart {
            birthday: form.birthday.into_revealed(),
            email: form.email.reveal().clone(),
            opaque,
        })
        .await?;
    let (opaque, export) = signing_up.finish(&started.opaque).await?;
    let identity = wrap(&IdentityKey::generate(), &export)?;
    let name = form.name.into_revealed();
    let attempt = started.attempt;
    api.register_finish(&RegisterFinish {
        attempt: attempt.clone(),
        name,
        opaque,
        identity,
        policy_set,
    })
    .await?;
    let pending = StoredSignUp {
        email: form.email,
        attempt,
    };
    vault
        .save(|data| data.pending = Some(pending.clone()))
        .await?;
    Ok(pending)
}

/// Confirms the address; the account can sign in from here on.
///
/// # Errors
/// [`AccountError::WrongCode`], and as every request.
pub async fn verify_email(
    api: &Api,
    vault: &Vault,
    pending: &StoredSignUp,
    code: &Secret,
) -> Result<(), AccountError> {
    let code = code.reveal().trim().to_owned();
    if code.is_empty() {
        return Err(AccountError::Invalid {
            field: "code",
            detail: "the code is needed",
        });
    }
    let body = VerifyEmail {
        attempt: pending.attempt.clone(),
        code,
    };
    api.verify_email(&body).await.map_err(code_error)?;
    vault.save(|data| data.pending = None).await?;
    Ok(())
}

/// Mails the code once more.
///
/// # Errors
/// `rate-limited`, and as every request.
pub async fn resend_code(api: &Api, pending: &StoredSignUp) -> Result<(), AccountError> {
    api.resend_code(&ResendCode {
        attempt: pending.attempt.clone(),
    })
    .await?;
    Ok(())
}
