//! Looks at a virtual screen all the time, and notes when which picture came.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use jasmin_tests::{lens::Lens, monotonic_ns};

/// How often it looks. A picture is seen this much late at most.
const LOOK_EACH: Duration = Duration::from_millis(2);
/// What is older than this was not read right.
const OLDEST_MS: u32 = 10_000;

/// A new picture on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// When it was on the screen, by the clock of the cameras, nanoseconds.
    pub(crate) at_ns: u64,
    /// How old it was, milliseconds.
    pub(crate) age_ms: u32,
}

/// Looks all the time, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Watch {
    /// Looks for pictures of one camera.
    pub(crate) fn start(mut lens: Lens, camera: u32) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let ended = Arc::<AtomicBool>::default();
        let (to, end) = (seen.clone(), ended.clone());
        let thread = thread::spawn(move || {
            let mut last = None;
            while !end.load(Ordering::Relaxed) {
                if let Some(stamp) = lens.read()?
                    && u32::from(stamp.camera) == camera
                    && last != Some(stamp.millis)
                {
                    let at_ns = monotonic_ns()?;
                    let age_ms = stamp.age_at((at_ns / 1_000_000) as u32);
                    if age_ms < OLDEST_MS {
                        last = Some(stamp.millis);
                        to.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(Seen { at_ns, age_ms });
                    }
                }
                thread::sleep(LOOK_EACH);
            }
            Ok(())
        });
        Self {
            seen,
            ended,
            thread: Some(thread),
        }
    }

    /// What was seen so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends it; when it broke meanwhile, with the reason.
    pub(crate) fn end(mut self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it was ended before")?;
        thread
            .join()
            .map_err(|_| anyhow!("the watch on the screen broke"))?
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
