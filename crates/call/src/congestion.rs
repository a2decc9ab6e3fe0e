//! How much each stream may send, out of what the path is thought to take.
//!
//! The estimate says what the path takes in all, padding and repeats included. An encoder that is
//! given all of it fills the queue of the narrowest link: seconds of delay, and the sound waits in it
//! too. So video gets a share that leaves the queue empty, sound is served first, and captures are
//! skipped while the own send queue is long.

mod evidence;
mod trial;

use std::time::{Duration, Instant};

use crate::{AudioTarget, VideoTarget};
use evidence::Evidence;
use trial::{Standing, Trial};

/// What the estimate starts with, bits a second. Probing finds more within a few round trips.
pub(crate) const START_BPS: u32 = 400_000;
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
/// A cut needs so long to show in what is measured: the next one waits for it.
const CUTS_APART: Duration = Duration::from_millis(200);
/// After a queue the ceiling rises so much in a second, until it is gone.
const CEILING_RISES: f64 = 1.34;
/// No queue is worth less than this.
const CEILING_LEAST_BPS: f64 = 90_000.0;
/// No picture is worth a queue like this: captures are skipped until it is shorter.
const CLOGGED_ABOVE: Duration = Duration::from_millis(300);
const CLOGGED_BELOW: Duration = Duration::from_millis(150);

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
    evidence: Evidence,
    ceiling_bps: Option<f64>,
    cut_at: Option<Instant>,
    measured_at: Option<Instant>,
    trial: Option<Trial>,
    queue: Duration,
    hold: bool,
    clogged: bool,
    paused: bool,
    scarce_since: Option<Instant>,
    audio_bps: u32,
    audio_loss: f32,
}

impl Congestion {
    pub(crate) fn new() -> Self {
        Self {
            estimate_bps: START_BPS,
            camera: true,
            wish: WISHES_VIDEO_BPS.len() - 1,
            good_bps: START_BPS,
            evidence: Evidence::default(),
            ceiling_bps: None,
            cut_at: None,
            measured_at: None,
            trial: None,
            queue: Duration::ZERO,
            hold: false,
            clogged: false,
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
        self.evidence.on_sent(bytes, now);
    }

    /// A round trip and the share of packets lost over the last second, measured a few times a
    /// second. Returns what to restart the estimator with, when it has got stuck.
    pub(crate) fn on_measured(
        &mut self,
        rtt: Option<Duration>,
        loss: Option<f32>,
        now: Instant,
    ) -> Option<u32> {
        self.evidence.on_measured(rtt, loss, now);
        self.evidence.on_estimate(self.estimate_bps, now);
        let clogged = if self.clogged {
            CLOGGED_BELOW
        } else {
            CLOGGED_ABOVE
        };
        self.clogged = self.evidence.queued() > clogged;
        self.move_ceiling(now);
        self.put_to_the_test(now)
    }

    fn move_ceiling(&mut self, now: Instant) {
        let since = self.measured_at.replace(now);
        let passed = since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let estimate = f64::from(self.estimate_bps) * SHARE;
        let cut_shows = |cut: Instant| now.duration_since(cut) >= CUTS_APART;
        // A queue that gets shorter needs no further cut.
        if self.evidence.is_queueing_still() && self.cut_at.is_none_or(cut_shows) {
            self.cut_at = Some(now);
            self.evidence.disprove();
            // What came through is what the narrowest place takes: a little less drains its queue.
            let most = self.ceiling_bps.unwrap_or(estimate);
            let ceiling = most.min(self.evidence.delivered_bps()) * SHARE_WHILE_QUEUEING;
            self.ceiling_bps = Some(ceiling.max(CEILING_LEAST_BPS));
        } else if !self.evidence.is_queueing()
            && let Some(ceiling) = self.ceiling_bps
        {
            let ceiling = ceiling * CEILING_RISES.powf(passed.as_secs_f64());
            self.ceiling_bps = (ceiling < estimate).then_some(ceiling);
        }
    }

    fn put_to_the_test(&mut self, now: Instant) -> Option<u32> {
        let estimate_bps = f64::from(self.estimate_bps);
        let proven_bps = self.evidence.proven_bps();
        // Sound alone has enough in any case.
        let enough = !self.camera || estimate_bps * SHARE >= f64::from(VIDEO_MAX_BPS) * 1.1;
        let standing = Standing {
            estimate_bps,
            promising: !enough && self.evidence.is_clean() && self.ceiling_bps.is_none(),
            disproved: estimate_bps * SHARE < proven_bps,
        };
        let trial = self
            .trial
            .get_or_insert_with(|| Trial::new(estimate_bps, now));
        trial
            .is_due(standing, now)
            .then_some(estimate_bps.max(proven_bps) as u32)
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
            self.audio_loss * 0.9 + loss * 0.1
        };
    }

