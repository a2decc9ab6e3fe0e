use std::ops::{Deref, DerefMut};

use sqlx::{
    AssertSqlSafe, Postgres, Row as _, Sqlite, pool::PoolConnection, postgres::PgRow,
    sqlite::SqliteRow,
};
use uuid::Uuid;

/// A connection to either engine.
#[derive(Debug)]
pub(crate) enum Conn {
    Lite(PoolConnection<Sqlite>),
    Pg(PoolConnection<Postgres>),
}

/// A statement failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Not now: unreachable, full, locked.
    #[error("the store is not available ({0})")]
    Unavailable(String),
    /// SQLite found damage in its file.
    #[error("the store is damaged")]
    Corrupt,
    /// A row does not hold what it should, or a statement does not fit the schema.
    #[error("the store holds something unreadable ({0})")]
    Unreadable(String),
}

impl From<sqlx::Error> for StoreError {
    /// Keeps the class of an error and drops its words: they can quote values.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "sqlx's errors are open-ended"
    )]
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default().into_owned();
                let primary = code.parse::<u32>().map(|code| code & 0xff);
                let is_lite = error
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some();
                match primary {
                    Ok(11 | 26) if is_lite => Self::Corrupt,
                    // SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_MISMATCH
                    Ok(1 | 19 | 20) if is_lite => Self::Unreadable(format!("code {code}")),
                    _ if is_lite => Self::Unavailable(format!("code {code}")),
                    // SQLSTATE classes 22, 23, 42: data, integrity, access rule or syntax.
                    _ if ["22", "23", "42"]
                        .iter()
                        .any(|class| code.starts_with(class)) =>
                    {
                        Self::Unreadable(format!("code {code}"))
                    }
                    _ => Self::Unavailable(format!("code {code}")),
                }
            }
            sqlx::Error::Io(error) => {
                Self::Unavailable(format!("input/output: {:?}", error.kind()))
            }
            sqlx::Error::PoolTimedOut => Self::Unavailable("no connection in time".into()),
            sqlx::Error::PoolClosed => Self::Unavailable("closed".into()),
            sqlx::Error::WorkerCrashed => Self::Unavailable("its thread is gone".into()),
            sqlx::Error::Tls(_) => Self::Unavailable("TLS".into()),
            sqlx::Error::Protocol(_) => Self::Unavailable("protocol".into()),
            sqlx::Error::Configuration(_) => Self::Unavailable("its URL is not understood".into()),
            sqlx::Error::ColumnDecode { index, .. } => Self::Unreadable(format!("column {index}")),
            sqlx::Error::ColumnIndexOutOfBounds { index, .. } => {
                Self::Unreadable(format!("column {index}"))
            }
            sqlx::Error::RowNotFound => Self::Unreadable("row missing".into()),
            _ => Self::Unreadable("unexpected".into()),
        }
    }
}

/// A value for a `$n`.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Int(Option<i64>),
    Text(String),
    Bytes(Option<Vec<u8>>),
}

macro_rules! arg_from {
    ($($from:ty => |$value:ident| $arg:expr;)*) => {
        $(impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                $arg
            }
        })*
    };
}

arg_from! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    &str => |value| Self::Text(value.to_owned());
    String => |value| Self::Text(value);
    Vec<u8> => |value| Self::Bytes(Some(value));
    &[u8] => |value| Self::Bytes(Some(value.to_vec()));
    [u8; 32] => |value| Self::Bytes(Some(value.to_vec()));
    &[u8; 32] => |value| Self::Bytes(Some(value.to_vec()));
    Uuid => |value| Self::Bytes(Some(value.as_bytes().to_vec()));
    Option<Uuid> => |value| Self::Bytes(value.map(|id| id.as_bytes().to_vec()));
    jasmin_protocol::UserId => |value| value.0.into();
    jasmin_protocol::DeviceId => |value| value.0.into();
    jasmin_protocol::CallId => |value| value.0.into();
    jasmin_protocol::SessionId => |value| value.0.into();
    jasmin_protocol::MessageId => |value| value.0.into();
    jasmin_protocol::RecordId => |value| value.0.into();
}

