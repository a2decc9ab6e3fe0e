//! Cameras by Media Foundation.

use super::OpenDevice;
use super::query;
use crate::camera::{CameraInfo, CameraProblem, PixelFormat, RawPicture, Want};

/// Lists the cameras.
pub(crate) fn list_cameras() -> Vec<CameraInfo> {
    query::list()
}

/// Opens a camera in its best format. The calling thread is the camera's for good: COM is set up
/// on it.
pub(crate) fn open_camera(id: Option<&str>, want: Want) -> Result<OpenDevice, CameraProblem> {
    query::open(id, want, |_| true)
}

/// Says which layout bytes of this length have, and how far apart rows are.
pub(crate) fn layout(
    format: PixelFormat,
    width: u32,
    height: u32,
    _length: usize,
) -> (PixelFormat, usize) {
    (
        format,
        RawPicture::packed(format, width, height, &[]).stride,
    )
}

/// Reads the problem out of the codes of COM and Media Foundation.
pub(crate) fn classify_text(text: &str) -> CameraProblem {
    let text = text.to_uppercase();
    let has = |codes: &[&str]| codes.iter().any(|code| text.contains(code));
    // E_ACCESSDENIED
    if has(&["0X80070005"]) {
        CameraProblem::Denied
    // MF_E_HW_MFT_FAILED_START_STREAMING, MF_E_VIDEO_RECORDING_DEVICE_PREEMPTED,
    // ERROR_SHARING_VIOLATION
    } else if has(&["0XC00D3704", "0XC00D3EA3", "0X80070020"]) {
        CameraProblem::Busy
    // MF_E_VIDEO_RECORDING_DEVICE_INVALIDATED, MF_E_SHUTDOWN
    } else if has(&["0XC00D3EA2", "0XC00D3E85"]) {
        CameraProblem::Gone
    } else {
        CameraProblem::Other
    }
}

/// The system shares cameras between programs; nothing is held.
pub(crate) struct Lease;
