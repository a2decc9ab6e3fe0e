use std::fmt;

use aes::{
    Aes128, Aes256,
    cipher::{Block, BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipher},
};
use aes_gcm::{
    Aes128Gcm, Aes256Gcm,
    aead::{AeadInOut, consts::U12, consts::U16, inout::InOutBuf},
};
use ctr::{Ctr128BE, CtrCore, flavors::Ctr128BE as BigEndian};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

const TAG_LEN: usize = 16;

/// SRTP ciphers: AES-CM (RFC 3711) and AES-GCM (RFC 7714).
#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Srtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Srtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Srtp
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb_round::<Aes128>(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb_round::<Aes256>(key, input, output);
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(CounterMode(Aes128::new(&key.into())))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm(Aes128Gcm::new(&key.into())))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm(Aes256Gcm::new(&key.into())))
    }
}

// The trait has no error here; keys and blocks come from str0m's own constants. A wrong length
// leaves zeros, with which no packet authenticates.
fn ecb_round<C: BlockCipherEncrypt + KeyInit + BlockSizeUser>(
    key: &[u8],
    input: &[u8],
    output: &mut [u8],
) {
    let (Ok(cipher), Ok(block)) = (C::new_from_slice(key), Block::<C>::try_from(input)) else {
        debug_assert!(false, "key and block have the cipher's lengths");
        return;
    };
    let mut block = block;
    cipher.encrypt_block(&mut block);
    if let Some(room) = output.get_mut(..block.len()) {
        room.copy_from_slice(&block);
    }
}

struct CounterMode(Aes128);

impl CounterMode {
    fn apply(&self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let room = output.get_mut(..input.len()).ok_or_else(no_room)?;
        let core = CtrCore::<Aes128, BigEndian>::inner_iv_init(self.0.clone(), iv.into());
        Ctr128BE::<Aes128>::from_core(core).apply_keystream_b2b(input, room);
        Ok(())
    }
}

impl Aes128CmSha1_80Cipher for CounterMode {
    fn encrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.apply(iv, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.apply(iv, input, output)
    }
}

struct Gcm<C>(C);

impl<C: AeadInOut<NonceSize = U12, TagSize = U16>> Gcm<C> {
    fn seal(
        &self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        if output.len() < input.len() + TAG_LEN {
            return Err(no_room());
        }
        let (text, rest) = output.split_at_mut(input.len());
        let buffer = InOutBuf::new(input, text)
            .map_err(|error| CryptoError::Other(format!("AES-GCM: {error}")))?;
        let tag = self
            .0
            .encrypt_inout_detached(iv.into(), aad, buffer)
            .map_err(|error| CryptoError::Other(format!("AES-GCM: {error}")))?;
        rest[..TAG_LEN].copy_from_slice(&tag);
        Ok(())
    }

    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let Some((text, tag)) = input.split_last_chunk::<TAG_LEN>() else {
            return Err(CryptoError::Other("AES-GCM: shorter than its tag".into()));
        };
        let room = output.get_mut(..text.len()).ok_or_else(no_room)?;
        let joined;
        let aad = match aads {
            [one] => *one,
            several => {
                joined = several.concat();
                &joined
            }
        };
        let buffer = InOutBuf::new(text, room)
            .map_err(|error| CryptoError::Other(format!("AES-GCM: {error}")))?;
        self.0
            .decrypt_inout_detached(iv.into(), aad, buffer, tag.into())
            .map_err(|error| CryptoError::Other(format!("AES-GCM: {error}")))?;
        Ok(text.len())
    }
}

