//! Cameras by Video4Linux.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::OpenDevice;
use crate::camera::{
    CameraInfo, CameraProblem, PixelFormat, RawPicture, Want, best, classify, from_os_error,
};

/// Lists capture devices without opening them: opening is only done with consent.
pub(crate) fn list_cameras() -> Vec<CameraInfo> {
    nodes()
        .into_iter()
        .map(|number| CameraInfo {
            id: stable_id(number),
            name: node_name(number),
        })
        .collect()
}

/// Numbers of the nodes that deliver pictures, in order.
///
/// Only names that are `video` and a number: nokhwa panics on any other.
fn nodes() -> BTreeSet<usize> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let digits = name.to_str()?.strip_prefix("video")?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse().ok() } else { None }
        })
        .filter(|&number| delivers_pictures(number))
        .collect()
}

/// Whether a node is no metadata or output node, by what udev or the kernel noted about it.
fn delivers_pictures(number: usize) -> bool {
    let class = PathBuf::from(format!("/sys/class/video4linux/video{number}"));
    let noted = fs::read_to_string(class.join("dev"))
        .and_then(|device| fs::read_to_string(format!("/run/udev/data/c{}", device.trim())));
    if let Ok(noted) = noted {
        let capabilities = noted
            .lines()
            .find_map(|line| line.strip_prefix("E:ID_V4L_CAPABILITIES="));
        if let Some(capabilities) = capabilities {
            return capabilities
                .split(':')
                .any(|capability| capability == "capture");
        }
    }
    // Without udev: the first node of a device is the one with pictures.
    fs::read_to_string(class.join("index")).map_or(true, |index| index.trim() == "0")
}

fn node_path(number: usize) -> PathBuf {
    PathBuf::from(format!("/dev/video{number}"))
}

fn node_name(number: usize) -> String {
    fs::read_to_string(format!("/sys/class/video4linux/video{number}/name"))
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("Camera {}", number + 1))
}

/// A name that stays the same when devices are numbered anew, where the system has one.
fn stable_id(number: usize) -> String {
    let path = node_path(number);
    fs::read_dir("/dev/v4l/by-id")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|link| fs::canonicalize(link).is_ok_and(|target| target == path))
        .min()
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// Finds the number of the node that is named, or of the first one.
fn find(id: Option<&str>) -> Option<usize> {
    let nodes = nodes();
    let Some(id) = id else {
        return nodes.into_iter().next();
    };
    let target = fs::canonicalize(id).unwrap_or_else(|_| PathBuf::from(id));
    nodes
        .into_iter()
        .find(|&number| node_path(number) == target)
}

/// Opens a camera in its best format.
///
/// Format and rate are set before nokhwa sees the device, because it refuses one whose current
/// rate is not a whole number (25/2, 30000/1001) and misses rates that change with the size.
pub(crate) fn open_camera(id: Option<&str>, want: Want) -> Result<OpenDevice, CameraProblem> {
    let number = find(id).ok_or(CameraProblem::Missing)?;
    let path = node_path(number);
    let lease = Lease::take(path.clone())?;
    let (name, format) = prepare(&path, want).map_err(|problem| match problem {
        Unprepared::System(error) => {
            tracing::debug!(%error, "the camera was not prepared");
            error
                .raw_os_error()
                .map_or(CameraProblem::Other, from_os_error)
        }
        Unprepared::Formats => CameraProblem::NoFormat,
    })?;
    let wanted = [format.format()];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &wanted);
    let index = u32::try_from(number).map_err(|_| CameraProblem::Missing)?;
    let camera = nokhwa::Camera::new(CameraIndex::Index(index), request).map_err(|error| {
        tracing::debug!(%error, "the camera was not opened");
        classify(&error)
    })?;
    let interrupter: Arc<dyn Fn() + Send + Sync> = Arc::new(move || stop_streams_of(&path));
    Ok(OpenDevice {
        camera,
        name,
        interrupter: Some(interrupter),
        _lease: lease,
    })
}

enum Unprepared {
    System(io::Error),
    Formats,
}

impl From<io::Error> for Unprepared {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Sets the best format and returns it with the name of the camera.
fn prepare(path: &Path, want: Want) -> Result<(String, CameraFormat), Unprepared> {
    let device = Device::with_path(path)?;
    let name = device.query_caps()?.card;
    let format = best(&formats(&device, want)?, want).ok_or(Unprepared::Formats)?;
    let fourcc = FourCC::new(fourcc(format.format()));
    let set = device.set_format(&Format::new(format.width(), format.height(), fourcc))?;
    let rate = device
        .set_params(&Parameters::with_fps(format.frame_rate()))?
        .interval;
    let as_asked = (set.width, set.height, set.fourcc) == (format.width(), format.height(), fourcc)
        && rate.numerator == 1;
    if !as_asked {
        return Err(Unprepared::Formats);
    }
    // The driver may have settled for another whole rate.
    Ok((
        name,
        CameraFormat::new(format.resolution(), format.format(), rate.denominator),
    ))
}

/// Lists what the device offers. Of ranges, the wanted value is taken, or the end next to it.
fn formats(device: &Device, want: Want) -> io::Result<Vec<CameraFormat>> {
    let mut formats = Vec::new();
    for offered in device.enum_formats()? {
        let Some(layout) = frame_format(offered.fourcc) else {
            continue;
        };
        for size in device.enum_framesizes(offered.fourcc)? {
            let (width, height) = match size.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(range) => (
                    in_steps(
                        want.width,
                        range.min_width,
                        range.max_width,
                        range.step_width,
                    ),
                    in_steps(
                        want.height,
                        range.min_height,
                        range.max_height,
                        range.step_height,
                    ),
                ),
            };
            // Some drivers list no rates; the current one will do.
            let rates = device.enum_frameintervals(offered.fourcc, width, height);
            for rate in rates.unwrap_or_default() {
                let fps = match rate.interval {
                    FrameIntervalEnum::Discrete(interval) if interval.numerator == 1 => {
                        interval.denominator
                    }
                    FrameIntervalEnum::Discrete(_) => continue,
                    FrameIntervalEnum::Stepwise(range) => {
                        let per_second = |numerator: u32, denominator: u32| {
                            denominator.checked_div(numerator).unwrap_or(0)
                        };
                        let fastest = per_second(range.min.numerator, range.min.denominator);
                        let slowest = per_second(range.max.numerator, range.max.denominator);
                        want.fps.clamp(slowest.min(fastest), fastest.max(slowest))
                    }
                };
                formats.push(CameraFormat::new_from(width, height, layout, fps));
            }
        }
    }
    Ok(formats)
}

