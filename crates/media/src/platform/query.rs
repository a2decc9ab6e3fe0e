//! Cameras of systems whose list nokhwa can be trusted with: macOS and Windows.

use nokhwa::NokhwaError;
use nokhwa::utils::{ApiBackend, CameraInfo as Found, RequestedFormat, RequestedFormatType};

use super::Lease;
use super::OpenDevice;
use crate::camera::{CameraInfo, CameraProblem, Want, best, classify};

/// Lists the cameras; neither system switches one on for that.
pub(super) fn list() -> Vec<CameraInfo> {
    found()
        .iter()
        .map(|found| CameraInfo {
            id: id(found),
            name: found.human_name(),
        })
        .collect()
}

fn found() -> Vec<Found> {
    nokhwa::query(ApiBackend::Auto).unwrap_or_else(|error| {
        tracing::warn!(%error, "cameras were not listed");
        Vec::new()
    })
}

/// The system's unique name, or the place in the list.
fn id(found: &Found) -> String {
    let unique = found.misc();
    if unique.is_empty() {
        found.index().to_string()
    } else {
        unique
    }
}

/// Opens a camera and sets its best format among those that `usable` lets pass.
pub(super) fn open(
    wanted_id: Option<&str>,
    want: Want,
    usable: impl Fn(nokhwa::utils::FrameFormat) -> bool,
) -> Result<OpenDevice, CameraProblem> {
    let found = found();
    let chosen = match wanted_id {
        Some(wanted) => found.iter().find(|found| id(found) == wanted),
        None => found.first(),
    };
    let chosen = chosen.ok_or(CameraProblem::Missing)?;
    let problem = |error: NokhwaError| {
        tracing::debug!(%error, "the camera was not opened");
        classify(&error)
    };
    let layouts = nokhwa::utils::frame_formats();
    let any = RequestedFormat::with_formats(RequestedFormatType::AbsoluteHighestFrameRate, layouts);
    let mut camera = nokhwa::Camera::new(chosen.index().clone(), any).map_err(problem)?;
    let offered: Vec<_> = camera
        .compatible_camera_formats()
        .map_err(problem)?
        .into_iter()
        .filter(|format| usable(format.format()))
        .collect();
    let format = best(&offered, want).ok_or(CameraProblem::NoFormat)?;
    let layout = [format.format()];
    let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &layout);
    camera.set_camera_requset(exact).map_err(problem)?;
    Ok(OpenDevice {
        camera,
        name: chosen.human_name(),
        interrupter: None,
        _lease: Lease,
    })
}
