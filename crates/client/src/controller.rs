//! The application as one actor: it owns all state, hears everything through one queue, and tells
//! what it looks like through one [`View`]. Whatever waits for a network or a person runs beside it
//! and comes back as an input.

mod account;
mod actor;
mod call;
mod check;
pub mod chores;
mod devices;
mod disclosures;
mod ledger;
mod partners;
mod people;
mod policies;
mod prompts;
mod ring;
mod session;
mod snapshot;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    Command, Devices, Failure, FailureCode, FrameRequest, View,
    frames::{self, Stream},
    paint::VideoFrame,
    platform::{Profile, ProfileError},
    screen::Screens,
    vault::Vault,
};
use actor::{Actor, Input};

/// Inputs that wait for the actor.
const INPUTS: usize = 1024;
/// How long quitting may take before the program ends regardless.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a client is started with.
#[derive(Debug)]
pub struct Config {
    /// The profile: vault and lock live here.
    pub data_dir: PathBuf,
    /// The server, unless an account in the profile says otherwise.
    pub server: Option<String>,
    /// Which devices it uses.
    pub devices: Devices,
    /// Where the vault's key is kept.
    pub vault: VaultKey,
    /// Where what a person saves goes; `None`: the system's folder for downloads.
    pub downloads: Option<PathBuf>,
}

/// Where the vault's key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultKey {
    /// In the system's keyring; where that cannot be used, a person is asked what to do.
    Keyring,
    /// Nowhere: for programs without a person, whose profile ends with them.
    Session,
}

/// A handle to the running application. Copies are the same one.
#[derive(Clone)]
pub struct Controller {
    inputs: mpsc::Sender<Input>,
    views: watch::Receiver<Arc<View>>,
    screens: Arc<Screens>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Controller {
    /// Starts the application on this profile. Inside a tokio runtime.
    ///
    /// # Errors
    /// When the profile cannot be used: another process has it, or the folder cannot be written.
    pub fn start(config: Config) -> Result<Self, ProfileError> {
        let profile = Profile::lock(&config.data_dir)?;
        let vault = Vault::new(profile.dir());
        let (inputs, received) = mpsc::channel(INPUTS);
        let screens = Arc::new(Screens::default());
        let (actor, views) =
            Actor::new(config, profile, vault, inputs.clone(), Arc::clone(&screens));
        let task = tokio::spawn(actor.run(received));
        Ok(Self {
            inputs,
            views,
            screens,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        })
    }

    /// The newest snapshot, and a way to wait for the next.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Asks for something.
    ///
    /// # Errors
    /// A [`Failure`] that says why not.
    pub async fn dispatch(&self, command: Command) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let gone = || Failure {
            code: FailureCode::NotNow,
            detail: "the program is ending".to_owned(),
            field: None,
            retry_after_ms: None,
        };
        self.inputs
            .send(Input::Command(command, reply))
            .await
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits up to a second for pictures of a stream. Empty when there are none.
    pub async fn frames(&self, request: FrameRequest) -> Vec<u8> {
        let pictures = match request.stream {
            Stream::Remote => self.screens.remote(&request).await,
            Stream::Own => self.screens.own(&request).await,
            Stream::Clip => self.screens.clip().await,
        };
        let mut body = Vec::new();
        for picture in &pictures {
            frames::append(&mut body, picture);
        }
        body
    }

    /// Hands on the pictures of a stream as they come, for as long as this is waited for; `None` when
    /// there are none any more. The other side's are decoded here meanwhile, and a page that pulls them
    /// gets them raw.
    pub async fn paint(&self, stream: Stream, show: impl Fn(Option<VideoFrame>) + Send + Sync) {
        match stream {
            Stream::Remote => self.screens.paint_remote(show).await,
            Stream::Own => self.screens.paint_own(show).await,
            // Only the page knows the clip's clock.
            Stream::Clip => std::future::pending().await,
        }
    }

    /// Hangs up, says goodbye and stops. Takes five seconds at most.
    pub async fn quit(&self) {
        if self.inputs.send(Input::Quit).await.is_err() {
            return;
        }
        let Some(mut task) = self.task.lock().await.take() else {
            return;
        };
        if tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
            tracing::warn!("the goodbye took too long");
            task.abort();
        }
    }
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Controller")
    }
}
