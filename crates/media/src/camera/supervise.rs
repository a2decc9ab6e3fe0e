//! The thread that watches over a camera's thread.
//!
//! A camera may block for ever inside the system. So the device is opened, read and dropped on a
//! capture thread that nobody waits for; this one counts the time, tells what happened and starts
//! the next capture thread. A capture thread that was given up on ends when the system lets it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    CameraBackend, CameraEvent, CameraProblem, Interrupter, OnEvent, OnFrame, Opened, Patience,
    Want,
};

/// Opening may take this many times the patience for a picture: some systems ask a person first.
const OPENING: u32 = 4;
/// How long a closed camera may take to notice by itself before it is interrupted.
const NOTICE: Duration = Duration::from_millis(60);
/// Pictures for this long mean that the camera is well and the next failure is a new one.
const HEALTHY: Duration = Duration::from_secs(5);

/// What the handle and the threads share.
pub(super) struct Shared {
    closed: AtomicBool,
    notes: Mutex<Sender<Note>>,
}

impl Shared {
    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            // The supervisor is gone when every thread failed to start.
            let _ = notes.send(Note::Close);
        }
    }
}

/// What the supervisor is told.
enum Note {
    Close,
    Streaming {
        run: u64,
        interrupter: Option<Interrupter>,
    },
    FirstFrame {
        run: u64,
        opened: Opened,
    },
    Ended {
        run: u64,
        problem: Option<CameraProblem>,
    },
}

pub(super) fn start(
    backend: Arc<dyn CameraBackend>,
    id: Option<String>,
    want: Want,
    patience: Patience,
    on_frame: OnFrame,
    mut on_event: OnEvent,
) -> Arc<Shared> {
    let (sender, notes) = channel();
    let shared = Arc::new(Shared {
        closed: AtomicBool::new(false),
        notes: Mutex::new(sender.clone()),
    });
    let supervisor = Supervisor {
        shared: shared.clone(),
        backend,
        id,
        want,
        patience,
        on_frame: Arc::new(Mutex::new(on_frame)),
        sender,
        notes,
        run: 0,
        told: None,
    };
    let spawned = thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || {
            supervisor.run(&mut on_event);
            on_event(CameraEvent::Closed);
        });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for the camera");
    }
    shared
}

struct Supervisor {
    shared: Arc<Shared>,
    backend: Arc<dyn CameraBackend>,
    id: Option<String>,
    want: Want,
    patience: Patience,
    on_frame: Arc<Mutex<OnFrame>>,
    sender: Sender<Note>,
    notes: Receiver<Note>,
    /// Counts capture threads, so that notes of ones that were given up on are told apart.
    run: u64,
    told: Option<CameraProblem>,
}

/// How a capture thread came to its end, seen from here.
enum Outcome {
    Closed,
    Failed(CameraProblem),
}

impl Supervisor {
    fn run(mut self, on_event: &mut OnEvent) {
        let mut wait = self.patience.retry_least;
        while !self.is_closed() {
            let begun = Instant::now();
            match self.watch(on_event) {
                Outcome::Closed => return,
                Outcome::Failed(problem) => {
                    self.tell(problem, on_event);
                    if begun.elapsed() >= HEALTHY {
                        wait = self.patience.retry_least;
                    }
                }
            }
            if self.pause(wait) {
                return;
            }
            // Looking for a camera costs next to nothing, and a replugged one should come fast.
            if !matches!(
                self.told,
                Some(CameraProblem::Gone | CameraProblem::Missing)
            ) {
                wait = (wait * 2).min(self.patience.retry_most);
            }
        }
    }

