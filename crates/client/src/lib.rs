//! Jasmin Chat without a window: accounts, people, consent, devices and calls. Commands go in,
//! snapshots ([`View`]) come out. It does not know who shows them.

pub mod account;
pub mod api;
pub mod call_log;
pub mod clock;
pub mod keys;
pub mod people;
pub mod platform;
pub mod redact;
pub mod sealing;
pub mod socket;
pub mod vault;

mod command;
mod tls;
mod view;

pub use command::*;
pub use view::*;