/// The values for a statement's `$1`, `$2`, …
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::conn::Arg::from($value)),*] };
}
pub(super) use args;

/// A row of either engine.
#[derive(Debug)]
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

/// A type that a column can hold.
pub(crate) trait Column:
    Sized
    + sqlx::Type<Sqlite>
    + sqlx::Type<Postgres>
    + for<'r> sqlx::Decode<'r, Sqlite>
    + for<'r> sqlx::Decode<'r, Postgres>
{
}

impl Column for i64 {}
impl Column for Option<i64> {}
impl Column for String {}
impl Column for Vec<u8> {}
impl Column for Option<Vec<u8>> {}

impl Row {
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T, StoreError> {
        Ok(match self {
            Self::Lite(row) => row.try_get(index)?,
            Self::Pg(row) => row.try_get(index)?,
        })
    }

    pub(crate) fn id(&self, index: usize) -> Result<Uuid, StoreError> {
        uuid(&self.get::<Vec<u8>>(index)?, index)
    }

    pub(super) fn optional_id(&self, index: usize) -> Result<Option<Uuid>, StoreError> {
        self.get::<Option<Vec<u8>>>(index)?
            .map(|bytes| uuid(&bytes, index))
            .transpose()
    }

    pub(super) fn hash(&self, index: usize) -> Result<[u8; 32], StoreError> {
        self.get::<Vec<u8>>(index)?
            .try_into()
            .map_err(|_| StoreError::Unreadable(format!("column {index}")))
    }
}

fn uuid(bytes: &[u8], index: usize) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| StoreError::Unreadable(format!("column {index}")))
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Conn {
    /// Runs a statement and returns how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Lite(conn) => bound!(sql, args)
                .execute(&mut **conn)
                .await?
                .rows_affected(),
            Self::Pg(conn) => bound!(sql, args)
                .execute(&mut **conn)
                .await?
                .rows_affected(),
        })
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn rows(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Lite(conn) => bound!(sql, args)
                .fetch_all(&mut **conn)
                .await?
                .into_iter()
                .map(Row::Lite)
                .collect(),
            Self::Pg(conn) => bound!(sql, args)
                .fetch_all(&mut **conn)
                .await?
                .into_iter()
                .map(Row::Pg)
                .collect(),
        })
    }

    /// Runs a statement that gives at most one row.
    pub(super) async fn row(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs the text of a migration. The only SQL that is not a constant of `sql`.
    pub(super) async fn script(&mut self, template: &str) -> Result<(), StoreError> {
        match self {
            Self::Lite(conn) => {
                let text = AssertSqlSafe(template.replace("{B}", "BLOB"));
                sqlx::raw_sql(text).execute(&mut **conn).await?;
            }
            Self::Pg(conn) => {
                let text = AssertSqlSafe(template.replace("{B}", "BYTEA"));
                sqlx::raw_sql(text).execute(&mut **conn).await?;
            }
        }
        Ok(())
    }
}

/// A transaction. Dropped without [`Tx::commit`] or [`Tx::rollback`] it takes its connection with
/// it: a pooled SQLite connection on which a transaction failed can stay inside it for ever.
#[derive(Debug)]
pub(crate) struct Tx {
    conn: Option<Conn>,
    is_pg: bool,
}

/// A connection that left the transaction; borrowing it again would be a mistake in this file.
const LEFT: &str = "the transaction is over";

impl Tx {
    pub(super) async fn begin(conn: Conn, sql: &'static str) -> Result<Self, StoreError> {
        let is_pg = matches!(conn, Conn::Pg(_));
        let mut tx = Self {
            conn: Some(conn),
            is_pg,
        };
        tx.execute(sql, args![]).await?;
        Ok(tx)
    }

