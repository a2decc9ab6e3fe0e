//! Takes echo, noise and differences of loudness out of what the microphone hears.

use std::fmt;
use std::time::Duration;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::voice::Processing;
use super::{FRAME, SAMPLE_RATE};

/// Gain to begin with, in dB. More lifts the echo that is not yet known.
const INITIAL_GAIN: f32 = 0.0;

/// More gain than this only lifts the room.
const MOST_GAIN: f32 = 24.0;

/// The chain of one microphone and one speaker; a new one is made when either changes, because
/// the old one's idea of the echo's delay would be wrong for seconds.
pub(super) struct Cleaner {
    chain: Option<AudioProcessing>,
    processing: Processing,
    speaker_rate: u32,
    room: Vec<f32>,
}

impl Cleaner {
    pub(super) fn new(processing: Processing, speaker_rate: u32) -> Self {
        let any = processing.echo_cancellation
            || processing.noise_suppression
            || processing.automatic_gain;
        let chain = any.then(|| {
            AudioProcessing::builder()
                .config(config(processing))
                .capture_config(StreamConfig::new(SAMPLE_RATE, 1))
                .render_config(StreamConfig::new(speaker_rate, 1))
                .build()
        });
        Self {
            chain,
            processing,
            speaker_rate,
            room: vec![0.0; speaker_rate as usize / 100],
        }
    }

    /// What it was made for.
    pub(super) fn processing(&self) -> Processing {
        self.processing
    }

    /// Samples in 10 ms of the speaker.
    pub(super) fn speaker_frame(&self) -> usize {
        self.speaker_rate as usize / 100
    }

    /// Whether it wants to know what the speaker plays.
    pub(super) fn listens_to_speaker(&self) -> bool {
        self.chain.is_some() && self.processing.echo_cancellation
    }

    /// Learns 10 ms that the speaker was given.
    pub(super) fn hear_speaker(&mut self, frame: &[f32]) {
        let Some(chain) = &mut self.chain else {
            return;
        };
        if frame.len() != self.room.len() {
            return;
        }
        if let Err(error) = chain.process_render_f32(&[frame], &mut [&mut self.room]) {
            tracing::debug!(%error, "speaker's sound not used");
        }
    }

    /// Cleans 10 ms of the microphone. `echo_delay` lies between a sample's being given to
    /// [`Cleaner::hear_speaker`] and its echo's coming here.
    pub(super) fn clean(&mut self, frame: &mut [f32; FRAME], echo_delay: Option<Duration>) {
        let Some(chain) = &mut self.chain else {
            return;
        };
        if let Some(delay) = echo_delay {
            let delay = i32::try_from(delay.as_millis()).unwrap_or(500).min(500);
            if let Err(error) = chain.set_stream_delay_ms(delay) {
                tracing::debug!(%error, "echo delay not used");
            }
        }
        let heard = *frame;
        if let Err(error) = chain.process_capture_f32(&[&heard], &mut [&mut frame[..]]) {
            tracing::debug!(%error, "microphone's sound not cleaned");
            *frame = heard;
        }
    }
}

