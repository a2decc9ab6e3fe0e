//! Which cameras there are, and which handles belong to them.

use std::collections::HashMap;
use std::env;
use std::ffi::{CStr, CString, OsStr, c_int};
use std::fs;
use std::io::Write;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jasmin_vcam::spec;

use crate::camera::Camera;

/// One bit for each handle of a camera, so that calls for all others pass without a lock.
static OWN: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

static CAMERAS: Mutex<Option<HashMap<RawFd, Arc<Camera>>>> = Mutex::new(None);

fn cameras() -> MutexGuard<'static, Option<HashMap<RawFd, Arc<Camera>>>> {
    CAMERAS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bit(handle: RawFd) -> Option<(&'static AtomicU64, u64)> {
    let handle = usize::try_from(handle).ok()?;
    Some((OWN.get(handle / 64)?, 1 << (handle % 64)))
}

/// The camera behind a handle.
pub(crate) fn camera(handle: RawFd) -> Option<Arc<Camera>> {
    let (word, bit) = bit(handle)?;
    if word.load(Ordering::Acquire) & bit == 0 {
        return None;
    }
    cameras().as_ref()?.get(&handle).cloned()
}

/// Forgets a handle that is being closed.
pub(crate) fn close(handle: RawFd) {
    let Some((word, bit)) = bit(handle) else {
        return;
    };
    if word.load(Ordering::Acquire) & bit == 0 {
        return;
    }
    word.fetch_and(!bit, Ordering::AcqRel);
    let camera = cameras()
        .as_mut()
        .and_then(|cameras| cameras.remove(&handle));
    if let Some(camera) = camera {
        camera.stop();
        log(camera.folder(), "close", camera.number());
    }
}

/// Opens what belongs to this world. `None`: the path does not.
pub(crate) fn open(path: &CStr, flags: c_int) -> Option<Result<c_int, c_int>> {
    let bytes = path.to_bytes();
    // Looked at for every file that the program opens, so the cheap question first.
    if !bytes.starts_with(b"/dev/video") && !bytes.starts_with(b"/sys/class/video4linux/") {
        return None;
    }
    let folder = folder()?;
    let text = str::from_utf8(bytes).ok()?;
    if let Some(rest) = text.strip_prefix("/sys/class/video4linux/video") {
        let (number, file) = rest.split_once('/')?;
        return Some(kernel_file(&folder, number, file));
    }
    let number = text.strip_prefix("/dev/video")?.parse().ok()?;
    Some(open_camera(folder, number, flags))
}

fn open_camera(folder: PathBuf, number: u32, flags: c_int) -> Result<c_int, c_int> {
    let spec = read_spec(&folder, number).ok_or(libc::ENOENT)?;
    if spec.mode == spec::Mode::Denied {
        return Err(libc::EACCES);
    }
    let memory = memory_file(c"camera", flags)?;
    let handle = memory.into_raw_fd();
    let opened = bit(handle).ok_or(libc::EMFILE).and_then(|(word, bit)| {
        let camera = Camera::new(folder.clone(), number, handle, spec)?;
        cameras()
            .get_or_insert_default()
            .insert(handle, Arc::new(camera));
        word.fetch_or(bit, Ordering::AcqRel);
        Ok(handle)
    });
    match opened {
        Ok(handle) => {
            log(&folder, "open", number);
            Ok(handle)
        }
        Err(errno) => {
            // SAFETY: opened above and given to nobody.
            drop(unsafe { OwnedFd::from_raw_fd(handle) });
            Err(errno)
        }
    }
}

/// What the kernel notes about a camera.
fn kernel_file(folder: &Path, number: &str, file: &str) -> Result<c_int, c_int> {
    let number = number.parse().map_err(|_| libc::ENOENT)?;
    let spec = read_spec(folder, number).ok_or(libc::ENOENT)?;
    let content = match file {
        "name" => format!("{}\n", spec.name),
        "index" => format!("{}\n", spec.index),
        _ => return Err(libc::ENOENT),
    };
    let memory = memory_file(c"kernel file", libc::O_CLOEXEC)?;
    let mut memory = fs::File::from(memory);
    std::io::Seek::rewind(&mut memory).map_err(|_| libc::EIO)?;
    memory
        .write_all(content.as_bytes())
        .map_err(|_| libc::EIO)?;
    std::io::Seek::rewind(&mut memory).map_err(|_| libc::EIO)?;
    Ok(memory.into_raw_fd())
}

fn memory_file(name: &CStr, flags: c_int) -> Result<OwnedFd, c_int> {
    let close = if flags & libc::O_CLOEXEC == 0 {
        0
    } else {
        libc::MFD_CLOEXEC
    };
    // SAFETY: a valid name; the result is checked.
    let handle = unsafe { libc::memfd_create(name.as_ptr(), close) };
    if handle < 0 {
        return Err(libc::ENFILE);
    }
    // SAFETY: just opened.
    Ok(unsafe { OwnedFd::from_raw_fd(handle) })
}

/// Reads a camera's file; one that nobody understands is not plugged in.
pub(crate) fn read_spec(folder: &Path, number: u32) -> Option<spec::Camera> {
    let text = fs::read_to_string(folder.join(format!("video{number}"))).ok()?;
    spec::Camera::parse(&text).ok()
}

/// The folder that takes the place of `/dev` in listings.
pub(crate) fn folder_instead_of(path: &CStr) -> Option<CString> {
    if path.to_bytes() != b"/dev" && path.to_bytes() != b"/dev/" {
        return None;
    }
    CString::new(folder()?.into_os_string().into_vec()).ok()
}

/// The file that tells about the camera at a path: there when it is plugged in.
pub(crate) fn file_instead_of(path: &CStr) -> Option<CString> {
    let number: u32 = path
        .to_str()
        .ok()?
        .strip_prefix("/dev/video")?
        .parse()
        .ok()?;
    let file = folder()?.join(format!("video{number}"));
    CString::new(file.into_os_string().into_vec()).ok()
}

/// The folder of the cameras, when this program is to see them.
fn folder() -> Option<PathBuf> {
    let folder = env::var_os("JASMIN_VCAM")?;
    is_meant().then(|| PathBuf::from(folder))
}

/// Whether this program is the one that the cameras are for.
fn is_meant() -> bool {
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    match ANSWER.load(Ordering::Relaxed) {
        1 => return true,
        2 => return false,
        _ => {}
    }
    let meant = env::var_os("JASMIN_VCAM_ONLY").is_none_or(|only| {
        let name = fs::read("/proc/self/comm").unwrap_or_default();
        OsStr::from_bytes(name.trim_ascii_end()) == only
    });
    ANSWER.store(if meant { 1 } else { 2 }, Ordering::Relaxed);
    meant
}

/// Writes a line to the log.
pub(crate) fn log(folder: &Path, what: &str, number: u32) {
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"));
    let Ok(mut file) = file else { return };
    let line = format!(
        "{} {} {what} video{number}\n",
        monotonic_nanos(),
        std::process::id()
    );
    // In one piece, because other processes write too.
    let _ = file.write_all(line.as_bytes());
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic_nanos() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