macro_rules! gcm_cipher {
    ($trait:ident, $cipher:ty) => {
        impl $trait for Gcm<$cipher> {
            fn encrypt(
                &mut self,
                iv: &[u8; 12],
                aad: &[u8],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<(), CryptoError> {
                self.seal(iv, aad, input, output)
            }

            fn decrypt(
                &mut self,
                iv: &[u8; 12],
                aads: &[&[u8]],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<usize, CryptoError> {
                self.open(iv, aads, input, output)
            }
        }
    };
}

gcm_cipher!(AeadAes128GcmCipher, Aes128Gcm);
gcm_cipher!(AeadAes256GcmCipher, Aes256Gcm);

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterMode")
    }
}

impl<C> fmt::Debug for Gcm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm")
    }
}

fn no_room() -> CryptoError {
    CryptoError::Other("the output is too small".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn counter_mode_agrees_with_rfc_3711_b_2() {
        let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
        let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut cipher = Srtp.aes_128_cm_sha1_80().create_cipher(key, true);
        // str0m gives more room than there is input.
        let mut output = [0; 64];
        cipher.encrypt(&iv, &[0; 48], &mut output).unwrap();
        assert_eq!(
            output[..48],
            hex(
                "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                 41E95B3BB0A2E8DD477901E4FCA894C0"
            )[..]
        );
        assert_eq!(output[48..], [0; 16], "the rest of the room is left alone");
    }

    #[test]
    fn key_derivation_round_agrees_with_rfc_3711_b_3() {
        let mut output = [0; 16];
        Srtp.srtp_aes_128_ecb_round(
            &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            &hex("0EC675AD498AFEEBB6960B3AABE60000"),
            &mut output,
        );
        assert_eq!(output[..], hex("C61E7A93744F39EE10734AFE3FF7A087")[..]);
    }

    // RFC 7714, section 16.
    const HEADER: &str = "8040f17b8041f8d35501a0b2";
    const TEXT: &str =
        "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
    const IV: &str = "51753c6580c2726f20718414";

    #[test]
    fn aes_128_gcm_agrees_with_rfc_7714_16_1_1() {
        let key: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let iv: [u8; 12] = hex(IV).try_into().unwrap();
        let mut cipher = Srtp.aead_aes_128_gcm().create_cipher(key, true);
        let mut sealed = vec![0; 38 + TAG_LEN];
        cipher
            .encrypt(&iv, &hex(HEADER), &hex(TEXT), &mut sealed)
            .unwrap();
        assert_eq!(
            sealed,
            hex(
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
                 899d7f27beb16a9152cf765ee4390cce"
            )
        );
        let mut opened = vec![0; 38];
        let (one, two) = (hex(&HEADER[..8]), hex(&HEADER[8..]));
        assert_eq!(
            cipher
                .decrypt(&iv, &[&one, &two], &sealed, &mut opened)
                .unwrap(),
            38
        );
        assert_eq!(opened, hex(TEXT));
    }

    #[test]
    fn aes_256_gcm_opens_what_it_sealed_and_nothing_else() {
        let iv: [u8; 12] = hex(IV).try_into().unwrap();
        let mut cipher = Srtp.aead_aes_256_gcm().create_cipher([7; 32], true);
        let mut sealed = vec![0; 38 + TAG_LEN];
        cipher
            .encrypt(&iv, &hex(HEADER), &hex(TEXT), &mut sealed)
            .unwrap();
        let mut opened = vec![0; 38];
        assert_eq!(
            cipher
                .decrypt(&iv, &[&hex(HEADER)], &sealed, &mut opened)
                .unwrap(),
            38
        );
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(
                cipher
                    .decrypt(&iv, &[&hex(HEADER)], &forged, &mut opened)
                    .is_err()
            );
        }
        assert!(
            cipher
                .decrypt(&iv, &[b"another header"], &sealed, &mut opened)
                .is_err()
        );
        assert!(
            cipher
                .decrypt(&iv, &[&hex(HEADER)], &sealed[..9], &mut opened)
                .is_err()
        );
        assert!(
            cipher
                .decrypt(&iv, &[&hex(HEADER)], &sealed, &mut [0; 5])
                .is_err()
        );
    }
}
