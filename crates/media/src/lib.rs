//! Camera, microphone, speaker, codecs and playout.
//!
//! Frames go in at one end and packets come out at the other, and back. This crate knows no
//! network and no call: `client` carries what comes out of here to `call` and the other way round.
//!
//! ```no_run
//! use jasmin_media::camera::{Camera, Want};
//! use jasmin_media::video::VideoSend;
//!
//! let send = std::sync::Arc::new(VideoSend::start(|frame| {
//!     println!("{} bytes of VP8", frame.data.len());
//! })?);
//! let pictures = send.clone();
//! let camera = Camera::open(
//!     None,
//!     Want::default(),
//!     Box::new(move |frame| pictures.push(frame)),
//!     Box::new(|event| println!("{event:?}")),
//! );
//! # drop(camera);
//! # Ok::<(), jasmin_media::video::VideoError>(())
//! ```

pub mod audio;
pub mod camera;
pub mod clip;
pub mod frame;
mod platform;
pub mod stages;
pub mod synthetic;
pub mod urgency;
pub mod video;
pub mod vp8;
