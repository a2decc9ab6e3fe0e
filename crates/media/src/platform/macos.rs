//! Cameras by AVFoundation.

use std::sync::mpsc::channel;

use nokhwa::utils::FrameFormat;

use super::OpenDevice;
use super::query;
use crate::camera::{CameraInfo, CameraProblem, PixelFormat, RawPicture, Want};

/// Lists the cameras.
pub(crate) fn list_cameras() -> Vec<CameraInfo> {
    query::list()
}

/// Opens a camera in its best format, after the system has asked for permission.
///
/// Only YUYV is asked for: the system converts to it, while nokhwa 0.10 takes the ten-bit layout
/// for NV12.
pub(crate) fn open_camera(id: Option<&str>, want: Want) -> Result<OpenDevice, CameraProblem> {
    if !nokhwa::nokhwa_check() {
        let (answer, answered) = channel();
        let answer = std::sync::Mutex::new(answer);
        nokhwa::nokhwa_initialize(move |granted| {
            if let Ok(answer) = answer.lock() {
                let _ = answer.send(granted);
            }
        });
        if answered.recv() != Ok(true) {
            return Err(CameraProblem::Denied);
        }
    }
    query::open(id, want, |layout| layout == FrameFormat::YUYV)
}

/// Says which layout bytes of this length have, and how far apart rows are.
///
/// nokhwa calls two-plane buffers YUYV too and leaves the padding of rows in.
pub(crate) fn layout(
    format: PixelFormat,
    width: u32,
    height: u32,
    length: usize,
) -> (PixelFormat, usize) {
    let packed = RawPicture::packed(format, width, height, &[]).stride;
    if format != PixelFormat::Yuyv || height == 0 {
        return (format, packed);
    }
    let height = height as usize;
    if length >= packed * height {
        return (format, length / height);
    }
    (PixelFormat::Nv12, length * 2 / (3 * height))
}

/// Reads the problem out of the system's words.
pub(crate) fn classify_text(text: &str) -> CameraProblem {
    let text = text.to_lowercase();
    if text.contains("permission") || text.contains("not authorized") {
        CameraProblem::Denied
    } else if text.contains("in use") || text.contains("lock") {
        CameraProblem::Busy
    } else if text.contains("not found") || text.contains("null device") {
        CameraProblem::Missing
    } else {
        CameraProblem::Other
    }
}

/// The system shares cameras between programs; nothing is held.
pub(crate) struct Lease;
