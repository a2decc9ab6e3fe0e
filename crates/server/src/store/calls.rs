use jasmin_protocol::{Call, CallId, CallKind, CallState, DeviceId, UserId};

use super::{
    conn::{Conn, Row, StoreError, Tx, args},
    sql,
};

/// A call to be placed.
#[derive(Debug)]
pub(crate) struct NewCall {
    pub(crate) id: CallId,
    pub(crate) caller: UserId,
    pub(crate) caller_device: DeviceId,
    pub(crate) callee: UserId,
    pub(crate) kind: CallKind,
    pub(crate) request_hash: [u8; 32],
    pub(crate) created_ms: i64,
    pub(crate) deadline_ms: i64,
}

/// A call in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallRow {
    pub(crate) call: Call,
    pub(crate) caller_device: DeviceId,
    pub(crate) answered_device: Option<DeviceId>,
    pub(crate) request_hash: [u8; 32],
}

impl Conn {
    pub(crate) async fn call(&mut self, id: CallId) -> Result<Option<CallRow>, StoreError> {
        self.row(sql::CALL, args![id])
            .await?
            .map(|row| call(&row))
            .transpose()
    }

    /// Returns a person's calls placed at or after `since_ms`, newest first, at most 200.
    pub(crate) async fn calls_since(
        &mut self,
        user: UserId,
        since_ms: i64,
    ) -> Result<Vec<CallRow>, StoreError> {
        self.rows(sql::CALLS_SINCE, args![user, since_ms])
            .await?
            .iter()
            .map(call)
            .collect()
    }

    /// Returns calls that rang long enough.
    pub(crate) async fn calls_due(&mut self, now_ms: i64) -> Result<Vec<CallId>, StoreError> {
        let rows = self.rows(sql::CALLS_DUE, args![now_ms]).await?;
        rows.iter().map(|row| Ok(CallId(row.id(0)?))).collect()
    }

    /// Returns calls that were answered before `before_ms` and never hung up.
    pub(crate) async fn calls_forgotten(
        &mut self,
        before_ms: i64,
    ) -> Result<Vec<CallId>, StoreError> {
        let rows = self.rows(sql::CALLS_FORGOTTEN, args![before_ms]).await?;
        rows.iter().map(|row| Ok(CallId(row.id(0)?))).collect()
    }

    /// Returns when the next ringing call becomes a missed one.
    pub(crate) async fn next_deadline(&mut self) -> Result<Option<i64>, StoreError> {
        match self.row(sql::CALL_NEXT_DEADLINE, args![]).await? {
            Some(row) => row.get(0),
            None => Ok(None),
        }
    }
}

impl Tx {
    /// Returns false when the id is taken.
    pub(crate) async fn put_call(&mut self, new: NewCall) -> Result<bool, StoreError> {
        let args = args![
            new.id,
            new.caller,
            new.caller_device,
            new.callee,
            kind_text(new.kind),
            new.request_hash,
            new.created_ms,
            new.deadline_ms,
        ];
        Ok(self.execute(sql::CALL_INSERT, args).await? == 1)
    }

    /// Ringing to answered; nothing when it does not ring any more or its time is over.
    pub(crate) async fn answer_call(
        &mut self,
        id: CallId,
        device: DeviceId,
        now_ms: i64,
    ) -> Result<Option<CallRow>, StoreError> {
        let row = self
            .row(sql::CALL_ANSWER, args![id, device, now_ms])
            .await?;
        row.map(|row| call(&row)).transpose()
    }

    /// From one state to a final one, and its rings out of the mailboxes; nothing when it is not in
    /// `from` any more.
    pub(crate) async fn settle_call(
        &mut self,
        id: CallId,
        from: CallState,
        to: CallState,
        ended_ms: i64,
    ) -> Result<Option<CallRow>, StoreError> {
        let args = args![id, state_text(from), state_text(to), ended_ms];
        let Some(row) = self.row(sql::CALL_SETTLE, args).await? else {
            return Ok(None);
        };
        self.end_ring(id).await?;
        call(&row).map(Some)
    }

    /// Takes a call's rings out of the mailboxes.
    pub(crate) async fn end_ring(&mut self, id: CallId) -> Result<(), StoreError> {
        self.execute(sql::MAILBOX_END_RING, args![id]).await?;
        Ok(())
    }
}

fn call(row: &Row) -> Result<CallRow, StoreError> {
    Ok(CallRow {
        call: Call {
            call_id: CallId(row.id(0)?),
            caller: UserId(row.id(1)?),
            callee: UserId(row.id(3)?),
            kind: kind_of(&row.get::<String>(5)?)?,
            state: state_of(&row.get::<String>(6)?)?,
            created_ms: row.get(8)?,
            deadline_ms: row.get(9)?,
            answered_ms: row.get(10)?,
            ended_ms: row.get(11)?,
        },
        caller_device: DeviceId(row.id(2)?),
        answered_device: row.optional_id(4)?.map(DeviceId),
        request_hash: row.hash(7)?,
    })
}

fn kind_text(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Audio => "audio",
        CallKind::Video => "video",
    }
}

pub(super) fn kind_of(text: &str) -> Result<CallKind, StoreError> {
    [CallKind::Audio, CallKind::Video]
        .into_iter()
        .find(|kind| kind_text(*kind) == text)
        .ok_or_else(|| StoreError::Unreadable("call kind".into()))
}

fn state_text(state: CallState) -> &'static str {
    match state {
        CallState::Ringing => "ringing",
        CallState::Answered => "answered",
        CallState::Declined => "declined",
        CallState::Busy => "busy",
        CallState::Cancelled => "cancelled",
        CallState::Missed => "missed",
        CallState::Ended => "ended",
    }
}

fn state_of(text: &str) -> Result<CallState, StoreError> {
    use CallState::{Answered, Busy, Cancelled, Declined, Ended, Missed, Ringing};
    [Ringing, Answered, Declined, Busy, Cancelled, Missed, Ended]
        .into_iter()
        .find(|state| state_text(*state) == text)
        .ok_or_else(|| StoreError::Unreadable("call state".into()))
}
