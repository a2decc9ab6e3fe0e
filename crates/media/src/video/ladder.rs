//! Which size and rate to send, from what the path carries and what the processor manages.

use std::time::{Duration, Instant};

/// One step of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Length of the picture's short side in pixels.
    pub lines: u32,
    /// Frames per second.
    pub fps: u32,
    /// Bits per second above which the picture gets no better that anybody could see.
    pub enough: u32,
}

impl Rung {
    /// Returns the size to send a picture of `width`x`height` in: same shape, never larger.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        let long = self.lines.saturating_mul(4);
        if width >= height {
            super::fit(width, height, long, self.lines)
        } else {
            super::fit(width, height, self.lines, long)
        }
    }

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.fps.max(1)
    }

    /// Work of a rung in proportion to others.
    fn pixels(self) -> f64 {
        f64::from(self.lines) * f64::from(self.lines) * f64::from(self.fps)
    }
}

/// The rungs with the bit rate from which each is better than the one below.
const RUNGS: [(Rung, u32); 6] = [
    (
        Rung {
            lines: 180,
            fps: 15,
            enough: 200_000,
        },
        0,
    ),
    (
        Rung {
            lines: 180,
            fps: 30,
            enough: 300_000,
        },
        100_000,
    ),
    (
        Rung {
            lines: 270,
            fps: 30,
            enough: 600_000,
        },
        190_000,
    ),
    (
        Rung {
            lines: 360,
            fps: 30,
            enough: 1_000_000,
        },
        320_000,
    ),
    (
        Rung {
            lines: 540,
            fps: 30,
            enough: 1_600_000,
        },
        600_000,
    ),
    (
        Rung {
            lines: 720,
            fps: 30,
            enough: 2_500_000,
        },
        900_000,
    ),
];

/// A better rung must have been affordable for this long.
const UP_AFTER: Duration = Duration::from_millis(500);
/// Too little for this long means down.
const DOWN_AFTER: Duration = Duration::from_millis(1000);
/// Down only below this share of what the rung starts at: the room between the two directions.
const DOWN_SHARE: f64 = 0.8;
/// Below this share there is no waiting.
const COLLAPSE_SHARE: f64 = 0.5;

/// Share of the time between two frames that making one may take.
const BUSY_SHARE: f64 = 0.8;
/// Share that the next rung is expected to take at most before it is tried again.
const RELAXED_SHARE: f64 = 0.6;
/// How long the processor must be too slow. The start of a call alone keeps it busy for a moment.
const BUSY_FOR: Duration = Duration::from_secs(2);
/// First wait before a rung that was too much work is tried again; doubles each time.
const CAP_LEAST: Duration = Duration::from_secs(5);
const CAP_MOST: Duration = Duration::from_secs(120);

/// Decides the rung. Pure: time and measurements are arguments.
#[derive(Debug, Clone)]
pub struct Ladder {
    current: Option<usize>,
    above_since: Option<Instant>,
    below_since: Option<Instant>,
    /// The highest rung that the processor manages.
    cap: usize,
    cap_until: Option<Instant>,
    cap_wait: Duration,
    busy_since: Option<Instant>,
    /// Smoothed time that making a frame takes at the current rung.
    work: Option<Duration>,
}

impl Default for Ladder {
    fn default() -> Self {
        Self::new()
    }
}

