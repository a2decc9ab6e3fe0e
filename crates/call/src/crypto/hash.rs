use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use str0m::crypto::{Sha1HmacProvider, Sha1Provider, Sha256Provider};

#[derive(Debug)]
pub(super) struct Hash;

impl Sha1Provider for Hash {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        Sha1::digest(data).into()
    }
}

impl Sha256Provider for Hash {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        sha256(&[data])
    }
}

impl Sha1HmacProvider for Hash {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        // HMAC takes a key of any length (RFC 2104, section 2): a longer one is hashed first.
        let mut block = [0; 64];
        if key.len() > block.len() {
            block[..20].copy_from_slice(&Sha1::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let mut mac = <Hmac<Sha1> as KeyInit>::new(&block.into());
        for payload in payloads {
            mac.update(payload);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Returns SHA-256 (FIPS 180-4) over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Returns `N` bytes of HKDF-SHA256 (RFC 5869) for the given purpose. `N` is at most 64.
pub(crate) fn derive<const N: usize>(secret: &[&[u8]], salt: &[u8], info: &str) -> [u8; N] {
    const { assert!(N <= 64, "two blocks are enough for every use") };
    let whole: Vec<u8> = secret.concat();
    let mut output = [0; N];
    // Fails above 255 blocks only.
    let expanded = Hkdf::<Sha256>::new(Some(salt), &whole).expand(info.as_bytes(), &mut output);
    debug_assert!(expanded.is_ok(), "{N} bytes are within RFC 5869's limit");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn hmac_sha1_agrees_with_rfc_2202() {
        let short = Hash.sha1_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            short[..],
            hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")[..]
        );
        let long = Hash.sha1_hmac(
            &[0xaa; 80],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
        );
        assert_eq!(
            long[..],
            hex("aa4ae5e15272d00e95705637ce8a3b55ed402112")[..]
        );
    }

    #[test]
    fn hashes_agree_with_fips_180() {
        assert_eq!(
            Hash.sha1(b"abc")[..],
            hex("a9993e364706816aba3e25717850c26c9cd0d89d")[..]
        );
        assert_eq!(
            sha256(&[b"a", b"bc"])[..],
            hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")[..]
        );
    }

    #[test]
    fn derivation_separates_purposes() {
        let one: [u8; 32] = derive(&[b"secret"], b"", "one");
        let two: [u8; 32] = derive(&[b"secret"], b"", "two");
        assert_ne!(one, two);
        assert_ne!(one, [0; 32]);
    }
}
