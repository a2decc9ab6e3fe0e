//! OPAQUE (RFC 9807), this side: the suite and parameters of [`jasmin_protocol::password`].
//!
//! Stretching a password takes about 0.3 s and 64 MiB, so the second halves run on the pool for
//! blocking work.

use argon2::{Algorithm, Argon2, Params, Version};
use jasmin_protocol::{
    Base64,
    password::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES},
};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh, errors::ProtocolError,
};
use rand_core_06::OsRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::AccountError;
use crate::redact::Secret;

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_010::Sha512>;
    type Ksf = Argon2<'static>;
}

/// Comes out of the password proof, the same at sign-up and sign-in; the server never sees it.
pub(super) type ExportKey = Zeroizing<Vec<u8>>;

/// The first half of a sign-up.
pub(super) struct SigningUp {
    state: ClientRegistration<Suite>,
    password: Zeroizing<String>,
}

impl SigningUp {
    /// The first message, for `RegisterStart`.
    pub(super) fn start(password: &Secret) -> Result<(Self, Base64), AccountError> {
        let password = normalised(password);
        let started = ClientRegistration::<Suite>::start(&mut OsRng, password.as_bytes())
            .map_err(|_| AccountError::Internal("the password cannot be used"))?;
        let message = Base64(started.message.serialize().to_vec());
        Ok((
            Self {
                state: started.state,
                password,
            },
            message,
        ))
    }

    /// The last message, for `RegisterFinish`, and the export key.
    pub(super) async fn finish(self, answer: &Base64) -> Result<(Base64, ExportKey), AccountError> {
        let answer = RegistrationResponse::<Suite>::deserialize(answer.as_ref())
            .map_err(|_| AccountError::BadAnswer)?;
        apart(move || {
            let stretch = stretching()?;
            let parameters =
                ClientRegistrationFinishParameters::new(Identifiers::default(), Some(&stretch));
            let finished = self
                .state
                .finish(&mut OsRng, self.password.as_bytes(), answer, parameters)
                .map_err(|_| AccountError::BadAnswer)?;
            let message = Base64(finished.message.serialize().to_vec());
            Ok((message, Zeroizing::new(finished.export_key.to_vec())))
        })
        .await
    }
}

/// The first half of a sign-in.
pub(super) struct SigningIn {
    state: ClientLogin<Suite>,
    password: Zeroizing<String>,
}

impl SigningIn {
    /// `KE1`, for `LoginStart`.
    pub(super) fn start(password: &Secret) -> Result<(Self, Base64), AccountError> {
        let password = normalised(password);
        let started = ClientLogin::<Suite>::start(&mut OsRng, password.as_bytes())
            .map_err(|_| AccountError::Internal("the password cannot be used"))?;
        let message = Base64(started.message.serialize().to_vec());
        Ok((
            Self {
                state: started.state,
                password,
            },
            message,
        ))
    }

    /// `KE3`, for `LoginFinish`, and the export key. A wrong password is found out here.
    pub(super) async fn finish(self, answer: &Base64) -> Result<(Base64, ExportKey), AccountError> {
        let answer = CredentialResponse::<Suite>::deserialize(answer.as_ref())
            .map_err(|_| AccountError::BadAnswer)?;
        apart(move || {
            let stretch = stretching()?;
            let parameters =
                ClientLoginFinishParameters::new(None, Identifiers::default(), Some(&stretch));
            let finished = self
                .state
                .finish(&mut OsRng, self.password.as_bytes(), answer, parameters)
                .map_err(|error| match error {
                    ProtocolError::InvalidLoginError => AccountError::WrongCredentials,
                    ProtocolError::LibraryError(_)
                    | ProtocolError::SerializationError
                    | ProtocolError::SizeError { .. }
                    | ProtocolError::ReflectedValueError
                    | ProtocolError::Custom(_) => AccountError::BadAnswer,
                })?;
            let message = Base64(finished.message.serialize().to_vec());
            Ok((message, Zeroizing::new(finished.export_key.to_vec())))
        })
        .await
    }
}

/// The same characters, however a keyboard composes them.
pub(super) fn normalised(password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(password.reveal().nfkc().collect())
}

fn stretching() -> Result<Argon2<'static>, AccountError> {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, None)
        .map_err(|_| AccountError::Internal("the password cannot be stretched"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AccountError> + Send + 'static,
) -> Result<T, AccountError> {
    let lost = |_| AccountError::Internal("the password proof was interrupted");
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}
