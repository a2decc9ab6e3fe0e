use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// One encoded picture to send.
#[derive(Clone)]
pub struct EncodedVideo {
    /// A whole VP8 frame (RFC 6386).
    pub data: Arc<[u8]>,
    /// Capture time in the 90 kHz clock of the video stream. Grows from frame to frame.
    pub rtp_time: u64,
    /// When the picture was taken, by the clock of all the other instants.
    pub captured_at: Instant,
}

/// 20 ms of encoded sound to send.
#[derive(Clone)]
pub struct EncodedAudio {
    /// One Opus packet (RFC 6716).
    pub data: Arc<[u8]>,
    /// Capture time of the first sample in the 48 kHz clock of the audio stream.
    pub rtp_time: u64,
    /// When the first sample was taken.
    pub captured_at: Instant,
    /// The first packet after a pause in which nothing was sent (Opus DTX).
    pub starts_talkspurt: bool,
}

/// One encoded picture from the other side, whole and in order.
#[derive(Clone)]
pub struct ReceivedVideo {
    /// A whole VP8 frame (RFC 6386).
    pub data: Arc<[u8]>,
    /// The frame can be decoded without any other.
    pub keyframe: bool,
    /// Nothing is missing between the frame before and this one. A frame that is neither contiguous
    /// nor a keyframe must not be decoded; the session has then asked for a keyframe already.
    pub contiguous: bool,
    /// Capture time in the sender's 90 kHz clock, without wrap-around.
    pub rtp_time: u64,
    /// When the first packet of the frame arrived.
    pub network_time: Instant,
    /// The sender's clock, once a sender report has arrived.
    pub sender_clock: Option<SenderClock>,
}

/// One packet of sound from the other side. Packets may come late, twice or out of order: the
/// session holds nothing back, the jitter buffer decides.
#[derive(Clone)]
pub struct ReceivedAudio {
    /// One Opus packet (RFC 6716).
    pub data: Arc<[u8]>,
    /// RTP sequence number, without wrap-around.
    pub seq: u64,
    /// Capture time of the first sample in the sender's 48 kHz clock, without wrap-around.
    pub rtp_time: u64,
    /// When the packet arrived.
    pub network_time: Instant,
    /// The first packet after a pause in which nothing was sent.
    pub starts_talkspurt: bool,
    /// The sender's clock, once a sender report has arrived.
    pub sender_clock: Option<SenderClock>,
}

/// A point at which the sender's RTP clock and its wall clock stand side by side (RFC 3550, section
/// 6.4.1). Audio and video of one sender share the wall clock, which is what lip sync needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderClock {
    /// The sender's wall clock, since the Unix epoch. Says nothing about ours.
    pub ntp: Duration,
    /// The RTP time of the stream at that moment, in the clock of the stream, without wrap-around.
    pub rtp_time: u64,
}

impl fmt::Debug for EncodedVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EncodedVideo({} bytes at {})",
            self.data.len(),
            self.rtp_time
        )
    }
}

impl fmt::Debug for EncodedAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EncodedAudio({} bytes at {})",
            self.data.len(),
            self.rtp_time
        )
    }
}

impl fmt::Debug for ReceivedVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedVideo")
            .field("bytes", &self.data.len())
            .field("keyframe", &self.keyframe)
            .field("contiguous", &self.contiguous)
            .field("rtp_time", &self.rtp_time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReceivedAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedAudio")
            .field("bytes", &self.data.len())
            .field("seq", &self.seq)
            .field("rtp_time", &self.rtp_time)
            .finish_non_exhaustive()
    }
}
