//! Safety words: four words that both sides see, equal only if nobody sits in between.
//!
//! 24 bits are few: whoever could try certificates until the words fit would need a second for it.
//! So the caller commits to its nonce before it sees the callee's (a commitment as in ZRTP, RFC 6189,
//! section 4.1.1), and a man in the middle has one guess a call.

mod words;

use subtle::ConstantTimeEq;

use crate::crypto::{derive, sha256};

/// One of the four safety words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SafetyWord {
    /// A short English word.
    pub word: &'static str,
    /// Its picture.
    pub emoji: &'static str,
}

/// What one side brings in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) nonce: [u8; 32],
    /// SHA-256 of the DTLS certificate.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) identity_key: [u8; 32],
}

impl Party {
    /// Returns `SHA-256(nonce || fingerprint || identity key)`.
    pub(crate) fn commitment(&self) -> [u8; 32] {
        sha256(&[&self.nonce, &self.fingerprint, &self.identity_key])
    }

    pub(crate) fn keeps(&self, commitment: &[u8; 32]) -> bool {
        self.commitment().ct_eq(commitment).into()
    }
}

/// Returns the words of a call: HKDF-SHA256 (RFC 5869) over both nonces, fingerprints and identity
/// keys (caller first) and the call id, 6 bits a word.
pub(crate) fn words(caller: &Party, callee: &Party, call_id: &[u8; 16]) -> [SafetyWord; 4] {
    let bytes: [u8; 4] = derive(
        &[
            &caller.nonce,
            &callee.nonce,
            &caller.fingerprint,
            &callee.fingerprint,
            &caller.identity_key,
            &callee.identity_key,
            call_id,
        ],
        b"",
        "jasmin-safety-words-v1",
    );
    bytes.map(|byte| words::WORDS[usize::from(byte & 63)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn party(seed: u8) -> Party {
        Party {
            nonce: [seed; 32],
            fingerprint: [seed + 1; 32],
            identity_key: [seed + 2; 32],
        }
    }

    #[test]
    fn words_depend_on_everything() {
        let (caller, callee, call_id) = (party(1), party(10), [7; 16]);
        let right = words(&caller, &callee, &call_id);
        assert_eq!(right, words(&caller, &callee, &call_id));
        let mut others = vec![
            words(&callee, &caller, &call_id),
            words(&caller, &callee, &[8; 16]),
        ];
        for field in 0..6 {
            let (mut caller, mut callee) = (caller, callee);
            let side = if field < 3 { &mut caller } else { &mut callee };
            match field % 3 {
                0 => side.nonce[31] ^= 1,
                1 => side.fingerprint[0] ^= 1,
                _ => side.identity_key[5] ^= 1,
            }
            others.push(words(&caller, &callee, &call_id));
        }
        for other in others {
            assert_ne!(other, right);
        }
    }

    #[test]
    fn every_word_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for call in 0..=255 {
            for word in words(&party(1), &party(10), &[call; 16]) {
                seen.insert(word.word);
            }
        }
        assert_eq!(seen.len(), 64);
    }

    proptest! {
        #[test]
        fn a_commitment_binds(nonce: [u8; 32], other: [u8; 32]) {
            let honest = Party { nonce, ..party(3) };
            prop_assert!(honest.keeps(&honest.commitment()));
            let liar = Party { nonce: other, ..honest };
            prop_assert_eq!(liar.keeps(&honest.commitment()), nonce == other);
        }
    }
}
