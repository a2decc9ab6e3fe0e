//! Gathers what the engine measures into one word a second.

use std::time::{Duration, Instant};

use crate::{Path, Quality};

const EVERY: Duration = Duration::from_secs(1);

/// Counters that only grow, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// The last second.
#[derive(Debug)]
pub(crate) struct QualityMeter {
    since: Instant,
    before: Totals,
    now: Totals,
    rtt: Option<Duration>,
    jitter: Duration,
    /// The sum of the shares since the last word, and how many they are.
    losses_in: (f32, f32),
    loss_in: f32,
    loss_out: f32,
    path: Option<Path>,
}

impl QualityMeter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: now,
            before: Totals::default(),
            now: Totals::default(),
            rtt: None,
            jitter: Duration::ZERO,
            losses_in: (0.0, 0.0),
            loss_in: 0.0,
            loss_out: 0.0,
            path: None,
        }
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.now.sent_bytes += bytes as u64;
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.now.received_bytes += bytes as u64;
    }

    pub(crate) fn on_rtt(&mut self, rtt: Duration) {
        self.rtt = Some(rtt);
    }

    pub(crate) fn on_jitter(&mut self, jitter: Duration) {
        self.jitter = jitter;
    }

    /// Shares of packets lost, each way: on the way here since the last call, on the way there over a
    /// second.
    pub(crate) fn on_loss(&mut self, loss_in: Option<f32>, loss_out: Option<f32>) {
        if let Some(loss) = loss_in {
            let (sum, count) = self.losses_in;
            self.losses_in = (sum + loss, count + 1.0);
        }
        self.loss_out = loss_out.unwrap_or(self.loss_out);
    }

    /// Media goes this way. Returns whether that is news.
    pub(crate) fn on_path(&mut self, path: Path) -> bool {
        self.path.replace(path) != Some(path)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.since + EVERY
    }

    /// Returns the word, once a second.
    pub(crate) fn report(&mut self, estimate_bps: u32, now: Instant) -> Option<Quality> {
        if now < self.deadline() {
            return None;
        }
        let (sum, count) = std::mem::take(&mut self.losses_in);
        if count > 0.0 {
            self.loss_in = sum / count;
        }
        let seconds = now.duration_since(self.since).as_secs_f64();
        let rate = |now: u64, before: u64| ((now - before) as f64 * 8.0 / seconds) as u32;
        let quality = Quality {
            rtt: self.rtt,
            loss_in: self.loss_in.clamp(0.0, 1.0),
            loss_out: self.loss_out.clamp(0.0, 1.0),
            jitter: self.jitter,
            sent_bps: rate(self.now.sent_bytes, self.before.sent_bytes),
            received_bps: rate(self.now.received_bytes, self.before.received_bytes),
            estimate_bps,
            path: self.path,
        };
        self.since = now;
        self.before = self.now;
        Some(quality)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to begin with"
)]
mod tests {
    use super::*;

    #[test]
    fn reports_rates_of_the_last_second() {
        let start = Instant::now();
        let mut meter = QualityMeter::new(start);
        meter.sent(125_000);
        meter.received(250_000);
        assert!(
            meter
                .report(0, start + Duration::from_millis(999))
                .is_none()
        );
        let quality = meter.report(7, start + EVERY).unwrap();
        assert_eq!(
            (quality.sent_bps, quality.received_bps),
            (1_000_000, 2_000_000)
        );
        assert_eq!(quality.estimate_bps, 7);
        let next = meter.report(7, start + 3 * EVERY).unwrap();
        assert_eq!((next.sent_bps, next.received_bps), (0, 0));
    }

    #[test]
    fn loss_is_the_mean_of_the_second() {
        let start = Instant::now();
        let mut meter = QualityMeter::new(start);
        for loss in [0.0, 0.3, 0.0] {
            meter.on_loss(Some(loss), Some(0.2));
        }
        let quality = meter.report(0, start + EVERY).unwrap();
        assert!((quality.loss_in - 0.1).abs() < 1e-6, "{quality:?}");
        assert_eq!(quality.loss_out, 0.2);
    }

    #[test]
    fn a_path_is_news_once() {
        let mut meter = QualityMeter::new(Instant::now());
        assert!(meter.on_path(Path::Host));
        assert!(!meter.on_path(Path::Host));
        assert!(meter.on_path(Path::Relay));
    }
}
