//! Ending: hang up, say goodbye, stop softly, or be ended.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jasmin_client::Controller;
use tauri::{AppHandle, Manager, async_runtime::JoinHandle};
use tokio::time::timeout;

use crate::{place, platform, window};

/// The application gives its own goodbye five seconds; this is for when it is stuck.
const LONGEST: Duration = Duration::from_secs(6);

/// Whether the application is ending, and what ends with the first word of it.
#[derive(Debug, Default)]
pub(crate) struct Quit(Mutex<Phase>);

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Starting,
    /// With the task that answers second starts: from the goodbye on they wait and start afresh.
    Running(JoinHandle<()>),
    Ending,
}

impl Quit {
    fn enter(&self, next: Phase) -> Phase {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *phase, next)
    }
}

/// Answers second starts until the application ends.
pub(crate) fn until_then(app: &AppHandle, reception: impl Future<Output = ()> + Send + 'static) {
    let task = tauri::async_runtime::spawn(reception);
    app.state::<Quit>().enter(Phase::Running(task));
}

/// Ends the application. A second call changes nothing.
pub(crate) fn begin(app: &AppHandle) {
    match app.state::<Quit>().enter(Phase::Ending) {
        Phase::Ending => return,
        Phase::Running(reception) => reception.abort(),
        Phase::Starting => {}
    }
    tracing::info!("quitting");
    if let Some(window) = app.get_webview_window(window::LABEL) {
        place::remember(&window);
        if let Err(error) = window.hide() {
            tracing::debug!(%error, "the window stays until the end");
        }
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let controller = app.state::<Controller>().inner().clone();
        if timeout(LONGEST, controller.quit()).await.is_err() {
            tracing::warn!("the goodbye took too long");
        }
        app.exit(0);
    });
}

/// Ends the application when the system or the terminal asks for it.
pub(crate) fn on_signal(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        match platform::asked_to_end().await {
            Ok(()) => begin(&app),
            Err(error) => tracing::warn!(%error, "requests to end cannot be heard"),
        }
    });
}
