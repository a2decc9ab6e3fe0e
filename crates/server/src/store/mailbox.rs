use jasmin_protocol::{CallId, DeviceId, MessageId, UserId};

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

/// One device of one person: whose mailbox it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
}

/// An event on its way into a mailbox.
#[derive(Debug)]
pub(crate) struct NewMail {
    pub(crate) to: Address,
    pub(crate) msg_id: MessageId,
    /// The call that it rings for: it leaves the mailbox when the ringing is over.
    pub(crate) ring_of: Option<CallId>,
    pub(crate) expires_ms: i64,
    pub(crate) event_box: Vec<u8>,
}

/// An event in a mailbox.
#[derive(Debug)]
pub(crate) struct MailRow {
    pub(crate) seq: i64,
    pub(crate) msg_id: MessageId,
    pub(crate) event_box: Vec<u8>,
}

impl Conn {
    /// Returns the number of the newest event that ever lay in a mailbox.
    pub(crate) async fn mailbox_head(&mut self, at: Address) -> Result<i64, StoreError> {
        match self
            .row(sql::MAILBOX_HEAD, args![at.user, at.device])
            .await?
        {
            Some(row) => row.get(0),
            None => Ok(0),
        }
    }

    /// Returns events after `seq`, oldest first.
    pub(crate) async fn mailbox_after(
        &mut self,
        at: Address,
        seq: i64,
        now_ms: i64,
        most: i64,
    ) -> Result<Vec<MailRow>, StoreError> {
        let args = args![at.user, at.device, seq, now_ms, most];
        let rows = self.rows(sql::MAILBOX_AFTER, args).await?;
        rows.iter()
            .map(|row| {
                Ok(MailRow {
                    seq: row.get(0)?,
                    msg_id: MessageId(row.id(1)?),
                    event_box: row.get(2)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Puts events into mailboxes, those of one mailbox in the order given. Mailboxes are locked in
    /// one order everywhere: give a transaction's events to one call.
    pub(crate) async fn put_mail(&mut self, mut mails: Vec<NewMail>) -> Result<(), StoreError> {
        mails.sort_by_key(|mail| mail.to);
        for mail in mails {
            let to = mail.to;
            let next = self
                .row(sql::MAILBOX_NEXT, args![to.user, to.device])
                .await?;
            let seq: i64 = match next {
                Some(row) => row.get(0)?,
                None => return Err(StoreError::Unreadable("mailbox head".into())),
            };
            let args = args![
                to.user,
                to.device,
                seq,
                mail.msg_id,
                mail.ring_of.map(|call| call.0),
                mail.expires_ms,
                mail.event_box,
            ];
            self.execute(sql::MAILBOX_INSERT, args).await?;
        }
        Ok(())
    }

    /// Forgets everything up to and including `seq`.
    pub(crate) async fn ack_mail(&mut self, at: Address, seq: i64) -> Result<(), StoreError> {
        self.execute(sql::MAILBOX_ACK, args![at.user, at.device, seq])
            .await?;
        Ok(())
    }

    /// Moves a mailbox's numbers up, for a device that has seen higher ones than this database ever
    /// gave (it was brought back from a backup). Returns the new head.
    pub(crate) async fn shift_mailbox(&mut self, at: Address, by: i64) -> Result<i64, StoreError> {
        self.execute(sql::MAILBOX_SHIFT, args![at.user, at.device, by])
            .await?;
        match self
            .row(sql::MAILBOX_HEAD_SHIFT, args![at.user, at.device, by])
            .await?
        {
            Some(row) => row.get(0),
            None => Err(StoreError::Unreadable("mailbox head".into())),
        }
    }

    /// Forgets events that ran out.
    pub(crate) async fn sweep_mail(&mut self, now_ms: i64) -> Result<(), StoreError> {
        self.execute(sql::MAILBOX_SWEEP, args![now_ms]).await?;
        Ok(())
    }
}
