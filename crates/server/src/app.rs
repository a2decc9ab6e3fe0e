use std::{
    fmt,
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use jasmin_protocol::{CallId, Event, MessageId};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config,
    bus::{Bus, Note},
    keys::Keys,
    limits::Limiter,
    metrics::Metrics,
    problem::Failure,
    store::{Address, NewMail, Store, Tx},
};

/// What every request, socket and task of one server shares.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    /// Held as long as this process uses the data folder.
    pub(crate) folder_lock: File,
    pub(crate) keys: Keys,
    pub(crate) bus: Box<dyn Bus>,
    pub(crate) limiter: Limiter,
    pub(crate) metrics: Metrics,
    /// Where mail can be read, on a loopback server.
    pub(crate) outbox_url: Option<String>,
    /// There is a new deadline.
    pub(crate) deadlines: Notify,
    /// There is a new mail.
    pub(crate) mails: Notify,
    /// Somebody decided what partners may have.
    pub(crate) shares: Notify,
    /// Cancelled when the server is about to stop.
    pub(crate) draining: CancellationToken,
    /// Everything that a stop waits for.
    pub(crate) tasks: TaskTracker,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The routers' state.
pub(crate) type Shared = Arc<App>;

/// How long events other than rings wait for their device.
const EVENT_DAYS: i64 = 30;

/// An event for one device.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) to: Address,
    pub(crate) event: Event,
}

/// Devices that have mail as soon as the transaction is committed.
#[must_use = "a device that is not woken learns of its mail with its next heartbeat"]
#[derive(Debug)]
pub(crate) struct Woken(Vec<Address>);

impl App {
    pub(crate) fn now_ms(&self) -> i64 {
        self.config.clock.now_ms()
    }

    /// Puts a transaction's events into the mailboxes: once per transaction.
    pub(crate) async fn post(&self, tx: &mut Tx, letters: Vec<Letter>) -> Result<Woken, Failure> {
        let woken = letters.iter().map(|letter| letter.to).collect();
        let mails = letters
            .into_iter()
            .map(|letter| self.mail(letter))
            .collect::<Result<_, _>>()?;
        tx.put_mail(mails).await?;
        Ok(Woken(woken))
    }

    /// Tells the devices' sockets, after the commit.
    pub(crate) fn wake(&self, woken: Woken) {
        for address in woken.0 {
            self.bus.publish(address, Note::Wake);
        }
    }

    fn mail(&self, letter: Letter) -> Result<NewMail, Failure> {
        let (ring_of, expires_ms) = lifetime(&letter.event, self.now_ms());
        let msg_id = MessageId(self.config.clock.uuid_v7());
        let event = serde_json::to_vec(&letter.event)
            .map_err(|error| Failure::internal(error.to_string()))?;
        let event_box = self.keys.data.seal(&mail_context(msg_id), &event)?;
        Ok(NewMail {
            to: letter.to,
            msg_id,
            ring_of,
            expires_ms,
            event_box,
        })
    }

    /// Reads an event back out of its box.
    pub(crate) fn open_mail(&self, msg_id: MessageId, event_box: &[u8]) -> Result<Event, Failure> {
        let event = self.keys.data.open(&mail_context(msg_id), event_box)?;
        serde_json::from_slice(&event).map_err(|_| Failure::internal("an event cannot be read"))
    }

    pub(crate) fn count(&self, counter: impl Fn(&Metrics) -> &AtomicU64) {
        counter(&self.metrics).fetch_add(1, Relaxed);
    }
}

fn mail_context(msg_id: MessageId) -> String {
    format!("event:{msg_id}")
}

fn lifetime(event: &Event, now_ms: i64) -> (Option<CallId>, i64) {
    match event {
        Event::CallRing {
            call_id,
            deadline_ms,
            ..
        } => (Some(*call_id), *deadline_ms),
        Event::ContactRequested { .. }
        | Event::ContactAccepted { .. }
        | Event::ContactRemoved { .. }
        | Event::CallAnswered { .. }
        | Event::CallTakenElsewhere { .. }
        | Event::CallOver { .. }
        | Event::ConsentsChanged { .. }
        | Event::SharesChanged
        | Event::KeyChanged { .. } => (None, now_ms + EVENT_DAYS * 86_400_000),
    }
}
