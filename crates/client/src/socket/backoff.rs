use std::time::Duration;

use crate::api::fraction_of;

const FIRST: Duration = Duration::from_millis(250);
const BASE: Duration = Duration::from_secs(1);
/// While the server is gone for a moment only, as for an update: who is rung waits 45 s.
const CAP_AT_FIRST: Duration = Duration::from_secs(8);
/// So many tries, about a minute.
const AT_FIRST: u32 = 16;
const CAP: Duration = Duration::from_secs(120);

/// Pauses between tries: the first is short, the others grow with full jitter, so that the clients
/// of a server that was away do not all come back at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let longest = self.longest();
        self.tries = self.tries.saturating_add(1);
        fraction_of(longest)
    }

    /// The connection held: the next trouble is a new one.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    fn longest(&self) -> Duration {
        match self.tries {
            0 => FIRST,
            tries if tries < AT_FIRST => BASE
                .saturating_mul(1 << (tries - 1).min(16))
                .min(CAP_AT_FIRST),
            tries => CAP_AT_FIRST
                .saturating_mul(2 << (tries - AT_FIRST).min(16))
                .min(CAP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_from_a_quarter_second_to_two_minutes() {
        let mut backoff = Backoff::default();
        let mut longest = Vec::new();
        for _ in 0..22 {
            longest.push(backoff.longest().as_millis());
            assert!(backoff.longest() >= backoff.next(), "within its limit");
        }
        assert_eq!(longest[..6], [250, 1_000, 2_000, 4_000, 8_000, 8_000]);
        let later = [8_000, 16_000, 32_000, 64_000, 120_000, 120_000];
        assert_eq!(longest[15..21], later);
        backoff.reset();
        assert_eq!(backoff.longest(), FIRST);
    }

    #[test]
    fn never_overflows() {
        let backoff = Backoff { tries: u32::MAX };
        assert_eq!(backoff.longest(), CAP);
    }
}
