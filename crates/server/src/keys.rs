//! Everything secret: the key file, the secrets in the database that it opens, and what they do.

mod file;
mod load;
mod password;
mod seal;
mod token;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use jasmin_protocol::UserId;
use opaque_ke::rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

pub use file::KeyFileError;
pub(crate) use file::read_key;
pub(crate) use load::{LoadError, load};
pub(crate) use password::{PasswordDesk, PasswordError};
pub(crate) use seal::{Sealer, Unsealable};
pub(crate) use token::{Access, TokenError, TokenKey};

/// The secrets of a running server.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Personal data in the database, and the attempts that travel through clients.
    pub(crate) data: Sealer,
    /// Access tokens.
    pub(crate) tokens: TokenKey,
    /// OPAQUE.
    pub(crate) passwords: PasswordDesk,
    /// Entries of consent ledgers, and the daily roots over them.
    pub(crate) ledger: SigningKey,
    lookup: LookupKey,
}

impl Keys {
    pub(crate) fn new(
        data: Sealer,
        tokens: TokenKey,
        passwords: PasswordDesk,
        lookup: [u8; 32],
        ledger: &[u8; 32],
    ) -> Self {
        Self {
            data,
            tokens,
            passwords,
            ledger: SigningKey::from_bytes(ledger),
            lookup: LookupKey(lookup),
        }
    }

    /// Returns what an address is found by. Without the key it says nothing about the address.
    pub(crate) fn address_tag(&self, canonical_email: &str) -> [u8; 32] {
        self.lookup.tag(&[b"address", canonical_email.as_bytes()])
    }

    /// Returns what a repeated request is known by.
    pub(crate) fn request_tag(&self, path: &str, body: &[u8]) -> [u8; 32] {
        self.lookup.tag(&[b"request", path.as_bytes(), body])
    }

    /// Returns what is kept of a mailed code.
    pub(crate) fn code_tag(&self, attempt: &[u8], code: &str) -> [u8; 32] {
        self.lookup.tag(&[b"code", attempt, code.as_bytes()])
    }

    /// Returns what stands for a person with one partner: with no other, and nowhere else.
    pub(crate) fn pseudonym(&self, partner: &str, user: UserId) -> String {
        let tag = self
            .lookup
            .tag(&[b"partner", partner.as_bytes(), user.0.as_bytes()]);
        jasmin_protocol::Base64(tag.to_vec()).to_text()
    }

    /// Seals one field of one person.
    pub(crate) fn seal_field(
        &self,
        user: UserId,
        field: &str,
        text: &str,
    ) -> Result<Vec<u8>, Unsealable> {
        self.data.seal(&format!("{field}:{user}"), text.as_bytes())
    }

    /// Opens what [`Self::seal_field`] sealed.
    pub(crate) fn open_field(
        &self,
        user: UserId,
        field: &str,
        sealed: &[u8],
    ) -> Result<String, Unsealable> {
        let bytes = self.data.open(&format!("{field}:{user}"), sealed)?;
        String::from_utf8(bytes).map_err(|_| Unsealable)
    }
}

struct LookupKey([u8; 32]);

impl std::fmt::Debug for LookupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookupKey(…)")
    }
}

impl LookupKey {
    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Returns bytes from the operating system's random source.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// SHA-256 of parts, each with its length in front.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Compares without telling by its time where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |found, (a, b)| found | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_slide_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        let key = LookupKey([7; 32]);
        assert_ne!(key.tag(&[b"ab", b"c"]), key.tag(&[b"a", b"bc"]));
    }

    #[test]
    fn same_is_equality() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"abcd"));
    }
}
