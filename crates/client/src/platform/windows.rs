use std::{
    env, fs,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::Purpose;

pub(super) const NAME: &str = "windows";
pub(super) const FALLBACK_DEVICE_NAME: &str = "Windows computer";

/// `%LOCALAPPDATA%\Jasmin Chat`: not the roaming part, whose copies would share one device.
pub(super) fn default_data_dir() -> Option<PathBuf> {
    let data = env::var_os("LOCALAPPDATA")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let data = data.or_else(|| env::home_dir().map(|home| home.join("AppData").join("Local")))?;
    Some(data.join("Jasmin Chat"))
}

/// Settings, Privacy & security.
pub(super) fn settings_page(purpose: Purpose) -> Option<(&'static str, &'static str)> {
    let page = match purpose {
        Purpose::Camera => "ms-settings:privacy-webcam",
        Purpose::Microphone => "ms-settings:privacy-microphone",
    };
    Some(("explorer.exe", page))
}

/// Makes a folder and those above it. Folders under a person's profile are inherited as private.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Makes or empties a file, as private as its folder.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)
}

/// Nothing to do: NTFS journals renames, and a folder cannot be flushed.
pub(crate) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}
