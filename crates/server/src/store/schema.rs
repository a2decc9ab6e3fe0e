use super::{Store, StoreError, conn::args, sql};

struct Migration {
    version: i64,
    /// For both engines.
    script: &'static str,
    /// What each engine says in its own words: after the script.
    lite: &'static str,
    pg: &'static str,
}

/// Every migration, oldest first. Forward only; a released one never changes.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 20_261_122_160_000,
        script: include_str!("../../migrations/20261122160000_first_rooms.sql"),
        lite: "",
        pg: "",
    },
    Migration {
        version: 20_261_130_030_000,
        script: include_str!("../../migrations/20261130030000_consent_ledger.sql"),
        lite: include_str!("../../migrations/20261130030000_consent_ledger.lite.sql"),
        pg: include_str!("../../migrations/20261130030000_consent_ledger.pg.sql"),
    },
    Migration {
        version: 20_261_130_060_000,
        script: include_str!("../../migrations/20261130060000_policies.sql"),
        lite: include_str!("../../migrations/20261130060000_policies.lite.sql"),
        pg: include_str!("../../migrations/20261130060000_policies.pg.sql"),
    },
    Migration {
        version: 20_261_130_070_000,
        script: include_str!("../../migrations/20261130070000_disclosures.sql"),
        lite: include_str!("../../migrations/20261130070000_disclosures.lite.sql"),
        pg: include_str!("../../migrations/20261130070000_disclosures.pg.sql"),
    },
    Migration {
        version: 20_261_130_080_000,
        script: include_str!("../../migrations/20261130080000_partners.sql"),
        lite: include_str!("../../migrations/20261130080000_partners.lite.sql"),
        pg: include_str!("../../migrations/20261130080000_partners.pg.sql"),
    },
    Migration {
        version: 20_261_130_090_000,
        script: include_str!("../../migrations/20261130090000_mail_basis.sql"),
        lite: "",
        pg: "",
    },
];

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
        let known = MIGRATIONS.last().map_or(0, |newest| newest.version);
        if found > known {
            tx.rollback().await?;
            return Err(SchemaError::Newer { found, known });
        }
        let Some(next) = MIGRATIONS.iter().find(|next| next.version > found) else {
            tx.commit().await?;
            return Ok(());
        };
        tx.script(next.script).await?;
        let own = if tx.is_pg() { next.pg } else { next.lite };
        if !own.is_empty() {
            tx.script(own).await?;
        }
        tx.execute(sql::SCHEMA_APPLIED, args![next.version, now_ms])
            .await?;
        tx.commit().await?;
    }
}
