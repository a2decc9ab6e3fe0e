//! Two sessions on a simulated network, in virtual time: minutes of call in a blink.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is test: a panic is a failed test, and one thing is looked for among many"
)]

mod blackout;
mod congestion;
mod connect;
mod gotchas;
mod junk;
mod loss;
mod security;
mod world;
