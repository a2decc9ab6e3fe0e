//! The server as a process: started, killed, restarted, listened to.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "whatever fails or comes instead fails the test"
)]

mod api;
mod kill;
mod logs;
#[path = "../src/testing/people.rs"]
mod people;
mod process;
mod restart;
