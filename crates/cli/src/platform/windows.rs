use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tokio::{
    select,
    signal::windows::{ctrl_break, ctrl_c, ctrl_close},
};

/// Makes a folder. Folders under the user's own are private already.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Makes a file, private by its folder. One that is there is an error.
pub(crate) fn new_private_file(file: &Path) -> io::Result<File> {
    File::create_new(file)
}

/// Waits until the console wants the program to end.
pub(crate) async fn asked_to_end() -> io::Result<()> {
    let mut c = ctrl_c()?;
    let mut pause = ctrl_break()?;
    let mut close = ctrl_close()?;
    select! {
        _ = c.recv() => {}
        _ = pause.recv() => {}
        _ = close.recv() => {}
    }
    Ok(())
}
