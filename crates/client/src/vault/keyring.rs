use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyring::Entry;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::keys::Seed;

const SERVICE: &str = "chat.jasmin.desktop";

/// Where one 32-byte key can be kept by name. Calls may block for as long as a person takes to
/// answer a question of the system.
pub trait Keyring: Send + Sync + 'static {
    /// The key, if there is one of this name.
    ///
    /// # Errors
    /// [`KeyringError`]: the keyring cannot be used.
    fn get(&self, name: &str) -> Result<Option<Seed>, KeyringError>;

    /// Keeps a key.
    ///
    /// # Errors
    /// [`KeyringError`]: the keyring cannot be used.
    fn set(&self, name: &str, key: &Seed) -> Result<(), KeyringError>;

    /// Forgets a key. No error when there is none.
    ///
    /// # Errors
    /// [`KeyringError`]: the keyring cannot be used.
    fn delete(&self, name: &str) -> Result<(), KeyringError>;
}

/// Why the keyring cannot be used, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyringError(pub String);

/// The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
/// A keyring that could not be found when it was first asked stays lost until the program is started
/// again.
#[derive(Clone, Copy, Debug)]
pub struct SystemKeyring;

impl Keyring for SystemKeyring {
    fn get(&self, name: &str) -> Result<Option<Seed>, KeyringError> {
        // Text, because KDE's wallet keeps nothing else.
        let text = match entry(name)?.get_password() {
            Ok(text) => Zeroizing::new(text),
            Err(keyring::Error::NoEntry) => return Ok(None),
            Err(error) => return Err(in_words(&error)),
        };
        let strange = || KeyringError("the keyring holds a key that is none".to_owned());
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| strange())?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| strange())?;
        Ok(Some(Seed::from(bytes)))
    }

    fn set(&self, name: &str, key: &Seed) -> Result<(), KeyringError> {
        let text = Zeroizing::new(STANDARD.encode(key.bytes()));
        entry(name)?
            .set_password(&text)
            .map_err(|error| in_words(&error))
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        match entry(name)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(in_words(&error)),
        }
    }
}

/// Asks on a thread of its own: a keyring that never answers must not keep the program from going
/// on, nor from ending.
pub(super) async fn ask<T: Send + 'static>(
    keyring: Arc<dyn Keyring>,
    patience: Duration,
    question: impl FnOnce(&dyn Keyring) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || answer.send(question(&*keyring)).ok())
        .map_err(|error| KeyringError(format!("the keyring cannot be asked: {error}")))?;
    match tokio::time::timeout(patience, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(KeyringError("the keyring failed".to_owned())),
        Err(_) => Err(KeyringError(
            "the keyring did not answer in time".to_owned(),
        )),
    }
}

fn entry(name: &str) -> Result<Entry, KeyringError> {
    if let Err(error) = Entry::store_status() {
        return Err(in_words(error));
    }
    Entry::new(SERVICE, name).map_err(|error| in_words(&error))
}

/// The errors' own words can hold the bytes that were found.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors; every other one is as strange as the rest"
)]
fn in_words(error: &keyring::Error) -> KeyringError {
    let words = match error {
        keyring::Error::PlatformFailure(cause) => {
            format!("the system has no keyring that works: {cause}")
        }
        keyring::Error::NoStorageAccess(cause) => format!("the keyring is locked: {cause}"),
        keyring::Error::NoDefaultStore => "the system has no keyring".to_owned(),
        keyring::Error::Ambiguous(_) => "the keyring holds the key more than once".to_owned(),
        keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => {
            "the keyring holds a key that is none".to_owned()
        }
        _ => "the keyring cannot be used".to_owned(),
    };
    KeyringError(words)
}
