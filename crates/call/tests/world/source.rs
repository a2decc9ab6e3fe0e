use std::time::{Duration, Instant};

use jasmin_call::{AudioTarget, EncodedAudio, EncodedVideo, VideoTarget};

use super::random::Random;

pub(crate) const FRAME: Duration = Duration::from_nanos(33_333_333);
pub(crate) const PACKET: Duration = Duration::from_millis(20);

/// What an encoder would do: frames of about the wanted size, keyframes four times as large.
#[derive(Debug)]
pub(crate) struct Camera {
    pub(crate) captured: u64,
    pub(crate) held: u64,
    pub(crate) encoded: u64,
    pub(crate) keyframes: Vec<Instant>,
    pub(crate) wants_keyframe: bool,
    /// An easy picture needs no more than this, whatever it may have.
    pub(crate) most_bps: u32,
    random: Random,
}

impl Camera {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            captured: 0,
            held: 0,
            encoded: 0,
            keyframes: Vec::new(),
            wants_keyframe: false,
            most_bps: u32::MAX,
            random: Random::new(seed),
        }
    }

    pub(crate) fn capture(
        &mut self,
        target: VideoTarget,
        start: Instant,
        now: Instant,
    ) -> Option<EncodedVideo> {
        self.captured += 1;
        if target.paused {
            return None;
        }
        if target.hold {
            self.held += 1;
            return None;
        }
        let keyframe = std::mem::take(&mut self.wants_keyframe);
        let mean = f64::from(target.bitrate_bps.min(self.most_bps)) / 8.0 / 30.0;
        let size = mean * (0.8 + 0.4 * self.random.unit()) * if keyframe { 4.0 } else { 1.0 };
        if keyframe {
            self.keyframes.push(now);
        }
        self.encoded += 1;
        Some(EncodedVideo {
            data: frame(
                keyframe,
                self.captured,
                now.duration_since(start),
                size as usize,
            )
            .into(),
            rtp_time: self.captured * 3000,
            captured_at: now,
        })
    }
}

/// A VP8 frame as far as its first bytes go (RFC 6386, section 9.1), with its number and capture time
/// inside.
pub(crate) fn frame(keyframe: bool, number: u64, captured: Duration, size: usize) -> Vec<u8> {
    let mut data = vec![0x5a; size.max(32)];
    data[..3].copy_from_slice(&[if keyframe { 0x10 } else { 0x11 }, 0x02, 0x00]);
    data[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
    stamp(&mut data[10..26], number, captured);
    data
}

fn stamp(room: &mut [u8], number: u64, captured: Duration) {
    room[..8].copy_from_slice(&number.to_be_bytes());
    room[8..16].copy_from_slice(&(captured.as_nanos() as u64).to_be_bytes());
}

fn read_stamp(room: &[u8]) -> (u64, Duration) {
    let word = |at: usize| u64::from_be_bytes(room[at..at + 8].try_into().unwrap());
    (word(0), Duration::from_nanos(word(8)))
}

/// Returns a frame's number and when it was captured, since the start.
pub(crate) fn frame_stamp(data: &[u8]) -> (u64, Duration) {
    read_stamp(&data[10..26])
}

/// 20 ms of sound with its number inside.
#[derive(Debug, Default)]
pub(crate) struct Microphone {
    pub(crate) spoken: u64,
}

impl Microphone {
    pub(crate) fn speak(
        &mut self,
        target: AudioTarget,
        start: Instant,
        now: Instant,
    ) -> EncodedAudio {
        self.spoken += 1;
        let size = target.bitrate_bps as usize / 8 / 50;
        let mut data = vec![0x78; size.max(20)];
        stamp(&mut data[1..17], self.spoken, now.duration_since(start));
        EncodedAudio {
            data: data.into(),
            rtp_time: self.spoken * 960,
            captured_at: now,
            starts_talkspurt: self.spoken == 1,
        }
    }
}

/// Returns a packet's number and when it was spoken, since the start.
pub(crate) fn packet_stamp(data: &[u8]) -> (u64, Duration) {
    read_stamp(&data[1..17])
}
