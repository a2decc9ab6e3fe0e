//! What the path shows of itself, whatever the estimator makes of it: round trips, loss, and what gets
//! through.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The lowest round trip of the last half minute is the path without queues.
const RTT_WINDOW: Duration = Duration::from_secs(30);
/// A queue makes every round trip longer. One alone may just have met a busy processor, here or there.
const RTT_RECENT: usize = 3;
/// More than this over the lowest round trip is a queue.
const QUEUEING: Duration = Duration::from_millis(75);
/// A round trip shorter by more than this share: the queue gets shorter.
const SHRINKS: f64 = 0.97;

/// Over how long the own sending rate is measured.
const SENT_WINDOW: Duration = Duration::from_millis(1000);
/// A loss of this share still counts as a clean path: it may be radio, and not a full queue.
const CLEAN_LOSS: f64 = 0.08;
/// How much one measurement counts: two packets of twenty are no tenth.
const LOSS_WEIGHT: f64 = 0.1;

/// What went through a clean path in the last seconds goes through it still, but for a reserve.
const PROVEN_FOR: Duration = Duration::from_secs(10);
const PROVEN_SHARE: f64 = 0.85;
/// Sending less than this share of the estimate does not put it to the test.
const IDLE_SHARE: f64 = 0.6;

/// Measurements in, a judgement out.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The newest round trips, and the lowest of them.
    recent: VecDeque<Duration>,
    rtt: Option<Duration>,
    rtts: VecDeque<(Instant, Duration)>,
    worse: bool,
    sent: VecDeque<(Instant, usize)>,
    delivered_bps: f64,
    loss: f64,
    /// What got through while the path was clean; only what may still be the most is kept.
    proven: VecDeque<(Instant, f64)>,
}

impl Evidence {
    /// A packet of media, padding or repeat went out.
    pub(super) fn on_sent(&mut self, bytes: usize, now: Instant) {
        self.sent.push_back((now, bytes));
        self.forget_sent(now);
    }

    fn forget_sent(&mut self, now: Instant) {
        let old = |at: Instant| now.duration_since(at) > SENT_WINDOW;
        while self.sent.front().is_some_and(|(at, _)| old(*at)) {
            self.sent.pop_front();
        }
    }

    /// The newest round trip, and the share of packets lost.
    pub(super) fn on_measured(&mut self, rtt: Option<Duration>, loss: Option<f32>, now: Instant) {
        let before = self.rtt;
        let news = rtt.is_some() && rtt.as_ref() != self.recent.back();
        if let Some(rtt) = rtt {
            self.on_rtt(rtt, now);
        }
        self.worse = news && self.rtt >= before.map(|before| before.mul_f64(SHRINKS));
        self.forget_sent(now);
        let sent: usize = self.sent.iter().map(|(_, bytes)| bytes).sum();
        let loss = f64::from(loss.unwrap_or(0.0).clamp(0.0, 1.0));
        self.loss += (loss - self.loss) * LOSS_WEIGHT;
        self.delivered_bps = sent as f64 * 8.0 / SENT_WINDOW.as_secs_f64() * (1.0 - loss);
        let old = |at: Instant| now.duration_since(at) > PROVEN_FOR;
        while self.proven.front().is_some_and(|(at, _)| old(*at)) {
            self.proven.pop_front();
        }
        if self.is_clean() {
            self.prove(self.delivered_bps, now);
        }
    }

    fn on_rtt(&mut self, rtt: Duration, now: Instant) {
        self.recent.push_back(rtt);
        if self.recent.len() > RTT_RECENT {
            self.recent.pop_front();
        }
        self.rtt = self.recent.iter().min().copied();
        let old = |at: Instant| now.duration_since(at) > RTT_WINDOW;
        while self.rtts.front().is_some_and(|(at, _)| old(*at)) {
            self.rtts.pop_front();
        }
        // Only what may still become the minimum is kept.
        while self.rtts.back().is_some_and(|(_, longer)| *longer >= rtt) {
            self.rtts.pop_back();
        }
        self.rtts.push_back((now, rtt));
    }

    /// Takes the estimate for proven where much less is sent: an estimate that falls from there does
    /// not fall for what we send, but for a busy processor.
    pub(super) fn on_estimate(&mut self, bps: u32, now: Instant) {
        let claim = f64::from(bps);
        if self.is_clean() && self.delivered_bps < claim * IDLE_SHARE {
            self.prove(claim, now);
        }
    }

