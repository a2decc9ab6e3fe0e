//! The media room on virtual devices, through the same doors as the application.

mod sound;
