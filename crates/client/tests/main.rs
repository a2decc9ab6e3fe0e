//! Two clients without windows, a real server, real codecs.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod call;
mod disclosures;
mod foundations;
mod ledger;
mod partners;
mod people;
mod policies;
mod swapped_keys;
