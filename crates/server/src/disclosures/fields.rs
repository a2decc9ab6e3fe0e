//! What can be given about a person at all: readable columns of the data map, each by its name.

use jasmin_protocol::UserId;
use serde_json::{Map, Value};

use crate::{
    data_map::{Column, DATA_MAP},
    keys::{Keys, Unsealable},
    store::{Conn, Row, StoreError, sql},
};

/// How a column is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    Text,
    Number,
    MaybeNumber,
    Id,
    /// Sealed with the person's id under this name.
    Sealed(&'static str),
}

/// A table, and what its statement selects, in order.
struct Source {
    table: &'static str,
    sql: &'static str,
    columns: &'static [(&'static str, Read)],
}

const SOURCES: &[Source] = &[
    Source {
        table: "account",
        sql: sql::GIVE_ACCOUNT,
        columns: &[
            ("email_box", Read::Sealed("email")),
            ("name_box", Read::Sealed("name")),
            ("birthday_box", Read::Sealed("birthday")),
            ("created_ms", Read::Number),
            ("policy_version", Read::Text),
        ],
    },
    Source {
        table: "device",
        sql: sql::GIVE_DEVICES,
        columns: &[
            ("id", Read::Id),
            ("name_box", Read::Sealed("device")),
            ("platform", Read::Text),
            ("created_ms", Read::Number),
        ],
    },
    Source {
        table: "session",
        sql: sql::GIVE_SESSIONS,
        columns: &[
            ("device_id", Read::Id),
            ("created_ms", Read::Number),
            ("revoked_ms", Read::MaybeNumber),
        ],
    },
    Source {
        table: "contact",
        sql: sql::GIVE_CONTACTS,
        columns: &[
            ("peer", Read::Id),
            ("state", Read::Text),
            ("since_ms", Read::Number),
        ],
    },
    Source {
        table: "calls",
        sql: sql::GIVE_CALLS,
        columns: &[
            ("caller", Read::Id),
            ("callee", Read::Id),
            ("kind", Read::Text),
            ("state", Read::Text),
            ("created_ms", Read::Number),
            ("answered_ms", Read::MaybeNumber),
            ("ended_ms", Read::MaybeNumber),
        ],
    },
];

/// The column behind `table.column`, where it can be given.
pub(super) fn find(field: &str) -> Option<&'static Column> {
    let (table, column) = field.split_once('.')?;
    let source = SOURCES.iter().find(|source| source.table == table)?;
    source.columns.iter().find(|(name, _)| *name == column)?;
    let table = DATA_MAP.iter().find(|known| known.name == table)?;
    let found = table.columns.iter().find(|known| known.name == column)?;
    found.form.can_be_read().then_some(found)
}

/// The rows about a person, with these fields and no others.
pub(super) async fn read(
    conn: &mut Conn,
    keys: &Keys,
    subject: UserId,
    fields: &[String],
) -> Result<Map<String, Value>, ReadError> {
    let mut found = Map::new();
    for source in SOURCES {
        let wanted: Vec<usize> = (0..source.columns.len())
            .filter(|at| {
                let name = format!("{}.{}", source.table, source.columns[*at].0);
                fields.contains(&name)
            })
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let mut rows = Vec::new();
        for row in conn.rows_about(source.sql, subject).await? {
            let mut shown = Map::new();
            for at in &wanted {
                let (name, read) = source.columns[*at];
                shown.insert(name.to_owned(), value(&row, *at, read, keys, subject)?);
            }
            rows.push(Value::Object(shown));
        }
        found.insert(source.table.to_owned(), Value::Array(rows));
    }
    Ok(found)
}

/// A field cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a sealed field does not open")]
    Sealed,
}

impl From<Unsealable> for ReadError {
    fn from(_: Unsealable) -> Self {
        Self::Sealed
    }
}

fn value(
    row: &Row,
    at: usize,
    read: Read,
    keys: &Keys,
    subject: UserId,
) -> Result<Value, ReadError> {
    Ok(match read {
        Read::Text => row.get::<String>(at)?.into(),
        Read::Number => row.get::<i64>(at)?.into(),
        Read::MaybeNumber => row.get::<Option<i64>>(at)?.into(),
        Read::Id => row.id(at)?.to_string().into(),
        Read::Sealed(name) => keys
            .open_field(subject, name, &row.get::<Vec<u8>>(at)?)?
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data_map::Origin,
        testing::{World, postgres::Postgres},
    };

    async fn all_fields_can_be_read(world: World) {
        let (ada, bob) = world.two_friends().await;
        let call = world.place(&ada, &bob).await;
        world.answer(&bob, call).await;
        let all: Vec<String> = SOURCES
            .iter()
            .flat_map(|source| {
                let columns = source.columns.iter();
                columns.map(|(column, _)| format!("{}.{column}", source.table))
            })
            .collect();
        let mut conn = world.app.store.read().await.unwrap();
        let keys = &world.app.keys;
        let rows = read(&mut conn, keys, ada.session.user_id, &all)
            .await
            .unwrap();
        for source in SOURCES {
            let found = rows[source.table].as_array().unwrap();
            assert_eq!(found.len(), 1, "{}", source.table);
            assert_eq!(found[0].as_object().unwrap().len(), source.columns.len());
        }
        assert_eq!(rows["calls"][0]["callee"], bob.session.user_id.to_string());
        assert_eq!(rows["account"][0]["email_box"], "ada@example.org");
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!text.contains("bob@"), "others appear by number only");
    }

    #[tokio::test]
    async fn all_fields_can_be_read_on_sqlite() {
        all_fields_can_be_read(World::new().await).await;
    }

    #[tokio::test]
    async fn all_fields_can_be_read_on_postgres() {
        if let Some(server) = Postgres::start() {
            all_fields_can_be_read(World::on(Some(server.url()), |_| {}).await).await;
        }
    }

    #[test]
    fn each_field_that_can_be_given_is_in_the_data_map_and_readable() {
        for source in SOURCES {
            for (column, _) in source.columns {
                let name = format!("{}.{column}", source.table);
                assert!(find(&name).is_some(), "{name}");
            }
        }
        for other in [
            "account",
            "account.",
            "account.password_record",
            "account.identity_key",
            "x.y",
            "*",
            "",
        ] {
            assert!(find(other).is_none(), "{other}");
        }
    }

    /// What is in these tables about a person can be given, or is of no use to anybody.
    #[test]
    fn no_readable_word_about_a_person_is_left_out_of_these_tables() {
        for source in SOURCES {
            let table = DATA_MAP
                .iter()
                .find(|table| table.name == source.table)
                .unwrap();
            for column in table.columns {
                let says_something = matches!(column.origin, Origin::Given | Origin::Observed);
                let is_device = column.name.ends_with("_device");
                if says_something && column.form.can_be_read() && !is_device {
                    let name = format!("{}.{}", source.table, column.name);
                    assert!(
                        find(&name).is_some()
                            || name == "device.certified_ms"
                            || name == "session.rotated_ms",
                        "{name}"
                    );
                }
            }
        }
    }
}
