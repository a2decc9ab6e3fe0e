use jasmin_protocol::{StatisticsRelease, UserId};

use super::{
    calls::kind_of,
    conn::{Conn, StoreError, Tx, args},
    sql,
};
use crate::statistics::CallPlaced;

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

    /// Returns each week that was released: what it cost, in thousandths, and when.
    pub(crate) async fn statistics_spent(&mut self) -> Result<Vec<(String, u32, i64)>, StoreError> {
        let rows = self.rows(sql::STATISTICS_SPENT, args![]).await?;
        rows.iter()
            .map(|row| {
                let milli = u32::try_from(row.get::<i64>(1)?)
                    .map_err(|_| StoreError::Unreadable("a privacy loss".into()))?;
                Ok((row.get(0)?, milli, row.get(2)?))
            })
            .collect()
    }

    /// Returns the calls that a person placed between two moments, oldest first.
    pub(crate) async fn calls_placed(
        &mut self,
        user: UserId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<CallPlaced>, StoreError> {
        let rows = self
            .rows(sql::CALLS_PLACED, args![user, from_ms, to_ms])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(CallPlaced {
                    kind: kind_of(&row.get::<String>(0)?)?,
                    at_ms: row.get(1)?,
                })
            })
            .collect()
    }

    /// Returns the systems of the devices that a person is signed in on, the newest device last.
    pub(crate) async fn platforms(
        &mut self,
        user: UserId,
        now_ms: i64,
    ) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(sql::PLATFORMS, args![user, now_ms]).await?;
        rows.iter().map(|row| row.get(0)).collect()
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
