//! Recordings that know when each sample came.

use std::{
    io::Read as _,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow};
use jasmin_tests::{Desk, RATE, Speech, monotonic_ns, until};

use crate::figures::median;

/// A piece of speech that is less alike was not found.
const ALIKE: f64 = 0.5;

/// Listens at a source of a desk's sound card.
#[derive(Debug)]
pub(crate) struct Ear {
    recorder: Child,
    heard: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Result<Heard>>>,
}

/// What was heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Mono, at [`RATE`].
    pub(crate) samples: Vec<f32>,
    /// When the first sample was heard, nanoseconds by the clock of the cameras. The least delayed
    /// of all deliveries tells it, so that a late one does no harm; what delay remains is the same
    /// for every ear.
    pub(crate) origin_ns: f64,
}

impl Ear {
    /// At the microphone: what the app is told.
    pub(crate) fn at_microphone(desk: &Desk) -> Result<Self> {
        Self::at(desk, "mic")
    }

    /// At the speaker: what the app plays.
    pub(crate) fn at_speaker(desk: &Desk) -> Result<Self> {
        Self::at(desk, "speaker.monitor")
    }

    fn at(desk: &Desk, source: &str) -> Result<Self> {
        let mut command = desk.command("parec");
        command.args([
            "--raw",
            "--format=s16le",
            "--channels=1",
            "--latency-msec=20",
        ]);
        command
            .arg(format!("--rate={RATE}"))
            .arg(format!("--device={source}"));
        let mut recorder = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("is parec installed?")?;
        let mut sound = recorder.stdout.take().context("parec gives no sound")?;
        let heard = Arc::<AtomicUsize>::default();
        let count = heard.clone();
        let thread = thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut chunk = [0; 16 * 1024];
            let mut origin_ns = f64::INFINITY;
            loop {
                let length = sound.read(&mut chunk)?;
                if length == 0 {
                    break;
                }
                bytes.extend_from_slice(&chunk[..length]);
                let samples = bytes.len() / 2;
                count.store(samples, Ordering::Relaxed);
                let length_ns = samples as f64 * 1e9 / RATE as f64;
                origin_ns = origin_ns.min(monotonic_ns()? as f64 - length_ns);
            }
            let sample = |word: &[u8; 2]| f32::from(i16::from_le_bytes(*word)) / 32_768.0;
            Ok(Heard {
                samples: bytes.as_chunks().0.iter().map(sample).collect(),
                origin_ns,
            })
        });
        let ear = Self {
            recorder,
            heard,
            thread: Some(thread),
        };
        until("the first recorded sound", || {
            Ok((ear.heard.load(Ordering::Relaxed) > RATE / 5).then_some(()))
        })?;
        Ok(ear)
    }

    /// Ends the recording.
    pub(crate) fn end(mut self) -> Result<Heard> {
        self.recorder.kill()?;
        let thread = self.thread.take().context("it was ended before")?;
        thread.join().map_err(|_| anyhow!("the recording broke"))?
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ended = self.recorder.kill();
        let _status = self.recorder.wait();
    }
}

/// Samples as 16-bit PCM.
pub(crate) fn to_pcm(samples: &[f32]) -> Vec<u8> {
    let word = |sample: &f32| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes();
    samples.iter().flat_map(word).collect()
}

/// How speech arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// From the microphone to the other's speaker, milliseconds: the median of its pieces.
    pub(crate) delay_ms: f64,
    /// The same of the last piece: a jitter buffer may have shrunk by then.
    pub(crate) last_ms: f64,
    /// How alike it is, 0 to 1.
    pub(crate) alike: f64,
    /// Where it begins in the ear's recording, in samples.
    pub(crate) begins: usize,
}

/// Where speech begins in a recording, in samples; `None` when it is not in it.
pub(crate) fn begins(speech: &Speech, heard: &Heard) -> Option<usize> {
    let pieces = speech.find_in(&heard.samples).pieces;
    let good = pieces.into_iter().filter(|(alike, _)| *alike > ALIKE);
    let late = surest(good)?;
    Some((late.max(0.0) * RATE as f64) as usize)
}

/// How late the piece came that is most alike: beside another voice, one piece may be taken for
/// something else.
fn surest(pieces: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let best = pieces.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(best.1)
}

/// Looks for speech at a mouth and at an ear; `None` when it did not arrive.
pub(crate) fn arrival(speech: &Speech, mouth: &Heard, ear: &Heard) -> Option<Arrival> {
    let said = speech.find_in(&mouth.samples).pieces;
    // Processing may turn sound upside down, which nobody hears.
    let turned: Vec<f32> = ear.samples.iter().map(|sample| -sample).collect();
    let ways = [ear.samples.as_slice(), &turned].map(|samples| speech.find_in(samples));
    let [straight, turned] = ways;
    let found = if turned.correlation > straight.correlation {
        turned.pieces
    } else {
        straight.pieces
    };
    let between_ms = (ear.origin_ns - mouth.origin_ns) / 1e6;
    let good: Vec<(f64, f64, f64)> = said
        .iter()
        .zip(&found)
        .filter(|(said, found)| said.0 > ALIKE && found.0 > ALIKE)
        .map(|(said, found)| (found.0, found.1, (found.1 - said.1) * 1000.0 + between_ms))
        .collect();
    let last_ms = good.last()?.2;
    let delays: Vec<f64> = good.iter().map(|piece| piece.2).collect();
    let alike: Vec<f64> = found.iter().map(|piece| piece.0).collect();
    let late = surest(good.iter().map(|piece| (piece.0, piece.1)))?.max(0.0);
    Some(Arrival {
        delay_ms: median(&delays),
        last_ms,
        alike: median(&alike),
        begins: (late * RATE as f64) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_delay_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let speech = Speech::recorded(folder.path(), 3.0).unwrap();
        let after = |silence: usize, origin_ns| {
            let mut samples = vec![0.0; silence];
            samples.extend_from_slice(speech.samples());
            samples.resize(samples.len() + RATE, 0.0);
            Heard { samples, origin_ns }
        };
        let found = arrival(&speech, &after(RATE / 2, 5e9), &after(RATE, 4.6e9)).unwrap();
        assert!((found.delay_ms - 100.0).abs() < 2.0, "{found:?}");
        assert!(found.alike > 0.99 && found.begins.abs_diff(RATE) < 500);
        let mut turned = after(RATE, 4.6e9);
        turned.samples.iter_mut().for_each(|sample| *sample *= -1.0);
        let turned = arrival(&speech, &after(RATE / 2, 5e9), &turned).unwrap();
        assert!((turned.delay_ms - found.delay_ms).abs() < 0.1, "{turned:?}");
        let silence = Heard {
            samples: vec![0.0; 4 * RATE],
            origin_ns: 0.0,
        };
        assert_eq!(arrival(&speech, &after(0, 0.0), &silence), None);
    }
}
