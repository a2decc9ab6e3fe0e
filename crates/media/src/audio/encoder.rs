//! Samples to Opus packets.

use std::fmt;

use opus::{Application, Bitrate, Channels, Signal};
use thiserror::Error;

use super::{PACKET, SAMPLE_RATE};

/// The least and the most a voice is given.
pub(crate) const BITRATE: std::ops::RangeInclusive<u32> = 16_000..=48_000;

/// Room for any 20 ms packet at 48 kbit/s, and then some.
const LARGEST: usize = 1275;

/// The encoder could not be set up or refused a frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot encode: {0}")]
pub struct EncodeError(String);

/// The Opus encoder for speech: 48 kHz mono, 20 ms, in-band FEC as the loss asks for.
pub struct VoiceEncoder {
    opus: opus::Encoder,
    room: Box<[u8]>,
    loss_percent: i32,
    bitrate: u32,
}

impl VoiceEncoder {
    /// Sets up libopus for a clean network.
    ///
    /// # Errors
    /// When libopus refuses, which means out of memory.
    pub fn new() -> Result<Self, EncodeError> {
        let mut opus =
            opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip).map_err(failed)?;
        opus.set_signal(Signal::Voice).map_err(failed)?;
        opus.set_vbr(true).map_err(failed)?;
        opus.set_inband_fec(true).map_err(failed)?;
        let mut encoder = Self {
            opus,
            room: vec![0; LARGEST].into_boxed_slice(),
            loss_percent: -1,
            bitrate: 0,
        };
        encoder.set_network(0.0, 32_000);
        Ok(encoder)
    }

    /// Follows the network: share of packets lost (0..=1) and bits a second for sound, kept
    /// within 16..=48 kbit/s.
    pub fn set_network(&mut self, loss: f32, bitrate: u32) {
        let percent = if loss.is_finite() {
            (loss.clamp(0.0, 0.3) * 100.0).round() as i32
        } else {
            0
        };
        let bitrate = bitrate.clamp(*BITRATE.start(), *BITRATE.end());
        if percent != self.loss_percent {
            self.loss_percent = percent;
            note(self.opus.set_packet_loss_perc(percent));
        }
        if bitrate != self.bitrate {
            self.bitrate = bitrate;
            note(self.opus.set_bitrate(Bitrate::Bits(bitrate as i32)));
        }
    }

    /// Encodes one frame of [`PACKET`] samples.
    ///
    /// # Errors
    /// When the frame has another length or libopus refuses it.
    pub fn encode(&mut self, frame: &[f32]) -> Result<Vec<u8>, EncodeError> {
        if frame.len() != PACKET {
            return Err(EncodeError(format!("{} samples", frame.len())));
        }
        let written = self
            .opus
            .encode_float(frame, &mut self.room)
            .map_err(failed)?;
        Ok(self.room[..written].to_vec())
    }

    /// Forgets what was encoded, after a pause.
    pub fn reset(&mut self) {
        note(self.opus.reset_state());
    }
}

impl fmt::Debug for VoiceEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceEncoder")
            .field("loss_percent", &self.loss_percent)
            .field("bitrate", &self.bitrate)
            .finish_non_exhaustive()
    }
}

fn failed(error: opus::Error) -> EncodeError {
    EncodeError(error.description().into())
}

fn note(result: Result<(), opus::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "encoder keeps its setting");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::synthetic;

    fn bytes_of_a_second(encoder: &mut VoiceEncoder) -> usize {
        let speech = synthetic::murmur(48_000);
        speech
            .chunks_exact(PACKET)
            .map(|frame| encoder.encode(frame).unwrap().len())
            .sum()
    }

    #[test]
    fn follows_the_bitrate_within_its_bounds() {
        let mut encoder = VoiceEncoder::new().unwrap();
        encoder.set_network(0.0, 4_000);
        let low = bytes_of_a_second(&mut encoder);
        encoder.set_network(0.0, 1_000_000);
        let high = bytes_of_a_second(&mut encoder);
        assert!((1_200..3_000).contains(&low), "{low} bytes at 16 kbit/s");
        assert!((4_500..7_500).contains(&high), "{high} bytes at 48 kbit/s");
    }

    #[test]
    fn odd_frames_and_figures_are_refused_or_bounded() {
        let mut encoder = VoiceEncoder::new().unwrap();
        assert!(encoder.encode(&[0.0; 100]).is_err());
        encoder.set_network(f32::NAN, 0);
        encoder.set_network(7.0, u32::MAX);
        assert!(encoder.encode(&[f32::NAN; PACKET]).is_ok());
    }
}
