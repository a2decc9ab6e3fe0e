//! The database: one SQL text for SQLite and PostgreSQL. Columns are BIGINT, TEXT and bytes, and
//! time is always an argument, so that nothing but [`conn`] knows which engine runs.

mod accounts;
mod calls;
#[cfg(test)]
mod conformance;
mod conn;
mod consents;
mod contacts;
mod disclosures;
mod idem;
mod mailbox;
mod outbox;
mod partners;
mod policies;
mod schema;
mod sessions;
pub(crate) mod sql;
mod statistics;

use std::path::Path;

use sqlx::{
    ConnectOptions, Pool, Postgres, Sqlite,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::time::Duration;

pub(crate) use accounts::{NewAccount, SignUpRow};
pub(crate) use calls::{CallRow, NewCall};
pub(crate) use conn::{Conn, Row, StoreError, Tx};
pub(crate) use consents::NewConsent;
pub(crate) use contacts::Standing;
pub(crate) use idem::Replay;
pub(crate) use mailbox::{Address, NewMail};
pub(crate) use outbox::{NewOutboxRow, OutboxRow};
pub(crate) use partners::{NewPassing, ShareRow};
pub(crate) use schema::SchemaError;
pub(crate) use sessions::{Certificate, DeviceRow, NewSession, SessionRow};

use crate::{DatabaseUrl, platform};

/// How long a statement waits for a connection or for another writer.
const WAIT: Duration = Duration::from_secs(5);

/// The database.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// One writer, because SQLite has one; readers beside it (WAL).
    Lite {
        writer: Pool<Sqlite>,
        readers: Pool<Sqlite>,
    },
    Pg(Pool<Postgres>),
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("the database file cannot be made")]
    Io(#[from] std::io::Error),
    /// Damaged, or not a database.
    #[error("the database is damaged or not a database ({0}): bring it back from the backup")]
    Corrupt(String),
    /// Made by a newer server.
    #[error(
        "the database was written by a newer server (schema {found}, this one knows {known}): update the server"
    )]
    Newer {
        /// The schema in the database.
        found: i64,
        /// The newest that this server knows.
        known: i64,
    },
    /// Not reachable, or it refused.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt => Self::Corrupt("the engine found damage".into()),
            StoreError::Unavailable(_) | StoreError::Unreadable(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl Store {
    /// Opens or makes a SQLite file and brings it up to date.
    pub(crate) async fn open_file(path: &Path, now_ms: i64) -> Result<Self, OpenError> {
        if !path.exists() {
            platform::create_private_file(path)?.sync_all()?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WAIT)
            .disable_statement_logging();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        let check: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&writer)
            .await?;
        if check != "ok" {
            return Err(OpenError::Corrupt(check));
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true));
        let store = Self::Lite { writer, readers };
        store.migrate(now_ms).await?;
        Ok(store)
    }

    /// Connects to PostgreSQL and brings it up to date.
    pub(crate) async fn open_url(url: &DatabaseUrl, now_ms: i64) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.0.parse()?;
        let options = options
            .application_name("jasmin-server")
            .options([("client_min_messages", "warning")])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(WAIT)
            .connect_with(options)
            .await?;
        let store = Self::Pg(pool);
        store.migrate(now_ms).await?;
        Ok(store)
    }

    async fn migrate(&self, now_ms: i64) -> Result<(), OpenError> {
        match schema::migrate(self, now_ms).await {
            Ok(()) => Ok(()),
            Err(SchemaError::Newer { found, known }) => Err(OpenError::Newer { found, known }),
            Err(SchemaError::Store(error)) => Err(error.into()),
        }
    }

    /// Borrows a connection for reading.
    pub(crate) async fn read(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Lite { readers, .. } => Conn::Lite(readers.acquire().await?),
            Self::Pg(pool) => Conn::Pg(pool.acquire().await?),
        })
    }

    /// Begins a transaction. Without [`Tx::commit`] nothing of it stays.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        let (conn, begin) = match self {
            Self::Lite { writer, .. } => (Conn::Lite(writer.acquire().await?), "BEGIN IMMEDIATE"),
            Self::Pg(pool) => (Conn::Pg(pool.acquire().await?), "BEGIN"),
        };
        Tx::begin(conn, begin).await
    }

    /// Whether the database answers, for writing too.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.begin().await?.rollback().await
    }

    /// Waits for running statements and closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Lite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }
}
