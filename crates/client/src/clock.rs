//! The server's time, as this machine knows it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// How far the server's clock is from this machine's. Copies share what they learn.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    offset_ms: Arc<AtomicI64>,
}

impl ServerClock {
    /// A clock that takes the server's to be the same as this machine's until it learns better.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server's time (Unix ms).
    pub fn now_ms(&self) -> i64 {
        local_ms().saturating_add(self.offset_ms())
    }

    /// What to add to this machine's time to get the server's.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Takes note of the server's time, read just now.
    pub fn learn(&self, server_ms: i64) {
        let now = local_ms();
        self.learn_between(now, now, server_ms);
    }

    /// Takes note of the server's time, read at some moment between two moments of this machine's.
    pub fn learn_between(&self, asked_ms: i64, answered_ms: i64, server_ms: i64) {
        let middle = asked_ms.saturating_add(answered_ms.saturating_sub(asked_ms) / 2);
        self.offset_ms
            .store(server_ms.saturating_sub(middle), Ordering::Relaxed);
    }

    /// The server's time as this machine's clock would show it: for words about "when" in the page.
    pub fn to_local_ms(&self, server_ms: i64) -> i64 {
        server_ms.saturating_sub(self.offset_ms())
    }
}

/// This machine's time (Unix ms).
pub fn local_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_from_the_middle_of_the_round_trip() {
        let clock = ServerClock::new();
        clock.learn_between(1_000, 1_200, 61_100);
        assert_eq!(clock.offset_ms(), 60_000);
        assert_eq!(clock.to_local_ms(61_100), 1_100);
    }

    #[test]
    fn copies_share_what_they_learn() {
        let clock = ServerClock::new();
        let copy = clock.clone();
        clock.learn(local_ms() - 600_000);
        assert!(
            (copy.offset_ms() + 600_000).abs() < 1_000,
            "ten minutes behind"
        );
        assert!((copy.now_ms() - (local_ms() - 600_000)).abs() < 1_000);
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        let clock = ServerClock::new();
        clock.learn(i64::MAX);
        assert!(clock.now_ms() > 0);
        clock.learn(i64::MIN);
        assert!(clock.now_ms() <= 0);
    }
}
