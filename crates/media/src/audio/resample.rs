//! From a device's rate to ours and back, for the devices that know no 48 kHz.

use std::fmt;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Filter length: a delay of a third of a millisecond and no audible images.
const TAPS: usize = 64;

/// Converts chunks of 10 ms.
pub(super) struct Resampler {
    inner: Async<f32>,
    room: Vec<f32>,
    chunk: usize,
}

impl Resampler {
    /// Converts from one rate to another; `None` when they are the same or no ratio of rates.
    pub(super) fn new(from: u32, to: u32) -> Option<Self> {
        if from == to {
            return None;
        }
        let chunk = from as usize / 100;
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::Blackman2)
            .interpolation(SincInterpolationType::Linear)
            .oversampling_factor(256);
        let ratio = f64::from(to) / f64::from(from);
        let inner = Async::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input)
            .inspect_err(|error| tracing::warn!(from, to, %error, "no conversion of rate"))
            .ok()?;
        let room = vec![0.0; inner.output_frames_max()];
        Some(Self { inner, room, chunk })
    }

    /// Converts 10 ms (`from / 100` samples). The result varies in length by a sample or two.
    pub(super) fn convert(&mut self, chunk: &[f32]) -> &[f32] {
        let frames = self.room.len();
        let Ok(input) = InterleavedSlice::new(chunk, 1, self.chunk) else {
            return &[];
        };
        let Ok(mut output) = InterleavedSlice::new_mut(&mut self.room, 1, frames) else {
            return &[];
        };
        match self.inner.process_into_buffer(&input, &mut output, None) {
            Ok((_, written)) => &self.room[..written],
            Err(error) => {
                tracing::debug!(%error, "10 ms not converted");
                &[]
            }
        }
    }
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler")
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a tone's energy that is still that tone.
    fn purity(sound: &[f32], frequency: f32, rate: f32) -> f32 {
        let (mut sine, mut cosine, mut energy) = (0.0, 0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            let angle = n as f32 * std::f32::consts::TAU * frequency / rate;
            sine += sample * angle.sin();
            cosine += sample * angle.cos();
            energy += sample * sample;
        }
        (sine * sine + cosine * cosine) * 2.0 / (sound.len() as f32 * energy)
    }

    #[test]
    fn a_tone_stays_a_tone_at_every_common_rate() {
        for rate in [8_000, 16_000, 44_100, 96_000, 192_000_u32] {
            for (from, to) in [(rate, 48_000), (48_000, rate)] {
                let mut resampler = Resampler::new(from, to).unwrap();
                let step = std::f32::consts::TAU * 1_000.0 / from as f32;
                let sound: Vec<f32> = (0..from).map(|n| (n as f32 * step).sin()).collect();
                let mut out = Vec::new();
                for chunk in sound.chunks_exact(from as usize / 100) {
                    out.extend_from_slice(resampler.convert(chunk));
                }
                let expected = to as usize;
                assert!(
                    out.len().abs_diff(expected) <= 100,
                    "{} from {from} to {to}",
                    out.len()
                );
                let middle = &out[to as usize / 10..to as usize / 10 * 9];
                let purity = purity(middle, 1_000.0, to as f32);
                assert!(purity > 0.999, "{purity} from {from} to {to}");
            }
        }
    }

    #[test]
    fn our_own_rate_needs_nothing() {
        assert!(Resampler::new(48_000, 48_000).is_none());
    }
}
