//! The media room on virtual devices, through the same doors as the application.

// PulseAudio's virtual devices; the cards of other systems cannot be made up.
#[cfg(all(test, target_os = "linux"))]
mod sound;
