//! Accounts, contacts and signalling against the real server, without a controller.

mod accounts;
mod contacts;
mod leaks;
mod signals;
mod world;
