//! Which microphones and speakers there are, and how that changes.

use std::fmt;

use thiserror::Error;

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
    todo!()
}

/// Lists speakers. The default comes first.
///
/// # Errors
/// [`DeviceProblem::NoSoundSystem`] and the like; no speaker at all is an empty list.
pub fn list_speakers() -> Result<Vec<AudioDevice>, DeviceProblem> {
    todo!()
}

/// Watches the set of devices on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct DeviceWatch {}

impl DeviceWatch {
    /// Calls `on_change` for each change from now on. Looks every two seconds.
    ///
    /// # Errors
    /// [`DeviceProblem::Failed`] when the thread cannot be started.
    pub fn start(
        on_change: impl FnMut(DeviceChange) + Send + 'static,
    ) -> Result<Self, DeviceProblem> {
        drop(on_change);
        todo!()
    }
}
