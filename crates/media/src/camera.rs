//! Cameras: what is plugged in, and pictures from one of them.
//!
//! [`Camera::open`] returns at once; the device lives on threads of its own. A camera that stops
//! delivering, is taken by another program or is unplugged is reported once and tried again until
//! it is closed, so that replugging brings the picture back by itself.

mod convert;
mod format;
mod problem;
mod supervise;
mod webcam;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::VideoFrame;

pub use self::convert::{ConvertError, Converter, RawPicture};
pub use self::format::PixelFormat;
pub(crate) use self::format::best;
pub(crate) use self::problem::{classify, from_os_error};
use self::supervise::Shared;
pub use self::webcam::Webcam;

/// A camera that could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// Names the camera in settings and in [`Camera::open`]; survives a restart where the system
    /// allows that.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Lists the cameras of this machine, without opening any.
#[must_use]
pub fn list_cameras() -> Vec<CameraInfo> {
    crate::platform::list_cameras()
}

/// The picture that would be best; the camera's nearest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    pub width: u32,
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
}

impl Default for Want {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
            fps: 30,
        }
    }
}

/// What a camera delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// Frames per second that the camera promises.
    pub fps: u32,
    pub format: PixelFormat,
}

/// Something that happened to a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraEvent {
    /// The first picture is here; also after each reopening.
    Opened(Opened),
    /// There is no picture now. Told once for each run of the same problem; trying goes on.
    Failed(CameraProblem),
    /// Pictures come again after a [`CameraEvent::Failed`].
    Recovered,
    /// The device handle is closed and no frame or event follows.
    Closed,
}

/// Why there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CameraProblem {
    #[error("another program uses the camera")]
    Busy,
    #[error("the system does not let this program use the camera")]
    Denied,
    #[error("there is no such camera")]
    Missing,
    #[error("the camera was unplugged")]
    Gone,
    #[error("the camera stopped delivering pictures")]
    Stalled,
    #[error("the camera has no picture format that can be used")]
    NoFormat,
    #[error("the camera failed")]
    Other,
}

/// Something that can be opened as a camera: a [`Webcam`], or a stand-in for one.
pub trait CameraBackend: Send + Sync + 'static {
    /// Opens a camera. Runs on a thread that may block and may be abandoned.
    ///
    /// # Errors
    /// The problem to be shown; opening is tried again later.
    fn open(&self, id: Option<&str>, want: Want) -> Result<Box<dyn CameraStream>, CameraProblem>;
}

/// An open camera. Created, used and dropped on one thread.
pub trait CameraStream {
    /// What it delivers.
    fn opened(&self) -> &Opened;

    /// Blocks until the next picture.
    ///
    /// # Errors
    /// Any error ends the stream; the camera is opened anew.
    fn next_frame(&mut self) -> Result<VideoFrame, CameraProblem>;

    /// A way to make a blocked [`next_frame`](Self::next_frame) return early, if there is one.
    fn interrupter(&self) -> Option<Interrupter> {
        None
    }
}

/// Makes a blocked [`CameraStream::next_frame`] return with an error; called from another thread.
pub type Interrupter = Arc<dyn Fn() + Send + Sync>;

/// Takes pictures, on the camera's thread.
pub type OnFrame = Box<dyn FnMut(VideoFrame) + Send>;
/// Takes events, on the camera's thread.
pub type OnEvent = Box<dyn FnMut(CameraEvent) + Send>;

/// How patiently a camera is treated.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// No picture for this long means [`CameraProblem::Stalled`].
    pub stall: Duration,
    /// First wait before opening again; doubles up to [`Patience::retry_most`].
    pub retry_least: Duration,
    /// Longest wait before opening again.
    pub retry_most: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(3),
            retry_least: Duration::from_millis(250),
            retry_most: Duration::from_secs(2),
        }
    }
}

/// An open camera, or one that is being opened. Dropping it closes it.
pub struct Camera {
    shared: Arc<Shared>,
}

impl Camera {
    /// Starts opening a camera (`None`: the first there is) and returns at once.
    ///
    /// `on_frame` and `on_event` run on the camera's threads and must not block. The device handle
    /// is closed within 200 ms of [`close`](Self::close).
    #[must_use]
    pub fn open(id: Option<&str>, want: Want, on_frame: OnFrame, on_event: OnEvent) -> Self {
        Self::open_with(
            Arc::new(Webcam),
            id,
            want,
            Patience::default(),
            on_frame,
            on_event,
        )
    }

    /// Like [`Camera::open`], with another backend or patience.
    #[must_use]
    pub fn open_with(
        backend: Arc<dyn CameraBackend>,
        id: Option<&str>,
        want: Want,
        patience: Patience,
        on_frame: OnFrame,
        on_event: OnEvent,
    ) -> Self {
        let id = id.map(str::to_owned);
        Self {
            shared: supervise::start(backend, id, want, patience, on_frame, on_event),
        }
    }

    /// Closes the camera without waiting for it; [`CameraEvent::Closed`] tells when it is done.
    ///
    /// At most one call of `on_frame` that has already begun still ends after this.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Camera").finish_non_exhaustive()
    }
}
