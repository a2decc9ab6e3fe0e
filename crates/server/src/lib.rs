//! The signalling API of Jasmin Chat: accounts, contacts, ringing, and a mailbox per device.
//!
//! It knows who calls whom and when. It does not know passwords (OPAQUE), what devices say to each
//! other (sealed on the devices), or any address of a media path; no media passes through it.
//!
//! One process, one file: without options it listens on `127.0.0.1:8420` and keeps everything in
//! `./data/jasmin.db` (SQLite), with the key to it in `./data/server.key`. `--db postgres://…`
//! keeps it in PostgreSQL. Mail goes to `./data/outbox/*.eml` and is readable at `/dev/mailbox` as
//! long as the server listens on loopback only.
//!
//! # Promises
//!
//! * What was answered with 2xx survives a crash: it was committed before it was answered.
//! * A call ends as exactly one of answered-and-ended, declined, busy, cancelled or missed, each of
//!   its devices hears that once, and no crash in between changes it.
//! * Events reach each device at least once, in order: they lie in its mailbox until the device
//!   acknowledges them. Everything else on the socket may be lost.
//! * Names, mail addresses, tokens and network addresses are in no log line. Names and mail
//!   addresses are encrypted in the database.
//!
//! # Map
//!
//! `routes` has one file per endpoint; `socket` is `GET /v1/ws`; `store` holds every SQL statement,
//! one text for both engines; `keys` is everything secret; `rules` says what a name, an address and
//! a birthday may be; `sweep` turns deadlines into facts; `bus` wakes sockets up.
//!
//! # Example
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use jasmin_server::{Config, Server};
//!
//! let folder = std::path::Path::new("/tmp/jasmin-example");
//! let server = Server::start(Config { listen: "127.0.0.1:0".parse()?, ..Config::at(folder) }).await?;
//! println!("{}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod allowed;
mod app;
mod args;
mod book;
mod bus;
mod clock;
mod config;
pub mod data_map;
mod disclosures;
mod extract;
mod http;
mod idempotency;
mod keys;
mod limits;
mod mail;
mod metrics;
mod partners;
mod platform;
mod policies;
mod problem;
mod routes;
mod rules;
mod serve;
mod server;
mod socket;
pub mod statistics;
mod store;
mod sweep;
#[cfg(test)]
mod testing;

pub use args::{ArgsError, Invocation, USAGE};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, DatabaseUrl, Limits, Patience, Rate};
pub use disclosures::{DeskError, DisclosureOrder, RegisterError, disclose};
pub use http::openapi;
pub use keys::KeyFileError;
pub use partners::{PartnerDeskError, PartnerError, PartnerOrder, partner};
pub use platform::stop_signal;
pub use policies::{Publication, PublishError, publish};
pub use server::{Server, StartError};
pub use store::OpenError;
