//! The live connection to the server: events from the mailbox, relayed messages, heartbeats.
//!
//! One task holds it. It connects again by itself, with growing random pauses, resumes after the
//! last acknowledged event, and shows each event once.

mod backoff;
mod connection;
mod dial;
mod seen;
mod task;
#[cfg(test)]
mod tests;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jasmin_protocol::{CallId, ClientMessage, DeviceId, Event, MessageId, Problem, Sealed};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{ApiError, ServerUrl},
    clock::ServerClock,
    redact::Secret,
};
use dial::{Dial, ServerDial};
use seen::Seen;
use task::Task;

const EVENT_QUEUE: usize = 64;
const RELAY_QUEUE: usize = 64;

/// What the socket tells.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketEvent {
    /// Connected, and the mailbox follows. `resumed` is false when the server's mailbox is not the
    /// one that this device knows: read contacts and calls anew.
    Online {
        /// See above.
        resumed: bool,
    },
    /// Not connected; tried again at this time (this machine's Unix ms).
    Offline {
        /// When.
        retry_at_ms: i64,
        /// Why, without personal data.
        reason: String,
    },
    /// Something happened. To be stored, then acknowledged by [`Socket::ack`].
    Event {
        /// Its place in the mailbox.
        seq: i64,
        /// The same in every repetition.
        msg_id: MessageId,
        /// What.
        event: Event,
    },
    /// A message from the other device in a call. May come twice or never.
    Relay {
        /// The call.
        call_id: CallId,
        /// From which device.
        from: DeviceId,
        /// The message.
        sealed: Sealed,
    },
    /// The server did not do what the last message asked for.
    Problem(Problem),
    /// The sign-in was ended. The socket is over.
    Revoked,
    /// This app and this server do not fit, or the same device is connected from elsewhere. The
    /// socket is over.
    Refused {
        /// Why.
        detail: String,
    },
}

/// Where the socket gets its access token from.
pub trait TokenSource: Send + Sync + 'static {
    /// A token that is still good; `rejected` is one that the server refused.
    fn access_token<'a>(
        &'a self,
        rejected: Option<&'a Secret>,
    ) -> Pin<Box<dyn Future<Output = Result<Secret, ApiError>> + Send + 'a>>;

    /// The server says on the socket that the sign-in was ended.
    fn revoked(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The near end of the connection. Dropping it ends the connection; nothing here waits.
#[derive(Debug)]
pub struct Socket {
    relays: mpsc::Sender<ClientMessage>,
    acked: watch::Sender<i64>,
    online: Arc<AtomicBool>,
    wake: Arc<Notify>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// What [`Socket::open`] needs.
#[expect(missing_debug_implementations, reason = "a token source has none")]
pub struct SocketOptions {
    /// The server.
    pub server: ServerUrl,
    /// Its time: learned here.
    pub clock: ServerClock,
    /// Access tokens.
    pub tokens: Arc<dyn TokenSource>,
    /// The last event that is stored here.
    pub resume_seq: i64,
    /// Ends the connection.
    pub cancel: CancellationToken,
}

impl Socket {
    /// Connects, and stays connected until `cancel` or [`SocketEvent::Revoked`] or
    /// [`SocketEvent::Refused`]. The receiver is to be read: while it is full nothing is read from the
    /// server.
    pub fn open(options: SocketOptions) -> (Self, mpsc::Receiver<SocketEvent>) {
        let dial = ServerDial::new(options.server.clone());
        Self::open_by(dial, options)
    }

    fn open_by(dial: impl Dial, options: SocketOptions) -> (Self, mpsc::Receiver<SocketEvent>) {
        let SocketOptions {
            clock,
            tokens,
            resume_seq,
            cancel,
            ..
        } = options;
        let (events, received) = mpsc::channel(EVENT_QUEUE);
        let (relays, to_relay) = mpsc::channel(RELAY_QUEUE);
        let (acked, acked_so_far) = watch::channel(resume_seq);
        let cancel = cancel.child_token();
        let online = Arc::new(AtomicBool::new(false));
        let wake = Arc::new(Notify::new());
        let task = Task {
            dial,
            tokens,
            clock,
            events,
            relays: to_relay,
            acked: acked_so_far,
            online: online.clone(),
            wake: wake.clone(),
            cancel: cancel.clone(),
            seen: Seen::up_to(resume_seq),
            resume_seq,
        };
        let task = tokio::spawn(task.run());
        (
            Self {
                relays,
                acked,
                online,
                wake,
                cancel,
                task,
            },
            received,
        )
    }

    /// Everything up to and including `seq` is stored here.
    pub fn ack(&self, seq: i64) {
        self.acked.send_replace(seq);
    }

    /// Passes a message on to a device in a call. `false` when it cannot be sent now: not connected,
    /// or too many wait. Nothing is kept for later.
    pub fn relay(&self, call_id: CallId, to: DeviceId, sealed: Sealed) -> bool {
        self.online.load(Ordering::Relaxed)
            && self
                .relays
                .try_send(ClientMessage::Relay {
                    call_id,
                    to,
                    sealed,
                })
                .is_ok()
    }

    /// Tries again at once: the network is back, or the machine woke up. Checks a connection that
    /// seems to stand.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Says goodbye, and waits until that is done.
    pub async fn close(mut self) {
        self.cancel.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the socket's task failed");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