fn in_steps(want: u32, least: u32, most: u32, step: u32) -> u32 {
    let want = want.clamp(least, most.max(least));
    want - (want - least) % step.max(1)
}

fn frame_format(fourcc: FourCC) -> Option<FrameFormat> {
    match &fourcc.repr {
        b"YUYV" => Some(FrameFormat::YUYV),
        b"MJPG" => Some(FrameFormat::MJPEG),
        b"NV12" => Some(FrameFormat::NV12),
        b"RGB3" => Some(FrameFormat::RAWRGB),
        b"BGR3" => Some(FrameFormat::RAWBGR),
        _ => None,
    }
}

fn fourcc(format: FrameFormat) -> &'static [u8; 4] {
    match format {
        FrameFormat::YUYV => b"YUYV",
        FrameFormat::MJPEG => b"MJPG",
        FrameFormat::NV12 => b"NV12",
        FrameFormat::RAWRGB => b"RGB3",
        FrameFormat::RAWBGR => b"BGR3",
        FrameFormat::GRAY => b"GREY",
    }
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

/// Errors of this system carry numbers; a text without one says nothing more.
pub(crate) fn classify_text(_text: &str) -> CameraProblem {
    CameraProblem::Other
}

/// Ends the streams that this process has on a device, so that a read that waits for a picture
/// returns. nokhwa waits without a limit and has no way to stop it.
fn stop_streams_of(path: &Path) {
    for entry in fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
    {
        let is_device = fs::read_link(entry.path()).is_ok_and(|target| target == path);
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok());
        if let (true, Some(handle)) = (is_device, number) {
            stop_stream(handle);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "an ioctl on the handle that nokhwa keeps to itself"
)]
fn stop_stream(handle: i32) {
    let mut kind = v4l::buffer::Type::VideoCapture as std::os::raw::c_int;
    // SAFETY: the request takes a pointer to an int, which outlives the call. Should the handle
    // have been closed and given away meanwhile, the kernel refuses the request.
    let stopped = unsafe {
        v4l::v4l2::ioctl(
            handle,
            v4l::v4l2::vidioc::VIDIOC_STREAMOFF,
            (&raw mut kind).cast::<std::os::raw::c_void>(),
        )
    };
    if let Err(error) = stopped {
        tracing::debug!(%error, "a stream was not stopped");
    }
}

/// How long an earlier stream of this process may take to let go of a device.
const LETTING_GO: Duration = Duration::from_secs(1);

static IN_USE: (Mutex<BTreeSet<PathBuf>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

/// The right of one stream of this process to a device. nokhwa would share the handle of a stream
/// that is still being closed with the next one, which then finds itself busy.
pub(crate) struct Lease(PathBuf);

impl Lease {
    fn take(path: PathBuf) -> Result<Self, CameraProblem> {
        let (in_use, released) = &IN_USE;
        let guard = in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut guard, _) = released
            .wait_timeout_while(guard, LETTING_GO, |in_use| in_use.contains(&path))
            .unwrap_or_else(PoisonError::into_inner);
        if !guard.insert(path.clone()) {
            // It did not come back from the system.
            return Err(CameraProblem::Stalled);
        }
        Ok(Self(path))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (in_use, released) = &IN_USE;
        in_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.0);
        released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_give_the_wanted_value_or_the_end_next_to_it() {
        assert_eq!(in_steps(1280, 16, 1920, 16), 1280);
        assert_eq!(in_steps(1280, 16, 640, 2), 640);
        assert_eq!(in_steps(100, 160, 640, 16), 160);
        assert_eq!(in_steps(721, 0, 1080, 8), 720);
        assert_eq!(in_steps(721, 0, 1080, 0), 721);
    }

    #[test]
    fn a_lease_is_given_once_at_a_time() {
        let path = PathBuf::from("/dev/video4242");
        let first = Lease::take(path.clone()).ok().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Lease::take(path.clone()).is_ok());
            drop(first);
            assert!(second.join().unwrap());
        });
    }

    #[test]
    fn a_camera_that_is_not_there_is_missing() {
        let opened = open_camera(Some("/dev/video4243"), Want::default());
        assert!(matches!(opened, Err(CameraProblem::Missing)));
    }
}
