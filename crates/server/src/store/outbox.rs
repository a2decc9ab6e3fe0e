use jasmin_protocol::UserId;
use uuid::Uuid;

use super::{
    conn::{Conn, Row, StoreError, Tx, args},
    sql,
};

/// What a mail is sent by that belongs to the account.
const ACCOUNT: &str = "account";

/// A mail to be sent once for its reason.
#[derive(Debug)]
pub(crate) struct NewOutboxRow {
    pub(crate) id: Uuid,
    pub(crate) reason: [u8; 32],
    pub(crate) template: &'static str,
    pub(crate) mail_box: Vec<u8>,
    /// The yes that it is sent by: whose, to what. `None`: it belongs to the account.
    pub(crate) basis: Option<(UserId, String)>,
}

/// A mail in the outbox, still encrypted.
#[derive(Debug)]
pub(crate) struct OutboxRow {
    pub(crate) id: Uuid,
    pub(crate) mail_box: Vec<u8>,
    pub(crate) created_ms: i64,
    pub(crate) tries: i64,
    /// As in [`NewOutboxRow`].
    pub(crate) basis: Option<(UserId, String)>,
}

impl Conn {
    /// Returns the newest 200 mails, newest first.
    pub(crate) async fn newest_mails(&mut self) -> Result<Vec<OutboxRow>, StoreError> {
        self.rows(sql::OUTBOX_NEWEST, args![])
            .await?
            .iter()
            .map(outbox_row)
            .collect()
    }
}

impl Tx {
    pub(crate) async fn put_outbox(
        &mut self,
        new: NewOutboxRow,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let (user, basis) = match new.basis {
            Some((user, code)) => (Some(user.0), code),
            None => (None, ACCOUNT.to_owned()),
        };
        let args = args![
            new.id,
            new.reason,
            new.template,
            new.mail_box,
            now_ms,
            basis,
            user
        ];
        self.execute(sql::OUTBOX_INSERT, args).await?;
        Ok(())
    }

    /// Takes one mail that nobody else sends, until the lease is over.
    pub(crate) async fn lease_mail(
        &mut self,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<OutboxRow>, StoreError> {
        let row = self.row(sql::OUTBOX_LEASE, args![now_ms, until_ms]).await?;
        row.map(|row| outbox_row(&row)).transpose()
    }

    pub(crate) async fn mail_sent(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.execute(sql::OUTBOX_SENT, args![id]).await?;
        Ok(())
    }

    /// Takes a mail away that may not be sent any more.
    pub(crate) async fn cancel_mail(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.execute(sql::OUTBOX_CANCEL, args![id]).await?;
        Ok(())
    }

    /// Takes all mails away that wait by a person's yes to a purpose.
    pub(crate) async fn cancel_mails(
        &mut self,
        user: UserId,
        code: &str,
    ) -> Result<(), StoreError> {
        self.execute(sql::OUTBOX_CANCEL_ALL, args![user, code])
            .await?;
        Ok(())
    }

    pub(crate) async fn retry_mail(&mut self, id: Uuid, at_ms: i64) -> Result<(), StoreError> {
        self.execute(sql::OUTBOX_RETRY, args![id, at_ms]).await?;
        Ok(())
    }

    pub(crate) async fn sweep_outbox(&mut self, before_ms: i64) -> Result<(), StoreError> {
        self.execute(sql::OUTBOX_SWEEP, args![before_ms]).await?;
        Ok(())
    }
}

fn outbox_row(row: &Row) -> Result<OutboxRow, StoreError> {
    Ok(OutboxRow {
        id: row.id(0)?,
        mail_box: row.get(1)?,
        created_ms: row.get(2)?,
        tries: row.get(3)?,
        basis: match row.optional_id(5)? {
            Some(user) => Some((UserId(user), row.get(4)?)),
            None => None,
        },
    })
}
