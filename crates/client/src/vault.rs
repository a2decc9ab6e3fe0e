//! Where secrets are kept: one encrypted file in the profile folder, whose key lies in the system's
//! keyring, is made from a passphrase, or (for one session) exists nowhere.
//!
//! Never plaintext, never a weaker keeper without a person's choice: when the keyring cannot be
//! used, the vault stops at [`VaultView::Choose`] and waits.

mod data;
mod file;
mod keyring;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as TurnMutex;

use crate::{
    Failure, FailureCode, VaultKeeper, VaultView, clock::local_ms, keys::Seed, redact::Secret,
};

pub use data::*;
use file::{Header, Keeper, SealedFile};
pub use keyring::{Keyring, KeyringError, SystemKeyring};

const FILE: &str = "vault.jasmin";
/// How long a person may take to unlock the system's keyring before the start goes on without it.
pub const KEYRING_PATIENCE: Duration = Duration::from_secs(60);
/// The shortest passphrase, in characters.
pub const PASSPHRASE_MIN_CHARS: usize = 10;

/// The vault of one profile. Copies are the same vault.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    keyring: Arc<dyn Keyring>,
    patience: Duration,
    /// Held while the file is written or the state changes, so that writes happen in turn.
    turn: Arc<TurnMutex<()>>,
    state: Mutex<State>,
}

#[derive(Clone)]
enum State {
    Opening,
    Open { lock: Lock, data: Arc<VaultData> },
    Choose { reason: String },
    Locked { file: Arc<SealedFile> },
    Broken { reason: String },
}

#[derive(Clone)]
enum Lock {
    File { header: Header, master: Seed },
    Memory,
}

impl Vault {
    /// The vault in this folder, not yet looked at ([`VaultView::Opening`]).
    pub fn new(dir: &Path) -> Self {
        Self::with_keyring(dir, Arc::new(SystemKeyring), KEYRING_PATIENCE)
    }

