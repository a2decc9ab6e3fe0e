//! Shared by Linux and macOS.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use tokio::{
    net::{UnixListener, UnixStream},
    select,
    signal::unix::{SignalKind, signal},
};

const SOCKET: &str = "window.sock";

/// What every system takes as a socket's path (macOS: 104 bytes with the final zero).
const LONGEST: usize = 103;

/// Makes a folder, and those above it, that only its owner can enter.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Where second starts knock.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    socket: PathBuf,
    /// Made for the socket alone, because the profile's path is too long for one.
    folder: Option<PathBuf>,
}

impl Door {
    /// Opens a door in a private folder; returns it with its address. The caller holds the
    /// folder's lock: a socket that is there was left behind.
    pub(crate) fn open(profile: &Path) -> io::Result<(Self, String)> {
        let mut socket = profile.join(SOCKET);
        let mut folder = None;
        if socket.as_os_str().as_bytes().len() > LONGEST || socket.to_str().is_none() {
            let own =
                std::env::temp_dir().join(format!("jasmin-{}", uuid::Uuid::new_v4().simple()));
            DirBuilder::new().mode(0o700).create(&own)?;
            socket = own.join(SOCKET);
            folder = Some(own);
        }
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let address = socket
            .to_str()
            .ok_or(io::ErrorKind::InvalidFilename)?
            .to_owned();
        let listener = UnixListener::bind(&socket)?;
        Ok((
            Self {
                listener,
                socket,
                folder,
            },
            address,
        ))
    }

    /// Waits for the next visitor.
    pub(crate) async fn accept(&mut self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let removed = fs::remove_file(&self.socket)
            .and_then(|()| self.folder.as_ref().map_or(Ok(()), fs::remove_dir));
        if let Err(error) = removed {
            tracing::debug!(%error, "the door stays behind");
        }
    }
}

/// Goes to a door.
pub(crate) async fn knock(address: &str) -> io::Result<UnixStream> {
    UnixStream::connect(address).await
}

/// Waits until the system, the session or the terminal wants the program to end.
pub(crate) async fn asked_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
