//! What differs between systems: what web views need, pictures over them, private folders, the door
//! for a second start, the way to the front, and requests to end.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod no_glass;
#[cfg(unix)]
mod unix;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "windows")]
use windows as system;

pub(crate) use system::{
    Door, Glass, activation_token, asked_to_end, find_screen, keep_apart, keep_from_devices, knock,
    make_private, permit_front, prepare,
};
