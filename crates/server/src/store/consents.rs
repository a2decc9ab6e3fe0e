use jasmin_protocol::{Base64, DailyRoot, RecordId, UserId};

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

/// An entry to be added; the entry itself still encrypted.
#[derive(Debug)]
pub(crate) struct NewConsent {
    pub(crate) user: UserId,
    pub(crate) sequence: i64,
    pub(crate) id: RecordId,
    /// The device's chain that the record belongs to.
    pub(crate) chain: [u8; 32],
    pub(crate) number: i64,
    pub(crate) record_hash: [u8; 32],
    pub(crate) hash: [u8; 32],
    pub(crate) entry_box: Vec<u8>,
    pub(crate) at_ms: i64,
}

/// An entry that is there already.
#[derive(Debug)]
pub(crate) struct StoredConsent {
    pub(crate) sequence: i64,
    pub(crate) record_hash: [u8; 32],
    pub(crate) entry_box: Vec<u8>,
}

impl Conn {
    pub(crate) async fn consent(
        &mut self,
        user: UserId,
        id: RecordId,
    ) -> Result<Option<StoredConsent>, StoreError> {
        let row = self.row(sql::CONSENT_BY_ID, args![user, id]).await?;
        row.map(|row| {
            Ok(StoredConsent {
                sequence: row.get(0)?,
                record_hash: row.hash(1)?,
                entry_box: row.get(2)?,
            })
        })
        .transpose()
    }

    /// Returns sequence and hash of a person's last entry.
    pub(crate) async fn consent_head(
        &mut self,
        user: UserId,
    ) -> Result<Option<(i64, [u8; 32])>, StoreError> {
        let row = self.row(sql::CONSENT_HEAD, args![user]).await?;
        row.map(|row| Ok((row.get(0)?, row.hash(1)?))).transpose()
    }

    /// Returns number and hash of the last record in a device's chain.
    pub(crate) async fn consent_link(
        &mut self,
        user: UserId,
        chain: &[u8; 32],
    ) -> Result<Option<(i64, [u8; 32])>, StoreError> {
        let row = self.row(sql::CONSENT_LINK, args![user, chain]).await?;
        row.map(|row| Ok((row.get(0)?, row.hash(1)?))).transpose()
    }

    /// Returns entries after a sequence, oldest first.
    pub(crate) async fn consents_after(
        &mut self,
        user: UserId,
        sequence: i64,
        most: i64,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let rows = self
            .rows(sql::CONSENTS_AFTER, args![user, sequence, most])
            .await?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Returns the last entry's hash of everybody, as it was at a moment, in the order of their ids.
    pub(crate) async fn consent_heads(
        &mut self,
        before_ms: i64,
    ) -> Result<Vec<(UserId, [u8; 32])>, StoreError> {
        let rows = self.rows(sql::CONSENT_HEADS, args![before_ms]).await?;
        rows.iter()
            .map(|row| Ok((UserId(row.id(0)?), row.hash(1)?)))
            .collect()
    }

    /// Returns when the first entry of all came in.
    pub(crate) async fn first_consent_ms(&mut self) -> Result<Option<i64>, StoreError> {
        match self.row(sql::CONSENT_FIRST, args![]).await? {
            Some(row) => row.get(0),
            None => Ok(None),
        }
    }

    /// Returns the newest roots, newest first.
    pub(crate) async fn roots(&mut self, most: i64) -> Result<Vec<DailyRoot>, StoreError> {
        let rows = self.rows(sql::ROOTS, args![most]).await?;
        rows.iter()
            .map(|row| {
                let leaves = u64::try_from(row.get::<i64>(1)?)
                    .map_err(|_| StoreError::Unreadable("leaves".into()))?;
                Ok(DailyRoot {
                    day: row.get(0)?,
                    leaves,
                    root: Base64(row.get(2)?),
                    signature: Base64(row.get(3)?),
                })
            })
            .collect()
    }
}

impl Tx {
    /// Lets only one transaction at a time add to a person's ledger.
    pub(crate) async fn lock_ledger(&mut self, user: UserId) -> Result<(), StoreError> {
        self.lock(crate::keys::digest(&[b"ledger", user.0.as_bytes()]))
            .await
    }

    pub(crate) async fn put_consent(&mut self, new: NewConsent) -> Result<(), StoreError> {
        let args = args![
            new.user,
            new.sequence,
            new.id,
            new.chain,
            new.number,
            new.record_hash,
            new.hash,
            new.entry_box,
            new.at_ms
        ];
        self.execute(sql::CONSENT_INSERT, args).await?;
        Ok(())
    }

    /// Adds a day's root, unless it has one.
    pub(crate) async fn put_root(
        &mut self,
        root: &DailyRoot,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let args = args![
            root.day.as_str(),
            i64::try_from(root.leaves).unwrap_or(i64::MAX),
            root.root.0.as_slice(),
            root.signature.0.as_slice(),
            now_ms
        ];
        self.execute(sql::ROOT_INSERT, args).await?;
        Ok(())
    }
}
