use std::{
    env, fs,
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::Purpose;

pub(super) const NAME: &str = "macos";
pub(super) const FALLBACK_DEVICE_NAME: &str = "Mac";

/// `~/Library/Application Support/chat.jasmin.desktop`.
pub(super) fn default_data_dir() -> Option<PathBuf> {
    let library = env::home_dir()?.join("Library");
    Some(
        library
            .join("Application Support")
            .join("chat.jasmin.desktop"),
    )
}

/// System Settings, Privacy & Security.
pub(super) fn settings_page(purpose: Purpose) -> Option<(&'static str, &'static str)> {
    let page = match purpose {
        Purpose::Camera => "x-apple.systempreferences:com.apple.preference.security?Privacy_Camera",
        Purpose::Microphone => {
            "x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone"
        }
    };
    Some(("open", page))
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
