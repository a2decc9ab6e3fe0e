use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
};

use uuid::{NoContext, Timestamp, Uuid};

/// Where the server's time comes from: every deadline and every timestamp in the store.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// Returns a fresh UUIDv7 (RFC 9562, section 5.7) of this clock's time.
    fn uuid_v7(&self) -> Uuid {
        let ms = u64::try_from(self.now_ms()).unwrap_or(0);
        let nanos = u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(Timestamp::from_unix(NoContext, ms / 1000, nanos))
    }
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    fn now_ms(&self) -> i64 {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Makes a clock that shows `now_ms`.
    pub fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Moves the clock; back when `by_ms` is negative.
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_carry_the_clocks_time() {
        let clock = ManualClock::at(1_790_000_000_123);
        let (seconds, nanos) = clock.uuid_v7().get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_790_000_000, 123_000_000));
        assert_ne!(clock.uuid_v7(), clock.uuid_v7(), "the rest is random");
    }
}
