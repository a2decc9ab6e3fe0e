//! How long each step on the way of a picture takes, and of the processor's time with it.
//!
//! Told once a second at the level `debug`, for whoever measures; while nobody listens, nothing is
//! counted.

use std::time::{Duration, Instant};

use crate::platform;

/// How often a clock tells.
const EVERY: Duration = Duration::from_secs(1);

/// A step, in the order in which a picture takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the camera's pixels to I420.
    Convert,
    /// From the camera's pixels to the encoder's thread; [`Stage::Convert`] is part of it.
    AwaitEncoder,
    /// To the size that is sent.
    Scale,
    Encode,
    /// From the encoder's frame to packets on the socket.
    Packetise,
    /// One datagram of the other side: opened, and taken apart.
    Receive,
    /// From the first packet of a frame to the whole frame.
    Reassemble,
    /// The jitter buffer: until the decoder takes the frame.
    Buffer,
    /// From the queue to the decoder's thread.
    AwaitDecoder,
    Decode,
    /// To the pixels of the screen, at the size of the tile.
    Paint,
    /// Between processes: until the window system has read the pixels.
    HandOver,
}

impl Stage {
    /// The name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::AwaitEncoder => "await encoder",
            Self::Scale => "scale",
            Self::Encode => "encode",
            Self::Packetise => "packetise",
            Self::Receive => "receive",
            Self::Reassemble => "reassemble",
            Self::Buffer => "buffer",
            Self::AwaitDecoder => "await decoder",
            Self::Decode => "decode",
            Self::Paint => "paint",
            Self::HandOver => "hand over",
        }
    }
}

/// Counts one stage on the thread that does it.
#[derive(Debug)]
pub struct StageClock {
    stage: Stage,
    took: Vec<Duration>,
    processor: Option<Duration>,
    told: Option<Instant>,
}

/// A step that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Lap(Option<(Instant, Option<Duration>)>);

impl StageClock {
    #[must_use]
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            took: Vec::new(),
            processor: None,
            told: None,
        }
    }

    /// Begins a step on this thread.
    #[must_use]
    pub fn begin(&self) -> Lap {
        Lap(listened_to().then(|| (Instant::now(), platform::thread_time())))
    }

    /// The step that has begun is done.
    pub fn end(&mut self, lap: Lap) {
        let Some((begun, used)) = lap.0 else { return };
        if let (Some(then), Some(now)) = (used, platform::thread_time()) {
            *self.processor.get_or_insert_default() += now.saturating_sub(then);
        }
        let now = Instant::now();
        self.note_at(now.saturating_duration_since(begun), now);
    }

    /// A step took so long, most of it in waiting.
    pub fn note(&mut self, took: Duration) {
        if listened_to() {
            self.note_at(took, Instant::now());
        }
    }

    fn note_at(&mut self, took: Duration, now: Instant) {
        self.took.push(took);
        let since = now.saturating_duration_since(*self.told.get_or_insert(now));
        if since >= EVERY {
            self.tell(since);
            self.told = Some(now);
        }
    }

    fn tell(&mut self, since: Duration) {
        self.took.sort_unstable();
        let stage = self.stage.name();
        let count = self.took.len();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (p50, p95) = (
            micros(percentile(&self.took, 50)),
            micros(percentile(&self.took, 95)),
        );
        // Where the system does not tell, there is no figure.
        let permille = self
            .processor
            .take()
            .map(|used| used.as_secs_f64() / since.as_secs_f64() * 1000.0);
        tracing::debug!(stage, count, p50, p95, permille, "stage");
        self.took.clear();
    }
}

fn listened_to() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Of times in order; zero of none.
fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * hundredths / 100)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut paper = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            paper.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(work: impl FnOnce()) -> String {
        let paper = Paper::default();
        let its = paper.clone();
        let listener = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || its.clone())
            .finish();
        tracing::subscriber::with_default(listener, work);
        let bytes = paper.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn a_second_of_steps_is_told_in_a_line() {
        let start = Instant::now();
        let text = told(|| {
            let mut clock = StageClock::new(Stage::Encode);
            for n in 0..=100u32 {
                clock.note_at(Duration::from_micros(u64::from(n)), start + EVERY * n / 100);
            }
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in ["stage=\"encode\"", "count=101", "p50=50", "p95=95"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("permille"), "nothing was worked: {text}");
    }

    #[cfg(unix)]
    #[test]
    fn work_takes_of_the_processor_what_waiting_does_not() {
        let text = told(|| {
            let mut clock = StageClock::new(Stage::Encode);
            let lap = clock.begin();
            let before = platform::thread_time();
            while platform::thread_time() <= before {
                std::hint::spin_loop();
            }
            clock.end(lap);
            clock.note_at(Duration::ZERO, Instant::now() + EVERY);
        });
        let permille = text
            .split("permille=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        assert!(permille.is_some_and(|some| some > 0.0), "{text}");
    }

    #[test]
    fn nothing_is_counted_while_nobody_listens() {
        let mut clock = StageClock::new(Stage::Paint);
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
            let lap = clock.begin();
            clock.end(lap);
            clock.note(Duration::from_secs(1));
        });
        assert!(clock.took.is_empty());
    }
}
