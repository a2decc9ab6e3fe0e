//! The vault's file: a header in the open, then one XChaCha20-Poly1305 message with the header as
//! associated data. The key of the message and a check value come from the master key by HKDF, so
//! that a wrong passphrase and a damaged file can be told apart.
//!
//! ```text
//! magic 8 | version u16 | keeper u8 | 0 | id 16 | salt 16 | Argon2id KiB u32, passes u32, lanes u32
//! | check 16 | nonce 24 | ciphertext            (integers big endian)
//! ```

use std::{
    fs, io,
    io::{Read, Write},
    path::Path,
};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::VaultData;
use crate::{
    keys::{Seed, random_bytes},
    platform,
    redact::Secret,
};

const MAGIC: &[u8; 8] = b"JASMINVT";
const VERSION: u16 = 1;
const HEADER_LEN: usize = 8 + 2 + 2 + 16 + 16 + 12 + 16 + 24;
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
const KEY_CONTEXT: &[u8] = b"jasmin-vault-key-v1";
const CHECK_CONTEXT: &[u8] = b"jasmin-vault-check-v1";

const STRETCH: Stretch = Stretch {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 1,
};
/// A damaged header must not make the program ask for all of the memory.
const MOST_STRETCH: Stretch = Stretch {
    memory_kib: 1024 * 1024,
    passes: 64,
    lanes: 16,
};

/// What opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Keyring = 1,
    Passphrase = 2,
}

/// Argon2id parameters (RFC 9106, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// The part of the header that stays the same when the file is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) keeper: Keeper,
    /// Names the key in the keyring, so that profiles do not share one.
    id: [u8; 16],
    salt: [u8; 16],
    stretch: Stretch,
}

/// Why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FileError {
    #[error("the vault was written by a newer version of Jasmin Chat")]
    Newer,
    #[error("the vault's file is damaged")]
    Damaged,
    #[error("the vault's file is encrypted with another key")]
    OtherKey,
    #[error("the vault's file cannot be read: {0}")]
    Io(String),
}

impl Header {
    pub(super) fn new(keeper: Keeper) -> Self {
        Self {
            keeper,
            id: random_bytes(),
            salt: random_bytes(),
            stretch: STRETCH,
        }
    }

    /// The name of the master key in the keyring.
    pub(super) fn key_name(&self) -> String {
        format!("master:{}", uuid::Uuid::from_bytes(self.id).simple())
    }

    /// The master key that a passphrase makes. Takes about 0.3 s and 64 MiB.
    pub(super) fn stretch(&self, passphrase: &Secret) -> Result<Seed, FileError> {
        let Stretch {
            memory_kib,
            passes,
            lanes,
        } = self.stretch;
        let passphrase: Zeroizing<String> = Zeroizing::new(passphrase.reveal().nfkc().collect());
        let mut key = Zeroizing::new([0; 32]);
        Params::new(memory_kib, passes, lanes, Some(key.len()))
            .and_then(|params| {
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                    passphrase.as_bytes(),
                    &self.salt,
                    key.as_mut_slice(),
                )
            })
            .map_err(|_| FileError::Damaged)?;
        Ok(Seed::from(*key))
    }

    fn write(&self, check: &[u8; 16], nonce: &[u8; 24]) -> Vec<u8> {
        let Stretch {
            memory_kib,
            passes,
            lanes,
        } = self.stretch;
        [
            MAGIC.as_slice(),
            &VERSION.to_be_bytes(),
            &[self.keeper as u8, 0],
            &self.id,
            &self.salt,
            &memory_kib.to_be_bytes(),
            &passes.to_be_bytes(),
            &lanes.to_be_bytes(),
            check,
            nonce,
        ]
        .concat()
    }
}

/// A file as it was read, still closed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SealedFile {
    pub(super) header: Header,
    bytes: Vec<u8>,
}

