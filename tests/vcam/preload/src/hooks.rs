//! The replaced functions. Each asks first whether the call concerns a camera.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_long, c_uint, c_ulong};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::real::{self, Argument, fail};
use crate::{ioctl, world};

/// What opening this path means here: a handle or an error, or nothing.
fn opened(path: *const c_char, flags: c_int) -> Option<c_int> {
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, and ended by a zero as the C library demands.
    let path = unsafe { CStr::from_ptr(path) };
    match world::open(path, flags)? {
        Ok(handle) => Some(handle),
        Err(errno) => Some(fail(errno)),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: handed on as it came.
    opened(path, flags).unwrap_or_else(|| unsafe { real::open()(path, flags, mode) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: handed on as it came.
    opened(path, flags).unwrap_or_else(|| unsafe { real::open64()(path, flags, mode) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat(at: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: handed on as it came.
    opened(path, flags).unwrap_or_else(|| unsafe { real::openat()(at, path, flags, mode) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(at: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: handed on as it came.
    opened(path, flags).unwrap_or_else(|| unsafe { real::openat64()(at, path, flags, mode) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut libc::DIR {
    if !path.is_null() {
        // SAFETY: not null, and ended by a zero as the C library demands.
        let name = unsafe { CStr::from_ptr(path) };
        if let Some(folder) = world::folder_instead_of(name) {
            // SAFETY: a valid string that outlives the call.
            return unsafe { real::opendir()(folder.as_ptr()) };
        }
    }
    // SAFETY: handed on as it came.
    unsafe { real::opendir()(path) }
}

/// Browsers look at a device before they open it.
#[unsafe(no_mangle)]
unsafe extern "C" fn stat(path: *const c_char, out: *mut libc::stat) -> c_int {
    let camera = described(path);
    let path = camera.as_ref().map_or(path, |file| file.as_ptr());
    // SAFETY: handed on as it came, or with a valid string that outlives the call.
    let result = unsafe { real::stat()(path, out) };
    if camera.is_some() && result == 0 {
        // SAFETY: filled by the call that succeeded.
        unsafe { (*out).st_mode = DEVICE };
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn stat64(path: *const c_char, out: *mut libc::stat64) -> c_int {
    let camera = described(path);
    let path = camera.as_ref().map_or(path, |file| file.as_ptr());
    // SAFETY: handed on as it came, or with a valid string that outlives the call.
    let result = unsafe { real::stat64()(path, out) };
    if camera.is_some() && result == 0 {
        // SAFETY: filled by the call that succeeded.
        unsafe { (*out).st_mode = DEVICE };
    }
    result
}

/// The type and permissions of a camera's device.
const DEVICE: libc::mode_t = libc::S_IFCHR | 0o660;

/// The file behind a path that is a camera's.
fn described(path: *const c_char) -> Option<CString> {
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, and ended by a zero as the C library demands.
    let path = unsafe { CStr::from_ptr(path) };
    // Looked at for many files, so the cheap question first.
    if !path.to_bytes().starts_with(b"/dev/video") {
        return None;
    }
    world::file_instead_of(path)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readlink(path: *const c_char, out: *mut c_char, room: usize) -> isize {
    if !path.is_null() {
        // SAFETY: not null, and ended by a zero as the C library demands.
        let name = unsafe { CStr::from_ptr(path) };
        let path = Path::new(OsStr::from_bytes(name.to_bytes()));
        let own = path
            .strip_prefix("/proc/self/fd")
            .ok()
            .and_then(|number| number.to_str()?.parse().ok())
            .and_then(world::camera);
        if let Some(camera) = own {
            let target = camera.path().into_os_string().into_vec();
            let length = target.len().min(room);
            // SAFETY: the caller's buffer has `room` bytes.
            unsafe { target.as_ptr().copy_to_nonoverlapping(out.cast(), length) };
            return length as isize;
        }
    }
    // SAFETY: handed on as it came.
    unsafe { real::readlink()(path, out, room) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(handle: c_int) -> c_int {
    world::close(handle);
    // SAFETY: handed on as it came; a camera's handle is a file as well.
    unsafe { real::close()(handle) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(handle: c_int, request: c_ulong, argument: Argument) -> c_int {
    match world::camera(handle) {
        Some(camera) => ioctl::answer(&camera, request, argument),
        // SAFETY: handed on as it came.
        None => unsafe { real::ioctl()(handle, request, argument) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_ioctl
        && let Some(camera) = world::camera(a as c_int)
    {
        return ioctl::answer(&camera, b as c_ulong, c as Argument).into();
    }
    // SAFETY: handed on as it came; what a call has no argument for is not looked at.
    unsafe { real::syscall()(number, a, b, c, d, e, f) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn poll(files: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int {
    let given: &mut [libc::pollfd] = if files.is_null() || count > 4096 {
        &mut []
    } else {
        // SAFETY: the caller gives `count` entries.
        unsafe { std::slice::from_raw_parts_mut(files, count as usize) }
    };
    let cameras: Vec<_> = given
        .iter()
        .enumerate()
        .filter_map(|(index, file)| Some((index, world::camera(file.fd)?)))
        .collect();
    if cameras.is_empty() {
        // SAFETY: handed on as it came.
        return unsafe { real::poll()(files, count, timeout) };
    }
    let mut asked = given.to_vec();
    for (index, camera) in &cameras {
        asked[*index].fd = camera.event();
    }
    // SAFETY: a valid list of `count` entries.
    let ready = unsafe { real::poll()(asked.as_mut_ptr(), count, timeout) };
    for (given, asked) in given.iter_mut().zip(&asked) {
        given.revents = asked.revents;
    }
    ready
}
