//! How much each stream may send, out of what the path is thought to take.
//!
//! The estimate says what the path takes in all, padding and repeats included. An encoder that is
//! given all of it fills the queue of the narrowest link: seconds of delay, and the sound waits in it
//! too. So video gets a share that leaves the queue empty, sound is served first, and captures are
//! skipped while the own send queue is long.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{AudioTarget, VideoTarget};

/// What the estimate starts with, bits a second. Probing finds more within a few round trips.
pub(crate) const START_BPS: u32 = 600_000;
/// What to look for when the camera is on, up to 720p with room to spare. The estimator probes with
/// bursts of up to twice the wish: on a slow link a wish out of reach costs a quarter of a second of
/// delay every few seconds.
const WISHES_VIDEO_BPS: [u32; 4] = [300_000, 600_000, 1_200_000, 2_300_000];
const WISH_HIGHER_ABOVE: f64 = 0.6;
const WISH_LOWER_BELOW: f64 = 0.55;
/// What to look for when only sound is sent. More would be padding, on what may be a metered link.
const WISH_AUDIO_BPS: u32 = 150_000;

/// What the estimator is held to while neither sound nor picture is sent. Its padding follows the
/// estimate up to 50 kbps, in packets so small that their headers double it.
pub(crate) const HUSH_BPS: u32 = 10_000;

const SHARE: f64 = 0.9;
const SHARE_WHILE_QUEUEING: f64 = 0.8;
const QUEUEING: Duration = Duration::from_millis(100);
/// The lowest round trip of the last half minute is the path without queues.
const RTT_WINDOW: Duration = Duration::from_secs(30);

/// Over how long the own sending rate is measured.
const SENT_WINDOW: Duration = Duration::from_millis(1000);
/// After a queue the ceiling rises so much with each measurement, five a second, until it is gone.
const CEILING_RISES: f64 = 1.06;
/// No queue is worth less than this.
const CEILING_LEAST_BPS: f64 = 90_000.0;

/// A loss of this share still counts as a clean path: it may be radio, and not a full queue.
const CLEAN_LOSS: f32 = 0.05;
/// An estimate that has not moved for so long on a clean path is put to the test; each time in vain
/// the next waits twice as long.
const STAGNANT_FIRST: Duration = Duration::from_secs(4);
const STAGNANT_MOST: Duration = Duration::from_secs(32);
const STAGNANT_SHARE: f64 = 1.08;

const VIDEO_MAX_BPS: u32 = 1_800_000;
/// Below this for a second, video is no use: it pauses, and comes back with some room.
const VIDEO_FLOOR_BPS: u32 = 45_000;
const VIDEO_RESUME_BPS: u32 = 70_000;
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// RTP headers, extensions and SRTP tags of a video stream.
const HEADER_BPS: u32 = 20_000;
const HEADER_SHARE: f64 = 0.04;
/// The same for 50 packets of sound a second, about 40 bytes each.
const AUDIO_HEADER_BPS: u32 = 16_000;

const HOLD_ABOVE: Duration = Duration::from_millis(125);
const HOLD_BELOW: Duration = Duration::from_millis(80);

/// Reset to at least this after a blackout.
const RESTART_MIN_BPS: u32 = 300_000;

/// The policy. Numbers in, targets out.
#[derive(Debug)]
pub(crate) struct Congestion {
    estimate_bps: u32,
    camera: bool,
    /// Which of the wishes.
    wish: usize,
    /// What the estimate was while the path was fine.
    good_bps: u32,
    rtt: Option<Duration>,
    rtts: VecDeque<(Instant, Duration)>,
    sent: VecDeque<(Instant, usize)>,
    /// What gets through at present; known to pass while the path is clean.
    delivered_bps: f64,
    clean: bool,
    ceiling_bps: Option<f64>,
    stagnant: Option<Stagnant>,
    queue: Duration,
    hold: bool,
    paused: bool,
    scarce_since: Option<Instant>,
    audio_bps: u32,
    audio_loss: f32,
}

/// An estimate that does not move.
#[derive(Clone, Copy, Debug)]
struct Stagnant {
    at_bps: u32,
    since: Instant,
    patience: Duration,
}

