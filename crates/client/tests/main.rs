//! Two clients without windows, a real server, real codecs.
#![expect(missing_docs, reason = "a test binary")]

mod call;
mod foundations;
mod people;
