//! The seam between the voice and whatever makes and takes sound: sound cards, or a clock and a
//! memory in a headless client.
//!
//! An [`AudioIo`] opens streams; each stream holds one end of a lock-free ring ([`CaptureEnd`],
//! [`PlaybackEnd`]) and serves it from its callback. Nothing in the ends locks or allocates.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Instant;

use rtrb::{Consumer, Producer, RingBuffer};

use super::device::{AudioDevice, DeviceProblem, Direction};
use super::faults::Faults;

/// Samples a ring holds: half a second at 48 kHz, an eighth at 192 kHz.
const ROOM: usize = 24_000;

/// Callbacks whose times may wait to be read.
const MARKS: usize = 512;

/// Makes and takes sound. All methods are called on one thread, and may take their time.
pub trait AudioIo: Send {
    /// Lists devices, the default first.
    ///
    /// # Errors
    /// When the sound system cannot be asked.
    fn devices(&mut self, direction: Direction) -> Result<Vec<AudioDevice>, DeviceProblem>;

    /// Opens a microphone and lets it run; `None` is the default.
    ///
    /// # Errors
    /// When there is none or it refuses.
    fn open_microphone(
        &mut self,
        id: Option<&str>,
        end: CaptureEnd,
        faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem>;

    /// Opens a speaker and lets it run; `None` is the default.
    ///
    /// # Errors
    /// When there is none or it refuses.
    fn open_speaker(
        &mut self,
        id: Option<&str>,
        end: PlaybackEnd,
        faults: Faults,
    ) -> Result<OpenDevice, DeviceProblem>;
}

/// A running stream. Dropping `stream` closes it, on a thread where that may take for ever.
pub struct OpenDevice {
    /// What was opened.
    pub device: AudioDevice,
    /// Samples a second that go through the ring.
    pub rate: u32,
    /// Whatever keeps the stream alive.
    pub stream: Box<dyn Any + Send>,
}

impl fmt::Debug for OpenDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenDevice")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// When the sample of some number was heard, or will be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) sample: u64,
    pub(super) at: Instant,
}

/// The callback's end of a microphone.
#[derive(Debug)]
pub struct CaptureEnd {
    samples: Producer<f32>,
    marks: Producer<Mark>,
    count: u64,
    lost: Arc<AtomicU64>,
    reader: Thread,
}

