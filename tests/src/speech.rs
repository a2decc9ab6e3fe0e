use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// Samples a second, of everything that is played and recorded.
pub const RATE: usize = 48_000;

/// For comparing: enough for what Opus keeps of speech, and quick to search.
const COMPARED: usize = 16_000;
/// For the first, coarse search.
const COARSE: usize = 4_000;
/// One compared piece of speech, seconds.
const PIECE: f64 = 0.8;

/// Recorded speech: mono, at [`RATE`].
#[derive(Clone, Debug)]
pub struct Speech {
    samples: Vec<f32>,
}

/// How much of some speech was found in a recording.
#[derive(Clone, Debug)]
pub struct Match {
    /// Median of the pieces' normalised correlation, 0 to 1.
    pub correlation: f64,
    /// Each piece with sound in it: correlation, and by how many seconds it came late, counted from
    /// the start of the recording.
    pub pieces: Vec<(f64, f64)>,
}

impl Speech {
    /// Sentences of a real voice, so many seconds of them.
    ///
    /// # Errors
    /// When the voice or `ffmpeg` is not installed.
    pub fn recorded(folder: &Path, seconds: f64) -> Result<Self> {
        Self::recorded_from(folder, 0, seconds, Duration::from_millis(200))
    }

    /// As [`Speech::recorded`], from a later sentence on and with a pause of one's own after each.
    ///
    /// # Errors
    /// When the voice or `ffmpeg` is not installed, or there are too few sentences.
    pub fn recorded_from(
        folder: &Path,
        first: usize,
        seconds: f64,
        pause: Duration,
    ) -> Result<Self> {
        let wanted = (seconds * RATE as f64) as usize;
        let pause = (pause.as_secs_f64() * RATE as f64) as usize;
        let mut samples = Vec::with_capacity(wanted);
        for sentence in sentences()?.into_iter().skip(first) {
            if samples.len() >= wanted {
                break;
            }
            samples.extend(decode(&sentence, folder)?);
            samples.resize(samples.len() + pause, 0.0);
        }
        ensure!(
            samples.len() >= wanted,
            "there is too little recorded speech"
        );
        samples.truncate(wanted);
        let peak = samples
            .iter()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        ensure!(peak > 0.01, "the recorded speech is silent");
        samples.iter_mut().for_each(|sample| *sample *= 0.5 / peak);
        Ok(Self { samples })
    }

    /// The same, louder or less loud.
    #[must_use]
    pub fn at_volume(mut self, volume: f32) -> Self {
        self.samples.iter_mut().for_each(|sample| *sample *= volume);
        self
    }

    /// The sound.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Looks for the speech, piece by piece, anywhere in a recording. Pieces may have moved against
    /// each other, as a jitter buffer moves them, by up to 0.1 s from one to the next.
    pub fn find_in(&self, heard: &[f32]) -> Match {
        let said = Compared::new(&self.samples);
        let heard = Compared::new(heard);
        let length = (PIECE * COMPARED as f64) as usize;
        let mut pieces: Vec<(f64, f64)> = Vec::new();
        let mut lag: Option<usize> = None;
        let loud = energy(&said.fine) / said.fine.len().max(1) as f64;
        for start in (0..said.fine.len().saturating_sub(length)).step_by(length) {
            let piece = &said.fine[start..start + length];
            if energy(piece) / (length as f64) < loud * 0.2 {
                continue;
            }
            let around = match lag {
                Some(lag) => lag,
                None => heard
                    .coarse_place(&said, start, length)
                    .saturating_sub(start),
            };
            let (correlation, place) = heard.best(piece, start + around, COMPARED / 10);
            if correlation > 0.5 {
                lag = Some(place.saturating_sub(start));
            }
            let late = (place as f64 - start as f64) / COMPARED as f64;
            pieces.push((correlation, late));
        }
        let mut sorted: Vec<f64> = pieces.iter().map(|piece| piece.0).collect();
        sorted.sort_by(f64::total_cmp);
        let correlation = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        Match {
            correlation,
            pieces,
        }
    }
}

/// The same sound twice: fine enough to compare, coarse enough to search.
struct Compared {
    fine: Vec<f32>,
    coarse: Vec<f32>,
}

impl Compared {
    fn new(samples: &[f32]) -> Self {
        let fine = slower(samples, RATE / COMPARED);
        let coarse = slower(&fine, COMPARED / COARSE);
        Self { fine, coarse }
    }

    /// Where the piece lies best in the whole recording, in fine samples.
    fn coarse_place(&self, said: &Compared, start: usize, length: usize) -> usize {
        let step = COMPARED / COARSE;
        let piece = &said.coarse[start / step..(start + length) / step];
        let last = self.coarse.len().saturating_sub(piece.len());
        best_place(piece, &self.coarse, 0..=last).1 * step
    }

