//! The thread that owns the devices: opens, watches, replaces and closes them.
//!
//! Streams are dropped on threads of their own, because some never come back from it.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::device::{AudioDevice, DeviceProblem, Direction};
use super::engine::incoming::Speaker;
use super::engine::outgoing::Microphone;
use super::engine::{Board, Task};
use super::events::Events;
use super::faults::{Fault, Faults};
use super::io::{self, AudioIo, OpenDevice};
use super::voice::VoiceEvent;
use crate::urgency::be_urgent;

/// How often devices are looked at: no operating system's notice reaches us.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Wait before a device that failed is opened again; doubled up to [`LOOK_EVERY`].
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// What the keeper is told.
#[derive(Debug)]
pub(super) enum Order {
    OpenMicrophone {
        id: Option<String>,
        generation: u64,
    },
    CloseMicrophone,
    SetSpeaker(Option<String>),
    Fault {
        direction: Direction,
        generation: u64,
        fault: Fault,
    },
    Stop,
}

/// One of the two devices: what is wanted and what is there.
struct Slot {
    direction: Direction,
    is_wanted: bool,
    chosen: Option<String>,
    open: Option<Open>,
    /// What was told last, so that it is not told every two seconds.
    problem: Option<DeviceProblem>,
    retry_after: Duration,
    retry_at: Option<Instant>,
}

struct Open {
    device: AudioDevice,
    stream: Box<dyn Any + Send>,
    serial: u64,
}

pub(super) struct Keeper {
    io: Box<dyn AudioIo>,
    orders: Receiver<Order>,
    own_orders: SyncSender<Order>,
    tasks: SyncSender<Task>,
    engine: Thread,
    board: Arc<Board>,
    events: Events,
    microphone: Slot,
    speaker: Slot,
    /// Of the microphone's present wish, see [`Board::generation`].
    generation: u64,
    /// Streams opened so far; tells faults of the present stream from those of past ones.
    serial: u64,
    look_at: Instant,
}

