//! Recorded speech, and how alike two recordings are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

const RATE: usize = 48_000;

/// Search for the lag at this fraction of the rate first.
const COARSE: usize = 6;

/// Seconds of a real voice as a WAV file and as samples.
pub(super) fn speech(dir: &Path, seconds: usize) -> (PathBuf, Vec<f32>) {
    let found = ["en_US_f_Allison", "en", "en_US"]
        .iter()
        .map(|voice| Path::new("/usr/share/asterisk/sounds").join(voice))
        .map(|dir| dir.join("demo-instruct.g722"))
        .find(|file| file.exists());
    let Some(recording) = found else {
        panic!("this test needs asterisk-core-sounds-en-g722: run `cargo xtask test`");
    };
    let wav = dir.join("speech.wav");
    let status = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-y", "-f", "g722", "-i"])
        .arg(recording)
        .args(["-t", &seconds.to_string(), "-ar", "48000", "-ac", "1"])
        .args(["-c:a", "pcm_s16le", "-bitexact"])
        .arg(&wav)
        .status()
        .expect("this test needs ffmpeg: run `cargo xtask test`");
    assert!(status.success());
    let bytes = fs::read(&wav).unwrap();
    let samples = bytes[44..]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    (wav, samples)
}

/// The lag in samples at which `sound` resembles `pattern` best, and how much (0..=1).
pub(super) fn find(pattern: &[f32], sound: &[f32]) -> (usize, f32) {
    let coarse_pattern = decimate(pattern);
    let coarse_sound = decimate(sound);
    let last = coarse_sound.len().saturating_sub(coarse_pattern.len());
    let (coarse, _) = (0..=last)
        .map(|lag| (lag, likeness(&coarse_pattern, &coarse_sound[lag..])))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    let from = (coarse * COARSE).saturating_sub(2 * COARSE);
    let to = (coarse * COARSE + 2 * COARSE).min(sound.len().saturating_sub(pattern.len()));
    (from..=to.max(from))
        .map(|lag| (lag, likeness(pattern, &sound[lag.min(sound.len())..])))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

fn decimate(sound: &[f32]) -> Vec<f32> {
    let mean = |piece: &[f32]| piece.iter().sum::<f32>() / COARSE as f32;
    sound.chunks_exact(COARSE).map(mean).collect()
}

/// Normalised correlation over the length of `pattern`.
fn likeness(pattern: &[f32], sound: &[f32]) -> f32 {
    let (mut both, mut first, mut second) = (0.0_f64, 1e-9, 1e-9);
    for (a, b) in iter::zip(pattern, sound) {
        both += f64::from(a * b);
        first += f64::from(a * a);
        second += f64::from(b * b);
    }
    (both / f64::sqrt(first * second)) as f32
}

/// How alike `sound` is to `pattern` from about `lag` on, piece by piece: a jitter buffer may cut
/// or insert some milliseconds between pieces. Returns the likeness of each half second and the
/// lags at which they were found. Silent pieces are left out.
pub(super) fn follow(pattern: &[f32], sound: &[f32], lag: usize) -> Vec<(usize, f32)> {
    let piece = samples(500);
    let reach = samples(40);
    let mut lag = lag;
    let mut found = Vec::new();
    for (n, part) in pattern.chunks_exact(piece).enumerate() {
        let energy: f32 = part.iter().map(|sample| sample * sample).sum();
        if energy / (piece as f32) < 1e-5 {
            continue;
        }
        let from = (n * piece + lag).saturating_sub(reach).min(sound.len());
        let to = (n * piece + lag + reach + piece).min(sound.len());
        let (at, alike) = find(part, &sound[from..to]);
        lag = (from + at).saturating_sub(n * piece);
        found.push((lag, alike));
    }
    found
}

/// Samples in so many milliseconds.
pub(super) fn samples(ms: usize) -> usize {
    ms * RATE / 1000
}

#[test]
fn lags_are_found_to_the_sample() {
    let (mut seed, mut smooth) = (1_u32, 0.0);
    let sound: Vec<f32> = (0..40_000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth = smooth * 0.9 + (seed as f32 / u32::MAX as f32 - 0.5) * 0.1;
            smooth
        })
        .collect();
    let (lag, likeness) = find(&sound[12_345..24_345], &sound);
    assert_eq!(lag, 12_345);
    assert!(likeness > 0.999);
    assert_eq!(samples(1_500), 72_000);
}