    /// Nothing came for a while and now something does: returns what to restart the estimator with.
    /// Left alone, it reads the blackout as loss and needs ten seconds to come back.
    pub(crate) fn on_blackout_over(&mut self) -> u32 {
        let restart = (self.good_bps / 2).max(RESTART_MIN_BPS);
        self.estimate_bps = restart;
        self.evidence.start_afresh();
        self.clogged = false;
        self.ceiling_bps = None;
        self.trial = None;
        self.queue = Duration::ZERO;
        self.hold = false;
        restart
    }

    /// What may be sent in all. What has gone through goes through, whatever the estimator thinks: it
    /// may be taken in by a busy processor, or by loss that has nothing to do with the rate.
    fn budget_bps(&self) -> f64 {
        (f64::from(self.estimate_bps) * SHARE)
            .max(self.evidence.proven_bps())
            .min(self.ceiling_bps.unwrap_or(f64::INFINITY))
    }

    pub(crate) fn audio_target(&mut self) -> AudioTarget {
        // Each step up asks for more room than the step down leaves.
        self.audio_bps = match (self.audio_bps, self.budget_bps() as u32) {
            (_, 1_000_000..) => 48_000,
            (48_000, 800_000..) => 48_000,
            (_, 260_000..) => 32_000,
            (32_000.., 200_000..) => 32_000,
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
            hold: self.hold || self.clogged,
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

    /// Sends at a rate for a second, and measures ten times.
    fn send(congestion: &mut Congestion, bps: usize, rtt: u64, loss: f32, now: &mut Instant) {
        for packet in 0..50 {
            *now += Duration::from_millis(20);
            congestion.on_sent(bps / 8 / 50, *now);
            if packet % 5 == 4 {
                // Never quite the same twice.
                let rtt = Duration::from_millis(rtt) + Duration::from_nanos(packet);
                congestion.on_measured(Some(rtt), Some(loss), *now);
            }
        }
    }

    #[test]
    fn a_long_round_trip_cuts_to_less_than_what_comes_through() {
        let mut now = Instant::now();
        let mut congestion = at(2_000_000);
        send(&mut congestion, 1_600_000, 60, 0.0, &mut now);
        let before = congestion.video_target(now);
        send(&mut congestion, 1_600_000, 134, 0.0, &mut now);
        assert_eq!(congestion.video_target(now), before, "the usual to and fro");
        send(&mut congestion, 1_600_000, 400, 0.0, &mut now);
        let during = congestion.budget_bps();
        // From 1.6 Mbps down by a fifth every 0.2 s, from the third measurement on.
        assert!(
            (500_000.0..=700_000.0).contains(&during),
            "{during} while a queue stands"
        );
        assert!(congestion.video_target(now).hold, "and no picture at all");
        for rtt in [380, 330, 280, 230, 180] {
            now += CUTS_APART;
            congestion.on_measured(Some(Duration::from_millis(rtt)), None, now);
        }
        assert_eq!(
            congestion.budget_bps(),
            during,
            "the queue gets shorter: no further cut"
        );
        assert!(congestion.video_target(now).bitrate_bps < before.bitrate_bps);
        for _ in 0..5 {
            send(&mut congestion, 600_000, 60, 0.0, &mut now);
        }
        assert_eq!(
            congestion.video_target(now),
            before,
            "back when the queue is gone"
        );
    }

    #[test]
    fn what_passes_clean_may_be_sent_whatever_the_estimate() {
        let mut now = Instant::now();
        let mut congestion = at(80_000);
        send(&mut congestion, 400_000, 50, 0.0, &mut now);
        assert_eq!(congestion.budget_bps(), 340_000.0);
        send(&mut congestion, 340_000, 50, 0.03, &mut now);
        assert_eq!(congestion.budget_bps(), 340_000.0, "it does not dwindle");
        send(&mut congestion, 340_000, 300, 0.0, &mut now);
        assert!(congestion.budget_bps() < 100_000.0, "a queue ends it");
    }

    #[test]
    fn an_estimate_below_what_passes_is_restarted_there() {
        let mut now = Instant::now();
        let mut congestion = at(80_000);
        let mut restarts = Vec::new();
        for _ in 0..100 {
            now += Duration::from_millis(20);
            congestion.on_sent(1_000, now);
            restarts.extend(congestion.on_measured(Some(Duration::from_millis(50)), None, now));
        }
        assert_eq!(restarts.len(), 1, "{restarts:?}");
        assert!(restarts[0] > 300_000, "{restarts:?}");
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
