//! The few sounds the application makes itself, for [`Voice::play_out_of_band`].
//!
//! [`Voice::play_out_of_band`]: super::Voice::play_out_of_band

use std::f32::consts::TAU;
use std::sync::Arc;

use super::SAMPLE_RATE;

/// For the speaker test: three rising notes, one and a half seconds.
#[must_use]
pub fn speaker_test() -> Arc<[f32]> {
    let mut sound = silence(1.5);
    for (n, pitch) in [523.25, 659.25, 783.99].into_iter().enumerate() {
        strike(&mut sound, 0.25 * n as f32, pitch, 0.35);
    }
    sound.into()
}

/// For somebody who is called: two soft strokes and a pause, three seconds, to be repeated.
#[must_use]
pub fn ringing() -> Arc<[f32]> {
    let mut sound = silence(3.0);
    for (at, pitch) in [(0.0, 659.25), (0.16, 880.0), (0.6, 659.25), (0.76, 880.0)] {
        strike(&mut sound, at, pitch, 0.4);
    }
    sound.into()
}

/// For somebody who calls and waits: one second of 425 Hz in five, to be repeated.
#[must_use]
pub fn waiting() -> Arc<[f32]> {
    let mut sound = silence(5.0);
    let length = SAMPLE_RATE as usize;
    for (n, sample) in sound.iter_mut().take(length).enumerate() {
        let ramp = (n.min(length - n) as f32 / 960.0).min(1.0);
        *sample = (n as f32 * TAU * 425.0 / SAMPLE_RATE as f32).sin() * 0.12 * ramp;
    }
    sound.into()
}

fn silence(seconds: f32) -> Vec<f32> {
    vec![0.0; (seconds * SAMPLE_RATE as f32) as usize]
}

/// Adds a struck bar: a tone and an overtone that die away.
fn strike(sound: &mut [f32], at: f32, pitch: f32, loudness: f32) {
    let start = (at * SAMPLE_RATE as f32) as usize;
    let length = sound.len();
    for (n, sample) in sound.iter_mut().skip(start).enumerate() {
        let time = n as f32 / SAMPLE_RATE as f32;
        let attack = (time / 0.004).min(1.0);
        let to_end = ((length - start - n) as f32 / 2_400.0).min(1.0);
        let tone = (time * TAU * pitch).sin() * (-time * 5.0).exp();
        let overtone = (time * TAU * pitch * 2.76).sin() * (-time * 18.0).exp() * 0.25;
        *sample += (tone + overtone) * attack * to_end * loudness;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_neither_clip_nor_click_when_repeated() {
        for sound in [speaker_test(), ringing(), waiting()] {
            let peak = sound
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!((0.05..0.95).contains(&peak), "{peak}");
            let seam = (sound[0] - sound[sound.len() - 1]).abs();
            assert!(seam < 0.001, "{seam}");
        }
    }
}
