use jasmin_protocol::{StatisticsRelease, UserId};

use super::{
    calls::state_of,
    conn::{Conn, StoreError, Tx, args},
    sql,
};
use crate::statistics::CallSeen;

impl Conn {
    /// Returns every release, newest first.
    pub(crate) async fn statistics(&mut self) -> Result<Vec<StatisticsRelease>, StoreError> {
        let rows = self.rows(sql::STATISTICS, args![]).await?;
        rows.iter()
            .map(|row| {
                serde_json::from_str(&row.get::<String>(0)?)
                    .map_err(|_| StoreError::Unreadable("a release".into()))
            })
            .collect()
    }

    /// Returns what each week cost, in thousandths.
    pub(crate) async fn statistics_spent(&mut self) -> Result<Vec<(String, u32)>, StoreError> {
        let rows = self.rows(sql::STATISTICS_SPENT, args![]).await?;
        rows.iter()
            .map(|row| {
                let milli = u32::try_from(row.get::<i64>(1)?)
                    .map_err(|_| StoreError::Unreadable("a privacy loss".into()))?;
                Ok((row.get(0)?, milli))
            })
            .collect()
    }

    /// Returns the calls of a person that began between two moments, oldest first.
    pub(crate) async fn calls_between(
        &mut self,
        user: UserId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<CallSeen>, StoreError> {
        let rows = self
            .rows(sql::CALLS_BETWEEN, args![user, from_ms, to_ms])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(CallSeen {
                    caller: UserId(row.id(0)?),
                    state: state_of(&row.get::<String>(1)?)?,
                    answered_ms: row.get(2)?,
                    ended_ms: row.get(3)?,
                })
            })
            .collect()
    }

    /// Returns how many accepted contacts a person has.
    pub(crate) async fn contacts_accepted(&mut self, user: UserId) -> Result<usize, StoreError> {
        let row = self.row(sql::CONTACTS_ACCEPTED, args![user]).await?;
        let count = row.map_or(Ok(0), |row| row.get::<i64>(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

impl Tx {
    pub(crate) async fn put_statistics(
        &mut self,
        release: &StatisticsRelease,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(release)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let args = args![
            release.week.as_str(),
            i64::from(release.epsilon_milli),
            json,
            now_ms
        ];
        self.execute(sql::STATISTICS_INSERT, args).await?;
        Ok(())
    }
}
