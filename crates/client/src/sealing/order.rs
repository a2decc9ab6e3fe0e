use std::collections::{BTreeSet, HashMap};

use jasmin_protocol::{CallId, DeviceId, Signal, SignalBody};

use super::TOLERANCE_MS;

/// After this long without a message every repetition is refused by its date alone.
const KEEP_MS: i64 = 2 * TOLERANCE_MS + 1_000;
const SWEEP_ABOVE: usize = 64;
const REMEMBERED: usize = 128;

/// Why a message came at the wrong moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The same message came before.
    #[error("message number {counter} came before")]
    Replayed {
        /// Its number.
        counter: u64,
    },
    /// A later message of the same kind came before it.
    #[error("message number {counter} was overtaken by number {newest}")]
    Overtaken {
        /// Its number.
        counter: u64,
        /// The newest one of its lane.
        newest: u64,
    },
}

/// Numbers of the messages that this device sends. They start from the time, so that they also
/// grow when the program is started again in the middle of a call.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    last: u64,
}

impl Outgoing {
    pub(super) fn next(&mut self, now_ms: i64) -> u64 {
        self.last = self
            .last
            .saturating_add(1)
            .max(u64::try_from(now_ms).unwrap_or(0));
        self.last
    }
}

/// Numbers of the messages that came in, per call and sender.
#[derive(Debug, Default)]
pub(super) struct Incoming(HashMap<(CallId, DeviceId), Received>);

#[derive(Debug, Default)]
struct Received {
    newest: [u64; 2],
    remembered: BTreeSet<u64>,
    used_ms: i64,
}

impl Incoming {
    /// Takes note of a message whose signature and date were checked.
    pub(super) fn accept(&mut self, signal: &Signal, now_ms: i64) -> Result<(), OrderError> {
        self.sweep(now_ms);
        let received = self
            .0
            .entry((signal.call_id, signal.from.device_id))
            .or_default();
        received.accept(signal.counter, lane(&signal.body))?;
        received.used_ms = now_ms;
        Ok(())
    }

    fn sweep(&mut self, now_ms: i64) {
        if self.0.len() > SWEEP_ABOVE {
            self.0
                .retain(|_, received| now_ms.saturating_sub(received.used_ms) <= KEEP_MS);
        }
    }
}

impl Received {
    fn accept(&mut self, counter: u64, lane: Lane) -> Result<(), OrderError> {
        if self.remembered.contains(&counter) {
            return Err(OrderError::Replayed { counter });
        }
        let newest = &mut self.newest[lane as usize];
        if counter <= *newest {
            return Err(OrderError::Overtaken {
                counter,
                newest: *newest,
            });
        }
        *newest = counter;
        self.remembered.insert(counter);
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_first();
        }
        Ok(())
    }
}

/// Offers and answers wait in a mailbox, the rest is relayed at once: a candidate can rightly
/// overtake the answer that it belongs to. Within a lane nothing can.
#[derive(Clone, Copy, Debug)]
enum Lane {
    Mailbox = 0,
    Relay = 1,
}

fn lane(body: &SignalBody) -> Lane {
    match body {
        SignalBody::Offer { .. } | SignalBody::Answer { .. } => Lane::Mailbox,
        SignalBody::Reveal { .. }
        | SignalBody::Candidates { .. }
        | SignalBody::RestartOffer { .. }
        | SignalBody::RestartAnswer { .. } => Lane::Relay,
    }
}