    /// A vault with another keyring than the system's.
    pub fn with_keyring(dir: &Path, keyring: Arc<dyn Keyring>, patience: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir: dir.to_owned(),
                keyring,
                patience,
                turn: Arc::default(),
                state: Mutex::new(State::Opening),
            }),
        }
    }

    /// Looks for the file and its key, or makes both. Where that leads is in [`Vault::view`]; takes
    /// at most about [`KEYRING_PATIENCE`].
    pub async fn open(&self) -> VaultView {
        let _turn = self.inner.turn.lock().await;
        let state = self.look().await;
        *self.state() = state;
        self.view()
    }

    /// Keeps everything in memory from the start, for a program whose profile ends with it. A file
    /// that is there stays untouched.
    pub async fn open_for_session(&self) -> VaultView {
        let _turn = self.inner.turn.lock().await;
        if matches!(*self.state(), State::Opening) {
            *self.state() = State::Open {
                lock: Lock::Memory,
                data: Arc::default(),
            };
        }
        self.view()
    }

    /// How it stands.
    pub fn view(&self) -> VaultView {
        match &*self.state() {
            State::Opening => VaultView::Opening,
            State::Open { lock, .. } => VaultView::Open {
                keeper: lock.keeper(),
            },
            State::Choose { reason } => VaultView::Choose {
                reason: reason.clone(),
            },
            State::Locked { .. } => VaultView::Locked,
            State::Broken { reason } => VaultView::Broken {
                reason: reason.clone(),
            },
        }
    }

    /// Whether [`Vault::save`] can work.
    pub fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open { .. })
    }

    /// Looks at what is stored. Before the vault is open: at nothing ([`VaultData::default`]).
    pub fn read<R>(&self, look: impl FnOnce(&VaultData) -> R) -> R {
        let data = match &*self.state() {
            State::Open { data, .. } => data.clone(),
            State::Opening | State::Choose { .. } | State::Locked { .. } | State::Broken { .. } => {
                Arc::default()
            }
        };
        look(&data)
    }

    /// Changes what is stored. `Ok` when it lies safely on disk (unless kept for this session only);
    /// readers see the old contents until then, and nothing has changed on an error. Goes on to its
    /// end when the returned future is dropped.
    ///
    /// # Errors
    /// [`VaultError::NotOpen`], [`VaultError::Io`].
    pub async fn save<R>(&self, change: impl FnOnce(&mut VaultData) -> R) -> Result<R, VaultError> {
        if !self.is_open() {
            return Err(VaultError::NotOpen);
        }
        let turn = self.inner.turn.clone().lock_owned().await;
        let State::Open { lock, data } = self.state().clone() else {
            return Err(VaultError::NotOpen);
        };
        let mut changed = (*data).clone();
        let answer = change(&mut changed);
        if changed != *data {
            let vault = self.clone();
            apart(move || {
                let written = vault.put(lock, changed);
                drop(turn);
                written
            })
            .await?;
        }
        Ok(answer)
    }

    /// From [`VaultView::Choose`]: makes a vault that a passphrase opens. A file that is in the way is
    /// put aside, not overwritten.
    ///
    /// # Errors
    /// [`VaultError::NotNow`] in another state, [`VaultError::PassphraseTooShort`], [`VaultError::Io`].
    pub async fn use_passphrase(&self, passphrase: Secret) -> Result<(), VaultError> {
        let _turn = self.inner.turn.lock().await;
        if !matches!(*self.state(), State::Choose { .. }) {
            return Err(VaultError::NotNow);
        }
        if passphrase.reveal().chars().count() < PASSPHRASE_MIN_CHARS {
            return Err(VaultError::PassphraseTooShort);
        }
        let vault = self.clone();
        apart(move || {
            let header = Header::new(Keeper::Passphrase);
            let master = header.stretch(&passphrase).map_err(std::io::Error::other)?;
            vault.put_aside()?;
            vault.put(Lock::File { header, master }, VaultData::default())
        })
        .await
    }

    /// From [`VaultView::Choose`]: keeps everything in memory, for this session. A file that is there
    /// stays untouched.
    ///
    /// # Errors
    /// [`VaultError::NotNow`] in another state.
    pub async fn use_session_only(&self) -> Result<(), VaultError> {
        let _turn = self.inner.turn.lock().await;
        let mut state = self.state();
        if !matches!(*state, State::Choose { .. }) {
            return Err(VaultError::NotNow);
        }
        *state = State::Open {
            lock: Lock::Memory,
            data: Arc::default(),
        };
        Ok(())
    }

    /// From [`VaultView::Locked`].
    ///
    /// # Errors
    /// [`VaultError::NotNow`] in another state, [`VaultError::WrongPassphrase`]. A file that the right
    /// passphrase cannot open becomes [`VaultView::Broken`], and that is `Ok`.
    pub async fn unlock(&self, passphrase: Secret) -> Result<(), VaultError> {
        let _turn = self.inner.turn.lock().await;
        let State::Locked { file } = self.state().clone() else {
            return Err(VaultError::NotNow);
        };
        let vault = self.clone();
        apart(move || {
            let master = file
                .header
                .stretch(&passphrase)
                .map_err(std::io::Error::other)?;
            if !file.fits(&master) {
                return Err(VaultError::WrongPassphrase);
            }
            *vault.state() = opened(&file, master);
            Ok(())
        })
        .await
    }

    /// From [`VaultView::Broken`] or [`VaultView::Locked`]: puts the file aside under another name and
    /// starts anew, as [`Vault::open`] in an empty folder.
    ///
    /// # Errors
    /// [`VaultError::NotNow`] in another state, [`VaultError::Io`].
    pub async fn reset(&self) -> Result<(), VaultError> {
        let _turn = self.inner.turn.lock().await;
        if !matches!(*self.state(), State::Broken { .. } | State::Locked { .. }) {
            return Err(VaultError::NotNow);
        }
        let vault = self.clone();
        apart(move || vault.put_aside()).await?;
        *self.state() = State::Opening;
        let state = self.look().await;
        *self.state() = state;
        Ok(())
    }

    /// What there is to find: the state that follows from the file and the keyring.
    async fn look(&self) -> State {
        let path = self.path();
        let found = apart(move || Ok(SealedFile::read(&path))).await;
        let file = match found {
            Ok(Ok(Some(file))) => file,
            Ok(Ok(None)) => return self.make().await,
            Ok(Err(error)) => {
                return State::Broken {
                    reason: error.to_string(),
                };
            }
            Err(error) => {
                return State::Broken {
                    reason: error.to_string(),
                };
            }
        };
        match file.header.keeper {
            Keeper::Passphrase => State::Locked {
                file: Arc::new(file),
            },
            Keeper::Keyring => self.unlock_with_keyring(file).await,
        }
    }

    async fn unlock_with_keyring(&self, file: SealedFile) -> State {
        let name = file.header.key_name();
        let Inner {
            keyring, patience, ..
        } = &*self.inner;
        match keyring::ask(keyring.clone(), *patience, move |keyring| {
            keyring.get(&name)
        })
        .await
        {
            Ok(Some(master)) => opened(&file, master),
            Ok(None) => {
                let reason = "the keyring does not hold the key of the vault any more".to_owned();
                State::Broken { reason }
            }
            Err(KeyringError(words)) => State::Choose {
                reason: format!("{words}; the vault that is there cannot be opened without it"),
            },
        }
    }

    /// A new vault under the keyring, or the question what to do without one.
    async fn make(&self) -> State {
        let header = Header::new(Keeper::Keyring);
        let master = Seed::random();
        let (name, key) = (header.key_name(), master.clone());
        let Inner {
            keyring, patience, ..
        } = &*self.inner;
        let kept = keyring::ask(keyring.clone(), *patience, move |keyring| {
            keyring.set(&name, &key)?;
            if keyring.get(&name)?.as_ref() == Some(&key) {
                return Ok(());
            }
            Err(KeyringError(
                "the keyring does not keep what it is given".to_owned(),
            ))
        });
        if let Err(KeyringError(reason)) = kept.await {
            return State::Choose { reason };
        }
        let vault = self.clone();
        let lock = Lock::File { header, master };
        match apart(move || vault.put(lock, VaultData::default())).await {
            Ok(()) => self.state().clone(),
            Err(error) => State::Broken {
                reason: error.to_string(),
            },
        }
    }

    /// Writes the contents, then shows them.
    fn put(&self, lock: Lock, data: VaultData) -> Result<(), VaultError> {
        if let Lock::File { header, master } = &lock {
            file::write(&self.path(), header, master, &data)?;
        }
        *self.state() = State::Open {
            lock,
            data: Arc::new(data),
        };
        Ok(())
    }

    /// Gives the file another name, if there is one.
    fn put_aside(&self) -> Result<(), VaultError> {
        let aside = self.inner.dir.join(format!("{FILE}.aside-{}", local_ms()));
        match std::fs::rename(self.path(), aside) {
            Ok(()) => Ok(crate::platform::sync_dir(&self.inner.dir)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self) -> PathBuf {
        self.inner.dir.join(FILE)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({:?})", self.view())
    }
}

impl Lock {
    fn keeper(&self) -> VaultKeeper {
        match self {
            Self::File {
                header:
                    Header {
                        keeper: Keeper::Keyring,
                        ..
                    },
                ..
            } => VaultKeeper::Keyring,
            Self::File {
                header:
                    Header {
                        keeper: Keeper::Passphrase,
                        ..
                    },
                ..
            } => VaultKeeper::Passphrase,
            Self::Memory => VaultKeeper::Session,
        }
    }
}

fn opened(file: &SealedFile, master: Seed) -> State {
    match file.open(&master) {
        Ok(data) => State::Open {
            lock: Lock::File {
                header: file.header,
                master,
            },
            data: Arc::new(data),
        },
        Err(error) => State::Broken {
            reason: error.to_string(),
        },
    }
}

/// Files and passphrases take their time: on the pool for blocking work.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(std::io::Error::other(lost).into()),
    }
}

/// Why the vault did not do it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It is not open.
    #[error("the vault is not open")]
    NotOpen,
    /// Not in this state.
    #[error("the vault is in another state")]
    NotNow,
    /// Another passphrase opens it.
    #[error("the passphrase does not open the vault")]
    WrongPassphrase,
    /// Below [`PASSPHRASE_MIN_CHARS`].
    #[error("a passphrase has at least {PASSPHRASE_MIN_CHARS} characters")]
    PassphraseTooShort,
    /// The file cannot be written.
    #[error("the vault cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let (code, field) = match &error {
            VaultError::NotOpen | VaultError::Io(_) => (FailureCode::Vault, None),
            VaultError::NotNow => (FailureCode::NotNow, None),
            VaultError::WrongPassphrase => (FailureCode::WrongPassphrase, Some("passphrase")),
            VaultError::PassphraseTooShort => (FailureCode::Invalid, Some("passphrase")),
        };
        let field = field.map(str::to_owned);
        Failure {
            code,
            detail: error.to_string(),
            field,
            retry_after_ms: None,
        }
    }
}

#[cfg(test)]
mod tests;
