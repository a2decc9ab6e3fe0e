//! How long a repeated step took lately.

use std::time::Duration;

/// How many measurements are looked at.
const KEPT: usize = 128;

/// The last durations of a step that runs once a frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timings {
    recent: Vec<Duration>,
    next: usize,
}

impl Timings {
    pub(crate) fn note(&mut self, took: Duration) {
        if self.recent.len() < KEPT {
            self.recent.push(took);
        } else {
            self.recent[self.next] = took;
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// Returns the median and the 95th percentile; zero when there is nothing yet.
    pub(crate) fn percentiles(&self) -> (Duration, Duration) {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        let at = |hundredths: usize| {
            let last = sorted.len().saturating_sub(1);
            sorted
                .get(last * hundredths / 100)
                .copied()
                .unwrap_or_default()
        };
        (at(50), at(95))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_follow_the_latest_measurements() {
        let mut timings = Timings::default();
        assert_eq!(timings.percentiles(), (Duration::ZERO, Duration::ZERO));
        for _ in 0..KEPT {
            timings.note(Duration::from_secs(9));
        }
        for ms in 0..KEPT as u64 {
            timings.note(Duration::from_millis(ms));
        }
        assert_eq!(
            timings.percentiles(),
            (Duration::from_millis(63), Duration::from_millis(120))
        );
    }
}
