use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use super::random;

const NONCE: usize = 24;

/// Encrypts with XChaCha20-Poly1305. What was sealed for one context opens for that one only.
pub(crate) struct Sealer(XChaCha20Poly1305);

/// Sealed with another key, for another context, or not sealed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed data cannot be opened")]
pub(crate) struct Unsealable;

impl Sealer {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// Returns nonce and ciphertext.
    pub(crate) fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let nonce: [u8; NONCE] = random();
        let payload = Payload {
            msg: plain,
            aad: context.as_bytes(),
        };
        let mut sealed = nonce.to_vec();
        sealed.extend(
            self.0
                .encrypt(&XNonce::from(nonce), payload)
                .map_err(|_| Unsealable)?,
        );
        Ok(sealed)
    }

    /// Returns what [`Self::seal`] was given.
    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(Unsealable)?;
        let payload = Payload {
            msg: ciphertext,
            aad: context.as_bytes(),
        };
        self.0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Unsealable)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_whole_with_its_key_and_for_its_context() {
        let sealer = Sealer::new([1; 32]);
        let sealed = sealer.seal("name", b"Ada").unwrap();
        assert_eq!(sealer.open("name", &sealed).unwrap(), b"Ada");
        assert_eq!(sealer.open("email", &sealed), Err(Unsealable));
        assert_eq!(Sealer::new([2; 32]).open("name", &sealed), Err(Unsealable));
        for len in 0..sealed.len() {
            assert_eq!(
                sealer.open("name", &sealed[..len]),
                Err(Unsealable),
                "cut at {len}"
            );
        }
    }
}
