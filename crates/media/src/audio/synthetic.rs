//! Sound made by arithmetic, for headless clients and tests.

use std::f32::consts::TAU;

use super::SAMPLE_RATE;

/// Pitch of the beep.
pub const BEEP_HERTZ: f32 = 1_000.0;

/// Samples in a beep (60 ms).
pub const BEEP: u64 = 2_880;

/// A beep at the start of every second, silence between. The synthetic picture's ball touches
/// the ground at the same moment when both count from the same start.
#[derive(Debug, Clone, Default)]
pub struct Beeps {
    sample: u64,
}

impl Beeps {
    /// Beeps as if they had begun so many samples ago.
    #[must_use]
    pub fn after(samples: u64) -> Self {
        Self { sample: samples }
    }

    /// Fills `out` with what follows.
    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = beep(self.sample);
            self.sample += 1;
        }
    }
}

fn beep(sample: u64) -> f32 {
    let within = sample % u64::from(SAMPLE_RATE);
    if within >= BEEP {
        return 0.0;
    }
    // Without a ramp at both ends the codec would smear the click.
    let ramp = (within.min(BEEP - within) as f32 / 240.0).min(1.0);
    (within as f32 * TAU * BEEP_HERTZ / SAMPLE_RATE as f32).sin() * 0.5 * ramp
}

/// Something like a voice: vowels on a gliding pitch in syllables, with pauses.
#[must_use]
pub fn murmur(samples: usize) -> Vec<f32> {
    let rate = SAMPLE_RATE as f32;
    let mut phase = 0.0_f32;
    (0..samples)
        .map(|n| {
            let time = n as f32 / rate;
            let pitch = 120.0 + 30.0 * (time * TAU * 0.4).sin();
            phase = (phase + pitch / rate).fract();
            let syllable = (time * 4.0).fract();
            let word = (time / 1.5).fract();
            let loud = (syllable * std::f32::consts::PI).sin() * f32::from(u8::from(word < 0.8));
            let colour = 600.0 + 400.0 * (time * TAU * 0.9).sin();
            let voice: f32 = (1..16_u8)
                .map(|harmonic| {
                    let harmonic = f32::from(harmonic);
                    let off = (harmonic * pitch - colour) / 500.0;
                    (phase * harmonic * TAU).sin() / (1.0 + off * off) / harmonic.sqrt()
                })
                .sum();
            voice * loud * 0.12
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beeps_come_once_a_second_and_run_on_between_calls() {
        let mut beeps = Beeps::default();
        let mut sound = vec![0.0; 48_000 * 3];
        for piece in sound.chunks_mut(333) {
            beeps.fill(piece);
        }
        for second in sound.chunks_exact(48_000) {
            assert!(second[..2_880].iter().any(|sample| *sample > 0.49));
            assert!(second[2_880..].iter().all(|sample| *sample == 0.0));
        }
        let mut later = vec![0.0; 100];
        Beeps::after(48_050).fill(&mut later);
        assert_eq!(later, sound[50..150]);
    }

    #[test]
    fn a_murmur_is_neither_silent_nor_clipped() {
        let sound = murmur(48_000);
        let peak = sound
            .iter()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.1..0.95).contains(&peak), "{peak}");
    }
}
