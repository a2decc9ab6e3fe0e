//! A call as a sans-IO state machine around `str0m`.
//!
//! Two machines live here. [`Session`] is the media of one call: negotiation (RFC 8829), transport,
//! bandwidth, liveness, safety words. [`Line`] is which calls a device has: the undo window, ringing,
//! busy, call waiting, two people calling each other at once.
//!
//! The crate has no socket, thread, clock or random source of its own: datagrams, time and entropy
//! are arguments, and whatever is to be done comes out of `poll`. It does not know cameras or codecs
//! (frames go in and out encoded), nor the server (messages go in and out opened).
#![deny(missing_docs)]

mod congestion;
mod control;
mod crypto;
mod engine;
mod error;
mod event;
mod frame;
mod keyframe;
mod line;
mod liveness;
mod negotiation;
mod quality;
mod safety;
mod session;
mod signal;

pub use error::{CandidateError, OfferError, SetupError, SignalError};
pub use event::{AudioTarget, Event, Output, Path, Quality, SessionEnd, Transmit, VideoTarget};
pub use frame::{EncodedAudio, EncodedVideo, ReceivedAudio, ReceivedVideo, SenderClock};
pub use line::{Call, Direction, Effect, EndReason, Incoming, Line, PlaceError, State, Timing};
pub use safety::SafetyWord;
pub use session::{Role, Session, SessionConfig};
pub use signal::{Offer, Signal};
