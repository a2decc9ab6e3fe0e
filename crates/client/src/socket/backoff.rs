use std::time::Duration;

use crate::api::fraction_of;

const FIRST: Duration = Duration::from_millis(250);
const BASE: Duration = Duration::from_secs(1);
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
            tries => BASE.saturating_mul(1 << (tries - 1).min(16)).min(CAP),
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
        for _ in 0..12 {
            longest.push(backoff.longest().as_millis());
            assert!(backoff.longest() >= backoff.next(), "within its limit");
        }
        let expected = [
            250, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000,
        ];
        assert_eq!(longest[..11], expected);
        backoff.reset();
        assert_eq!(backoff.longest(), FIRST);
    }

    #[test]
    fn never_overflows() {
        let backoff = Backoff { tries: u32::MAX };
        assert_eq!(backoff.longest(), CAP);
    }
}