    /// The best correlation within `reach` of `place`.
    fn best(&self, piece: &[f32], place: usize, reach: usize) -> (f64, usize) {
        let last = self.fine.len().saturating_sub(piece.len());
        let from = place.saturating_sub(reach).min(last);
        let to = (place + reach).min(last);
        best_place(piece, &self.fine, from..=to)
    }
}

fn best_place(
    piece: &[f32],
    sound: &[f32],
    places: std::ops::RangeInclusive<usize>,
) -> (f64, usize) {
    let own = energy(piece).sqrt();
    let mut best = (0.0, *places.start());
    for place in places {
        let Some(part) = sound.get(place..place + piece.len()) else {
            break;
        };
        let correlation = product(piece, part) / (own * energy(part).sqrt() + 1e-9);
        if correlation > best.0 {
            best = (correlation, place);
        }
    }
    best
}

fn energy(samples: &[f32]) -> f64 {
    product(samples, samples)
}

/// The sum of products, in lanes that the processor can add up side by side.
fn product(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    f64::from(lanes.iter().sum::<f32>() + rest)
}

/// Every `by`-th sample, after a low-pass (windowed sinc) that keeps what remains below the new
/// limit.
fn slower(samples: &[f32], by: usize) -> Vec<f32> {
    let half = 8 * by as isize;
    let taps: Vec<f32> = (-half..=half)
        .map(|at| {
            let x = at as f64 * 0.9 / by as f64 * std::f64::consts::PI;
            let sinc = if at == 0 { 1.0 } else { x.sin() / x };
            let turn = std::f64::consts::PI * at as f64 / (half + 1) as f64;
            (sinc * (0.5 + 0.5 * turn.cos()) * 0.9 / by as f64) as f32
        })
        .collect();
    (0..samples.len() / by)
        .map(|at| {
            let centre = (at * by) as isize;
            taps.iter()
                .zip(centre - half..)
                .filter_map(|(tap, place)| Some(tap * samples.get(usize::try_from(place).ok()?)?))
                .sum()
        })
        .collect()
}

fn sentences() -> Result<Vec<PathBuf>> {
    let folder = Path::new("/usr/share/asterisk/sounds/en_US_f_Allison");
    let entries = fs::read_dir(folder)
        .context("recorded speech is missing: package asterisk-core-sounds-en-g722")?;
    let is_sentence = |path: &PathBuf| {
        let is_sound = path.extension().is_some_and(|end| end == "g722");
        // 16 kHz at 4 bits: 8,000 bytes a second.
        is_sound && fs::metadata(path).is_ok_and(|data| (16_000..64_000).contains(&data.len()))
    };
    let mut all: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_sentence)
        .collect();
    all.sort();
    Ok(all)
}

fn decode(sentence: &Path, folder: &Path) -> Result<Vec<f32>> {
    let raw = folder.join("sentence.raw");
    let output = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-nostdin", "-y", "-f", "g722", "-i"])
        .arg(sentence)
        .args(["-f", "s16le", "-ac", "1", "-ar", &RATE.to_string()])
        .arg(&raw)
        .output()
        .context("is ffmpeg installed?")?;
    if !output.status.success() {
        bail!("ffmpeg: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(from_pcm16(&fs::read(&raw)?))
}

pub(crate) fn to_pcm16(samples: &[f32]) -> Vec<u8> {
    let word = |sample: &f32| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes();
    samples.iter().flat_map(word).collect()
}

pub(crate) fn from_pcm16(bytes: &[u8]) -> Vec<f32> {
    let sample = |word: &[u8; 2]| f32::from(i16::from_le_bytes(*word)) / 32_768.0;
    bytes.as_chunks().0.iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech() -> Speech {
        Speech::recorded(tempfile::tempdir().unwrap().path(), 5.0).unwrap()
    }

    #[test]
    fn speech_is_found_late_and_quiet() {
        let speech = speech();
        let mut heard = vec![0.0; RATE / 3];
        heard.extend(speech.samples().iter().map(|sample| sample * 0.3));
        heard.resize(heard.len() + RATE, 0.0);
        let found = speech.find_in(&heard);
        assert!(found.correlation > 0.99, "{found:?}");
        assert!(
            found
                .pieces
                .iter()
                .all(|(_, late)| (late - 1.0 / 3.0).abs() < 0.01),
            "{found:?}"
        );
    }

    #[test]
    fn other_speech_is_not_found() {
        let speech = speech();
        let backwards: Vec<f32> = speech.samples().iter().rev().copied().collect();
        let found = speech.find_in(&backwards);
        assert!(found.correlation < 0.6, "{found:?}");
    }

    #[test]
    fn silence_is_not_found() {
        assert!(speech().find_in(&vec![0.0; 4 * RATE]).correlation < 0.1);
    }
}