impl Congestion {
    pub(crate) fn new() -> Self {
        Self {
            estimate_bps: START_BPS,
            camera: true,
            wish: WISHES_VIDEO_BPS.len() - 1,
            good_bps: START_BPS,
            rtt: None,
            rtts: VecDeque::new(),
            sent: VecDeque::new(),
            delivered_bps: 0.0,
            clean: false,
            ceiling_bps: None,
            stagnant: None,
            queue: Duration::ZERO,
            hold: false,
            paused: false,
            scarce_since: None,
            audio_bps: 32_000,
            audio_loss: 0.0,
        }
    }

    /// Returns what the estimator should look for.
    pub(crate) fn wish_bps(&mut self, camera: bool) -> u32 {
        self.camera = camera;
        if !camera {
            return WISH_AUDIO_BPS;
        }
        let estimate = f64::from(self.estimate_bps);
        let wish = |at: usize| f64::from(WISHES_VIDEO_BPS[at]);
        while self.wish > 0 && estimate < wish(self.wish - 1) * WISH_LOWER_BELOW {
            self.wish -= 1;
        }
        let highest = WISHES_VIDEO_BPS.len() - 1;
        while self.wish < highest && estimate > wish(self.wish) * WISH_HIGHER_ABOVE {
            self.wish += 1;
        }
        WISHES_VIDEO_BPS[self.wish]
    }

    pub(crate) fn estimate_bps(&self) -> u32 {
        self.estimate_bps
    }

    /// The estimator's word.
    pub(crate) fn on_estimate(&mut self, bps: u32) {
        self.estimate_bps = bps;
        self.good_bps = bps;
    }

