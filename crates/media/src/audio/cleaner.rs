//! Takes echo, noise and differences of loudness out of what the microphone hears. Cleaning costs a
//! voice some of its sound, so in a quiet room, while the speaker is silent, it passes beside what
//! takes out echo and noise.

mod need;
mod residue;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, MaxProcessingRate, NoiseSuppression,
    NoiseSuppressionLevel, Pipeline, TransparentModeType,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use self::need::{Need, rms};
use self::residue::Residue;
use super::voice::Processing;
use super::{FRAME, SAMPLE_RATE};

/// Gain to begin with, in dB. More lifts the echo that is not yet known.
const INITIAL_GAIN: f32 = 0.0;

/// More gain than this only lifts the room.
const MOST_GAIN: f32 = 24.0;

/// Samples by which the chain that takes out echo and noise is late, for its filter banks.
fn chain_delay(processing: Processing) -> usize {
    match (processing.echo_cancellation, processing.noise_suppression) {
        (true, true) => 718,
        (true, false) => 430,
        (false, true) => 334,
        (false, false) => 0,
    }
}

/// The share of the cleaned sound changes by this much each 10 ms.
const BLEND_STEP: f32 = 0.2;

/// The chain of one microphone and one speaker; a new one is made when either changes, because
/// the old one's idea of the echo's delay would be wrong for seconds.
pub(super) struct Cleaner {
    chain: Option<AudioProcessing>,
    /// After the chain, on a voice that may have passed beside it.
    gain: Option<AudioProcessing>,
    need: Need,
    residue: Residue,
    frames: u64,
    /// Samples of the microphone that the chain still holds.
    held: VecDeque<f32>,
    /// The share of the chain's sound in what comes out, 0..=1.
    blend: f32,
    processing: Processing,
    speaker_rate: u32,
    room: Vec<f32>,
}

