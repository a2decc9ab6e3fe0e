//! The media room on virtual devices, through the same doors as the application.

// PulseAudio's virtual devices; the cards of other systems cannot be made up.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sound;

// Cameras are Video4Linux devices made up by a preloaded library.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod camera;