    fn prove(&mut self, bps: f64, now: Instant) {
        while self.proven.back().is_some_and(|(_, less)| *less <= bps) {
            self.proven.pop_back();
        }
        self.proven.push_back((now, bps));
    }

    /// The path takes less than before.
    pub(super) fn disprove(&mut self) {
        self.proven.clear();
    }

    /// Another path may have taken its place: only how long a round trip can be at best is kept.
    pub(super) fn start_afresh(&mut self) {
        self.recent.clear();
        self.rtt = None;
        self.worse = false;
        self.loss = 0.0;
        self.proven.clear();
    }

    /// How much longer a round trip takes than the path is long.
    pub(super) fn queued(&self) -> Duration {
        let (Some(rtt), Some((_, lowest))) = (self.rtt, self.rtts.front()) else {
            return Duration::ZERO;
        };
        rtt.saturating_sub(*lowest)
    }

    pub(super) fn is_queueing(&self) -> bool {
        self.queued() > QUEUEING
    }

    /// A queue stands, and is not getting shorter.
    pub(super) fn is_queueing_still(&self) -> bool {
        self.is_queueing() && self.worse
    }

    pub(super) fn is_clean(&self) -> bool {
        !self.is_queueing() && self.loss <= CLEAN_LOSS
    }

    /// What gets through at present.
    pub(super) fn delivered_bps(&self) -> f64 {
        self.delivered_bps
    }

    /// What can be relied on to get through.
    pub(super) fn proven_bps(&self) -> f64 {
        let most = self.proven.front().map(|(_, bps)| *bps);
        most.unwrap_or_default() * PROVEN_SHARE
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

    /// Sends at a rate for a second, and measures ten times.
    fn send(evidence: &mut Evidence, bps: usize, rtt: Duration, loss: f32, now: &mut Instant) {
        for packet in 0..50 {
            *now += 20 * MS;
            evidence.on_sent(bps / 8 / 50, *now);
            if packet % 5 == 4 {
                evidence.on_measured(Some(rtt), Some(loss), *now);
            }
        }
    }

    #[test]
    fn one_long_round_trip_is_a_busy_processor_and_three_are_a_queue() {
        let now = Instant::now();
        let mut evidence = Evidence::default();
        for _ in 0..3 {
            evidence.on_measured(Some(50 * MS), None, now);
        }
        for _ in 0..2 {
            evidence.on_measured(Some(200 * MS), None, now);
            assert!(!evidence.is_queueing());
        }
        evidence.on_measured(Some(300 * MS), None, now);
        assert_eq!(evidence.queued(), 150 * MS);
        assert!(evidence.is_queueing_still());
        evidence.on_measured(Some(300 * MS), None, now);
        assert!(!evidence.is_queueing_still(), "nothing new");
        for _ in 0..3 {
            evidence.on_measured(Some(126 * MS), None, now);
        }
        assert!(evidence.is_queueing() && !evidence.is_queueing_still());
    }

    #[test]
    fn a_longer_path_is_forgiven_after_half_a_minute() {
        let start = Instant::now();
        let mut evidence = Evidence::default();
        evidence.on_measured(Some(20 * MS), None, start);
        for second in 1..=40 {
            let now = start + Duration::from_secs(second);
            evidence.on_measured(Some(200 * MS), None, now);
        }
        assert!(
            !evidence.is_queueing(),
            "200 ms is the path and not a queue"
        );
    }

    #[test]
    fn what_got_through_a_clean_path_counts_for_ten_seconds() {
        let mut now = Instant::now();
        let mut evidence = Evidence::default();
        send(&mut evidence, 400_000, 50 * MS, 0.0, &mut now);
        assert_eq!(evidence.proven_bps(), 340_000.0);
        send(&mut evidence, 200_000, 50 * MS, 0.03, &mut now);
        assert!(evidence.is_clean(), "a little loss may be radio");
        assert_eq!(evidence.proven_bps(), 340_000.0);
        send(&mut evidence, 800_000, 50 * MS, 0.3, &mut now);
        assert!(!evidence.is_clean());
        assert!(evidence.proven_bps() < 400_000.0, "lossy is not clean");
        send(&mut evidence, 800_000, 200 * MS, 0.0, &mut now);
        assert!(evidence.proven_bps() < 400_000.0, "nor is a queue");
        for _ in 0..12 {
            send(&mut evidence, 100_000, 50 * MS, 0.0, &mut now);
        }
        assert!(evidence.proven_bps() < 90_000.0, "forgotten");
        evidence.disprove();
        assert_eq!(evidence.proven_bps(), 0.0);
    }
}
