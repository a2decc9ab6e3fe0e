//! Stands in for the application until it can be started; shows the start page of a signed-out
//! profile.

use std::{path::PathBuf, sync::Arc};

use jasmin_client::*;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Option<String>,
    pub(crate) version: String,
    pub(crate) devices: Devices,
}

#[derive(Debug)]
pub(crate) enum Devices {
    Real,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FrameRequest {
    pub(crate) need_key: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Controller(Arc<watch::Sender<Arc<View>>>);

impl Controller {
    pub(crate) fn start(config: Config) -> Self {
        tracing::info!(?config.devices, version = config.version, folder = %config.data_dir.display(), "start");
        let view = View {
            revision: 1,
            server: ServerView {
                url: config
                    .server
                    .unwrap_or_else(|| "http://127.0.0.1:8420".into()),
                link: LinkView::Idle,
                outbox_url: None,
            },
            vault: VaultView::Open {
                keeper: VaultKeeper::Session,
            },
            account: AccountView::SignedOut,
            people: Vec::new(),
            requests: Vec::new(),
            asked: Vec::new(),
            log: Vec::new(),
            call: None,
            waiting: None,
            prompt: None,
            consents: Vec::new(),
            devices: DevicesView {
                cameras: Vec::new(),
                microphones: Vec::new(),
                speakers: Vec::new(),
                camera: None,
                microphone: None,
                speaker: None,
                processing: Processing {
                    echo_cancellation: true,
                    noise_suppression: true,
                    automatic_gain: true,
                },
            },
            check: None,
            sending: SendingView {
                camera: false,
                microphone: false,
                to: None,
            },
        };
        Self(Arc::new(watch::channel(Arc::new(view)).0))
    }

    pub(crate) fn views(&self) -> watch::Receiver<Arc<View>> {
        self.0.subscribe()
    }

    pub(crate) async fn dispatch(&self, command: Command) -> Result<(), Failure> {
        tokio::task::yield_now().await;
        if let Command::SetServer { url } = command {
            self.0.send_modify(|view| {
                let view = Arc::make_mut(view);
                view.revision += 1;
                view.server.url = url;
            });
            return Ok(());
        }
        Err(Failure {
            code: FailureCode::NotNow,
            detail: format!("{command:?} has to wait"),
            field: None,
            retry_after_ms: None,
        })
    }

    pub(crate) async fn frames(&self, _request: FrameRequest) -> Vec<u8> {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Vec::new()
    }

    pub(crate) async fn quit(&self) {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn default_data_dir() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".local/share/jasmin-chat"))
}
