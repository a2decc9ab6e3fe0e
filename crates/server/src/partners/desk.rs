//! The operator's commands: `jasmin-server partner …`.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use jasmin_protocol::{Base64, PartnerStatus, Undertaking};
use sha2::{Digest, Sha256};

use super::{Book, PartnerError, Record, What};
use crate::{
    Config, StartError,
    keys::digest,
    server::{has_store, open_store},
    store::{Store, StoreError},
};

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerOrder {
    /// Write a partner down.
    Propose {
        /// JSON, see `docs/operating.md`.
        record: PathBuf,
    },
    /// It has signed an undertaking, or renewed it.
    Sign {
        /// Its id.
        partner: String,
        /// The signed document; its hash is kept.
        document: PathBuf,
        /// `YYYY-MM-DD`.
        signed_on: String,
        /// `YYYY-MM-DD`: the last day on which it counts.
        review_by: String,
    },
    /// From now on people can share with it.
    Activate {
        /// Its id.
        partner: String,
    },
    /// Nothing goes to it for now; what it has it must delete.
    Suspend {
        /// Its id.
        partner: String,
        /// Why.
        why: String,
    },
    /// It is over; what it has it must delete.
    End {
        /// Its id.
        partner: String,
        /// Why.
        why: String,
    },
    /// List the partners.
    List,
}

/// Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PartnerDeskError {
    /// A file cannot be read.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] io::Error),
    /// No server keeps its data there.
    #[error("no server has its data in {0}: say where with --data-dir or --db")]
    NoServer(PathBuf),
    /// The record cannot be read.
    #[error("the partner's record cannot be read: {0}")]
    Unreadable(String),
    /// The rules forbid it.
    #[error(transparent)]
    Book(#[from] PartnerError),
    /// Store or keys.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(String),
}

impl From<StoreError> for PartnerDeskError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Does what an operator wants, also beside a server that runs, and says what was done. A running server
/// acts on it within half a minute.
///
/// # Errors
/// See [`PartnerDeskError`].
pub async fn partner(config: &Config, order: &PartnerOrder) -> Result<String, PartnerDeskError> {
    if !has_store(config) {
        return Err(PartnerDeskError::NoServer(config.data_dir.clone()));
    }
    let (store, _keys) = open_store(config).await?;
    let done = carry_out(&store, config.clock.now_ms(), order).await;
    store.close().await;
    done
}

pub(crate) async fn carry_out(
    store: &Store,
    now_ms: i64,
    order: &PartnerOrder,
) -> Result<String, PartnerDeskError> {
    let (id, what, said) = match order {
        PartnerOrder::List => {
            let events = store.read().await?.partner_events().await?;
            return Ok(describe(&Book::read(events)?, now_ms));
        }
        PartnerOrder::Propose { record } => {
            let text = String::from_utf8_lossy(&read(record)?).into_owned();
            let record: Record = serde_json::from_str(&text)
                .map_err(|error| PartnerDeskError::Unreadable(error.to_string()))?;
            let said = "Written down. Nothing goes to it before it has signed (partner sign) and is \
                active (partner activate).\n";
            (record.id.clone(), What::Proposed { record }, said)
        }
        PartnerOrder::Sign {
            partner,
            document,
            signed_on,
            review_by,
        } => {
            let undertaking = Undertaking {
                hash: Base64(Sha256::digest(read(document)?).to_vec()),
                signed_on: signed_on.clone(),
                review_by: review_by.clone(),
            };
            let said =
                "Its undertaking is written down by the document's hash: keep the document.\n";
            (
                partner.clone(),
                What::UndertakingSigned { undertaking },
                said,
            )
        }
        PartnerOrder::Activate { partner } => {
            let said =
                "Active. As long as what it signed counts, it gets what each person says yes to.\n";
            (partner.clone(), What::Activated, said)
        }
        PartnerOrder::Suspend { partner, why } => {
            let said = "Nothing goes to it any more; it is told to delete what it has. Activating it \
                again gives it again what people still say yes to.\n";
            (partner.clone(), What::Suspended { why: why.clone() }, said)
        }
        PartnerOrder::End { partner, why } => {
            let said = "It is over for good; it is told to delete what it has.\n";
            (partner.clone(), What::Ended { why: why.clone() }, said)
        }
    };
    let mut tx = store.begin().await?;
    tx.lock(digest(&[b"partners"])).await?;
    let mut book = Book::read(tx.partner_events().await?)?;
    let event = book.add(&id, what, now_ms)?;
    tx.put_partner_event(&event, now_ms).await?;
    tx.commit().await?;
    Ok(said.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, PartnerDeskError> {
    fs::read(path).map_err(|error| PartnerDeskError::File(path.to_owned(), error))
}

fn describe(book: &Book, now_ms: i64) -> String {
    if book.partners.is_empty() {
        return "There are no partners.\n".to_owned();
    }
    let mut text = String::new();
    for known in book.partners.values() {
        let record = &known.record;
        let fields: Vec<&str> = record.fields.iter().map(|field| field.word()).collect();
        let status = match known.status {
            PartnerStatus::Proposed => "has signed nothing yet",
            PartnerStatus::UndertakingSigned => "has signed, is not active",
            PartnerStatus::Active if known.is_open(now_ms) => "active",
            PartnerStatus::Active => "active, but what it signed does not count on this day",
            PartnerStatus::Suspended => "suspended",
            PartnerStatus::Ended => "ended",
        };
        let _ = writeln!(
            text,
            "{}: {} ({}, {}) wants {}: {status}",
            record.id,
            record.name,
            record.legal_entity,
            record.country,
            fields.join(", ")
        );
        if let Some(signed) = &known.undertaking {
            let _ = writeln!(
                text,
                "    signed {}, counts until {}",
                signed.signed_on, signed.review_by
            );
        }
    }
    text
}
