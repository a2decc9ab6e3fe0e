//! Two clients without windows, a real server, real codecs.
#![expect(missing_docs, reason = "a test binary")]
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod call;
mod foundations;
mod people;