impl CaptureEnd {
    /// Hands on mono samples, the first of which reached the microphone at `heard_at`. What finds
    /// no room is lost and counted.
    pub fn push(&mut self, samples: impl ExactSizeIterator<Item = f32>, heard_at: Instant) {
        let offered = samples.len();
        let fitting = offered.min(self.samples.slots());
        if fitting < offered {
            let lost = (offered - fitting) as u64;
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if let Ok(chunk) = self.samples.write_chunk_uninit(fitting)
            && fitting > 0
        {
            let mark = Mark {
                sample: self.count,
                at: heard_at,
            };
            // A full ring of marks only makes times a little older.
            let _ = self.marks.push(mark);
            self.count += chunk.fill_from_iter(samples) as u64;
        }
        self.reader.unpark();
    }
}

/// The voice's end of a microphone.
#[derive(Debug)]
pub(super) struct CaptureRing {
    pub(super) samples: Consumer<f32>,
    pub(super) marks: Consumer<Mark>,
    pub(super) lost: Arc<AtomicU64>,
}

pub(super) fn capture(reader: Thread) -> (CaptureEnd, CaptureRing) {
    let (samples, from_samples) = RingBuffer::new(ROOM);
    let (marks, from_marks) = RingBuffer::new(MARKS);
    let lost = Arc::new(AtomicU64::new(0));
    let end = CaptureEnd {
        samples,
        marks,
        count: 0,
        lost: lost.clone(),
        reader,
    };
    let ring = CaptureRing {
        samples: from_samples,
        marks: from_marks,
        lost,
    };
    (end, ring)
}

/// What the speaker's callback tells the voice.
#[derive(Debug, Default)]
pub(super) struct PlaybackNotes {
    /// The voice has begun to fill the ring; from then on an empty ring is an underrun.
    pub(super) begun: AtomicBool,
    pub(super) underruns: AtomicU64,
    /// Most samples asked for at once since the voice last looked.
    pub(super) most_asked: AtomicU32,
}

/// The callback's end of a speaker.
#[derive(Debug)]
pub struct PlaybackEnd {
    samples: Consumer<f32>,
    played: Producer<f32>,
    marks: Producer<Mark>,
    count: u64,
    notes: Arc<PlaybackNotes>,
    writer: Thread,
}

impl PlaybackEnd {
    /// Gives `wanted` mono samples to `put`, the first of which will sound at `sounds_at`;
    /// silence when nothing is ready.
    pub fn fill(&mut self, wanted: usize, sounds_at: Instant, mut put: impl FnMut(usize, f32)) {
        let ready = wanted.min(self.samples.slots());
        if let Ok(chunk) = self.samples.read_chunk(ready) {
            let mark = Mark {
                sample: self.count,
                at: sounds_at,
            };
            let _ = self.marks.push(mark);
            self.count += ready as u64;
            for (n, sample) in chunk.into_iter().enumerate() {
                put(n, sample);
                // A full ring means that nobody cancels echo.
                let _ = self.played.push(sample);
            }
        }
        for n in ready..wanted {
            put(n, 0.0);
            let _ = self.played.push(0.0);
        }
        if ready < wanted && self.notes.begun.load(Ordering::Relaxed) {
            self.notes.underruns.fetch_add(1, Ordering::Relaxed);
        }
        let asked = u32::try_from(wanted).unwrap_or(u32::MAX);
        self.notes.most_asked.fetch_max(asked, Ordering::Relaxed);
        self.writer.unpark();
    }
}

/// The voice's end of a speaker.
#[derive(Debug)]
pub(super) struct PlaybackRing {
    pub(super) samples: Producer<f32>,
    /// Exactly what the speaker was given, silence of underruns included.
    pub(super) played: Consumer<f32>,
    /// Numbered by the samples taken from the ring.
    pub(super) marks: Consumer<Mark>,
    pub(super) notes: Arc<PlaybackNotes>,
}

pub(super) fn playback(writer: Thread) -> (PlaybackEnd, PlaybackRing) {
    let (samples, from_samples) = RingBuffer::new(ROOM);
    let (played, from_played) = RingBuffer::new(ROOM);
    let (marks, from_marks) = RingBuffer::new(MARKS);
    let notes = Arc::new(PlaybackNotes::default());
    let end = PlaybackEnd {
        samples: from_samples,
        played,
        marks,
        count: 0,
        notes: notes.clone(),
        writer,
    };
    let ring = PlaybackRing {
        samples,
        played: from_played,
        marks: from_marks,
        notes,
    };
    (end, ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let (mut end, mut ring) = capture(std::thread::current());
        let now = Instant::now();
        end.push(vec![0.5; ROOM - 10].into_iter(), now);
        end.push((0..30).map(|n| n as f32), now);
        assert_eq!(ring.lost.load(Ordering::Relaxed), 20);
        assert_eq!(ring.samples.slots(), ROOM);
        assert_eq!(ring.marks.pop().unwrap().sample, 0);
        assert_eq!(ring.marks.pop().unwrap().sample, ROOM as u64 - 10);
    }

    #[test]
    fn the_speaker_gets_silence_when_nothing_is_ready_and_says_so() {
        let (mut end, mut ring) = playback(std::thread::current());
        let now = Instant::now();
        let mut out = vec![9.0; 480];
        end.fill(480, now, |n, sample| out[n] = sample);
        assert!(out.iter().all(|sample| *sample == 0.0));
        assert_eq!(ring.notes.underruns.load(Ordering::Relaxed), 0, "not begun");

        ring.notes.begun.store(true, Ordering::Relaxed);
        for n in 0..100 {
            ring.samples.push(n as f32).unwrap();
        }
        end.fill(480, now, |n, sample| out[n] = sample);
        assert_eq!(out[99..102], [99.0, 0.0, 0.0]);
        assert_eq!(ring.notes.underruns.load(Ordering::Relaxed), 1);
        assert_eq!(ring.notes.most_asked.load(Ordering::Relaxed), 480);
        assert_eq!(
            ring.played.slots(),
            960,
            "the reference is all that was played"
        );
    }
}
