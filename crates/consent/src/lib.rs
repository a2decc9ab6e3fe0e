//! Consent, without I/O: the purposes that exist, the texts that are asked with, and the ledger that
//! proves what was answered.
//!
//! - [`purpose`]: the closed catalogue. What is not in it cannot be asked, granted or recorded.
//! - [`notice`]: the texts, each known by its hash.
//! - [`chain`]: how records and entries are hashed, signed and linked.
//! - [`export`]: a ledger as a file, and its check.
//! - [`merkle`]: one hash for all ledgers of a day.
//! - [`standing`]: what is allowed, after all of a ledger.
//! - [`policy`]: policy sets, which one counts, and what changed in it.
//!
//! The shapes are in `jasmin_protocol::consent`; time is always an argument.
#![deny(missing_docs)]

pub mod chain;
pub mod export;
pub mod merkle;
pub mod moment;
pub mod notice;
pub mod policy;
pub mod purpose;
pub mod standing;

#[cfg(test)]
mod testing;
