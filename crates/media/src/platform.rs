//! What differs between systems. Each file has the same functions.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod query;
pub(crate) mod sound;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use self::linux::{Lease, classify_text, layout, list_cameras, open_camera};
#[cfg(target_os = "macos")]
pub(crate) use self::macos::{Lease, classify_text, layout, list_cameras, open_camera};
#[cfg(target_os = "windows")]
pub(crate) use self::windows::{Lease, classify_text, layout, list_cameras, open_camera};
use crate::camera::Interrupter;

/// A camera that is open but does not stream yet. Dropped in this order.
pub(crate) struct OpenDevice {
    pub(crate) camera: nokhwa::Camera,
    pub(crate) name: String,
    pub(crate) interrupter: Option<Interrupter>,
    /// Says that the device is in use by this process, until it is not.
    pub(crate) _lease: Lease,
}
