//! Shortening and lengthening of speech without changing its pitch: pieces that resemble each
//! other are laid over each other (WSOLA).

use std::collections::VecDeque;

/// Samples of cross-fade (5 ms).
const OVERLAP: usize = 240;

/// The shortest and longest piece taken out or put in: pitch periods of 400 down to 67 Hz.
const SHORTEST: usize = 120;
const LONGEST: usize = 720;

/// What [`shorten`] and [`lengthen`] need to look at.
pub(super) const NEEDED: usize = LONGEST + OVERLAP;

/// Below this (−54 dBFS) nobody hears where it was cut.
const QUIET: f32 = 0.002;

/// Search on every fourth sample first.
const COARSE: usize = 4;

/// Takes a piece of at most `most` samples out of the start of `sound`. Returns its length, 0
/// when no piece resembles its follower by at least `likeness` (0..=1).
pub(super) fn shorten(sound: &mut VecDeque<f32>, most: usize, likeness: f32) -> usize {
    let Some(lag) = piece(sound, most, likeness) else {
        return 0;
    };
    let samples = sound.make_contiguous();
    // Backwards, because a short piece writes where it has yet to read.
    for n in (0..OVERLAP).rev() {
        let fade = n as f32 / OVERLAP as f32;
        samples[n + lag] = samples[n] * (1.0 - fade) + samples[n + lag] * fade;
    }
    sound.drain(..lag);
    lag
}

/// Repeats a piece of at most `most` samples at the start of `sound`. Returns its length, 0 when
/// no piece resembles its follower by at least `likeness`.
pub(super) fn lengthen(sound: &mut VecDeque<f32>, most: usize, likeness: f32) -> usize {
    let Some(lag) = piece(sound, most, likeness) else {
        return 0;
    };
    let samples = sound.make_contiguous();
    // The first period, then a fade from what follows it back to its own start.
    let mut repeated = Vec::with_capacity(lag + OVERLAP);
    repeated.extend_from_slice(&samples[..lag]);
    for n in 0..OVERLAP {
        let fade = n as f32 / OVERLAP as f32;
        repeated.push(samples[lag + n] * (1.0 - fade) + samples[n] * fade);
    }
    for (sample, repeated) in samples.iter_mut().zip(&repeated[lag..]) {
        *sample = *repeated;
    }
    for sample in repeated[..lag].iter().rev() {
        sound.push_front(*sample);
    }
    lag
}

fn piece(sound: &mut VecDeque<f32>, most: usize, likeness: f32) -> Option<usize> {
    let most = most
        .min(LONGEST)
        .min(sound.len().saturating_sub(OVERLAP))
        .max(1);
    if most < SHORTEST || sound.len() < SHORTEST + OVERLAP {
        return None;
    }
    let samples = sound.make_contiguous();
    let looked_at = &samples[..(most + OVERLAP).min(samples.len())];
    let energy: f32 = looked_at.iter().map(|sample| sample * sample).sum();
    if energy / (looked_at.len() as f32) < QUIET * QUIET {
        return Some(most);
    }
    let (coarse, _) = (SHORTEST..=most)
        .step_by(COARSE)
        .map(|lag| (lag, resemblance(samples, lag, COARSE)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let around = coarse.saturating_sub(COARSE).max(SHORTEST)..=(coarse + COARSE).min(most);
    let (lag, best) = around
        .map(|lag| (lag, resemblance(samples, lag, 1)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best >= likeness).then_some(lag)
}

/// Normalised correlation of the start with what follows after `lag`.
fn resemblance(samples: &[f32], lag: usize, step: usize) -> f32 {
    let (mut both, mut first, mut second) = (0.0, 1e-9, 1e-9);
    for n in (0..OVERLAP).step_by(step) {
        let (a, b) = (samples[n], samples[n + lag]);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / f32::sqrt(first * second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f32, samples: usize) -> VecDeque<f32> {
        let step = std::f32::consts::TAU * frequency / 48_000.0;
        (0..samples)
            .map(|n| (n as f32 * step).sin() * 0.5)
            .collect()
    }

    /// The largest step between neighbours, far above a tone's own when there is a click.
    fn steepest(sound: &VecDeque<f32>) -> f32 {
        let steps = sound.iter().zip(sound.iter().skip(1));
        steps.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_loses_and_gains_whole_periods_without_a_click() {
        for frequency in [100.0, 150.0, 230.0, 390.0] {
            let original = tone(frequency, 2_000);
            let smooth = steepest(&original) * 1.2;

            let mut short = original.clone();
            let cut = shorten(&mut short, 720, 0.9);
            let periods = cut as f32 * frequency / 48_000.0;
            assert!(
                (periods - periods.round()).abs() < 0.03,
                "{periods} periods of {frequency}"
            );
            assert_eq!(short.len(), 2_000 - cut);
            assert!(steepest(&short) < smooth, "a click in {frequency} Hz");

            let mut long = original.clone();
            let added = lengthen(&mut long, 720, 0.9);
            assert!(added > 0);
            assert_eq!(long.len(), 2_000 + added);
            assert!(steepest(&long) < smooth, "a click in {frequency} Hz");
        }
    }

    #[test]
    fn noise_is_left_alone_and_silence_is_cut_at_will() {
        let mut seed = 1u32;
        let mut noise: VecDeque<f32> = (0..2_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed as f32 / u32::MAX as f32 - 0.5
            })
            .collect();
        assert_eq!(shorten(&mut noise, 720, 0.8), 0);
        let mut silence = VecDeque::from(vec![0.0; 2_000]);
        assert_eq!(shorten(&mut silence, 400, 0.9), 400);
        assert_eq!(lengthen(&mut silence, 500, 0.9), 500);
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        for length in [0, 1, 200, 359] {
            let mut sound = tone(200.0, length);
            assert_eq!(shorten(&mut sound, 720, 0.5), 0);
            assert_eq!(lengthen(&mut sound, 720, 0.5), 0);
            assert_eq!(sound.len(), length);
        }
        assert_eq!(shorten(&mut tone(200.0, 2_000), 0, 0.5), 0);
    }
}