    /// Runs one capture thread until it fails or the camera is closed.
    fn watch(&mut self, on_event: &mut OnEvent) -> Outcome {
        self.run += 1;
        let run = self.run;
        let link = Arc::new(Link::default());
        let capture = Capture {
            run,
            backend: self.backend.clone(),
            id: self.id.clone(),
            want: self.want,
            link: link.clone(),
            shared: self.shared.clone(),
            on_frame: self.on_frame.clone(),
            notes: self.sender.clone(),
        };
        let spawned = thread::Builder::new()
            .name("camera-capture".to_owned())
            .spawn(move || capture.run());
        if spawned.is_err() {
            return Outcome::Failed(CameraProblem::Other);
        }
        let mut interrupter = None;
        let mut limit = self.patience.stall * OPENING;
        loop {
            let left = limit.saturating_sub(link.since_sign_of_life());
            if left.is_zero() {
                link.cancel();
                if let Some(interrupt) = interrupter {
                    interrupt_aside(interrupt);
                }
                return Outcome::Failed(CameraProblem::Stalled);
            }
            match self.notes.recv_timeout(left) {
                Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.finish(run, &link, interrupter);
                    return Outcome::Closed;
                }
                Ok(Note::Streaming {
                    run: of,
                    interrupter: with,
                }) if of == run => {
                    interrupter = with;
                    limit = self.patience.stall;
                }
                Ok(Note::FirstFrame { run: of, opened }) if of == run => {
                    on_event(CameraEvent::Opened(opened));
                    if self.told.take().is_some() {
                        on_event(CameraEvent::Recovered);
                    }
                }
                Ok(Note::Ended { run: of, problem }) if of == run => {
                    // The capture thread may have seen the closing first.
                    if self.is_closed() {
                        return Outcome::Closed;
                    }
                    return Outcome::Failed(problem.unwrap_or(CameraProblem::Other));
                }
                // From a thread that was given up on.
                Ok(Note::Streaming { .. } | Note::FirstFrame { .. } | Note::Ended { .. })
                | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Waits until the handle of the device is closed.
    fn finish(&self, run: u64, link: &Link, mut interrupter: Option<Interrupter>) {
        link.cancel();
        let mut deadline = Some(Instant::now() + NOTICE);
        loop {
            let note = match deadline {
                Some(at) => self
                    .notes
                    .recv_timeout(at.saturating_duration_since(Instant::now())),
                None => self
                    .notes
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match note {
                Ok(Note::Ended { run: of, .. }) if of == run => return,
                Ok(Note::Streaming {
                    run: of,
                    interrupter: with,
                }) if of == run => {
                    interrupter = with;
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(interrupt) = interrupter.clone() {
                        interrupt_aside(interrupt);
                    }
                    deadline = None;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Waits before the next attempt; true when closed meanwhile.
    fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            match self
                .notes
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => return true,
                Ok(Note::Streaming { .. } | Note::FirstFrame { .. } | Note::Ended { .. }) => {}
                Err(RecvTimeoutError::Timeout) => return self.is_closed(),
            }
        }
    }

    fn tell(&mut self, problem: CameraProblem, on_event: &mut OnEvent) {
        // A camera that was unplugged is missing, of course.
        let known = self.told == Some(problem)
            || (self.told == Some(CameraProblem::Gone) && problem == CameraProblem::Missing);
        if !known {
            self.told = Some(problem);
            on_event(CameraEvent::Failed(problem));
        }
    }

    fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
}

/// Interrupting asks the system, which may block like everything else about a camera.
fn interrupt_aside(interrupt: Interrupter) {
    let spawned = thread::Builder::new()
        .name("camera-interrupt".to_owned())
        .spawn(move || interrupt());
    if let Err(error) = spawned {
        tracing::warn!(%error, "a blocked camera was not interrupted");
    }
}

/// Between the supervisor and one capture thread.
struct Link {
    cancelled: AtomicBool,
    epoch: Instant,
    /// Milliseconds after the epoch.
    alive_at: AtomicU64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            cancelled: AtomicBool::new(false),
            epoch: Instant::now(),
            alive_at: AtomicU64::new(0),
        }
    }
}

impl Link {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    fn sign_of_life(&self) {
        let ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.alive_at.store(ms, Ordering::Release);
    }

    fn since_sign_of_life(&self) -> Duration {
        let alive_at = Duration::from_millis(self.alive_at.load(Ordering::Acquire));
        self.epoch.elapsed().saturating_sub(alive_at)
    }
}

/// What a capture thread owns.
struct Capture {
    run: u64,
    backend: Arc<dyn CameraBackend>,
    id: Option<String>,
    want: Want,
    link: Arc<Link>,
    shared: Arc<Shared>,
    on_frame: Arc<Mutex<OnFrame>>,
    notes: Sender<Note>,
}

impl Capture {
    fn run(self) {
        // Camera libraries panic on errors they did not expect, also while being dropped.
        let problem = catch_unwind(AssertUnwindSafe(|| self.stream())).unwrap_or_else(|_| {
            tracing::warn!("the camera library panicked");
            Some(CameraProblem::Other)
        });
        let _ = self.notes.send(Note::Ended {
            run: self.run,
            problem,
        });
    }

    fn stream(&self) -> Option<CameraProblem> {
        if self.is_over() {
            return None;
        }
        let mut stream = match self.backend.open(self.id.as_deref(), self.want) {
            Ok(stream) => stream,
            Err(problem) => return Some(problem),
        };
        // Dropped apart from the reading: a panic while unwinding from another one would abort.
        let read = catch_unwind(AssertUnwindSafe(|| {
            self.link.sign_of_life();
            let interrupter = stream.interrupter();
            let _ = self.notes.send(Note::Streaming {
                run: self.run,
                interrupter,
            });
            let mut first = true;
            loop {
                if self.is_over() {
                    return None;
                }
                let frame = match stream.next_frame() {
                    Ok(frame) => frame,
                    Err(problem) => return Some(problem),
                };
                self.link.sign_of_life();
                if self.is_over() {
                    return None;
                }
                if std::mem::take(&mut first) {
                    let opened = stream.opened().clone();
                    let _ = self.notes.send(Note::FirstFrame {
                        run: self.run,
                        opened,
                    });
                }
                let mut on_frame = self.on_frame.lock().unwrap_or_else(PoisonError::into_inner);
                on_frame(frame);
            }
        }));
        drop(stream);
        read.unwrap_or(Some(CameraProblem::Other))
    }

    fn is_over(&self) -> bool {
        self.link.cancelled.load(Ordering::Acquire) || self.shared.closed.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests;