    /// A packet of media, padding or repeat went out.
    pub(crate) fn on_sent(&mut self, bytes: usize, now: Instant) {
        self.sent.push_back((now, bytes));
        while self
            .sent
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > SENT_WINDOW)
        {
            self.sent.pop_front();
        }
    }

    /// A round trip and the share of packets lost over the last second, measured a few times a
    /// second. Returns what to restart the estimator with, when it has got stuck.
    pub(crate) fn on_measured(
        &mut self,
        rtt: Option<Duration>,
        loss: Option<f32>,
        now: Instant,
    ) -> Option<u32> {
        // A queue that gets shorter needs no further cut.
        let worse = rtt != self.rtt
            && rtt.is_some_and(|rtt| self.rtt.is_none_or(|before| rtt > before.mul_f64(0.97)));
        if let Some(rtt) = rtt {
            self.on_rtt(rtt, now);
        }
        let sent: usize = self
            .sent
            .iter()
            .filter(|(at, _)| now.duration_since(*at) <= SENT_WINDOW)
            .map(|(_, bytes)| bytes)
            .sum();
        let loss = loss.unwrap_or(0.0).clamp(0.0, 1.0);
        let share = 1.0 - f64::from(loss);
        self.delivered_bps = sent as f64 * 8.0 / SENT_WINDOW.as_secs_f64() * share;
        let queueing = self.is_queueing();
        self.clean = !queueing && loss <= CLEAN_LOSS;
        if queueing && worse {
            // What came through is what the narrowest place takes: a little less drains its queue.
            let most = self
                .ceiling_bps
                .unwrap_or(f64::from(self.estimate_bps) * SHARE);
            let ceiling = most.min(self.delivered_bps) * SHARE_WHILE_QUEUEING;
            self.ceiling_bps = Some(ceiling.max(CEILING_LEAST_BPS));
        } else if !queueing && let Some(ceiling) = self.ceiling_bps {
            let ceiling = ceiling * CEILING_RISES;
            let gone = ceiling >= f64::from(self.estimate_bps) * SHARE;
            self.ceiling_bps = (!gone).then_some(ceiling);
        }
        self.put_to_the_test(now)
    }

    fn on_rtt(&mut self, rtt: Duration, now: Instant) {
        self.rtt = Some(rtt);
        while self
            .rtts
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > RTT_WINDOW)
        {
            self.rtts.pop_front();
        }
        // Only what may still become the minimum is kept.
        while self.rtts.back().is_some_and(|(_, longer)| *longer >= rtt) {
            self.rtts.pop_back();
        }
        self.rtts.push_back((now, rtt));
    }

    // After loss the estimator creeps up, if at all. A restart makes it probe; that costs a burst, so
    // it is done seldom where it does not help.
    fn put_to_the_test(&mut self, now: Instant) -> Option<u32> {
        // Sound alone has enough in any case.
        let enough =
            !self.camera || f64::from(self.estimate_bps) * SHARE >= f64::from(VIDEO_MAX_BPS) * 1.1;
        let mut stagnant = self.stagnant.unwrap_or(Stagnant {
            at_bps: self.estimate_bps,
            since: now,
            patience: STAGNANT_FIRST,
        });
        let risen = f64::from(self.estimate_bps) > f64::from(stagnant.at_bps) * STAGNANT_SHARE;
        let fallen = f64::from(self.estimate_bps) * STAGNANT_SHARE < f64::from(stagnant.at_bps);
        if risen {
            stagnant.patience = STAGNANT_FIRST;
        }
        if risen || fallen || enough || !self.clean || self.ceiling_bps.is_some() {
            stagnant.at_bps = self.estimate_bps;
            stagnant.since = now;
        }
        let due = now.duration_since(stagnant.since) >= stagnant.patience;
        if due {
            stagnant.since = now;
            stagnant.patience = (stagnant.patience * 2).min(STAGNANT_MOST);
        }
        self.stagnant = Some(stagnant);
        due.then_some(self.estimate_bps.max(self.delivered_bps as u32))
    }

    /// How much video waits in the own send queue: since when, and how many bytes.
    pub(crate) fn on_queue(&mut self, waited: Duration, bytes: usize) {
        let drain = bytes as f64 * 8.0 / f64::from(self.estimate_bps.max(1));
        self.queue = waited.max(Duration::from_secs_f64(drain.min(10.0)));
        self.hold = self.queue > if self.hold { HOLD_BELOW } else { HOLD_ABOVE };
    }

    /// The share of our sound that got lost, as the other side reports.
    pub(crate) fn on_audio_loss(&mut self, loss: f32) {
        // Up at once, down slowly: a burst comes seldom alone.
        self.audio_loss = if loss > self.audio_loss {
            loss
        } else {
            self.audio_loss * 0.8 + loss * 0.2
        };
    }

    /// Nothing came for a while and now something does: returns what to restart the estimator with.
    /// Left alone, it reads the blackout as loss and needs ten seconds to come back.
    pub(crate) fn on_blackout_over(&mut self) -> u32 {
        let restart = (self.good_bps / 2).max(RESTART_MIN_BPS);
        self.estimate_bps = restart;
        self.rtt = None;
        self.ceiling_bps = None;
        self.stagnant = None;
        self.queue = Duration::ZERO;
        self.hold = false;
        restart
    }

    fn is_queueing(&self) -> bool {
        let (Some(rtt), Some((_, lowest))) = (self.rtt, self.rtts.front()) else {
            return false;
        };
        rtt > *lowest + QUEUEING
    }

    /// What may be sent in all.
    fn budget_bps(&self) -> f64 {
        let estimate = f64::from(self.estimate_bps) * SHARE;
        // What passes without a queue and without loss passes, whatever the estimator thinks.
        let proven = if self.clean {
            self.delivered_bps * SHARE
        } else {
            0.0
        };
        estimate
            .max(proven)
            .min(self.ceiling_bps.unwrap_or(f64::INFINITY))
    }

    pub(crate) fn audio_target(&mut self) -> AudioTarget {
        // Each step up asks for more room than the step down leaves.
        self.audio_bps = match (self.audio_bps, self.budget_bps() as u32) {
            (_, 260_000..) => 32_000,
            (32_000, 200_000..) => 32_000,
            (_, 180_000..) => 24_000,
            (24_000.., 140_000..) => 24_000,
            _ => 16_000,
        };
        AudioTarget {
            bitrate_bps: self.audio_bps,
            loss: self.audio_loss,
        }
    }

    /// Whether each packet of sound should carry the one before once more (RFC 2198).
    pub(crate) fn wants_red(&self) -> bool {
        self.budget_bps() >= 110_000.0
    }

    pub(crate) fn video_target(&mut self, now: Instant) -> VideoTarget {
        let copies = if self.wants_red() { 2 } else { 1 };
        let audio = self.audio_target().bitrate_bps * copies + AUDIO_HEADER_BPS;
        let room = self.budget_bps() - f64::from(audio) - f64::from(HEADER_BPS);
        let payload = (room / (1.0 + HEADER_SHARE)).max(0.0) as u32;
        let least = if self.paused {
            VIDEO_RESUME_BPS
        } else {
            VIDEO_FLOOR_BPS
        };
        if payload >= least {
            self.scarce_since = None;
            self.paused = false;
        } else {
            let since = *self.scarce_since.get_or_insert(now);
            self.paused |= now.duration_since(since) >= PAUSE_AFTER;
        }
        VideoTarget {
            bitrate_bps: payload.clamp(VIDEO_FLOOR_BPS, VIDEO_MAX_BPS),
            paused: self.paused,
            hold: self.hold,
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

    fn at(estimate_bps: u32) -> Congestion {
        let mut congestion = Congestion::new();
        congestion.on_estimate(estimate_bps);
        congestion
    }

    #[test]
    fn gotcha_10_video_gets_less_than_the_estimate() {
        let now = Instant::now();
        // 0.9 * 1 Mbps - sound twice with headers - video headers, and 4 % off.
        assert_eq!(at(1_000_000).video_target(now).bitrate_bps, 769_230);
        for estimate in (200_000..4_000_000).step_by(50_000) {
            let video = at(estimate).video_target(now).bitrate_bps;
            assert!(
                video <= estimate * 9 / 10 - 64_000,
                "{video} of {estimate} leaves no room"
            );
        }
    }

    /// Sends at a rate for a second, and measures.
    fn send(congestion: &mut Congestion, bps: usize, rtt: Duration, loss: f32, now: &mut Instant) {
        for _ in 0..50 {
            *now += Duration::from_millis(20);
            congestion.on_sent(bps / 8 / 50, *now);
        }
        congestion.on_measured(Some(rtt), Some(loss), *now);
    }

    #[test]
    fn a_long_round_trip_cuts_to_less_than_what_comes_through() {
        let mut now = Instant::now();
        let mut congestion = at(2_000_000);
        send(
            &mut congestion,
            1_600_000,
            Duration::from_millis(60),
            0.0,
            &mut now,
        );
        let before = congestion.video_target(now).bitrate_bps;
        send(
            &mut congestion,
            1_600_000,
            Duration::from_millis(159),
            0.0,
            &mut now,
        );
        assert_eq!(congestion.video_target(now).bitrate_bps, before);
        send(
            &mut congestion,
            1_600_000,
            Duration::from_millis(400),
            0.5,
            &mut now,
        );
        let during = congestion.budget_bps();
        assert!(
            (600_000.0..=660_000.0).contains(&during),
            "0.8 * half of 1.6 Mbps, not {during}"
        );
        send(
            &mut congestion,
            600_000,
            Duration::from_millis(300),
            0.0,
            &mut now,
        );
        assert_eq!(
            congestion.budget_bps(),
            during,
            "the queue gets shorter: no further cut"
        );
        send(
            &mut congestion,
            600_000,
            Duration::from_millis(300),
            0.0,
            &mut now,
        );
        assert_eq!(
            congestion.budget_bps(),
            during,
            "an old measurement says nothing new"
        );
        for _ in 0..40 {
            congestion.on_measured(Some(Duration::from_millis(60)), None, now);
        }
        assert_eq!(
            congestion.video_target(now).bitrate_bps,
            before,
            "back when the queue is gone"
        );
    }

    #[test]
    fn a_longer_path_is_forgiven_after_half_a_minute() {
        let start = Instant::now();
        let mut congestion = at(1_000_000);
        congestion.on_rtt(Duration::from_millis(20), start);
        for second in 1..=40 {
            congestion.on_rtt(
                Duration::from_millis(200),
                start + Duration::from_secs(second),
            );
        }
        assert!(
            !congestion.is_queueing(),
            "200 ms is the path and not a queue"
        );
    }

    #[test]
    fn what_passes_clean_may_be_sent_whatever_the_estimate() {
        let mut now = Instant::now();
        let mut congestion = at(80_000);
        send(
            &mut congestion,
            400_000,
            Duration::from_millis(50),
            0.0,
            &mut now,
        );
        assert_eq!(congestion.budget_bps(), 360_000.0);
        send(
            &mut congestion,
            400_000,
            Duration::from_millis(50),
            0.3,
            &mut now,
        );
        assert_eq!(congestion.budget_bps(), 72_000.0, "lossy is not clean");
    }

    #[test]
    fn a_stuck_estimate_is_tested_less_and_less_often() {
        let start = Instant::now();
        let mut congestion = at(500_000);
        let rtt = Some(Duration::from_millis(50));
        let tests: Vec<_> = (0..600)
            .filter(|i| {
                let now = start + *i * Duration::from_millis(200);
                congestion.on_measured(rtt, None, now).is_some()
            })
            .map(|i| i / 5)
            .collect();
        assert_eq!(
            tests,
            [4, 12, 28, 60, 92],
            "after 4, 8, 16 and then each 32 s"
        );
        let mut plenty = at(3_000_000);
        let tested = (0..600).any(|i| {
            plenty
                .on_measured(rtt, None, start + i * Duration::from_millis(200))
                .is_some()
        });
        assert!(!tested, "there is enough already");
    }

    #[test]
    fn wishes_stay_in_reach() {
        let mut congestion = at(2_000_000);
        assert_eq!(congestion.wish_bps(true), 2_300_000);
        congestion.on_estimate(250_000);
        assert_eq!(congestion.wish_bps(true), 600_000);
        congestion.on_estimate(345_000);
        assert_eq!(congestion.wish_bps(true), 600_000, "not to and fro");
        congestion.on_estimate(900_000);
        assert_eq!(congestion.wish_bps(true), 2_300_000);
    }

    #[test]
    fn captures_are_skipped_while_more_than_125_ms_wait() {
        let now = Instant::now();
        let mut congestion = at(1_000_000);
        for (waited, bytes, hold) in [
            (124, 1000, false),
            (126, 1000, true),
            (100, 1000, true),
            (20, 1000, false),
            // 20 kB at 1 Mbps are 160 ms.
            (0, 20_000, true),
        ] {
            congestion.on_queue(Duration::from_millis(waited), bytes);
            assert_eq!(
                congestion.video_target(now).hold,
                hold,
                "{waited} ms, {bytes} bytes"
            );
        }
    }

    #[test]
    fn sound_comes_first() {
        let start = Instant::now();
        let mut congestion = at(100_000);
        assert!(!congestion.video_target(start).paused, "a dip is no reason");
        let later = start + PAUSE_AFTER;
        assert!(
            congestion.video_target(later).paused,
            "no room for video beside the sound"
        );
        assert_eq!(congestion.audio_target().bitrate_bps, 16_000);
        congestion.on_estimate(135_000);
        assert!(congestion.video_target(later).paused, "not back at once");
        congestion.on_estimate(320_000);
        assert!(!congestion.video_target(later).paused);
        assert_eq!(congestion.audio_target().bitrate_bps, 32_000);
        congestion.on_estimate(50_000);
        assert!(!congestion.wants_red(), "twice the sound does not fit");
    }

    #[test]
    fn gotcha_9_after_a_blackout_the_estimate_starts_at_half() {
        let mut congestion = at(1_645_000);
        assert_eq!(congestion.on_blackout_over(), 822_500);
        assert_eq!(at(200_000).on_blackout_over(), 300_000);
    }

    #[test]
    fn gotcha_14_sound_alone_looks_for_little() {
        assert!(at(2_000_000).wish_bps(false) <= 150_000);
        assert!(at(2_000_000).wish_bps(true) > VIDEO_MAX_BPS);
    }

    #[test]
    fn loss_is_believed_fast_and_forgotten_slowly() {
        let mut congestion = at(1_000_000);
        congestion.on_audio_loss(0.1);
        assert_eq!(congestion.audio_target().loss, 0.1);
        congestion.on_audio_loss(0.0);
        let after = congestion.audio_target().loss;
        assert!(after > 0.07 && after < 0.1, "{after}");
    }
}
