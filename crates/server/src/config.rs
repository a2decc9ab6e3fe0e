use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{Clock, SystemClock};

/// How a server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Listen beyond loopback although this process speaks no TLS: something in front of it does.
    pub i_know_no_tls: bool,
    /// Where the key file, the outbox and, without `db`, the database file live. Made if missing.
    pub data_dir: PathBuf,
    /// PostgreSQL instead of `jasmin.db` in `data_dir`.
    pub db: Option<DatabaseUrl>,
    /// How long a call rings.
    pub ring: Duration,
    /// How old a person must be to have an account.
    pub minimum_age: u8,
    /// What one address or account may do.
    pub limits: Limits,
    /// How long sockets wait.
    pub patience: Patience,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// Returns the default configuration with everything under `data_dir`.
    pub fn at(data_dir: impl AsRef<Path>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            i_know_no_tls: false,
            data_dir: data_dir.as_ref().to_owned(),
            db: None,
            ring: Duration::from_secs(45),
            minimum_age: 16,
            limits: Limits::default(),
            patience: Patience::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A `postgres://` URL. Its `Debug` hides it: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// So many at once, and one more after each `refill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How long until one more.
    pub refill: Duration,
}

/// What one address or account may do before it hears `rate-limited`. Kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sign-up and sign-in requests, per network address (IPv6: per /64).
    pub auth_per_network: Rate,
    /// Sign-in attempts, per mail address.
    pub sign_in_per_address: Rate,
    /// Sign-ups, and so mails, per mail address.
    pub sign_up_per_address: Rate,
    /// Contact requests, per account.
    pub contact_requests: Rate,
    /// Calls placed, per account.
    pub calls: Rate,
    /// Any request with a token, per account.
    pub requests: Rate,
    /// Messages on one socket; more closes it with 4029.
    pub socket_messages: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |burst, refill_ms| Rate {
            burst,
            refill: Duration::from_millis(refill_ms),
        };
        Self {
            auth_per_network: rate(300, 200),
            sign_in_per_address: rate(20, 30_000),
            sign_up_per_address: rate(10, 300_000),
            contact_requests: rate(60, 30_000),
            calls: rate(30, 2_000),
            requests: rate(300, 50),
            socket_messages: rate(60, 50),
        }
    }
}

/// How long sockets wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the hello.
    pub hello: Duration,
    /// For room to write: a slower reader is closed with 4008.
    pub write: Duration,
    /// Between pings. A socket that stays silent for two and a half of them is dropped.
    pub ping: Duration,
    /// How long a shutdown waits for requests and sockets to end.
    pub shutdown: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            write: Duration::from_secs(10),
            ping: Duration::from_secs(30),
            shutdown: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_does_not_show_its_password() {
        let config = Config {
            db: Some(DatabaseUrl("postgres://me:hunter2@db/jasmin".into())),
            ..Config::at("data")
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
