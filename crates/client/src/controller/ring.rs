//! Sounds that the app itself makes: the ring and the test tone.

use std::{f32::consts::TAU, sync::Arc};

use jasmin_media::audio::{Repeat, SAMPLE_RATE};

use super::actor::{Actor, failure};
use crate::{Failure, FailureCode};

impl Actor {
    pub(super) fn start_ring(&mut self) {
        if self.ring.is_some() || self.studio.captures_nothing() {
            return;
        }
        match self.studio.voice() {
            Ok(voice) => {
                self.ring = Some(voice.play_out_of_band(ring(), Repeat::UntilStopped));
            }
            Err(error) => tracing::warn!(%error, "the ring cannot be heard"),
        }
    }

    pub(super) fn stop_ring(&mut self) {
        if let (Some(id), Ok(voice)) = (self.ring.take(), self.studio.voice()) {
            voice.stop_out_of_band(id);
        }
    }

    pub(super) fn play_tone(&mut self) -> Result<(), Failure> {
        if self.check.is_none() {
            return Err(failure(FailureCode::NotNow, "the device check is not open"));
        }
        let voice = self.studio.voice().map_err(|error| {
            failure(
                FailureCode::Internal,
                &format!("sound cannot be set up: {error}"),
            )
        })?;
        let id = voice.play_out_of_band(tone(), Repeat::Once);
        if let Some(check) = &mut self.check {
            check.tone = Some(id);
        }
        Ok(())
    }

    pub(super) fn record_clip(&mut self) -> Result<(), Failure> {
        Err(failure(
            FailureCode::NotNow,
            "the clip cannot be recorded yet",
        ))
    }
}

/// Two soft notes, then silence: 3 s, to be repeated.
fn ring() -> Arc<[f32]> {
    let notes = [(0.0, 659.3), (0.32, 880.0), (0.9, 659.3), (1.22, 880.0)];
    render(3.0, |time| {
        notes
            .iter()
            .map(|&(start, pitch)| bell(time - start, pitch))
            .sum::<f32>()
            * 0.25
    })
}

/// Three rising notes, 1.2 s.
fn tone() -> Arc<[f32]> {
    let notes = [(0.0, 523.3), (0.35, 659.3), (0.7, 784.0)];
    render(1.6, |time| {
        notes
            .iter()
            .map(|&(start, pitch)| bell(time - start, pitch))
            .sum::<f32>()
            * 0.3
    })
}

/// A struck note that fades.
fn bell(time: f32, pitch: f32) -> f32 {
    if time < 0.0 {
        return 0.0;
    }
    let attack = (time / 0.008).min(1.0);
    let overtone = 0.25 * (2.0 * TAU * pitch * time).sin();
    attack * (-time * 5.0).exp() * ((TAU * pitch * time).sin() + overtone)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds of samples"
)]
fn render(seconds: f32, sample: impl Fn(f32) -> f32) -> Arc<[f32]> {
    let rate = SAMPLE_RATE as f32;
    (0..(seconds * rate) as usize)
        .map(|index| sample(index as f32 / rate))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_audible_never_clip_and_end_in_silence() {
        for sound in [ring(), tone()] {
            let peak = sound
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak > 0.1 && peak < 1.0, "peak {peak}");
            assert!(
                sound.last().is_some_and(|last| last.abs() < 0.01),
                "no click at the end"
            );
        }
    }
}
