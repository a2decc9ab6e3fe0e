use jasmin_protocol::{PolicyText, SignedPolicySet};

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

impl Conn {
    /// Returns all published sets, oldest first.
    pub(crate) async fn policy_sets(&mut self) -> Result<Vec<SignedPolicySet>, StoreError> {
        let rows = self.rows(sql::POLICY_SETS, args![]).await?;
        rows.iter()
            .map(|row| read(&row.get::<Vec<u8>>(0)?, "a policy set"))
            .collect()
    }

    /// Returns the texts of a set.
    pub(crate) async fn policy_texts(
        &mut self,
        version: &str,
    ) -> Result<Option<Vec<PolicyText>>, StoreError> {
        let row = self.row(sql::POLICY_TEXTS, args![version]).await?;
        row.map(|row| read(&row.get::<Vec<u8>>(0)?, "policy texts"))
            .transpose()
    }

    /// Returns entries of everybody, a person's in order, after a person's sequence.
    pub(crate) async fn every_consent(
        &mut self,
        after: (jasmin_protocol::UserId, i64),
        most: i64,
    ) -> Result<Vec<(jasmin_protocol::UserId, i64, Vec<u8>)>, StoreError> {
        let rows = self
            .rows(sql::CONSENTS_ALL, args![after.0, after.1, most])
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    jasmin_protocol::UserId(row.id(0)?),
                    row.get(1)?,
                    row.get(2)?,
                ))
            })
            .collect()
    }
}

impl Tx {
    /// Adds a set behind the others.
    pub(crate) async fn put_policy_set(
        &mut self,
        place: i64,
        set: &SignedPolicySet,
        texts: &[PolicyText],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let args = args![
            set.set.version.as_str(),
            place,
            write(set)?,
            write(&texts)?,
            now_ms
        ];
        self.execute(sql::POLICY_INSERT, args).await?;
        Ok(())
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Unreadable(what.into()))
}

fn write(value: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}
