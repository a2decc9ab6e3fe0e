//! Which microphones and speakers there are, and how that changes.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use thiserror::Error;

use super::hardware::SoundCards;
use super::io::AudioIo;

/// A microphone or a speaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioDevice {
    /// Stable across restarts; good for settings. Opaque.
    pub id: String,
    /// What the operating system calls it.
    pub name: String,
    /// Whether the operating system would choose it.
    pub is_default: bool,
}

/// Which way a device carries sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A microphone.
    Microphone,
    /// A speaker or headphones.
    Speaker,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
        })
    }
}

/// Why a device could not be listed, opened or kept open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceProblem {
    /// There is no device of that kind at all.
    #[error("there is no such device")]
    Missing,
    /// Another program holds the device.
    #[error("the device is used by another program")]
    Busy,
    /// The operating system refuses: a privacy switch or missing rights.
    #[error("the operating system does not allow it")]
    NotAllowed,
    /// The device went away while in use.
    #[error("the device was disconnected")]
    Gone,
    /// The sound system of the computer does not answer.
    #[error("the sound system is not running")]
    NoSoundSystem,
    /// The device has no usable format.
    #[error("the device offers no usable sound format: {0}")]
    Unsupported(String),
    /// The device or its driver failed.
    #[error("the device failed: {0}")]
    Failed(String),
}

/// A change in the set of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChange {
    /// A device was plugged in.
    Added(Direction, AudioDevice),
    /// A device was unplugged.
    Removed(Direction, AudioDevice),
    /// The operating system prefers another device now; `None`: none is left.
    DefaultChanged(Direction, Option<AudioDevice>),
}

/// Lists microphones; monitors of speakers are not among them. The default comes first.
///
/// # Errors
/// [`DeviceProblem::NoSoundSystem`] and the like; no microphone at all is an empty list.
pub fn list_microphones() -> Result<Vec<AudioDevice>, DeviceProblem> {
    SoundCards::default().devices(Direction::Microphone)
}

/// Lists speakers. The default comes first.
///
/// # Errors
/// [`DeviceProblem::NoSoundSystem`] and the like; no speaker at all is an empty list.
pub fn list_speakers() -> Result<Vec<AudioDevice>, DeviceProblem> {
    SoundCards::default().devices(Direction::Speaker)
}

/// How often [`DeviceWatch`] looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Watches the set of devices on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct DeviceWatch {
    _stop: Sender<()>,
}

impl DeviceWatch {
    /// Calls `on_change` for each change from now on. Looks every two seconds.
    ///
    /// # Errors
    /// [`DeviceProblem::Failed`] when the thread cannot be started.
    pub fn start(
        on_change: impl FnMut(DeviceChange) + Send + 'static,
    ) -> Result<Self, DeviceProblem> {
        Self::start_with(Box::new(SoundCards::default()), LOOK_EVERY, on_change)
    }

    /// Watches the devices of another [`AudioIo`].
    ///
    /// # Errors
    /// [`DeviceProblem::Failed`] when the thread cannot be started.
    pub fn start_with(
        mut io: Box<dyn AudioIo>,
        look_every: Duration,
        mut on_change: impl FnMut(DeviceChange) + Send + 'static,
    ) -> Result<Self, DeviceProblem> {
        let (stop, stopped) = mpsc::channel::<()>();
        let watch = move || {
            let mut known: Option<[Vec<AudioDevice>; 2]> = None;
            loop {
                // A sound system that does not answer has no devices.
                let present = DIRECTIONS.map(|way| io.devices(way).unwrap_or_default());
                if let Some(known) = &known {
                    for (n, direction) in DIRECTIONS.into_iter().enumerate() {
                        changes(direction, &known[n], &present[n]).for_each(&mut on_change);
                    }
                }
                known = Some(present);
                if stopped.recv_timeout(look_every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("sound-devices".into())
            .spawn(watch)
            .map_err(|error| DeviceProblem::Failed(error.to_string()))?;
        Ok(Self { _stop: stop })
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Microphone, Direction::Speaker];

fn changes(
    direction: Direction,
    before: &[AudioDevice],
    after: &[AudioDevice],
) -> impl Iterator<Item = DeviceChange> {
    let missing_in =
        |others: &[AudioDevice], one: &AudioDevice| others.iter().all(|other| other.id != one.id);
    let removed = before
        .iter()
        .filter(move |device| missing_in(after, device))
        .map(move |device| DeviceChange::Removed(direction, device.clone()));
    let added = after
        .iter()
        .filter(move |device| missing_in(before, device))
        .map(move |device| DeviceChange::Added(direction, device.clone()));
    let default =
        |devices: &[AudioDevice]| devices.iter().find(|device| device.is_default).cloned();
    let (old, new) = (default(before), default(after));
    let changed = old.as_ref().map(|device| &device.id) != new.as_ref().map(|device| &device.id);
    let moved = changed.then_some(DeviceChange::DefaultChanged(direction, new));
    removed.chain(added).chain(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, is_default: bool) -> AudioDevice {
        AudioDevice {
            id: id.into(),
            name: id.to_uppercase(),
            is_default,
        }
    }

    fn told(before: &[AudioDevice], after: &[AudioDevice]) -> Vec<DeviceChange> {
        changes(Direction::Speaker, before, after).collect()
    }

    #[test]
    fn plugging_and_unplugging_are_told() {
        use DeviceChange::{Added, DefaultChanged, Removed};
        let way = Direction::Speaker;
        let only_a = [device("a", true)];
        let both = [device("a", true), device("b", false)];
        let only_b = [device("b", true)];
        let [a, b] = both.clone();
        assert_eq!(told(&only_a, &both), [Added(way, b)]);
        let moved = DefaultChanged(way, Some(only_b[0].clone()));
        assert_eq!(told(&both, &only_b), [Removed(way, a.clone()), moved]);
        assert_eq!(
            told(&only_a, &[]),
            [Removed(way, a), DefaultChanged(way, None)]
        );
        assert_eq!(told(&only_a, &only_a), []);
    }
}