impl Cleaner {
    pub(super) fn new(processing: Processing, speaker_rate: u32) -> Self {
        let build = |config| {
            AudioProcessing::builder()
                .config(config)
                .capture_config(StreamConfig::new(SAMPLE_RATE, 1))
                .render_config(StreamConfig::new(speaker_rate, 1))
                .build()
        };
        let cleans = processing.echo_cancellation || processing.noise_suppression;
        Self {
            chain: cleans.then(|| build(cleaning(processing))),
            gain: processing.automatic_gain.then(|| build(gain())),
            need: Need::new(processing),
            residue: Residue::new(),
            frames: 0,
            held: VecDeque::from(vec![0.0; chain_delay(processing)]),
            blend: 1.0,
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
        self.need.hear_speaker(frame);
        if let Err(error) = chain.process_render_f32(&[frame], &mut [&mut self.room]) {
            tracing::debug!(%error, "speaker's sound not used");
        }
    }

    /// Cleans 10 ms of the microphone. `echo_delay` lies between a sample's being given to
    /// [`Cleaner::hear_speaker`] and its echo's coming here.
    pub(super) fn clean(&mut self, frame: &mut [f32; FRAME], echo_delay: Option<Duration>) {
        self.take_out(frame, echo_delay);
        if let Some(gain) = &mut self.gain {
            run(gain, frame);
        }
    }

    fn take_out(&mut self, frame: &mut [f32; FRAME], echo_delay: Option<Duration>) {
        let Some(chain) = &mut self.chain else {
            return;
        };
        if let Some(delay) = echo_delay {
            let delay = i32::try_from(delay.as_millis()).unwrap_or(500).min(500);
            if let Err(error) = chain.set_stream_delay_ms(delay) {
                tracing::debug!(%error, "echo delay not used");
            }
        }
        let needed = self.need.hear_microphone(frame);
        let heard = *frame;
        if !run(chain, frame) {
            return;
        }
        // What was heard when the chain heard what it gives now: the two fit sample by sample.
        self.held.extend(heard);
        let mut late = [0.0; FRAME];
        for (sample, held) in late.iter_mut().zip(self.held.drain(..FRAME)) {
            *sample = held;
        }
        let (loud, left) = (rms(&late), rms(frame));
        self.frames += 1;
        if self.frames.is_multiple_of(100) && self.need.echoes() {
            let stats = chain.statistics();
            tracing::debug!(
                told_ms = echo_delay.map(|delay| delay.as_millis()),
                found_ms = stats.delay_ms,
                loss = stats.echo_return_loss,
                enhancement = stats.echo_return_loss_enhancement,
                diverges = stats.divergent_filter_fraction,
                "echo"
            );
        }
        let gain = self
            .residue
            .next(self.need.echoes(), loud, left, self.need.room());
        let (from, to) = (
            self.blend,
            if needed {
                (self.blend + BLEND_STEP).min(1.0)
            } else {
                (self.blend - BLEND_STEP).max(0.0)
            },
        );
        self.blend = to;
        for (at, (clean, raw)) in frame.iter_mut().zip(late).enumerate() {
            let along = at as f32 / FRAME as f32;
            let share = from + (to - from) * along;
            let gain = gain.0 + (gain.1 - gain.0) * along;
            *clean = raw + (*clean * gain - raw) * share;
        }
    }
}

/// Whether the chain took the frame; if not, it is as it was.
fn run(chain: &mut AudioProcessing, frame: &mut [f32; FRAME]) -> bool {
    let heard = *frame;
    if let Err(error) = chain.process_capture_f32(&[&heard], &mut [&mut frame[..]]) {
        tracing::debug!(%error, "microphone's sound not cleaned");
        *frame = heard;
        return false;
    }
    true
}

fn pipeline() -> Pipeline {
    Pipeline {
        maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
        multi_channel_render: false,
        multi_channel_capture: false,
        ..Pipeline::default()
    }
}

/// Without the usual filter against rumble: it takes the lowest tones of a voice, too, and Opus has
/// one of its own.
fn cleaning(processing: Processing) -> Config {
    Config {
        pipeline: pipeline(),
        echo_canceller: processing.echo_cancellation.then_some(EchoCanceller {
            enforce_high_pass_filtering: false,
            // The other way to tell headphones takes some delays of an echo for none at all.
            transparent_mode: TransparentModeType::Hmm,
        }),
        noise_suppression: processing.noise_suppression.then(|| NoiseSuppression {
            level: NoiseSuppressionLevel::Moderate,
            ..NoiseSuppression::default()
        }),
        ..Config::default()
    }
}

fn gain() -> Config {
    Config {
        pipeline: pipeline(),
        gain_controller2: Some(GainController2 {
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

    /// A voice with a noise below it, before a speaker that says nothing.
    fn voice_through(processing: Processing, noise: f32) -> (Vec<f32>, Vec<f32>) {
        let mut cleaner = Cleaner::new(processing, 48_000);
        let mut seed = 7_u32;
        let speech: Vec<f32> = synthetic::murmur(480_000)
            .into_iter()
            .enumerate()
            .map(|(at, sample)| {
                // A voice pauses for a tenth of a second twice a second.
                let sample = if at % 24_000 < 4_800 { 0.0 } else { sample };
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                sample + (seed as f32 / u32::MAX as f32 - 0.5) * noise
            })
            .collect();
        let mut out = Vec::new();
        for frame in speech.chunks_exact(FRAME) {
            let mut frame: [f32; FRAME] = frame.try_into().unwrap();
            cleaner.hear_speaker(&[0.0; FRAME]);
            cleaner.clean(&mut frame, Some(Duration::from_millis(40)));
            out.extend_from_slice(&frame);
        }
        (speech, out)
    }

    const CLEANING: Processing = Processing {
        automatic_gain: false,
        echo_cancellation: true,
        noise_suppression: true,
    };

    #[test]
    fn where_there_is_nothing_to_take_out_a_voice_passes_as_it_is() {
        let (speech, out) = voice_through(CLEANING, 0.0);
        let (from, late) = (400_000, chain_delay(CLEANING));
        assert_eq!(out[from..], speech[from - late..speech.len() - late]);
    }

    #[test]
    fn the_voice_beside_the_chain_fits_the_one_out_of_it() {
        for processing in [
            Processing {
                noise_suppression: false,
                ..CLEANING
            },
            Processing {
                echo_cancellation: false,
                ..CLEANING
            },
            CLEANING,
        ] {
            let mut cleaner = Cleaner::new(processing, 48_000);
            // Crackling: short bursts are no noise, and fit at one place only.
            let mut seed = 3_u32;
            let crackle: Vec<f32> = (0..240_000)
                .map(|at| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let burst = at % 9_000 < 900;
                    f32::from(u8::from(burst)) * (seed as f32 / u32::MAX as f32 - 0.5) * 0.4
                })
                .collect();
            let mut out = Vec::new();
            for frame in crackle.chunks_exact(FRAME) {
                let mut frame: [f32; FRAME] = frame.try_into().unwrap();
                cleaner.hear_speaker(&[0.0; FRAME]);
                let chain = cleaner.chain.as_mut().unwrap();
                assert!(run(chain, &mut frame));
                out.extend_from_slice(&frame);
            }
            let fit = |late: usize| -> f32 {
                let heard = &crackle[120_000 - late..200_000 - late];
                out[120_000..200_000]
                    .iter()
                    .zip(heard)
                    .map(|(a, b)| a * b)
                    .sum()
            };
            let best = (0..1_000).max_by(|a, b| fit(*a).total_cmp(&fit(*b)));
            let best = best.unwrap();
            let late = chain_delay(processing);
            assert!(best.abs_diff(late) <= 1, "{best} for {processing:?}");
        }
    }

    #[test]
    fn noise_below_a_voice_is_taken_out() {
        let (speech, out) = voice_through(CLEANING, 0.05);
        let (from, late) = (400_000, chain_delay(CLEANING));
        assert_ne!(out[from..], speech[from - late..speech.len() - late]);
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
