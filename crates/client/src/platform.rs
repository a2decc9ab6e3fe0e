//! What differs between systems: where a profile lives, and how a file is made safe on disk.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::Purpose;
pub(crate) use system::{create_private_dir, create_private_file, sync_dir};

/// `linux`, `macos` or `windows`, as in [`jasmin_protocol::NewDevice`].
pub const NAME: &str = system::NAME;

const LOCK_FILE: &str = "lock";
const DEVICE_NAME_CHARS: usize = 64;

/// Where a profile lives unless somebody says otherwise. `None` when the system tells no home.
pub fn default_data_dir() -> Option<PathBuf> {
    system::default_data_dir()
}

/// Where people look for what was saved for them. `None` when the system tells no home.
pub fn downloads_dir() -> Option<PathBuf> {
    dirs::download_dir().or_else(|| Some(dirs::home_dir()?.join("Downloads")))
}

/// The program and its argument that open the page of the system's settings where a device can be
/// allowed; `None` where there is no such page.
pub(crate) fn settings_page(purpose: Purpose) -> Option<(&'static str, &'static str)> {
    system::settings_page(purpose)
}

/// A name for this machine in the owner's device list, at most 64 characters.
pub fn device_name() -> String {
    let name = gethostname::gethostname();
    let name = name.to_string_lossy();
    let short = name.split('.').next().unwrap_or_default();
    let clean: String = short
        .chars()
        .filter(|c| !c.is_control())
        .take(DEVICE_NAME_CHARS)
        .collect();
    if clean.trim().is_empty() {
        system::FALLBACK_DEVICE_NAME.to_owned()
    } else {
        clean
    }
}

/// A profile folder that this process alone may write. Given back when dropped, also by a crash.
#[derive(Debug)]
pub struct Profile {
    dir: PathBuf,
    _lock: File,
}

impl Profile {
    /// Makes the folder where it is missing (readable by its owner alone), and locks it.
    ///
    /// # Errors
    /// [`ProfileError::InUse`] when another process has it.
    pub fn lock(dir: impl Into<PathBuf>) -> Result<Self, ProfileError> {
        let dir = dir.into();
        create_private_dir(&dir)?;
        let mut options = OpenOptions::new();
        let lock = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ProfileError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Another process has it.
    #[error("the profile is in use by another process")]
    InUse,
    /// The folder cannot be made or locked.
    #[error("the profile folder cannot be used: {0}")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_a_profile() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("deep").join("profile");
        let first = Profile::lock(&folder).unwrap();
        assert!(matches!(Profile::lock(&folder), Err(ProfileError::InUse)));
        assert!(
            Profile::lock(dir.path().join("other")).is_ok(),
            "side by side"
        );
        drop(first);
        assert!(Profile::lock(&folder).is_ok(), "free again");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(matches!(
            Profile::lock(file.join("profile")),
            Err(ProfileError::Io(_))
        ));
    }

    #[test]
    fn the_device_has_a_name() {
        let name = device_name();
        assert!(
            !name.trim().is_empty() && name.chars().count() <= DEVICE_NAME_CHARS,
            "{name}"
        );
    }
}
