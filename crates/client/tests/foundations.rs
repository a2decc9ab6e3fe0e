//! Accounts, contacts and signalling against the real server, without a controller.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails on what it does not expect"
)]

mod accounts;
mod contacts;
mod leaks;
mod signals;
mod world;
