//! Gives the process that preloads it the virtual cameras of a `jasmin_vcam::Stand`.
//!
//! Calls of the C library that concern `/dev/video*` are answered here, all others go on to the C
//! library. The handle of a camera is a memory file, so that mapping its buffers works by itself;
//! an event file stands in for it when somebody waits for a picture.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "functions of the C library are replaced")]

mod camera;
mod hooks;
mod ioctl;
mod real;
mod world;
