//! Jasmin Chat without a window: accounts, people, consent, devices and calls. Commands go in,
//! snapshots ([`View`]) come out. It does not know who shows them.

mod command;
mod view;

pub use command::*;
pub use view::*;