impl Ladder {
    /// Returns a ladder that takes its first rung from the first target, without waiting.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: None,
            above_since: None,
            below_since: None,
            cap: RUNGS.len() - 1,
            cap_until: None,
            cap_wait: CAP_LEAST,
            busy_since: None,
            work: None,
        }
    }

    /// Notes how long scaling and encoding one frame took.
    pub fn note_work(&mut self, now: Instant, took: Duration) {
        let smoothed = self
            .work
            .map_or(took, |before| before.mul_f64(0.9) + took.mul_f64(0.1));
        self.work = Some(smoothed);
        let Some(current) = self.current else { return };
        let rung = RUNGS[current].0;
        if smoothed <= rung.interval().mul_f64(BUSY_SHARE) {
            self.busy_since = None;
            return;
        }
        let since = *self.busy_since.get_or_insert(now);
        if current > 0 && now.saturating_duration_since(since) >= BUSY_FOR {
            self.cap = current - 1;
            self.cap_until = Some(now + self.cap_wait);
            self.cap_wait = (self.cap_wait * 2).min(CAP_MOST);
        }
    }

    /// Returns the rung to send at.
    pub fn decide(&mut self, now: Instant, bits_per_second: u32) -> Rung {
        self.relax_cap(now);
        let best = affordable(bits_per_second).min(self.cap);
        let Some(current) = self.current else {
            self.current = Some(best);
            return RUNGS[best].0;
        };
        let next = if current > self.cap {
            self.cap.min(best)
        } else if best > current {
            self.below_since = None;
            let since = *self.above_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= UP_AFTER {
                best
            } else {
                current
            }
        } else if best < current {
            self.above_since = None;
            let share = f64::from(bits_per_second) / f64::from(RUNGS[current].1.max(1));
            if share >= DOWN_SHARE {
                self.below_since = None;
                current
            } else {
                let since = *self.below_since.get_or_insert(now);
                let waited = now.saturating_duration_since(since) >= DOWN_AFTER;
                if waited || share < COLLAPSE_SHARE {
                    best
                } else {
                    current
                }
            }
        } else {
            self.above_since = None;
            self.below_since = None;
            current
        };
        if next != current {
            self.above_since = None;
            self.below_since = None;
            self.busy_since = None;
            let ratio = RUNGS[next].0.pixels() / RUNGS[current].0.pixels();
            self.work = self.work.map(|work| work.mul_f64(ratio));
            self.current = Some(next);
        }
        RUNGS[next].0
    }

    fn relax_cap(&mut self, now: Instant) {
        let (Some(until), Some(current)) = (self.cap_until, self.current) else {
            return;
        };
        if now < until || self.cap + 1 >= RUNGS.len() {
            return;
        }
        let (here, above) = (RUNGS[current].0, RUNGS[self.cap + 1].0);
        let expected = self
            .work
            .unwrap_or_default()
            .mul_f64(above.pixels() / here.pixels());
        if expected <= above.interval().mul_f64(RELAXED_SHARE) {
            self.cap += 1;
            let done = self.cap + 1 >= RUNGS.len();
            self.cap_until = if done { None } else { Some(now + CAP_LEAST) };
        }
    }
}

