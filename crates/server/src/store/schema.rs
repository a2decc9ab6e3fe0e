use super::{Store, StoreError, conn::args, sql};

/// Every migration, oldest first. Forward only; a released one never changes.
const MIGRATIONS: &[(i64, &str)] = &[(
    20_261_122_160_000,
    include_str!("../../migrations/20261122160000_first_rooms.sql"),
)];

const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    version BIGINT NOT NULL PRIMARY KEY,
    applied_ms BIGINT NOT NULL
)";

/// The database cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("schema {found} is newer than {known}")]
    Newer { found: i64, known: i64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies what is missing, each migration in its own transaction.
pub(super) async fn migrate(store: &Store, now_ms: i64) -> Result<(), SchemaError> {
    loop {
        let mut tx = store.begin().await?;
        tx.lock(crate::keys::digest(&[b"migrate"])).await?;
        tx.script(VERSION_TABLE).await?;
        let found = match tx.row(sql::SCHEMA_VERSION, args![]).await? {
            Some(row) => row.get::<Option<i64>>(0)?.unwrap_or(0),
            None => 0,
        };
        let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
        if found > known {
            tx.rollback().await?;
            return Err(SchemaError::Newer { found, known });
        }
        let Some((version, script)) = MIGRATIONS.iter().find(|(version, _)| *version > found)
        else {
            tx.commit().await?;
            return Ok(());
        };
        tx.script(script).await?;
        tx.execute(sql::SCHEMA_APPLIED, args![*version, now_ms])
            .await?;
        tx.commit().await?;
    }
}
