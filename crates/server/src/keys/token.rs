use std::fmt;

use jasmin_protocol::{DeviceId, SessionId, UserId};
use pasetors::{
    Public,
    keys::{AsymmetricPublicKey, AsymmetricSecretKey},
    token::UntrustedToken,
    version4::{PublicToken, V4},
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Signs and reads access tokens (PASETO v4.public).
pub(crate) struct TokenKey {
    id: String,
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) device: DeviceId,
    /// Whole seconds: the claim has no more.
    pub(crate) expires_ms: i64,
}

/// Why a token is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("not a token of this server")]
    Invalid,
    #[error("the token is over")]
    Expired,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    did: DeviceId,
    exp: String,
}

/// Ties tokens to their use, without travelling in them.
const PURPOSE: &[u8] = b"jasmin-access-v1";

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    /// `seed` is an Ed25519 seed.
    pub(crate) fn new(seed: &[u8; 32]) -> Option<Self> {
        let pair = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = pair.verifying_key().to_bytes();
        let id = public[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(Self {
            id,
            secret: AsymmetricSecretKey::from(&pair.to_keypair_bytes()).ok()?,
            public: AsymmetricPublicKey::from(&public).ok()?,
        })
    }

    pub(crate) fn sign(&self, access: &Access) -> Result<String, TokenError> {
        let claims = Claims {
            sub: access.user,
            sid: access.session,
            did: access.device,
            exp: rfc3339(access.expires_ms).ok_or(TokenError::Invalid)?,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| TokenError::Invalid)?;
        PublicToken::sign(
            &self.secret,
            &claims,
            Some(self.id.as_bytes()),
            Some(PURPOSE),
        )
        .map_err(|_| TokenError::Invalid)
    }

    pub(crate) fn read(&self, token: &str, now_ms: i64) -> Result<Access, TokenError> {
        let invalid = TokenError::Invalid;
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| invalid)?;
        let footer = Some(self.id.as_bytes());
        let trusted = PublicToken::verify(&self.public, &untrusted, footer, Some(PURPOSE))
            .map_err(|_| invalid)?;
        let claims: Claims = serde_json::from_str(trusted.payload()).map_err(|_| invalid)?;
        let expires = OffsetDateTime::parse(&claims.exp, &Rfc3339).map_err(|_| invalid)?;
        let expires_ms = expires.unix_timestamp() * 1000;
        if expires_ms <= now_ms {
            return Err(TokenError::Expired);
        }
        Ok(Access {
            user: claims.sub,
            session: claims.sid,
            device: claims.did,
            expires_ms,
        })
    }
}

fn rfc3339(ms: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(ms / 1000)
        .ok()?
        .format(&Rfc3339)
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn access() -> Access {
        Access {
            user: UserId(Uuid::from_u128(1)),
            session: SessionId(Uuid::from_u128(2)),
            device: DeviceId(Uuid::from_u128(3)),
            expires_ms: 1_790_000_600_000,
        }
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_is_over() {
        let key = TokenKey::new(&[9; 32]).unwrap();
        let token = key.sign(&access()).unwrap();
        assert!(token.starts_with("v4.public."));
        assert_eq!(key.read(&token, 1_790_000_599_999), Ok(access()));
        assert_eq!(
            key.read(&token, 1_790_000_600_000),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn another_servers_token_is_invalid() {
        let token = TokenKey::new(&[1; 32]).unwrap().sign(&access()).unwrap();
        assert_eq!(
            TokenKey::new(&[2; 32]).unwrap().read(&token, 0),
            Err(TokenError::Invalid)
        );
    }

    proptest! {
        #[test]
        fn no_changed_token_is_valid(at in 0_usize..300, with in 0x20_u8..0x7f) {
            let key = TokenKey::new(&[9; 32]).unwrap();
            let token = key.sign(&access()).unwrap();
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = with;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assume!(changed != token);
            prop_assert_eq!(key.read(&changed, 0), Err(TokenError::Invalid));
        }

        #[test]
        fn no_text_is_a_token_by_chance(text in "\\PC*") {
            prop_assert_eq!(TokenKey::new(&[9; 32]).unwrap().read(&text, 0), Err(TokenError::Invalid));
        }
    }
}
