//! What differs between operating systems: how a process is asked to stop and how a file is kept to
//! its owner.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

pub(crate) use os::{create_private_dir, create_private_file, is_private};

/// Waits until this process is asked to stop (SIGTERM or SIGINT; on Windows Ctrl-C, Ctrl-Break or
/// the end of the session).
pub async fn stop_signal() -> std::io::Result<()> {
    os::stop_signal().await
}