    /// Makes everything in the transaction lasting.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.finish("COMMIT").await
    }

    /// Undoes everything in the transaction and keeps the connection.
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        self.finish("ROLLBACK").await
    }

    async fn finish(mut self, sql: &'static str) -> Result<(), StoreError> {
        self.execute(sql, args![]).await?;
        drop(self.conn.take());
        Ok(())
    }

    /// Lets only one transaction at a time hold this key. SQLite has one writer anyway.
    pub(super) fn is_pg(&self) -> bool {
        self.is_pg
    }

    pub(crate) async fn lock(&mut self, key: [u8; 32]) -> Result<(), StoreError> {
        if self.is_pg {
            let key = i64::from_be_bytes(std::array::from_fn(|i| key[i]));
            self.rows(super::sql::LOCK_PG, args![key]).await?;
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn.as_ref().unwrap_or_else(|| unreachable!("{LEFT}"))
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn.as_mut().unwrap_or_else(|| unreachable!("{LEFT}"))
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        match self.conn.take() {
            Some(Conn::Lite(conn)) => drop(conn.detach()),
            Some(Conn::Pg(conn)) => drop(conn.detach()),
            None => {}
        }
    }
}

#[cfg(test)]
impl Conn {
    /// Prepares a statement without running it.
    pub(super) async fn prepare(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        use sqlx::{Executor, SqlSafeStr};
        match self {
            Self::Lite(conn) => (&mut **conn).prepare(sql.into_sql_str()).await.map(drop),
            Self::Pg(conn) => (&mut **conn).prepare(sql.into_sql_str()).await.map(drop),
        }
    }

    /// How many rows each table has.
    /// Every table and column that there is, in order.
    pub(crate) async fn columns(&mut self) -> Vec<(String, String)> {
        const LITE: &str = "SELECT m.name, p.name FROM sqlite_master m \
            JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
        const PG: &str = "SELECT table_name::text, column_name::text FROM information_schema.columns \
            WHERE table_schema = 'public'";
        let sql = match self {
            Self::Lite(_) => LITE,
            Self::Pg(_) => PG,
        };
        let rows = self.rows(sql, args![]).await.unwrap();
        let column = |row: &Row| (row.get(0).unwrap(), row.get(1).unwrap());
        let mut columns: Vec<(String, String)> = rows.iter().map(column).collect();
        columns.sort();
        columns
    }

    pub(crate) async fn row_counts(&mut self) -> Vec<(String, usize)> {
        const COUNTS: [(&str, &str); 21] = [
            ("account", "SELECT COUNT(*) FROM account"),
            ("sign_up", "SELECT COUNT(*) FROM sign_up"),
            ("device", "SELECT COUNT(*) FROM device"),
            ("session", "SELECT COUNT(*) FROM session"),
            ("spent", "SELECT COUNT(*) FROM spent"),
            ("contact", "SELECT COUNT(*) FROM contact"),
            ("calls", "SELECT COUNT(*) FROM calls"),
            ("mailbox", "SELECT COUNT(*) FROM mailbox"),
            ("mailbox_head", "SELECT COUNT(*) FROM mailbox_head"),
            ("idem", "SELECT COUNT(*) FROM idem"),
            ("mail_outbox", "SELECT COUNT(*) FROM mail_outbox"),
            ("server_secret", "SELECT COUNT(*) FROM server_secret"),
            ("consent_entry", "SELECT COUNT(*) FROM consent_entry"),
            ("ledger_root", "SELECT COUNT(*) FROM ledger_root"),
            ("policy_set", "SELECT COUNT(*) FROM policy_set"),
            ("disclosure_event", "SELECT COUNT(*) FROM disclosure_event"),
            ("partner_event", "SELECT COUNT(*) FROM partner_event"),
            ("share", "SELECT COUNT(*) FROM share"),
            ("passing", "SELECT COUNT(*) FROM passing"),
            ("passing_answer", "SELECT COUNT(*) FROM passing_answer"),
            (
                "statistics_release",
                "SELECT COUNT(*) FROM statistics_release",
            ),
        ];
        let mut counts = Vec::new();
        for (table, sql) in COUNTS {
            let rows = self.row(sql, args![]).await.unwrap().unwrap();
            counts.push((
                table.to_owned(),
                usize::try_from(rows.get::<i64>(0).unwrap()).unwrap(),
            ));
        }
        counts
    }
}
