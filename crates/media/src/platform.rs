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
use std::time::Duration;

use crate::camera::Interrupter;

/// The processor's time that this thread has used. `None` where the system does not tell it finely
/// enough: Windows counts in ticks of 15 ms.
pub(crate) fn thread_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let (seconds, nanos) = (used.tv_sec.try_into().ok()?, used.tv_nsec.try_into().ok()?);
        Some(Duration::new(seconds, nanos))
    }
    #[cfg(not(unix))]
    None
}

/// A camera that is open but does not stream yet. Dropped in this order.
pub(crate) struct OpenDevice {
    pub(crate) camera: nokhwa::Camera,
    pub(crate) name: String,
    pub(crate) interrupter: Option<Interrupter>,
    /// Says that the device is in use by this process, until it is not.
    pub(crate) _lease: Lease,
}
