use jasmin_protocol::UserId;

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

/// How one person stands to another, as their own row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// I asked.
    Requested,
    /// They asked.
    Incoming,
    /// Both want this.
    Accepted,
}

impl Standing {
    fn text(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Incoming => "incoming",
            Self::Accepted => "accepted",
        }
    }

    fn from_text(text: &str) -> Result<Self, StoreError> {
        [Self::Requested, Self::Incoming, Self::Accepted]
            .into_iter()
            .find(|standing| standing.text() == text)
            .ok_or_else(|| StoreError::Unreadable("contact state".into()))
    }
}

/// A person in somebody's list, name and address still encrypted.
#[derive(Debug)]
pub(crate) struct ContactRow {
    pub(crate) peer: UserId,
    pub(crate) standing: Standing,
    pub(crate) since_ms: i64,
    pub(crate) name_box: Vec<u8>,
    pub(crate) email_box: Vec<u8>,
}

impl Conn {
    pub(crate) async fn standing(
        &mut self,
        user: UserId,
        peer: UserId,
    ) -> Result<Option<Standing>, StoreError> {
        let row = self.row(sql::CONTACT_STATE, args![user, peer]).await?;
        row.map(|row| Standing::from_text(&row.get::<String>(0)?))
            .transpose()
    }

    /// Returns who asked and who is accepted.
    pub(crate) async fn contacts(&mut self, user: UserId) -> Result<Vec<ContactRow>, StoreError> {
        let rows = self.rows(sql::CONTACTS, args![user]).await?;
        rows.iter()
            .map(|row| {
                Ok(ContactRow {
                    peer: UserId(row.id(0)?),
                    standing: Standing::from_text(&row.get::<String>(1)?)?,
                    since_ms: row.get(2)?,
                    name_box: row.get(3)?,
                    email_box: row.get(4)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Lets only one transaction at a time decide about two people.
    pub(crate) async fn lock_pair(&mut self, a: UserId, b: UserId) -> Result<(), StoreError> {
        let (first, second) = (a.min(b), a.max(b));
        let key = crate::keys::digest(&[b"pair", first.0.as_bytes(), second.0.as_bytes()]);
        self.lock(key).await
    }

    /// Sets one side's row.
    pub(crate) async fn put_contact(
        &mut self,
        user: UserId,
        peer: UserId,
        standing: Standing,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.execute(sql::CONTACT_PUT, args![user, peer, standing.text(), now_ms])
            .await?;
        Ok(())
    }

    /// Deletes one side's row.
    pub(crate) async fn delete_contact(
        &mut self,
        user: UserId,
        peer: UserId,
    ) -> Result<(), StoreError> {
        self.execute(sql::CONTACT_DELETE, args![user, peer]).await?;
        Ok(())
    }
}
