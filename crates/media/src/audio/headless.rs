//! A microphone and a speaker made of a clock and memory, for clients without a sound card.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::device::{AudioDevice, DeviceProblem, Direction};
use super::faults::Faults;
use super::io::{AudioIo, CaptureEnd, OpenDevice, PlaybackEnd};
use super::synthetic::Beeps;
use super::{FRAME, SAMPLE_RATE};

const TEN_MS: Duration = Duration::from_millis(10);

/// A thread this late skips ahead instead of catching up.
const LATE: Duration = Duration::from_millis(500);

/// Writes the next 10 ms of sound.
pub type Writer = Arc<Mutex<dyn FnMut(&mut [f32]) + Send>>;

/// What a headless microphone hears.
pub enum Hears {
    /// A beep every second, counted from a moment shared with the synthetic picture.
    Beeps {
        /// When the first beep was.
        since: Instant,
    },
    /// This sound, then silence, from every opening anew.
    Sound(Arc<[f32]>),
    /// Nothing but silence.
    Silence,
    /// Whatever this writes into each 10 ms.
    Custom(Writer),
}

/// Keeps what a headless speaker plays.
#[derive(Debug, Clone)]
pub struct Recording {
    kept: Arc<Mutex<VecDeque<f32>>>,
    most: usize,
}

impl Recording {
    /// Keeps the last `most` samples.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            kept: Arc::default(),
            most,
        }
    }

    /// Takes what was played since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<f32> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.drain(..).collect()
    }

    fn push(&self, sound: &[f32]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(sound);
        let excess = kept.len().saturating_sub(self.most);
        kept.drain(..excess);
    }
}

/// One microphone and one speaker that run by the clock.
#[derive(Debug)]
pub struct Headless {
    hears: Hears,
    recording: Option<Recording>,
}

impl Headless {
    /// A microphone that hears `hears` and a speaker whose sound is recorded, or lost.
    #[must_use]
    pub fn new(hears: Hears, recording: Option<Recording>) -> Self {
        Self { hears, recording }
    }

    fn device(direction: Direction) -> AudioDevice {
        AudioDevice {
            id: format!("headless:{direction}"),
            name: format!("Headless {direction}"),
            is_default: true,
        }
    }

    fn check(id: Option<&str>, direction: Direction) -> Result<AudioDevice, DeviceProblem> {
        let device = Self::device(direction);
        match id {
            Some(id) if id != device.id => Err(DeviceProblem::Missing),
            Some(_) | None => Ok(device),
        }
    }
}

impl AudioIo for Headless {
    fn devices(&mut self, direction: Direction) -> Result<Vec<AudioDevice>, DeviceProblem> {
        Ok(vec![Self::device(direction)])
    }

    fn open_microphone(
        &mut self,
        id: Option<&str>,
        mut end: CaptureEnd,
        _faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem> {
        let device = Self::check(id, Direction::Microphone)?;
        let mut source = Source::new(&self.hears);
        let stream = Ticker::start(move |at| {
            let mut frame = [0.0; FRAME];
            source.fill(&mut frame, at);
            end.push(frame.into_iter(), at);
        })?;
        Ok(OpenDevice {
            device,
            rate: SAMPLE_RATE,
            stream: Box::new(stream),
        })
    }

    fn open_speaker(
        &mut self,
        id: Option<&str>,
        mut end: PlaybackEnd,
        _faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem> {
        let device = Self::check(id, Direction::Speaker)?;
        let recording = self.recording.clone();
        let stream = Ticker::start(move |at| {
            let mut frame = [0.0; FRAME];
            end.fill(FRAME, at, |n, sample| frame[n] = sample);
            if let Some(recording) = &recording {
                recording.push(&frame);
            }
        })?;
        Ok(OpenDevice {
            device,
            rate: SAMPLE_RATE,
            stream: Box::new(stream),
        })
    }
}

enum Source {
    Beeps { since: Instant },
    Sound { sound: Arc<[f32]>, at: usize },
    Silence,
    Custom(Writer),
}

impl Source {
    fn new(hears: &Hears) -> Self {
        match hears {
            Hears::Beeps { since } => Self::Beeps { since: *since },
            Hears::Sound(sound) => Self::Sound {
                sound: sound.clone(),
                at: 0,
            },
            Hears::Silence => Self::Silence,
            Hears::Custom(fill) => Self::Custom(fill.clone()),
        }
    }

    fn fill(&mut self, frame: &mut [f32; FRAME], at: Instant) {
        match self {
            Self::Beeps { since } => {
                let since = at.saturating_duration_since(*since).as_micros();
                let sample = since as u64 * u64::from(SAMPLE_RATE) / 1_000_000;
                Beeps::after(sample).fill(frame);
            }
            Self::Sound { sound, at } => {
                let rest = sound.get(*at..).unwrap_or_default();
                for (out, sample) in frame.iter_mut().zip(rest) {
                    *out = *sample;
                }
                *at += FRAME;
            }
            Self::Silence => {}
            Self::Custom(fill) => {
                let mut fill = fill.lock().unwrap_or_else(PoisonError::into_inner);
                (*fill)(frame);
            }
        }
    }
}

/// A thread that does something every 10 ms until this is dropped.
#[derive(Debug)]
struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    fn start(mut tick: impl FnMut(Instant) + Send + 'static) -> Result<Self, DeviceProblem> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || {
            let mut due = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let now = Instant::now();
                if now.saturating_duration_since(due) > LATE {
                    due = now;
                }
                if let Some(early) = due.checked_duration_since(now) {
                    thread::sleep(early);
                }
                tick(due);
                due += TEN_MS;
            }
        };
        thread::Builder::new()
            .name("headless-sound".into())
            .spawn(run)
            .map_err(|error| DeviceProblem::Failed(error.to_string()))?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Hears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Beeps { .. } => "Beeps",
            Self::Sound(_) => "Sound",
            Self::Silence => "Silence",
            Self::Custom(_) => "Custom",
        })
    }
}
