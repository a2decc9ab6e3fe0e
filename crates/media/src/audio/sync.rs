//! The audio side of lip sync: which moment of the sender's clock is being heard.

use std::time::Duration;

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
