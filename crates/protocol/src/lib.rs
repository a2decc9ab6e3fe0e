//! The words that Jasmin Chat's client and server exchange: identifiers, REST bodies, socket
//! messages, error codes. Data only: no I/O, no cryptography, no defaults that decide anything.
//!
//! Bodies refuse unknown fields where a client writes them, so that a misspelt field is an error
//! and not a silent loss. Times are milliseconds since the Unix epoch (`*_ms`), by the server's
//! clock unless said otherwise.
#![deny(missing_docs)]

mod api;
mod bytes;
mod consent;
mod disclosure;
mod error;
mod ids;
mod partner;
pub mod password;
mod policy;
mod signal;
mod socket;

pub use api::*;
pub use bytes::Base64;
pub use consent::*;
pub use disclosure::*;
pub use error::*;
pub use ids::*;
pub use partner::*;
pub use policy::*;
pub use signal::*;
pub use socket::*;
