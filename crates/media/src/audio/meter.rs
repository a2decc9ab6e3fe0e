//! The level of one microphone, for a list that shows which of them hears you.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, Thread};
use std::time::Duration;

use super::device::{DeviceProblem, Direction};
use super::faults::Faults;
use super::hardware::SoundCards;
use super::io::{self, AudioIo, CaptureRing};
use super::keeper::{Order, reap};

/// Time between two levels: fifteen a second.
const EVERY: Duration = Duration::from_millis(66);

/// A microphone that is open only to be measured; closed when dropped. Nothing of what it hears
/// is kept.
pub struct Meter {
    stop: Arc<AtomicBool>,
    thread: Thread,
}

/// What a meter tells.
pub type OnLevel = Box<dyn FnMut(Result<f32, DeviceProblem>) + Send>;

impl Meter {
    /// Opens a microphone by its [`AudioDevice::id`](super::AudioDevice::id) and tells its peak
    /// (0..=1) fifteen times a second, or once why it cannot any more.
    ///
    /// # Errors
    /// [`DeviceProblem::Failed`] when no thread can be started.
    pub fn open(id: String, on_level: OnLevel) -> Result<Self, DeviceProblem> {
        Self::open_with(Box::new(SoundCards::default()), id, on_level)
    }

    /// Measures a microphone of another [`AudioIo`].
    ///
    /// # Errors
    /// [`DeviceProblem::Failed`] when no thread can be started.
    pub fn open_with(
        io: Box<dyn AudioIo>,
        id: String,
        mut on_level: OnLevel,
    ) -> Result<Self, DeviceProblem> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let measure = move || {
            if let Err(problem) = measure(io, &id, &stopped, &mut on_level) {
                on_level(Err(problem));
            }
        };
        let thread = thread::Builder::new()
            .name("sound-meter".into())
            .spawn(measure)
            .map_err(|error| DeviceProblem::Failed(error.to_string()))?
            .thread()
            .clone();
        Ok(Self { stop, thread })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn measure(
    mut io: Box<dyn AudioIo>,
    id: &str,
    stopped: &AtomicBool,
    on_level: &mut OnLevel,
) -> Result<(), DeviceProblem> {
    let (orders, faults) = mpsc::sync_channel(4);
    let (end, mut ring) = io::capture(thread::current());
    let faults_end = Faults::new(Direction::Microphone, 0, orders);
    let opened = io.open_microphone(Some(id), end, faults_end)?;
    let window = (opened.rate as usize * EVERY.as_millis() as usize / 1000).max(1);
    let (mut peak, mut heard) = (0.0_f32, 0);
    let result = loop {
        if stopped.load(Ordering::Acquire) {
            break Ok(());
        }
        if let Ok(Order::Fault { .. }) = faults.try_recv() {
            break Err(DeviceProblem::Gone);
        }
        heard += listen(&mut ring, &mut peak);
        if heard >= window {
            on_level(Ok(peak.min(1.0)));
            (peak, heard) = (0.0, 0);
        }
        // The microphone wakes this thread; the limit is for one that is stuck.
        thread::park_timeout(EVERY);
    };
    reap(opened.stream, None);
    result
}

fn listen(ring: &mut CaptureRing, peak: &mut f32) -> usize {
    while ring.marks.pop().is_ok() {}
    let mut heard = 0;
    while let Ok(sample) = ring.samples.pop() {
        *peak = peak.max(sample.abs());
        heard += 1;
    }
    heard
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

#[cfg(test)]
mod tests {
    use super::super::headless::{Headless, Hears};
    use super::*;

    #[test]
    fn a_level_comes_until_the_meter_is_dropped() {
        let (levels, told) = mpsc::channel();
        let io = Box::new(Headless::new(
            Hears::Sound(vec![-0.4; 480_000].into()),
            None,
        ));
        let on_level: OnLevel = Box::new(move |level| drop(levels.send(level)));
        let meter = Meter::open_with(io, "headless:microphone".into(), on_level).unwrap();
        for _ in 0..3 {
            assert_eq!(told.recv().unwrap(), Ok(0.4));
        }
        drop(meter);
        // The thread lets go of the sender when it ends.
        while told.recv().is_ok() {}
    }

    #[test]
    fn a_missing_microphone_is_told() {
        let (levels, told) = mpsc::channel();
        let io = Box::new(Headless::new(Hears::Silence, None));
        let on_level: OnLevel = Box::new(move |level| drop(levels.send(level)));
        let _meter = Meter::open_with(io, "nonesuch".into(), on_level).unwrap();
        assert_eq!(told.recv().unwrap(), Err(DeviceProblem::Missing));
    }
}
