//! The functions of the C library that the hooks stand in front of.

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Looks a function up once. Without locks: `syscall` is what locks are made of.
fn find(slot: &AtomicUsize, name: &CStr) -> usize {
    let known = slot.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: a lookup by name; what is found is only called with the type it has in libc.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) } as usize;
    assert_ne!(found, 0, "the C library lacks a function");
    slot.store(found, Ordering::Relaxed);
    found
}

macro_rules! real {
    ($name:ident: $type:ty) => {
        pub(crate) fn $name() -> $type {
            static SLOT: AtomicUsize = AtomicUsize::new(0);
            const NAME: &str = concat!(stringify!($name), "\0");
            let name = CStr::from_bytes_with_nul(NAME.as_bytes()).unwrap_or_default();
            // SAFETY: the function has this type in libc.
            unsafe { std::mem::transmute::<usize, $type>(find(&SLOT, name)) }
        }
    };
}

real!(open: unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int);
real!(open64: unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int);
real!(openat: unsafe extern "C" fn(c_int, *const c_char, c_int, ...) -> c_int);
real!(openat64: unsafe extern "C" fn(c_int, *const c_char, c_int, ...) -> c_int);
real!(close: unsafe extern "C" fn(c_int) -> c_int);
real!(ioctl: unsafe extern "C" fn(c_int, c_ulong, ...) -> c_int);
real!(poll: unsafe extern "C" fn(*mut libc::pollfd, libc::nfds_t, c_int) -> c_int);
real!(opendir: unsafe extern "C" fn(*const c_char) -> *mut libc::DIR);
real!(readlink: unsafe extern "C" fn(*const c_char, *mut c_char, usize) -> isize);
real!(stat: unsafe extern "C" fn(*const c_char, *mut libc::stat) -> c_int);
real!(stat64: unsafe extern "C" fn(*const c_char, *mut libc::stat64) -> c_int);
real!(syscall: unsafe extern "C" fn(c_long, ...) -> c_long);

/// Sets `errno` and returns -1.
pub(crate) fn fail(errno: c_int) -> c_int {
    // SAFETY: the pointer is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// Only for the type of the last argument of `ioctl`.
pub(crate) type Argument = *mut c_void;
