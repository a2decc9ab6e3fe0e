//! Keyframes cost four times an ordinary frame. Both sides ask for them sparingly.

use std::time::{Duration, Instant};

const APART: Duration = Duration::from_secs(1);
/// The first one is the one that nothing can be shown without.
const APART_AT_FIRST: Duration = Duration::from_millis(300);

/// A wish for a keyframe that is repeated once a second until it is fulfilled, and never uttered more
/// often, but for the very first repetition. Used for the own encoder and, by PLI (RFC 4585, section 6.3.1), for the other side's.
#[derive(Debug, Default)]
pub(crate) struct KeyframeWish {
    wanted: bool,
    /// When it was uttered, or a keyframe came.
    last: Option<Instant>,
    /// How often, since the beginning or since somebody insisted.
    uttered: u32,
}

impl KeyframeWish {
    /// A keyframe is needed.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe is needed at once, however short ago the last one was.
    pub(crate) fn insist(&mut self) {
        self.wanted = true;
        self.last = None;
        self.uttered = 0;
    }

    /// A keyframe is there.
    pub(crate) fn fulfilled(&mut self, now: Instant) {
        self.wanted = false;
        self.last = Some(now);
    }

    /// Nobody needs one any more.
    pub(crate) fn forget(&mut self) {
        self.wanted = false;
    }

    /// Whether to utter the wish now.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.deadline(now).is_some_and(|at| at <= now);
        if due {
            self.last = Some(now);
            self.uttered += 1;
        }
        due
    }

    /// When to ask [`is_due`](Self::is_due).
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let apart = if self.uttered <= 1 {
            APART_AT_FIRST
        } else {
            APART
        };
        self.wanted
            .then(|| self.last.map_or(now, |last| last + apart))
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
    fn wishes_are_a_second_apart_and_none_is_lost() {
        let start = Instant::now();
        let mut wish = KeyframeWish::default();
        assert!(!wish.is_due(start));
        wish.want();
        assert!(wish.is_due(start));
        wish.fulfilled(start + 30 * MS);
        wish.want();
        assert!(
            wish.is_due(start + 330 * MS),
            "the first one may have been lost"
        );
        wish.fulfilled(start + 330 * MS);
        wish.want();
        assert!(!wish.is_due(start + 700 * MS), "one came 370 ms ago");
        assert_eq!(wish.deadline(start), Some(start + 1330 * MS));
        assert!(wish.is_due(start + 1330 * MS), "put off, not forgotten");
    }

    #[test]
    fn an_unheard_wish_is_repeated() {
        let start = Instant::now();
        let mut wish = KeyframeWish::default();
        wish.want();
        let uttered = (0..50)
            .filter(|i| wish.is_due(start + *i * 100 * MS))
            .count();
        assert_eq!(uttered, 6, "at once, after 300 ms, and then once a second");
        wish.fulfilled(start + 5000 * MS);
        assert!(!wish.is_due(start + 9000 * MS));
    }

    #[test]
    fn insisting_does_not_wait() {
        let start = Instant::now();
        let mut wish = KeyframeWish::default();
        wish.fulfilled(start);
        wish.insist();
        assert!(wish.is_due(start + MS));
        assert!(!wish.is_due(start + 2 * MS));
    }
}
