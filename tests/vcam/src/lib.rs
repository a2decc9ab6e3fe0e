//! Virtual cameras for tests: their settings, their pictures and the time in them.
//!
//! A process started with the variables of [`Stand::environment`] sees the cameras of a [`Stand`]
//! as `/dev/video0` and so on. Each picture carries the time at which it was taken as a
//! [`barcode`], which can be read back from any place the picture gets to.

pub mod barcode;
#[cfg(target_os = "linux")]
pub mod clock;
mod jpeg;
pub mod painter;
pub mod spec;
mod stand;

pub use self::stand::{Activity, LogLine, Stand};
