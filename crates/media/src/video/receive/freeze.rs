//! How smooth the picture is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Intervals that the mean is taken over.
const MEAN_OVER: usize = 30;
/// Pauses below this are never called a freeze.
const LEAST: Duration = Duration::from_millis(150);
/// The window of the frame rate.
const WINDOW: Duration = Duration::from_secs(2);

/// Watches the times at which pictures are shown.
#[derive(Debug, Default)]
pub(super) struct FreezeWatch {
    last: Option<Instant>,
    intervals: VecDeque<Duration>,
    recent: VecDeque<(Instant, usize)>,
    freezes: u64,
    frozen: Duration,
}

impl FreezeWatch {
    /// Notes that `count` pictures were shown.
    pub(super) fn shown(&mut self, now: Instant, count: usize) {
        if let Some(last) = self.last {
            let interval = now.saturating_duration_since(last);
            if self.intervals.len() >= 5 && interval > self.limit() {
                self.freezes += 1;
                self.frozen += interval;
            } else {
                if self.intervals.len() == MEAN_OVER {
                    self.intervals.pop_front();
                }
                self.intervals.push_back(interval);
            }
        }
        self.last = Some(now);
        self.recent.push_back((now, count));
        while self
            .recent
            .front()
            .is_some_and(|&(at, _)| now.saturating_duration_since(at) > WINDOW)
        {
            self.recent.pop_front();
        }
    }

    /// Says that the pause which begins here is nobody's fault.
    pub(super) fn pause(&mut self) {
        self.last = None;
    }

    fn limit(&self) -> Duration {
        let count = u32::try_from(self.intervals.len()).unwrap_or(1).max(1);
        let mean = self.intervals.iter().sum::<Duration>() / count;
        (mean * 3).max(LEAST)
    }

    pub(super) fn fps(&self, now: Instant) -> f32 {
        let within = |at: &Instant| now.saturating_duration_since(*at) <= WINDOW;
        let recent = || self.recent.iter().filter(|(at, _)| within(at));
        let shown: usize = recent().map(|&(_, count)| count).sum();
        // Before the window is full, over the time there was.
        let since = recent()
            .next()
            .map_or(WINDOW, |&(at, _)| now.saturating_duration_since(at));
        let over = since.clamp(Duration::from_millis(200), WINDOW);
        shown as f32 / over.as_secs_f32()
    }

    pub(super) fn freezes(&self) -> u64 {
        self.freezes
    }

    pub(super) fn frozen(&self) -> Duration {
        self.frozen
    }

    pub(super) fn still_for(&self, now: Instant) -> Duration {
        self.recent
            .back()
            .map_or(Duration::ZERO, |&(at, _)| now.saturating_duration_since(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_picture_does_not_freeze_and_a_pause_is_one_freeze() {
        let (mut watch, start) = (FreezeWatch::default(), Instant::now());
        let mut now = start;
        for _ in 0..90 {
            watch.shown(now, 1);
            now += Duration::from_millis(33);
        }
        assert_eq!(watch.freezes(), 0);
        assert!((watch.fps(now) - 30.3).abs() < 1.0, "{}", watch.fps(now));
        now += Duration::from_millis(400);
        watch.shown(now, 1);
        assert_eq!(
            (watch.freezes(), watch.frozen()),
            (1, Duration::from_millis(433))
        );
    }

    #[test]
    fn a_slow_picture_is_not_a_frozen_one() {
        let (mut watch, mut now) = (FreezeWatch::default(), Instant::now());
        for _ in 0..30 {
            watch.shown(now, 1);
            now += Duration::from_millis(100);
        }
        now += Duration::from_millis(150);
        watch.shown(now, 1);
        assert_eq!(
            watch.freezes(),
            0,
            "250 ms are less than three times 100 ms"
        );
    }

    #[test]
    fn a_pause_that_was_announced_does_not_count() {
        let (mut watch, mut now) = (FreezeWatch::default(), Instant::now());
        for _ in 0..30 {
            watch.shown(now, 1);
            now += Duration::from_millis(33);
        }
        watch.pause();
        now += Duration::from_secs(10);
        watch.shown(now, 1);
        assert_eq!(watch.freezes(), 0);
        assert_eq!(
            watch.still_for(now + Duration::from_secs(1)),
            Duration::from_secs(1)
        );
    }
}
