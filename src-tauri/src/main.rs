//! The window of Jasmin Chat: shows [`View`](jasmin_client::View)s, carries
//! [`Command`](jasmin_client::Command)s, hands out pictures. It decides nothing.
//!
//! Environment: `JASMIN_API` (server URL), `JASMIN_DATA_DIR` (profile folder), `JASMIN_LOG` (what
//! to write to standard error, as `tracing` filters).

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod announce;
mod commands;
mod glass;
mod instance;
mod place;
mod platform;
mod profile;
mod quit;
mod window;

use std::{
    env,
    io::{self, IsTerminal, Write},
    panic,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use jasmin_client::{Config, Controller, Devices, VaultKey};
use tauri::{AppHandle, Emitter, Manager, RunEvent, WindowEvent};
use tracing_subscriber::EnvFilter;

use crate::{
    announce::Doorbell,
    glass::Covering,
    instance::{Claim, Reception},
    profile::Profile,
    quit::Quit,
};

/// What is written to standard error unless `JASMIN_LOG` says otherwise.
const QUIET: &str = "warn,jasmin=info";

fn main() -> ExitCode {
    platform::prepare();
    panic::set_hook(Box::new(|fault| {
        say(&format!("Jasmin Chat hit a fault in itself: {fault}"))
    }));

    match run() {
        Ok(code) => code,
        Err(error) => {
            say(&format!("Jasmin Chat cannot start: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    log()?;
    let profile = Profile::open(data_dir()?)?;
    let (lock, reception) = match tauri::async_runtime::block_on(instance::claim(&profile))? {
        Claim::First(lock, reception) => (lock, reception),
        Claim::Shown => {
            tracing::info!("this profile has a window already; it was shown");
            return Ok(ExitCode::SUCCESS);
        }
    };

    platform::find_screen()?;
    let config = Config {
        data_dir: profile.folder().to_owned(),
        server: env::var("JASMIN_API").ok().filter(|url| !url.is_empty()),
        devices: Devices::System,
        vault: VaultKey::Keyring,
        downloads: None,
    };
    let controller = tauri::async_runtime::block_on(async { Controller::start(config) })?;

    let app = tauri::Builder::default()
        .manage(controller)
        .manage(profile)
        .manage(lock)
        .manage(Doorbell::default())
        .manage(Covering::default())
        .manage(Quit::default())
        .invoke_handler(tauri::generate_handler![
            commands::view,
            commands::dispatch,
            commands::frames,
            commands::cover
        ])
        .setup(|app| Ok(open(app.handle(), reception)?))
        .build(tauri::generate_context!())
        .context("the window system cannot be used")?;

    let code = app.run_return(|app, event| {
        if let RunEvent::WindowEvent {
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } = event
        {
            api.prevent_close();
            quit::begin(app);
        } else if let RunEvent::ExitRequested {
            code: None, api, ..
        } = event
        {
            api.prevent_exit();
            quit::begin(app);
        }
    });
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Opens the window, and ties it to the application.
fn open(app: &AppHandle, reception: Reception) -> tauri::Result<()> {
    window::open(app)?;

    let raise = app.clone();
    quit::until_then(
        app,
        reception.listen(move |token| window::raise(&raise, token)),
    );

    let page = app.clone();
    let ring = move |revision| {
        if let Err(error) = page.emit_to(window::LABEL, announce::EVENT, revision) {
            tracing::warn!(%error, "the page cannot be told of a change");
        }
    };
    let views = app.state::<Controller>().views();
    tauri::async_runtime::spawn(app.state::<Doorbell>().watch(views, ring));

    quit::on_signal(app.clone());
    Ok(())
}

fn data_dir() -> anyhow::Result<PathBuf> {
    match env::var_os("JASMIN_DATA_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => jasmin_client::platform::default_data_dir()
            .context("no home folder is known; set JASMIN_DATA_DIR"),
    }
}

fn log() -> anyhow::Result<()> {
    let wanted = env::var("JASMIN_LOG").unwrap_or_else(|_| QUIET.to_owned());
    let filter = EnvFilter::try_new(wanted).context("JASMIN_LOG cannot be understood")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    Ok(())
}

/// One line for who looks at standard error. When nobody can, nobody is told.
fn say(line: &str) {
    let _unheard = writeln!(io::stderr(), "{line}");
}
