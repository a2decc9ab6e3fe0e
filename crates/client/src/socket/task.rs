use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use jasmin_protocol::ClientMessage;

use super::{
    SocketEvent, TokenSource,
    backoff::Backoff,
    dial::{Dial, DialError, Wire},
    seen::Seen,
};
use crate::{
    api::ApiError,
    clock::{ServerClock, local_ms},
    redact::Secret,
};

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// A connection that held this long was no part of the last trouble.
const STABLE_AFTER: Duration = Duration::from_secs(10);
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(10);

/// The task behind a [`Socket`](super::Socket).
pub(super) struct Task<D> {
    pub(super) dial: D,
    pub(super) tokens: Arc<dyn TokenSource>,
    pub(super) clock: ServerClock,
    pub(super) events: mpsc::Sender<SocketEvent>,
    pub(super) relays: mpsc::Receiver<ClientMessage>,
    pub(super) acked: watch::Receiver<i64>,
    pub(super) online: Arc<AtomicBool>,
    pub(super) wake: Arc<Notify>,
    pub(super) cancel: CancellationToken,
    pub(super) seen: Seen,
    /// Where to resume: what was acknowledged, or 0 when the server's mailbox starts anew.
    pub(super) resume_seq: i64,
}

/// How a connection, or the attempt at one, was over.
#[derive(Debug)]
pub(super) enum Over {
    /// We want no more.
    Cancelled,
    /// Nobody reads our events any more.
    Deaf,
    /// The server ended the sign-in.
    Revoked,
    /// There is no use in trying again.
    Refused { detail: String },
    /// The server did not take the token.
    TokenRejected { token: Secret },
    /// The server's mailbox is behind what we know.
    MailboxRestarted,
    /// To be tried again; after this long, if the server said so.
    Lost {
        reason: String,
        after: Option<Duration>,
    },
}

impl Over {
    pub(super) fn lost(reason: impl Into<String>) -> Self {
        Self::Lost {
            reason: reason.into(),
            after: None,
        }
    }

    pub(super) fn rate_limited() -> Self {
        Self::Lost {
            reason: "too many messages".to_owned(),
            after: Some(RATE_LIMIT_PAUSE),
        }
    }
}

impl<D: Dial> Task<D> {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut rejected: Option<Secret> = None;
        let mut resumed = true;
        loop {
            let (over, held) = self.connect_and_serve(rejected.take(), resumed).await;
            self.online.store(false, Ordering::Relaxed);
            if held >= STABLE_AFTER {
                backoff.reset();
                resumed = true;
            }
            let (reason, after) = match over {
                Over::Cancelled | Over::Deaf => return,
                Over::Revoked => {
                    self.tokens.revoked().await;
                    return self.tell_last(SocketEvent::Revoked).await;
                }
                Over::Refused { detail } => {
                    return self.tell_last(SocketEvent::Refused { detail }).await;
                }
                Over::MailboxRestarted => {
                    self.seen.restart();
                    self.resume_seq = 0;
                    resumed = false;
                    continue;
                }
                Over::TokenRejected { token } => {
                    rejected = Some(token);
                    ("the access token was not taken".to_owned(), None)
                }
                Over::Lost { reason, after } => (reason, after),
            };
            let pause = after.unwrap_or_default().max(backoff.next());
            tracing::debug!(%reason, ?pause, "the socket is offline");
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            let retry_at_ms = local_ms().saturating_add(pause_ms);
            if self
                .events
                .send(SocketEvent::Offline {
                    retry_at_ms,
                    reason,
                })
                .await
                .is_err()
            {
                return;
            }
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// One connection, from the first packet to the last. Also says how long it held.
    async fn connect_and_serve(
        &mut self,
        rejected: Option<Secret>,
        resumed: bool,
    ) -> (Over, Duration) {
        let connected = tokio::select! {
            () = self.cancel.cancelled() => Err(Over::Cancelled),
            connected = self.connect(rejected) => connected,
        };
        let (wire, token) = match connected {
            Ok(connected) => connected,
            Err(over) => return (over, Duration::ZERO),
        };
        let since = Instant::now();
        let over = self.serve(wire, token, resumed).await;
        (over, since.elapsed())
    }

    async fn connect(&self, rejected: Option<Secret>) -> Result<(Wire, Secret), Over> {
        let token = match self.tokens.access_token(rejected.as_ref()).await {
            Ok(token) => token,
            Err(ApiError::Revoked) => return Err(Over::Revoked),
            Err(error) => return Err(Over::lost(error.to_string())),
        };
        match tokio::time::timeout(CONNECT_PATIENCE, self.dial.dial()).await {
            Ok(Ok(wire)) => Ok((wire, token)),
            Ok(Err(DialError::OtherProtocol)) => {
                let detail = "the server speaks another version of the protocol".to_owned();
                Err(Over::Refused { detail })
            }
            Ok(Err(DialError::Failed {
                reason,
                retry_after,
            })) => Err(Over::Lost {
                reason,
                after: retry_after,
            }),
            Err(_) => Err(Over::lost("no connection in time")),
        }
    }

    /// The last word, unless nobody listens any more or is to.
    async fn tell_last(&self, event: SocketEvent) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            _ = self.events.send(event) => {}
        }
    }
}
