//! The identity's seed, as the server keeps it: `1 || nonce (24) || XChaCha20-Poly1305`, under
//! HKDF-SHA256 (RFC 5869) of the OPAQUE export key, bound to the identity's public key.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use jasmin_protocol::{Base64, Identity};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{AccountError, opaque::ExportKey};
use crate::keys::{IdentityKey, Seed, random_bytes};

const CONTEXT: &[u8] = b"jasmin-identity-seed-v1";
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// For [`jasmin_protocol::RegisterFinish`].
pub(super) fn wrap(identity: &IdentityKey, export: &ExportKey) -> Result<Identity, AccountError> {
    let key = identity.public();
    let nonce: [u8; NONCE_LEN] = random_bytes();
    let sealed = cipher(export)?
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: identity.seed().bytes(),
                aad: &bound_to(key.as_bytes()),
            },
        )
        .map_err(|_| AccountError::Internal("the identity cannot be wrapped"))?;
    let wrapped_seed = Base64([&[VERSION], nonce.as_slice(), &sealed].concat());
    Ok(Identity {
        key: key.to_base64(),
        wrapped_seed,
    })
}

/// The identity in what the server handed out.
///
/// # Errors
/// [`AccountError::WrongIdentity`] when it is not the one that was wrapped with this password.
pub(super) fn unwrap(identity: &Identity, export: &ExportKey) -> Result<IdentityKey, AccountError> {
    let wrong = || AccountError::WrongIdentity;
    let (version, rest) = identity
        .wrapped_seed
        .as_ref()
        .split_first()
        .ok_or_else(wrong)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
    if *version != VERSION {
        return Err(wrong());
    }
    let payload = Payload {
        msg: sealed,
        aad: &bound_to(identity.key.as_ref()),
    };
    let seed = cipher(export)?
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| wrong())?;
    let seed = Zeroizing::new(seed);
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| wrong())?;
    let unwrapped = IdentityKey::from_seed(&Seed::from(seed));
    if unwrapped.public().to_base64() == identity.key {
        Ok(unwrapped)
    } else {
        Err(wrong())
    }
}

fn cipher(export: &ExportKey) -> Result<XChaCha20Poly1305, AccountError> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, export)
        .expand(CONTEXT, key.as_mut_slice())
        .map_err(|_| AccountError::Internal("no key can be derived"))?;
    Ok(XChaCha20Poly1305::new(&(*key).into()))
}

fn bound_to(key: &[u8]) -> Vec<u8> {
    [CONTEXT, key].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(byte: u8) -> ExportKey {
        Zeroizing::new(vec![byte; 64])
    }

    #[test]
    fn what_was_wrapped_comes_out() {
        let identity = IdentityKey::generate();
        let wrapped = wrap(&identity, &export(1)).unwrap();
        assert!(wrapped.wrapped_seed.as_ref().len() <= 4096);
        let again = unwrap(&wrapped, &export(1)).unwrap();
        assert_eq!(again.public(), identity.public());
    }

    #[test]
    fn an_exchanged_identity_is_refused() {
        let identity = IdentityKey::generate();
        let wrapped = wrap(&identity, &export(1)).unwrap();
        let refused = |identity: &Identity, export: &ExportKey| {
            matches!(unwrap(identity, export), Err(AccountError::WrongIdentity))
        };
        assert!(refused(&wrapped, &export(2)), "with another key");
        let servers = wrap(&IdentityKey::generate(), &export(3)).unwrap();
        assert!(refused(&servers, &export(1)), "made by the server");
        let mixed = Identity {
            key: servers.key,
            ..wrapped.clone()
        };
        assert!(refused(&mixed, &export(1)), "with another public key");
        for length in 0..wrapped.wrapped_seed.as_ref().len() {
            let cut = Base64(wrapped.wrapped_seed.as_ref()[..length].to_vec());
            let cut = Identity {
                wrapped_seed: cut,
                ..wrapped.clone()
            };
            assert!(refused(&cut, &export(1)), "cut to {length} bytes");
        }
    }
}