impl Keeper {
    pub(super) fn new(
        io: Box<dyn AudioIo>,
        orders: (SyncSender<Order>, Receiver<Order>),
        engine: (SyncSender<Task>, Thread),
        board: Arc<Board>,
        events: Events,
    ) -> Self {
        Self {
            io,
            orders: orders.1,
            own_orders: orders.0,
            tasks: engine.0,
            engine: engine.1,
            board,
            events,
            microphone: Slot::new(Direction::Microphone),
            speaker: Slot::new(Direction::Speaker),
            generation: 0,
            serial: 0,
            look_at: Instant::now() + LOOK_EVERY,
        }
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        // Streams start their threads from this one.
        be_urgent();
        loop {
            let wait = self.next_look().saturating_duration_since(Instant::now());
            match self.orders.recv_timeout(wait) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.look(),
            }
        }
        self.close(Direction::Microphone, true);
        self.close(Direction::Speaker, true);
    }

    fn next_look(&self) -> Instant {
        let retries = [self.microphone.retry_at, self.speaker.retry_at];
        retries
            .into_iter()
            .flatten()
            .fold(self.look_at, Instant::min)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::OpenMicrophone { id, generation } => {
                self.generation = generation;
                self.want(Direction::Microphone, id);
            }
            Order::CloseMicrophone => {
                self.microphone.is_wanted = false;
                self.microphone.forget_problem();
                self.close(Direction::Microphone, true);
            }
            Order::SetSpeaker(id) => self.want(Direction::Speaker, id),
            Order::Fault {
                direction,
                generation,
                fault,
            } => self.handle_fault(direction, generation, fault),
            Order::Stop => {}
        }
    }

    fn slot(&mut self, direction: Direction) -> &mut Slot {
        match direction {
            Direction::Microphone => &mut self.microphone,
            Direction::Speaker => &mut self.speaker,
        }
    }

    fn want(&mut self, direction: Direction, id: Option<String>) {
        let slot = self.slot(direction);
        slot.is_wanted = true;
        slot.chosen = id;
        slot.forget_problem();
        self.close(direction, false);
        self.open(direction);
    }

    fn handle_fault(&mut self, direction: Direction, serial: u64, fault: Fault) {
        let slot = self.slot(direction);
        if slot.open.as_ref().is_none_or(|open| open.serial != serial) {
            return;
        }
        match fault {
            Fault::Gone => {
                self.close(direction, false);
                self.events.tell(VoiceEvent::DeviceGone(direction));
                self.retry_soon(direction);
            }
            Fault::Broken => {
                self.close(direction, false);
                self.retry_soon(direction);
            }
            // The delay of the new route is another one, so everything is set up anew.
            Fault::Rerouted => {
                self.close(direction, false);
                self.open(direction);
            }
            Fault::Glitch => {}
        }
    }

    fn retry_soon(&mut self, direction: Direction) {
        let slot = self.slot(direction);
        slot.retry_at = Some(Instant::now() + slot.retry_after);
        slot.retry_after = (slot.retry_after * 2).min(LOOK_EVERY);
    }

    /// Compares what is open with what there is.
    fn look(&mut self) {
        let now = Instant::now();
        let is_due = now >= self.look_at;
        if is_due {
            self.look_at = now + LOOK_EVERY;
        }
        for direction in [Direction::Microphone, Direction::Speaker] {
            let slot = self.slot(direction);
            let retries = slot.retry_at.is_some_and(|at| now >= at);
            if !slot.is_wanted || !(is_due || retries) {
                continue;
            }
            if slot.open.is_none() {
                self.open(direction);
            } else {
                self.review(direction);
            }
        }
    }

    /// Replaces an open device that went away, or that is no longer the one to use.
    fn review(&mut self, direction: Direction) {
        // A sound system that cannot be asked reports its end by faults.
        let Ok(devices) = self.io.devices(direction) else {
            return;
        };
        let slot = self.slot(direction);
        let Some(open) = &slot.open else {
            return;
        };
        slot.retry_after = FIRST_RETRY;
        slot.retry_at = None;
        if !devices.iter().any(|device| device.id == open.device.id) {
            self.close(direction, false);
            self.events.tell(VoiceEvent::DeviceGone(direction));
            self.open(direction);
            return;
        }
        let best = slot.best(&devices).map(|device| device.id.as_str());
        if best.is_some_and(|best| best != open.device.id) {
            self.close(direction, false);
            self.open(direction);
        }
    }

    fn open(&mut self, direction: Direction) {
        self.slot(direction).retry_at = None;
        let opened = self.io.devices(direction).and_then(|devices| {
            let id = self
                .slot(direction)
                .best(&devices)
                .map(|device| device.id.clone());
            let id = id.ok_or(DeviceProblem::Missing)?;
            self.start(direction, &id)
        });
        match opened {
            Ok(device) => {
                self.slot(direction).problem = None;
                let name = device.name;
                self.events.tell(match direction {
                    Direction::Microphone => VoiceEvent::MicrophoneOpened { name },
                    Direction::Speaker => VoiceEvent::SpeakerOpened { name },
                });
            }
            Err(problem) => self.tell_problem(direction, problem),
        }
    }

    fn tell_problem(&mut self, direction: Direction, problem: DeviceProblem) {
        self.retry_soon(direction);
        let slot = self.slot(direction);
        if slot.problem.as_ref() == Some(&problem) {
            return;
        }
        tracing::info!(%direction, %problem, "no sound device");
        slot.problem = Some(problem.clone());
        self.events.tell(match direction {
            Direction::Microphone => VoiceEvent::MicrophoneFailed(problem),
            Direction::Speaker => VoiceEvent::SpeakerFailed(problem),
        });
    }

    fn start(&mut self, direction: Direction, id: &str) -> Result<AudioDevice, DeviceProblem> {
        self.serial += 1;
        let serial = self.serial;
        let faults = Faults::new(direction, serial, self.own_orders.clone());
        let (opened, task) = match direction {
            Direction::Microphone => {
                let (end, ring) = io::capture(self.engine.clone());
                let opened = self.io.open_microphone(Some(id), end, faults)?;
                let microphone = Microphone::new(ring, opened.rate, self.generation);
                (opened, Task::Microphone(Some(microphone)))
            }
            Direction::Speaker => {
                let (end, ring) = io::playback(self.engine.clone());
                let opened = self.io.open_speaker(Some(id), end, faults)?;
                let speaker = Speaker::new(ring, opened.rate);
                (opened, Task::Speaker(Some(speaker)))
            }
        };
        let OpenDevice { device, stream, .. } = opened;
        self.engine_task(task);
        self.slot(direction).open = Some(Open {
            device: device.clone(),
            stream,
            serial,
        });
        Ok(device)
    }

    /// Closes what is open; `tells` when nothing will take its place.
    fn close(&mut self, direction: Direction, tells: bool) {
        let Some(open) = self.slot(direction).open.take() else {
            return;
        };
        self.engine_task(match direction {
            Direction::Microphone => Task::Microphone(None),
            Direction::Speaker => Task::Speaker(None),
        });
        let tells = (tells && direction == Direction::Microphone).then(|| self.events.clone());
        reap(open.stream, tells);
    }

    fn engine_task(&self, task: Task) {
        // Fails only when the engine has stopped, and then nobody needs devices.
        if self.tasks.send(task).is_err() {
            tracing::debug!("engine has stopped");
        }
        self.engine.unpark();
    }
}

impl Slot {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            is_wanted: false,
            chosen: None,
            open: None,
            problem: None,
            retry_after: FIRST_RETRY,
            retry_at: None,
        }
    }

    fn forget_problem(&mut self) {
        self.problem = None;
        self.retry_after = FIRST_RETRY;
        self.retry_at = None;
    }

    /// The chosen device while it is there, else the default.
    fn best<'a>(&self, devices: &'a [AudioDevice]) -> Option<&'a AudioDevice> {
        let chosen = self.chosen.as_ref();
        let chosen = chosen.and_then(|id| devices.iter().find(|device| device.id == *id));
        if chosen.is_none() && self.chosen.is_some() {
            tracing::debug!(direction = %self.direction, "chosen device is not there");
        }
        chosen
            .or_else(|| devices.iter().find(|device| device.is_default))
            .or_else(|| devices.first())
    }
}

/// Drops a stream where it may hang.
pub(super) fn reap(stream: Box<dyn Any + Send>, tells: Option<Events>) {
    let reaper = thread::Builder::new().name("sound-reaper".into());
    let spawned = reaper.spawn(move || {
        drop(stream);
        if let Some(events) = tells {
            events.tell(VoiceEvent::MicrophoneClosed);
        }
    });
    if let Err(error) = spawned {
        // The closure, and the stream with it, was dropped here instead.
        tracing::warn!(%error, "no thread to close a stream on");
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let generation = self.board.generation.load(Ordering::Relaxed);
        f.debug_struct("Keeper")
            .field("generation", &generation)
            .finish_non_exhaustive()
    }
}