fn affordable(bits_per_second: u32) -> usize {
    RUNGS
        .iter()
        .rposition(|&(_, from)| from <= bits_per_second)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(33);

    /// Runs the ladder for some time and returns the last rung and how often it changed.
    fn run(
        ladder: &mut Ladder,
        now: &mut Instant,
        time: Duration,
        mut target: impl FnMut(u32) -> u32,
        work: impl Fn(Rung) -> Duration,
    ) -> (Rung, u32) {
        let end = *now + time;
        let mut last = ladder.decide(*now, target(0));
        let (mut changes, mut frame) = (0, 0);
        while *now < end {
            let rung = ladder.decide(*now, target(frame));
            changes += u32::from(rung != last);
            last = rung;
            ladder.note_work(*now, work(rung));
            *now += FRAME;
            frame += 1;
        }
        (last, changes)
    }

    fn fast(_: Rung) -> Duration {
        Duration::from_millis(4)
    }

    /// A processor on which 720p takes 32 ms.
    fn slow(rung: Rung) -> Duration {
        Duration::from_millis(32).mul_f64(rung.pixels() / RUNGS[5].0.pixels())
    }

    #[test]
    fn the_first_target_is_taken_at_once() {
        let now = Instant::now();
        for (target, lines, fps) in [
            (50_000, 180, 15),
            (150_000, 180, 30),
            (350_000, 360, 30),
            (1_500_000, 720, 30),
        ] {
            let rung = Ladder::new().decide(now, target);
            assert_eq!((rung.lines, rung.fps), (lines, fps));
        }
    }

    #[test]
    fn going_up_takes_half_a_second_and_skips_rungs() {
        let (mut ladder, mut now) = (Ladder::new(), Instant::now());
        assert_eq!(ladder.decide(now, 300_000).lines, 270);
        let (rung, changes) = run(
            &mut ladder,
            &mut now,
            Duration::from_millis(450),
            |_| 1_200_000,
            fast,
        );
        assert_eq!((rung.lines, changes), (270, 0));
        let (rung, changes) = run(
            &mut ladder,
            &mut now,
            Duration::from_millis(200),
            |_| 1_200_000,
            fast,
        );
        assert_eq!((rung.lines, changes), (720, 1));
    }

    #[test]
    fn a_target_that_swings_around_a_threshold_changes_nothing() {
        let (mut ladder, mut now) = (Ladder::new(), Instant::now());
        ladder.decide(now, 1_000_000);
        let swing = |frame| if frame % 20 < 10 { 860_000 } else { 940_000 };
        let (rung, changes) = run(&mut ladder, &mut now, Duration::from_secs(30), swing, fast);
        assert_eq!((rung.lines, changes), (720, 0));
    }

    #[test]
    fn too_little_means_down_after_a_second_and_a_collapse_at_once() {
        let (mut ladder, mut now) = (Ladder::new(), Instant::now());
        ladder.decide(now, 1_000_000);
        let (rung, _) = run(
            &mut ladder,
            &mut now,
            Duration::from_millis(900),
            |_| 650_000,
            fast,
        );
        assert_eq!(rung.lines, 720);
        let (rung, _) = run(
            &mut ladder,
            &mut now,
            Duration::from_millis(200),
            |_| 650_000,
            fast,
        );
        assert_eq!(rung.lines, 540);
        let rung = ladder.decide(now, 120_000);
        assert_eq!((rung.lines, rung.fps), (180, 30));
    }

    #[test]
    fn a_slow_processor_goes_down_and_does_not_come_back_to_what_it_cannot_do() {
        let (mut ladder, mut now) = (Ladder::new(), Instant::now());
        let (rung, changes) = run(
            &mut ladder,
            &mut now,
            Duration::from_secs(5),
            |_| 2_000_000,
            slow,
        );
        assert!(
            rung.lines == 540 && changes == 1,
            "{rung:?} after {changes} changes"
        );
        let (rung, changes) = run(
            &mut ladder,
            &mut now,
            Duration::from_secs(300),
            |_| 2_000_000,
            slow,
        );
        assert_eq!((rung.lines, changes), (540, 0));
    }

    #[test]
    fn a_processor_that_was_busy_for_a_while_gets_its_picture_back() {
        let (mut ladder, mut now) = (Ladder::new(), Instant::now());
        let (rung, _) = run(
            &mut ladder,
            &mut now,
            Duration::from_secs(5),
            |_| 2_000_000,
            slow,
        );
        assert_eq!(rung.lines, 540);
        let (rung, _) = run(
            &mut ladder,
            &mut now,
            Duration::from_secs(30),
            |_| 2_000_000,
            fast,
        );
        assert_eq!(rung.lines, 720);
    }

    #[test]
    fn sizes_keep_their_shape() {
        let rung = |lines| Rung {
            lines,
            fps: 30,
            enough: 1,
        };
        assert_eq!(rung(360).size(1280, 720), (640, 360));
        assert_eq!(rung(540).size(1280, 720), (960, 540));
        assert_eq!(rung(720).size(640, 480), (640, 480));
        assert_eq!(rung(180).size(640, 480), (240, 180));
        assert_eq!(rung(360).size(720, 1280), (360, 640));
    }
}
