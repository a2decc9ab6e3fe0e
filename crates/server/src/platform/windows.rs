use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

pub(crate) async fn stop_signal() -> io::Result<()> {
    let (mut c, mut r#break) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    tokio::select! {
        _ = c.recv() => {}
        _ = r#break.recv() => {}
        _ = close.recv() => {}
        _ = shutdown.recv() => {}
    }
    Ok(())
}

/// Makes a folder and those above it. It inherits its parent's access list: under a user's profile
/// that is the user, administrators and the system.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Makes a new file; fails when there is one. It inherits its folder's access list.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Windows keeps no mode bits; the folder's access list decides.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    path.metadata().map(|_| true)
}
