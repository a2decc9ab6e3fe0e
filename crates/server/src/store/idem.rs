use jasmin_protocol::UserId;
use uuid::Uuid;

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

/// An answer that was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) request_hash: [u8; 32],
    pub(crate) status: i64,
    /// Encrypted.
    pub(crate) body: Vec<u8>,
}

impl Conn {
    /// Returns the answer that this key got after `since_ms`.
    pub(crate) async fn replay(
        &mut self,
        user: UserId,
        key: Uuid,
        since_ms: i64,
    ) -> Result<Option<Replay>, StoreError> {
        let row = self.row(sql::IDEM, args![user, key, since_ms]).await?;
        row.map(|row| {
            Ok(Replay {
                request_hash: row.hash(0)?,
                status: row.get(1)?,
                body: row.get(2)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Remembers an answer; the first one stays.
    pub(crate) async fn put_replay(
        &mut self,
        user: UserId,
        key: Uuid,
        replay: Replay,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let args = args![
            user,
            key,
            replay.request_hash,
            replay.status,
            replay.body,
            now_ms
        ];
        self.execute(sql::IDEM_PUT, args).await?;
        Ok(())
    }

    pub(crate) async fn sweep_replays(&mut self, before_ms: i64) -> Result<(), StoreError> {
        self.execute(sql::IDEM_SWEEP, args![before_ms]).await?;
        Ok(())
    }
}