fn config(processing: Processing) -> Config {
    Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            multi_channel_render: false,
            multi_channel_capture: false,
            ..Pipeline::default()
        },
        high_pass_filter: (processing.echo_cancellation || processing.noise_suppression)
            .then(HighPassFilter::default),
        echo_canceller: processing.echo_cancellation.then(EchoCanceller::default),
        noise_suppression: processing.noise_suppression.then(|| NoiseSuppression {
            level: NoiseSuppressionLevel::Moderate,
            ..NoiseSuppression::default()
        }),
        gain_controller2: processing.automatic_gain.then(|| GainController2 {
            adaptive_digital: Some(AdaptiveDigital {
                initial_gain_db: INITIAL_GAIN,
                max_gain_db: MOST_GAIN,
                ..AdaptiveDigital::default()
            }),
            ..GainController2::default()
        }),
        ..Config::default()
    }
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleaner")
            .field("processing", &self.processing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::synthetic;

    const OFF: Processing = Processing {
        echo_cancellation: false,
        noise_suppression: false,
        automatic_gain: false,
    };

    fn energy(sound: &[f32]) -> f32 {
        sound.iter().map(|sample| sample * sample).sum()
    }

    /// Plays ten seconds of murmur at the microphone's ear, 45 ms late and 6 dB down.
    fn echo_left(processing: Processing, speaker_rate: u32) -> f32 {
        let speech = synthetic::murmur(480_000);
        let delay = 45 * 48;
        let mut cleaner = Cleaner::new(processing, speaker_rate);
        let mut to_speaker = super::super::resample::Resampler::new(48_000, speaker_rate);
        let mut reference = Vec::new();
        let mut left = Vec::new();
        for (n, frame) in speech.chunks_exact(FRAME).enumerate() {
            match &mut to_speaker {
                Some(resampler) => reference.extend_from_slice(resampler.convert(frame)),
                None => reference.extend_from_slice(frame),
            }
            while reference.len() >= cleaner.speaker_frame() {
                let rest = reference.split_off(cleaner.speaker_frame());
                cleaner.hear_speaker(&reference);
                reference = rest;
            }
            let mut heard = [0.0; FRAME];
            for (k, sample) in heard.iter_mut().enumerate() {
                let at = (n * FRAME + k).checked_sub(delay);
                *sample = at.map_or(0.0, |at| speech[at] * 0.5);
            }
            cleaner.clean(&mut heard, Some(Duration::from_millis(45)));
            left.extend_from_slice(&heard);
        }
        let second_half = speech.len() / 2..;
        energy(&left[second_half.clone()]) / energy(&speech[second_half]) / 0.25
    }

    #[test]
    fn nothing_asked_means_nothing_touched() {
        assert!((echo_left(OFF, 48_000) - 1.0).abs() < 0.01);
        let mut cleaner = Cleaner::new(OFF, 48_000);
        let mut frame = [0.123_456_7; FRAME];
        cleaner.clean(&mut frame, None);
        assert_eq!(frame, [0.123_456_7; FRAME]);
    }

    #[test]
    fn echo_goes_away_also_for_speakers_of_another_rate() {
        let processing = Processing {
            echo_cancellation: true,
            ..OFF
        };
        for rate in [48_000, 44_100] {
            let left = 10.0 * echo_left(processing, rate).log10();
            assert!(left < -20.0, "{left} dB of echo left at {rate} Hz");
        }
    }

    #[test]
    fn steady_noise_gets_quieter() {
        let mut cleaner = Cleaner::new(
            Processing {
                noise_suppression: true,
                ..OFF
            },
            48_000,
        );
        let mut seed = 1_u32;
        let (mut before, mut after) = (0.0, 0.0);
        for n in 0..500 {
            let mut frame = [0.0; FRAME];
            for sample in &mut frame {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (seed as f32 / u32::MAX as f32 - 0.5) * 0.05;
            }
            if n >= 300 {
                before += energy(&frame);
            }
            cleaner.clean(&mut frame, None);
            if n >= 300 {
                after += energy(&frame);
            }
        }
        let change = 10.0 * (after / before).log10();
        assert!(change < -6.0, "{change} dB");
    }

    #[test]
    fn a_quiet_voice_gets_louder() {
        let mut cleaner = Cleaner::new(
            Processing {
                automatic_gain: true,
                ..OFF
            },
            48_000,
        );
        let speech: Vec<f32> = synthetic::murmur(480_000)
            .iter()
            .map(|s| s * 0.05)
            .collect();
        let mut out = Vec::new();
        for frame in speech.chunks_exact(FRAME) {
            let mut frame: [f32; FRAME] = frame.try_into().unwrap();
            cleaner.clean(&mut frame, None);
            out.extend_from_slice(&frame);
        }
        let gain = 10.0 * (energy(&out[400_000..]) / energy(&speech[400_000..480_000])).log10();
        assert!(gain > 3.0, "{gain} dB");
    }
}
