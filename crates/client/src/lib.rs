//! Jasmin Chat without a window: accounts, people, consent, devices and calls. Commands go in,
//! snapshots ([`View`]) come out. It does not know who shows them.

pub mod account;
pub mod api;
pub mod call_log;
pub mod clock;
pub mod frames;
pub mod gate;
pub mod keys;
pub mod ledger;
pub mod paint;
pub mod people;
pub mod platform;
pub mod policies;
pub mod redact;
pub mod sealing;
pub mod socket;
pub mod vault;

mod command;
mod controller;
mod driver;
mod net;
mod remote;
mod screen;
mod studio;
mod tls;
mod view;

pub use command::*;
pub use controller::{Config, Controller, VaultKey, chores};
pub use frames::{FrameRequest, PictureMode, Stream};
pub use studio::Devices;
pub use view::*;
