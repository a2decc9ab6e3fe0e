use std::{
    env, fs,
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::Purpose;

pub(super) const NAME: &str = "linux";
pub(super) const FALLBACK_DEVICE_NAME: &str = "Linux computer";

/// XDG Base Directory Specification: `$XDG_DATA_HOME`, absolute, else `~/.local/share`.
pub(super) fn default_data_dir() -> Option<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let data = data.or_else(|| env::home_dir().map(|home| home.join(".local").join("share")))?;
    Some(data.join("jasmin-chat"))
}

/// Devices are files here: whoever may open them may, and no program has a switch of its own.
pub(super) fn settings_page(_purpose: Purpose) -> Option<(&'static str, &'static str)> {
    None
}

/// Makes a folder, and those above it, that only its owner can enter.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes or empties a file that only its owner can read.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Makes a rename in this folder last through a power cut.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}
