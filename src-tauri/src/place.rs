//! Where the window was, kept in the profile folder.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use tauri::{LogicalSize, Manager, PhysicalPosition, PhysicalSize, WebviewWindow, window::Monitor};

use crate::profile::Profile;

const FILE: &str = "window.json";

/// Size in logical pixels, position of the outer frame in physical ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    x: i32,
    y: i32,
    width: f64,
    height: f64,
    maximized: bool,
}

/// Puts the window where it was, as far as a screen is there today.
pub(crate) fn restore(window: &WebviewWindow) {
    let Some(place) = read(&window.state::<Profile>().file(FILE)) else {
        return;
    };
    if let Err(error) = put(window, place) {
        tracing::debug!(%error, "the window does not go where it was");
    }
}

/// Keeps where the window is.
pub(crate) fn remember(window: &WebviewWindow) {
    let file = window.state::<Profile>().file(FILE);
    let kept = take(window, read(&file))
        .map_err(io::Error::other)
        .and_then(|place| write(&file, place));
    if let Err(error) = kept {
        tracing::debug!(%error, "the window's place is not kept");
    }
}

fn put(window: &WebviewWindow, place: Place) -> tauri::Result<()> {
    window.set_size(LogicalSize::new(place.width, place.height))?;
    let position = PhysicalPosition::new(place.x, place.y);
    if window
        .available_monitors()?
        .iter()
        .any(|monitor| shows(monitor, position))
    {
        window.set_position(position)?;
    }
    if place.maximized {
        window.maximize()?;
    }
    Ok(())
}

fn take(window: &WebviewWindow, before: Option<Place>) -> tauri::Result<Place> {
    let maximized = window.is_maximized()?;
    if let (true, Some(before)) = (maximized, before) {
        return Ok(Place {
            maximized,
            ..before
        });
    }
    let size = window.inner_size()?.to_logical(window.scale_factor()?);
    let LogicalSize { width, height } = size;
    let PhysicalPosition { x, y } = window.outer_position()?;
    Ok(Place {
        x,
        y,
        width,
        height,
        maximized,
    })
}

/// Whether a window there has a title bar that can be grabbed.
fn shows(monitor: &Monitor, corner: PhysicalPosition<i32>) -> bool {
    const GRIP: i32 = 120;
    let PhysicalPosition { x, y } = *monitor.position();
    let PhysicalSize { width, height } = *monitor.size();
    let right = x.saturating_add_unsigned(width);
    let bottom = y.saturating_add_unsigned(height);
    corner.x.saturating_add(GRIP) > x
        && corner.x.saturating_add(GRIP) < right
        && corner.y >= y
        && corner.y.saturating_add(GRIP) < bottom
}

fn read(file: &Path) -> Option<Place> {
    let place: Place = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let sizes = 1.0..=32_768.0;
    (sizes.contains(&place.width) && sizes.contains(&place.height)).then_some(place)
}

fn write(file: &Path, place: Place) -> io::Result<()> {
    let fresh = file.with_extension("json.new");
    fs::write(&fresh, serde_json::to_vec(&place)?)?;
    fs::rename(fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(read(&file), None);
        let place = Place {
            x: -12,
            y: 40,
            width: 800.5,
            height: 600.0,
            maximized: true,
        };
        write(&file, place).unwrap();
        assert_eq!(read(&file), Some(place));
    }

    #[test]
    fn nonsense_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        for text in [
            "",
            "{}",
            "[1,2,3]",
            r#"{"x":0,"y":0,"width":0,"height":600,"maximized":false}"#,
            r#"{"x":0,"y":0,"width":1e300,"height":600,"maximized":false}"#,
            r#"{"x":99999999999,"y":0,"width":800,"height":600,"maximized":false}"#,
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(read(&file), None, "{text}");
        }
    }
}
