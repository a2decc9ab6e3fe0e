use std::{ops::Deref, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use jasmin_vcam::Stand;
use serde_json::json;

use crate::{Desk, Driver, Page, Program, built, screen, until};

/// The app on a desk, under control. Everything of [`Page`] works on it.
#[derive(Debug)]
pub struct Window {
    page: Page,
    driver: Driver,
    screen: PathBuf,
    last: PathBuf,
}

impl Deref for Window {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Window {
    pub(crate) fn open(desk: &Desk) -> Result<Self> {
        let mut command = desk.environment(Command::new("WebKitWebDriver"));
        command.env("TAURI_WEBVIEW_AUTOMATION", "true");
        ensure!(
            Stand::library().is_some(),
            "the virtual camera is missing: `cargo xtask e2e` builds it"
        );
        command.envs(desk.cameras().environment(Some("jasmin-chat")));
        let driver = Driver::start(&mut command, "app", desk.folder())?;
        let binary = built("jasmin-chat")?;
        let options = json!({ "webkitgtk:browserOptions": { "binary": binary, "args": [] } });
        let session = driver.session(options).context("the app does not open")?;
        Ok(Self {
            page: Page::new(session),
            driver,
            screen: desk.screen().pixels().to_owned(),
            last: desk.folder().join("last.png"),
        })
    }

    /// The app's process, and whatever it started.
    pub fn program(&self) -> &Program {
        self.driver.program()
    }

    /// Closes the window as a person does, and waits until the app is gone.
    ///
    /// # Errors
    /// When it stays.
    pub fn close(self) -> Result<()> {
        self.page.session().close()?;
        let app = |id: &i32| {
            std::fs::read_link(format!("/proc/{id}/exe"))
                .is_ok_and(|exe| exe.file_name().is_some_and(|name| name == "jasmin-chat"))
        };
        until("the app to end", || {
            Ok((!self.driver.program().processes().iter().any(app)).then_some(()))
        })
    }
}

impl Drop for Window {
    /// Keeps the last sight of it beside the logs, for when the scenario fails right here.
    fn drop(&mut self) {
        let kept = screen::picture(&self.screen).and_then(|seen| seen.save(&self.last));
        // A screen that is gone has nothing to show.
        let _unseen = kept;
    }
}
