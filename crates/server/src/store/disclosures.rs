use super::{
    conn::{Conn, Row, StoreError, Tx, args},
    sql,
};
use crate::{disclosures::Event, keys::Keys};

impl Conn {
    /// Returns the register, oldest event first.
    pub(crate) async fn disclosure_events(
        &mut self,
        keys: &Keys,
    ) -> Result<Vec<Event>, StoreError> {
        let rows = self.rows(sql::DISCLOSURES, args![]).await?;
        rows.iter()
            .map(|row| {
                let sequence: i64 = row.get(0)?;
                let sealed: Vec<u8> = row.get(1)?;
                let unreadable = || StoreError::Unreadable("a disclosure".into());
                let json = keys
                    .data
                    .open(&context(sequence), &sealed)
                    .map_err(|_| unreadable())?;
                serde_json::from_slice(&json).map_err(|_| unreadable())
            })
            .collect()
    }

    /// Runs one of the statements that select what is known about a person.
    pub(crate) async fn rows_about(
        &mut self,
        sql: &'static str,
        user: jasmin_protocol::UserId,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(sql, args![user]).await
    }
}

impl Tx {
    pub(crate) async fn put_disclosure_event(
        &mut self,
        event: &Event,
        keys: &Keys,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let failed = |error: String| StoreError::Unreadable(error);
        let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
        let json = serde_json::to_vec(event).map_err(|error| failed(error.to_string()))?;
        let sealed = keys
            .data
            .seal(&context(sequence), &json)
            .map_err(|_| failed("a disclosure cannot be sealed".to_owned()))?;
        let args = args![sequence, event.hash(), sealed, now_ms];
        self.execute(sql::DISCLOSURE_INSERT, args).await?;
        Ok(())
    }
}

fn context(sequence: i64) -> String {
    format!("disclosure:{sequence}")
}
