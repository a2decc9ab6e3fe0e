use std::{fs, io, path::Path};

use tauri::{WebviewWindow, WebviewWindowBuilder, Wry};
use tokio::{
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions},
    select,
    signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown},
};
use windows_sys::Win32::UI::WindowsAndMessaging::{ASFW_ANY, AllowSetForegroundWindow};

pub(crate) use super::no_glass::Glass;
use crate::profile::Profile;

/// Nothing to set for the web view.
pub(crate) fn prepare() {}

/// There is always one.
pub(crate) fn find_screen() -> anyhow::Result<()> {
    Ok(())
}

/// Makes a folder. Folders under the user's own are private already.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Lets the web view keep its things in the profile.
pub(crate) fn keep_apart<'a>(
    builder: WebviewWindowBuilder<'a, Wry, tauri::AppHandle>,
    profile: &Profile,
) -> WebviewWindowBuilder<'a, Wry, tauri::AppHandle> {
    builder.data_directory(profile.file("page"))
}

/// Done by the `Permissions-Policy` header of `tauri.conf.json`, which this web view obeys.
pub(crate) fn keep_from_devices(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Where second starts knock: a named pipe whose name nobody can guess.
#[derive(Debug)]
pub(crate) struct Door {
    name: String,
    waiting: NamedPipeServer,
}

impl Door {
    /// Opens a door; returns it with its address.
    pub(crate) fn open(_profile: &Path) -> io::Result<(Self, String)> {
        let name = format!(r"\\.\pipe\jasmin-{}", uuid::Uuid::new_v4().simple());
        let waiting = ServerOptions::new()
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&name)?;
        Ok((
            Self {
                name: name.clone(),
                waiting,
            },
            name,
        ))
    }

    /// Waits for the next visitor.
    pub(crate) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        self.waiting.connect().await?;
        let next = ServerOptions::new()
            .reject_remote_clients(true)
            .create(&self.name)?;
        Ok(std::mem::replace(&mut self.waiting, next))
    }
}

/// Goes to a door, and lets who opens come to the front: only the program that was started last
/// may give that leave.
pub(crate) async fn knock(address: &str) -> io::Result<NamedPipeClient> {
    #[expect(unsafe_code, reason = "a call without pointers")]
    let permitted = unsafe { AllowSetForegroundWindow(ASFW_ANY) };
    if permitted == 0 {
        tracing::debug!("the other window may only blink in the task bar");
    }
    std::future::ready(ClientOptions::new().open(address)).await
}

/// Given by [`knock`] instead.
pub(crate) fn activation_token() -> Option<String> {
    None
}

/// Given by [`knock`] instead.
pub(crate) fn permit_front(_window: &WebviewWindow, _token: Option<&str>) -> tauri::Result<()> {
    Ok(())
}

/// Waits until the session or the console wants the program to end.
pub(crate) async fn asked_to_end() -> io::Result<()> {
    let mut c = ctrl_c()?;
    let mut pause = ctrl_break()?;
    let mut close = ctrl_close()?;
    let mut logoff = ctrl_logoff()?;
    let mut shutdown = ctrl_shutdown()?;
    select! {
        _ = c.recv() => {}
        _ = pause.recv() => {}
        _ = close.recv() => {}
        _ = logoff.recv() => {}
        _ = shutdown.recv() => {}
    }
    Ok(())
}
