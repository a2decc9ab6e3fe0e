//! Which sound systems there are, and which of their devices are real ones.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use self::linux::{HOSTS, is_microphone, is_speaker};
#[cfg(target_os = "macos")]
pub(crate) use self::macos::{HOSTS, is_microphone, is_speaker};
#[cfg(target_os = "windows")]
pub(crate) use self::windows::{HOSTS, is_microphone, is_speaker};
