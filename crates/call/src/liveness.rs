//! Whether the other side can be heard. `str0m` says "disconnected" only after most of a minute.

use std::time::{Duration, Instant};

/// Silence that counts as a disturbance worth a fresh start of the estimator.
const GAP: Duration = Duration::from_millis(900);
/// Silence that a person notices.
const SILENT: Duration = Duration::from_millis(1500);
/// Silence after which another way is looked for, and how often.
const RESTART: Duration = Duration::from_secs(6);
const RESTART_AGAIN: Duration = Duration::from_secs(6);
/// Silence that ends the call.
const GIVE_UP: Duration = Duration::from_secs(60);

/// What follows from time passing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing was heard for 1.5 s.
    Reconnecting { gives_up_at: Instant },
    /// Another way should be looked for.
    Restart,
    /// Nothing was heard for a minute.
    GaveUp,
}

/// What follows from hearing something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Business as usual.
    Usual,
    /// After a gap that nobody was told of.
    AfterGap,
    /// After [`Silence::Reconnecting`].
    Recovered,
}

/// Since when nothing was heard, and what has been said about it.
#[derive(Debug)]
pub(crate) struct Liveness {
    last_heard: Instant,
    reconnecting: bool,
    restart_at: Instant,
    gave_up: bool,
}

impl Liveness {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last_heard: now,
            reconnecting: false,
            restart_at: now + RESTART,
            gave_up: false,
        }
    }

    pub(crate) fn is_reconnecting(&self) -> bool {
        self.reconnecting
    }

    /// A packet of the other side came.
    pub(crate) fn hear(&mut self, now: Instant) -> Heard {
        let gap = now.saturating_duration_since(self.last_heard);
        self.last_heard = self.last_heard.max(now);
        self.restart_at = self.last_heard + RESTART;
        if std::mem::take(&mut self.reconnecting) {
            Heard::Recovered
        } else if gap > GAP {
            Heard::AfterGap
        } else {
            Heard::Usual
        }
    }

    /// A restart was tried for another reason: the next one is not due at once.
    pub(crate) fn restarted(&mut self, now: Instant) {
        self.restart_at = self.restart_at.max(now + RESTART_AGAIN);
    }

    /// Time has passed. Returns one thing at a time: call until `None`.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Silence> {
        let silent = now.saturating_duration_since(self.last_heard);
        if self.gave_up || silent < SILENT {
            return None;
        }
        if !self.reconnecting {
            self.reconnecting = true;
            return Some(Silence::Reconnecting {
                gives_up_at: self.last_heard + GIVE_UP,
            });
        }
        if silent >= GIVE_UP {
            self.gave_up = true;
            return Some(Silence::GaveUp);
        }
        if now >= self.restart_at {
            self.restart_at = now + RESTART_AGAIN;
            return Some(Silence::Restart);
        }
        None
    }

    /// Returns when [`advance`](Self::advance) has something to say.
    pub(crate) fn deadline(&self) -> Instant {
        if self.reconnecting {
            self.restart_at.min(self.last_heard + GIVE_UP)
        } else {
            self.last_heard + SILENT
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to begin with"
)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn gotcha_8_silence_is_noticed_restarted_and_given_up() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        assert_eq!(liveness.advance(start + 1499 * MS), None);
        assert_eq!(liveness.deadline(), start + 1500 * MS);
        let gives_up_at = start + 60_000 * MS;
        assert_eq!(
            liveness.advance(start + 1500 * MS),
            Some(Silence::Reconnecting { gives_up_at })
        );
        assert_eq!(liveness.advance(start + 1500 * MS), None, "said once");
        assert_eq!(liveness.deadline(), start + 6000 * MS);
        assert_eq!(liveness.advance(start + 6000 * MS), Some(Silence::Restart));
        assert_eq!(liveness.advance(start + 6001 * MS), None);
        assert_eq!(
            liveness.advance(start + 12_000 * MS),
            Some(Silence::Restart)
        );
        assert_eq!(liveness.advance(start + 60_000 * MS), Some(Silence::GaveUp));
        assert_eq!(liveness.advance(start + 70_000 * MS), None);
    }

    #[test]
    fn gotcha_9_a_short_gap_is_a_gap_and_a_long_one_a_recovery() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        assert_eq!(liveness.hear(start + 900 * MS), Heard::Usual);
        assert_eq!(liveness.hear(start + 1801 * MS), Heard::AfterGap);
        assert!(liveness.advance(start + 4000 * MS).is_some());
        assert_eq!(liveness.hear(start + 4001 * MS), Heard::Recovered);
        assert_eq!(liveness.hear(start + 4002 * MS), Heard::Usual);
        assert_eq!(liveness.deadline(), start + 5502 * MS);
    }

    #[test]
    fn a_clock_that_jumps_back_changes_nothing() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start + 1000 * MS);
        assert_eq!(liveness.hear(start), Heard::Usual);
        assert_eq!(liveness.advance(start), None);
    }
}
