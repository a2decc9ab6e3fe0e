//! The audio side of lip sync: which moment of the sender's clock is being heard.

use std::time::Duration;

use super::SAMPLE_RATE;

/// What an RTCP sender report says about one stream (RFC 3550, 6.4.1): this RTP time was this
/// moment of the sender's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// In units of the stream's RTP clock.
    pub rtp_time: u32,
    /// Of the sender's clock, since 1900-01-01 as in NTP. The sender uses the same clock for
    /// sound and picture, which is all that counts.
    pub ntp: Duration,
}

/// Turns RTP times of one stream into moments of the sender's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SenderClock {
    report: Option<SenderReport>,
}

impl SenderClock {
    /// Takes the newest report of the stream.
    pub fn note(&mut self, report: SenderReport) {
        self.report = Some(report);
    }

    /// Forgets the reports of a stream that has ended.
    pub fn forget(&mut self) {
        self.report = None;
    }

    /// When the sender heard the sample of this 48 kHz RTP time; `None` before the first report.
    /// Times up to twelve hours before and after the report are told apart.
    #[must_use]
    pub fn ntp(&self, rtp_time: u32) -> Option<Duration> {
        let report = self.report?;
        let samples = rtp_time.wrapping_sub(report.rtp_time) as i32;
        let micros = u64::from(samples.unsigned_abs()) * 1_000_000 / u64::from(SAMPLE_RATE);
        let distance = Duration::from_micros(micros);
        if samples >= 0 {
            report.ntp.checked_add(distance)
        } else {
            report.ntp.checked_sub(distance)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(rtp_time: u32, seconds: u64) -> SenderClock {
        let mut clock = SenderClock::default();
        clock.note(SenderReport {
            rtp_time,
            ntp: Duration::from_secs(seconds),
        });
        clock
    }

    #[test]
    fn times_count_from_the_report_both_ways_and_over_the_wrap() {
        let clock = clock(u32::MAX - 479, 4_000_000_000);
        let at = |rtp_time| clock.ntp(rtp_time).unwrap().as_micros();
        assert_eq!(at(u32::MAX - 479), 4_000_000_000_000_000);
        assert_eq!(at(0), 4_000_000_000_010_000);
        assert_eq!(at(48_000 - 480), 4_000_000_001_000_000);
        assert_eq!(at(u32::MAX - 479 - 24_000), 3_999_999_999_500_000);
    }

    #[test]
    fn nothing_is_known_without_a_report_and_nothing_is_before_the_epoch() {
        assert_eq!(SenderClock::default().ntp(5), None);
        assert_eq!(clock(1_000_000, 1).ntp(0), None);
        let mut forgetful = clock(0, 10);
        forgetful.forget();
        assert_eq!(forgetful.ntp(0), None);
    }

    #[test]
    fn a_newer_report_replaces_the_older() {
        let mut clock = clock(0, 100);
        clock.note(SenderReport {
            rtp_time: 480_000,
            ntp: Duration::from_micros(110_000_200),
        });
        assert_eq!(clock.ntp(480_480), Some(Duration::from_micros(110_010_200)));
    }
}
