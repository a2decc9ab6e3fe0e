//! Microphone to Opus packets, and Opus packets to the speaker.
//!
//! [`Voice`] is the whole of it for one call: it opens and closes the devices, takes echo, noise
//! and level differences out of what the microphone hears, encodes it, and plays what the far side
//! sends through an adaptive [`jitter`] buffer. It knows neither the network nor the call.
//!
//! ```text
//!  microphone ─▶ ring ─▶ ┌─────────────────────────────┐ ─▶ on_encoded
//!                        │ processing thread           │
//!     speaker ◀─ ring ◀─ │ clean · encode · jitter·mix │ ◀─ receive
//!        └── played ───▶ └─────────────────────────────┘
//! ```
//!
//! Audio callbacks neither lock nor allocate. All samples are mono `f32` in −1..1 at
//! [`SAMPLE_RATE`] unless a name says otherwise.

mod cleaner;
pub mod decoder;
pub mod device;
mod ear;
pub mod encoder;
mod engine;
mod events;
mod faults;
mod hardware;
pub mod headless;
mod io;
pub mod jitter;
mod keeper;
pub mod meter;
mod mixer;
mod resample;
pub mod sync;
pub mod synthetic;
pub mod tones;
pub mod voice;

pub use device::{AudioDevice, DeviceChange, DeviceProblem, DeviceWatch, Direction};
pub use device::{list_microphones, list_speakers};
pub use faults::{Fault, Faults};
pub use hardware::SoundCards;
pub use io::{AudioIo, CaptureEnd, OpenDevice, PlaybackEnd};
pub use meter::Meter;
pub use sync::SenderReport;
pub use voice::Voice;
pub use voice::{EncodedAudio, Levels, Playing, Processing, ReceivedAudio, VoiceConfig};
pub use voice::{OutOfBandId, Repeat, VoiceError, VoiceEvent, VoiceStats};

/// Samples a second of everything that is not at a device's own rate.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in 10 ms, the unit in which sound is cleaned, mixed and played.
pub const FRAME: usize = 480;

/// Samples in one encoded packet (20 ms).
pub const PACKET: usize = 960;
