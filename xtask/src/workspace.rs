//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::platform;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// The folder of the page.
pub(crate) fn ui() -> PathBuf {
    root().join("ui")
}

/// Cargo's target folder: the one that this program was built into.
pub(crate) fn target() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    own.parent()
        .and_then(Path::parent)
        .map(Path::to_owned)
        .context("this program does not lie in a target folder")
}

/// A program of the workspace, built in `profile` (`debug` or `release`).
pub(crate) fn binary(profile: &str, name: &str) -> Result<PathBuf> {
    let path = target()?.join(profile).join(platform::executable(name));
    anyhow::ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}
