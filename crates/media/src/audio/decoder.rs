//! Opus packets to samples.

use std::fmt;

use opus::{Channels, packet};
use thiserror::Error;

use super::SAMPLE_RATE;

/// Samples in the longest packet Opus allows (120 ms).
pub const LONGEST_PACKET: usize = 5760;

/// PLC and FEC work in steps of 2.5 ms.
pub(crate) const CONCEAL_STEP: usize = 120;

/// A packet that is no Opus, or a decoder that refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot decode: {0}")]
pub struct DecodeError(pub(crate) String);

/// What the jitter buffer needs from a decoder. All output is mono at 48 kHz.
pub trait Decode: Send {
    /// Samples a packet stands for; `None` when it is not a packet.
    fn samples(&self, packet: &[u8]) -> Option<usize>;

    /// Whether [`Decode::recover`] would restore what was said just before this packet.
    fn carries_fec(&self, packet: &[u8]) -> bool;

    /// Decodes a packet into `out` (room for [`LONGEST_PACKET`]) and returns the samples written.
    ///
    /// # Errors
    /// When the packet is broken; the decoder stays usable.
    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, DecodeError>;

    /// Fills `out`, exactly the lost duration, from the forward error correction in the packet
    /// that follows the lost one.
    ///
    /// # Errors
    /// When the packet is broken; the decoder stays usable.
    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, DecodeError>;

    /// Fills `out`, a multiple of 2.5 ms up to 60 ms, with what might have been said.
    ///
    /// # Errors
    /// When the decoder refuses.
    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, DecodeError>;

    /// Forgets what was decoded, before a new stream.
    fn reset(&mut self);
}

/// The Opus decoder (RFC 6716). Stereo packets come out mixed to mono.
pub struct OpusDecoder(opus::Decoder);

impl OpusDecoder {
    /// Sets up libopus.
    ///
    /// # Errors
    /// When libopus refuses, which means out of memory.
    pub fn new() -> Result<Self, DecodeError> {
        opus::Decoder::new(SAMPLE_RATE, Channels::Mono)
            .map(Self)
            .map_err(failed)
    }
}

impl Decode for OpusDecoder {
    fn samples(&self, packet: &[u8]) -> Option<usize> {
        if packet.is_empty() {
            return None;
        }
        let samples = packet::get_nb_samples(packet, SAMPLE_RATE).ok()?;
        (1..=LONGEST_PACKET).contains(&samples).then_some(samples)
    }

    fn carries_fec(&self, packet: &[u8]) -> bool {
        // CELT-only packets (configurations 16..32, RFC 6716 table 2) carry none. The SILK part
        // of the others opens with one voice bit a frame and then the LBRR bit (4.2.3).
        let Some(toc) = packet.first() else {
            return false;
        };
        let config = toc >> 3;
        if config >= 16 {
            return false;
        }
        let silk_frames = match (config >= 12, config % 4) {
            (true, _) | (false, 0 | 1) => 1,
            (false, 2) => 2,
            (false, _) => 3,
        };
        let Ok(parsed) = packet::parse(packet) else {
            return false;
        };
        let first = parsed.frames.first().and_then(|frame| frame.first());
        first.is_some_and(|byte| byte >> (7 - silk_frames) & 1 == 1)
    }

    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, DecodeError> {
        if packet.is_empty() {
            return Err(DecodeError("empty packet".into()));
        }
        self.0.decode_float(packet, out, false).map_err(failed)
    }

    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, DecodeError> {
        if next.is_empty() {
            return Err(DecodeError("empty packet".into()));
        }
        self.0.decode_float(next, out, true).map_err(failed)
    }

    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, DecodeError> {
        self.0.decode_float(&[], out, false).map_err(failed)
    }

    fn reset(&mut self) {
        // Fails only on a decoder that does not exist.
        if let Err(error) = self.0.reset_state() {
            tracing::debug!(%error, "decoder not reset");
        }
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}

fn failed(error: opus::Error) -> DecodeError {
    DecodeError(error.description().into())
}

/// Decodes packets that follow each other without loss, as of a recorded clip. Broken packets
/// become silence of their length.
///
/// # Errors
/// When libopus refuses to start.
pub fn decode_clip<'a>(
    packets: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<f32>, DecodeError> {
    let mut decoder = OpusDecoder::new()?;
    let mut clip = Vec::new();
    let mut room = vec![0.0; LONGEST_PACKET];
    for packet in packets {
        let Some(samples) = decoder.samples(packet) else {
            continue;
        };
        match decoder.decode(packet, &mut room) {
            Ok(written) => clip.extend_from_slice(&room[..written]),
            Err(_) => clip.resize(clip.len() + samples, 0.0),
        }
    }
    Ok(clip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::encoder::VoiceEncoder;
    use crate::audio::synthetic;

    #[test]
    fn fec_is_found_only_where_the_encoder_put_it() {
        let speech = synthetic::murmur(48_000);
        let decoder = OpusDecoder::new().unwrap();
        let share = |loss| {
            let mut encoder = VoiceEncoder::new().unwrap();
            encoder.set_network(loss, 32_000);
            let with = speech
                .chunks_exact(960)
                .filter(|frame| decoder.carries_fec(&encoder.encode(frame).unwrap()))
                .count();
            with as f32 / 50.0
        };
        assert_eq!(share(0.0), 0.0, "no FEC on a clean network");
        assert!(share(0.2) > 0.5, "FEC on a lossy one: {}", share(0.2));
    }

    #[test]
    fn nonsense_is_an_error() {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = vec![0.0; LONGEST_PACKET];
        assert!(decoder.decode(&[], &mut out).is_err());
        assert_eq!(decoder.samples(&[]), None);
        // Code 3 with zero frames.
        assert_eq!(decoder.samples(&[0x03, 0x00]), None);
        assert!(!decoder.carries_fec(&[]));
    }
}