impl SealedFile {
    /// Reads the file. `None`: there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let broken = |error: io::Error| FileError::Io(error.kind().to_string());
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(broken)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(FileError::Damaged);
        }
        Self::parse(bytes).map(Some)
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, FileError> {
        let header = parse_header(&bytes)?;
        Ok(Self { header, bytes })
    }

    /// Whether this master key is the file's.
    pub(super) fn fits(&self, master: &Seed) -> bool {
        let check = derive::<16>(master, CHECK_CONTEXT);
        check.is_ok_and(|check| {
            self.bytes.get(HEADER_LEN - 40..HEADER_LEN - 24) == Some(check.as_slice())
        })
    }

    pub(super) fn open(&self, master: &Seed) -> Result<VaultData, FileError> {
        if !self.fits(master) {
            return Err(FileError::OtherKey);
        }
        let (header, sealed) = self
            .bytes
            .split_at_checked(HEADER_LEN)
            .ok_or(FileError::Damaged)?;
        let nonce = header.last_chunk::<24>().ok_or(FileError::Damaged)?;
        let plain = cipher(master)?
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: header,
                },
            )
            .map_err(|_| FileError::Damaged)?;
        serde_json::from_slice(&Zeroizing::new(plain)).map_err(|_| FileError::Damaged)
    }
}

/// Encrypts the contents and puts them in the place of the file, so that a crash or power cut at any
/// moment leaves the old file or the new one.
pub(super) fn write(
    path: &Path,
    header: &Header,
    master: &Seed,
    data: &VaultData,
) -> io::Result<()> {
    let bytes = seal(header, master, data)?;
    let next = path.with_extension("new");
    let mut file = platform::create_private_file(&next)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&next, path)?;
    platform::sync_dir(path.parent().unwrap_or(Path::new(".")))
}

fn seal(header: &Header, master: &Seed, data: &VaultData) -> io::Result<Vec<u8>> {
    let plain = Zeroizing::new(serde_json::to_vec(data)?);
    let nonce: [u8; 24] = random_bytes();
    let check = derive(master, CHECK_CONTEXT).map_err(io::Error::other)?;
    let mut bytes = header.write(&check, &nonce);
    let sealed = cipher(master)
        .map_err(io::Error::other)?
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: &plain,
                aad: &bytes,
            },
        )
        .map_err(|_| io::Error::other("the vault cannot be encrypted"))?;
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

fn parse_header(bytes: &[u8]) -> Result<Header, FileError> {
    let mut rest = bytes;
    if take(&mut rest)? != *MAGIC {
        return Err(FileError::Damaged);
    }
    let version = u16::from_be_bytes(take(&mut rest)?);
    if version > VERSION {
        return Err(FileError::Newer);
    }
    let keeper = match take(&mut rest)? {
        [1, 0] => Keeper::Keyring,
        [2, 0] => Keeper::Passphrase,
        [_, _] => return Err(FileError::Damaged),
    };
    let header = Header {
        keeper,
        id: take(&mut rest)?,
        salt: take(&mut rest)?,
        stretch: Stretch {
            memory_kib: u32::from_be_bytes(take(&mut rest)?),
            passes: u32::from_be_bytes(take(&mut rest)?),
            lanes: u32::from_be_bytes(take(&mut rest)?),
        },
    };
    let Stretch {
        memory_kib,
        passes,
        lanes,
    } = header.stretch;
    let sane = memory_kib <= MOST_STRETCH.memory_kib
        && passes <= MOST_STRETCH.passes
        && lanes <= MOST_STRETCH.lanes;
    let whole = version == VERSION && bytes.len() >= HEADER_LEN + 16;
    if sane && whole {
        Ok(header)
    } else {
        Err(FileError::Damaged)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FileError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(FileError::Damaged)?;
    *rest = tail;
    Ok(*head)
}

fn cipher(master: &Seed) -> Result<XChaCha20Poly1305, FileError> {
    Ok(XChaCha20Poly1305::new(
        &(*derive::<32>(master, KEY_CONTEXT)?).into(),
    ))
}

/// HKDF-SHA256 (RFC 5869) without salt.
fn derive<const N: usize>(master: &Seed, context: &[u8]) -> Result<Zeroizing<[u8; N]>, FileError> {
    let mut derived = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(None, master.bytes())
        .expand(context, derived.as_mut_slice())
        .map_err(|_| FileError::OtherKey)?;
    Ok(derived)
}
