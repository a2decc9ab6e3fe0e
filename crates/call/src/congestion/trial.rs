//! When to make the estimator probe anew.

use std::time::{Duration, Instant};

/// An estimate below what demonstrably gets through is believed for no longer than this; nor is the
/// very first one.
const DISPROVED_FOR: Duration = Duration::from_secs(1);
/// An estimate that has not risen for so long is put to the test; each time in vain the next waits
/// twice as long.
const FIRST_AFTER: Duration = Duration::from_secs(4);
const AT_MOST_AFTER: Duration = Duration::from_secs(8);
/// What counts as a change.
const CHANGE: f64 = 1.08;

/// After loss, or where a late driver has spoilt a probe, the estimator creeps up, if at all. A restart
/// makes it probe. That costs a burst, so it is done seldom where it does not help.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    at_bps: f64,
    since: Instant,
    patience: Duration,
}

/// What a trial looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) estimate_bps: f64,
    /// Whether the path would take more, as far as can be seen, and more is of use.
    pub(super) promising: bool,
    /// Whether more than the estimate gets through.
    pub(super) disproved: bool,
}

impl Trial {
    pub(super) fn new(estimate_bps: f64, now: Instant) -> Self {
        Self {
            at_bps: estimate_bps,
            since: now,
            // At the beginning nothing is known.
            patience: DISPROVED_FOR,
        }
    }

    /// Returns whether the time has come.
    pub(super) fn is_due(&mut self, standing: Standing, now: Instant) -> bool {
        let Standing {
            estimate_bps,
            promising,
            disproved,
        } = standing;
        let risen = estimate_bps > self.at_bps * CHANGE;
        let fallen = estimate_bps * CHANGE < self.at_bps;
        if risen {
            self.patience = self.patience.min(FIRST_AFTER);
        }
        if risen || fallen {
            self.at_bps = estimate_bps;
        }
        if risen || !promising || (fallen && !disproved) {
            self.since = now;
        }
        let soon = disproved && self.patience <= FIRST_AFTER;
        let due = if soon { DISPROVED_FOR } else { self.patience };
        if now.duration_since(self.since) < due {
            return false;
        }
        self.since = now;
        self.patience = (self.patience * 2).min(AT_MOST_AFTER);
        true
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to begin with"
)]
mod tests {
    use super::*;

    const TENTH: Duration = Duration::from_millis(100);

    /// Returns the tenths of seconds of the first half minute at which the estimate is tested.
    fn tests(standing: impl Fn(u32) -> Standing) -> Vec<u32> {
        let start = Instant::now();
        let mut trial = Trial::new(standing(0).estimate_bps, start);
        (0..300)
            .filter(|tenth| trial.is_due(standing(*tenth), start + *tenth * TENTH))
            .collect()
    }

    const STUCK: Standing = Standing {
        estimate_bps: 500_000.0,
        promising: true,
        disproved: false,
    };

    #[test]
    fn a_stuck_estimate_is_tested_less_and_less_often() {
        // After 1, 2, 4, and then each 8 s.
        assert_eq!(tests(|_| STUCK), [10, 30, 70, 150, 230]);
        let idle = Standing {
            promising: false,
            ..STUCK
        };
        assert_eq!(tests(|_| idle), [0; 0], "there is enough already");
    }

    #[test]
    fn one_that_rises_is_left_alone() {
        let rising = tests(|tenth| Standing {
            estimate_bps: 500_000.0 * 1.02_f64.powi(tenth as i32),
            ..STUCK
        });
        assert_eq!(rising, [0; 0]);
    }

    #[test]
    fn one_that_is_known_to_be_too_low_is_tested_soon_even_while_it_falls() {
        let falling = |disproved| {
            tests(move |tenth| Standing {
                estimate_bps: 500_000.0 * 0.98_f64.powi(tenth as i32),
                disproved,
                ..STUCK
            })
        };
        assert_eq!(falling(true)[..3], [10, 20, 30]);
        assert_eq!(falling(false), [0; 0]);
    }
}
