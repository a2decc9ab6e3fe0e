//! Keeps OpenGL out of this process.
//!
//! The page's process cannot do without. This one only copies finished pictures to the screen, where
//! WebKit's DMA-BUF renderer is off, but would load OpenGL all the same: without a graphics card that
//! is a compiler and twenty megabytes.

use std::{
    env,
    ffi::{c_char, c_int, c_void},
    mem, ptr,
};

/// Which vendors' libraries the dispatching libEGL (libglvnd) loads, instead of those installed.
const VENDORS: &str = "__EGL_VENDOR_LIBRARY_FILENAMES";
/// Read by GDK.
const GDK: &str = "GDK_GL";

const EGL_EXTENSIONS: c_int = 0x3055;

type QueryString = unsafe extern "C" fn(*mut c_void, c_int) -> *const c_char;

/// Has EGL look for vendors, and GDK for its settings, while the environment names none; then makes
/// the environment what it was, for the processes of the page. Called before any thread runs.
///
/// Where a library is missing or of another kind, OpenGL is loaded as ever.
#[expect(
    unsafe_code,
    reason = "the environment changes before any thread runs; both functions are called as documented"
)]
pub(super) fn leave_to_page() {
    let before = [VENDORS, GDK].map(|name| (name, env::var_os(name)));
    // SAFETY: no other thread runs.
    unsafe {
        env::set_var(VENDORS, "/dev/null");
        env::set_var(GDK, "disable");
    }
    settle_egl();
    // SAFETY: no arguments are given, so none are taken out. GTK is initialised later, and keeps
    // what was read here.
    unsafe { gtk::gdk::ffi::gdk_parse_args(&mut 0, &mut ptr::null_mut()) };
    for (name, value) in before {
        // SAFETY: no other thread runs.
        match value {
            Some(value) => unsafe { env::set_var(name, value) },
            None => unsafe { env::remove_var(name) },
        }
    }
}

/// libEGL looks for vendors once, at the first question.
#[expect(unsafe_code, reason = "a library that the web view loads anyway")]
fn settle_egl() {
    // SAFETY: its constructors have no conditions.
    let Ok(egl) = (unsafe { libloading::Library::new("libEGL.so.1") }) else {
        return;
    };
    // SAFETY: the signature is that of the EGL specification, 1.5; a null display asks for what the
    // client supports.
    unsafe {
        if let Ok(query) = egl.get::<QueryString>(b"eglQueryString\0") {
            query(ptr::null_mut(), EGL_EXTENSIONS);
        }
    }
    // Unloaded, it would forget.
    mem::forget(egl);
}
