//! The book of calls: who may do what to a call, and who hears of it.

use std::collections::BTreeSet;

use jasmin_protocol::{Call, CallId, CallState, DeviceId, ErrorCode, Event, UserId};

use crate::{
    app::{App, Letter},
    extract::Caller,
    problem::Failure,
    store::{Address, CallRow, Tx},
};

impl App {
    /// Returns a call of mine.
    pub(crate) async fn my_call(&self, id: CallId, caller: Caller) -> Result<CallRow, Failure> {
        let row = self.store.read().await?.call(id).await?;
        row.filter(|row| row.call.caller == caller.user || row.call.callee == caller.user)
            .ok_or_else(Failure::not_found)
    }

    /// Moves a call from one state to a final one, unless it has moved meanwhile. Every device of
    /// both sides hears it, once. `by` is the device that asked for it, if one did.
    pub(crate) async fn settle(
        &self,
        id: CallId,
        from: CallState,
        to: CallState,
        by: Option<Address>,
    ) -> Result<Option<Call>, Failure> {
        let mut tx = self.store.begin().await?;
        let Some(row) = tx.settle_call(id, from, to, self.now_ms()).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        let mut letters = Vec::new();
        if matches!(to, CallState::Declined | CallState::Busy) {
            letters.extend(self.taken_elsewhere(&mut tx, &row.call, to, by).await?);
        }
        letters.extend(self.call_over(&mut tx, &row).await?);
        let woken = self.post(&mut tx, letters).await?;
        tx.commit().await?;
        self.wake(woken);
        if to == CallState::Missed {
            self.count(|metrics| &metrics.calls_missed);
        }
        Ok(Some(row.call))
    }

    /// First answer wins. Asked again by the device that won, it says so again.
    pub(crate) async fn answer(
        &self,
        row: CallRow,
        caller: Caller,
        sealed: jasmin_protocol::Sealed,
    ) -> Result<Call, Failure> {
        let id = row.call.call_id;
        let mut tx = self.store.begin().await?;
        let Some(answered) = tx.answer_call(id, caller.device, self.now_ms()).await? else {
            let now = tx.call(id).await?.unwrap_or(row);
            tx.rollback().await?;
            return self.too_late(now, caller.device).await;
        };
        tx.end_ring(id).await?;
        let caller_device = Address {
            user: answered.call.caller,
            device: answered.caller_device,
        };
        let mut letters = vec![Letter {
            to: caller_device,
            event: Event::CallAnswered {
                call_id: id,
                device_id: caller.device,
                sealed,
            },
        }];
        let by = Some(caller.address());
        letters.extend(
            self.taken_elsewhere(&mut tx, &answered.call, CallState::Answered, by)
                .await?,
        );
        let woken = self.post(&mut tx, letters).await?;
        tx.commit().await?;
        self.wake(woken);
        self.count(|metrics| &metrics.calls_answered);
        Ok(answered.call)
    }

    async fn too_late(&self, row: CallRow, device: DeviceId) -> Result<Call, Failure> {
        if row.answered_device == Some(device) && row.call.state == CallState::Answered {
            return Ok(row.call);
        }
        if row.call.state == CallState::Ringing {
            // Its time is over, and nobody wrote that down yet.
            self.settle(
                row.call.call_id,
                CallState::Ringing,
                CallState::Missed,
                None,
            )
            .await?;
        }
        Err(over_or_elsewhere())
    }

    /// Takes a call to its end. `ringing` says what it becomes when nobody answered yet, `answered`
    /// what it becomes otherwise, if it may. A call that is over stays as it is.
    pub(crate) async fn end(
        &self,
        row: CallRow,
        caller: Caller,
        ringing: CallState,
        answered: Option<CallState>,
    ) -> Result<Call, Failure> {
        let (id, by) = (row.call.call_id, Some(caller.address()));
        let mut call = row.call;
        loop {
            let to = match call.state {
                CallState::Ringing => ringing,
                CallState::Answered => answered.ok_or_else(over_or_elsewhere)?,
                CallState::Declined
                | CallState::Busy
                | CallState::Cancelled
                | CallState::Missed
                | CallState::Ended => return Ok(call),
            };
            if let Some(settled) = self.settle(id, call.state, to, by).await? {
                return Ok(settled);
            }
            // It moved between reading and writing. It only ever moves towards its end.
            call = self.my_call(id, caller).await?.call;
        }
    }

    async fn taken_elsewhere(
        &self,
        tx: &mut Tx,
        call: &Call,
        state: CallState,
        by: Option<Address>,
    ) -> Result<Vec<Letter>, Failure> {
        let devices = tx.live_devices(call.callee, self.now_ms()).await?;
        let others = devices
            .into_iter()
            .map(|device| Address {
                user: call.callee,
                device,
            })
            .filter(|address| Some(*address) != by);
        let event = Event::CallTakenElsewhere {
            call_id: call.call_id,
            state,
        };
        Ok(others
            .map(|to| Letter {
                to,
                event: event.clone(),
            })
            .collect())
    }

    async fn call_over(&self, tx: &mut Tx, row: &CallRow) -> Result<Vec<Letter>, Failure> {
        let call = &row.call;
        let ended_ms = call.ended_ms.unwrap_or_else(|| self.now_ms());
        let event = Event::CallOver {
            call_id: call.call_id,
            state: call.state,
            ended_ms,
        };
        let mut letters = Vec::new();
        for user in BTreeSet::from([call.caller, call.callee]) {
            letters.extend(self.to_all_devices(tx, user, &event).await?);
        }
        Ok(letters)
    }

    /// Returns one letter for each device on which a person is signed in.
    pub(crate) async fn to_all_devices(
        &self,
        tx: &mut Tx,
        user: UserId,
        event: &Event,
    ) -> Result<Vec<Letter>, Failure> {
        let devices = tx.live_devices(user, self.now_ms()).await?;
        let letter = |device| Letter {
            to: Address { user, device },
            event: event.clone(),
        };
        Ok(devices.into_iter().map(letter).collect())
    }

    /// Returns where a message between the two devices of a call goes, if it may go there: from the
    /// caller's device to any of the callee's and back while it rings, between the two that talk
    /// once it was answered.
    pub(crate) async fn relay_target(
        &self,
        id: CallId,
        caller: Caller,
        to: DeviceId,
    ) -> Result<Address, Failure> {
        let row = self.my_call(id, caller).await?;
        let call = &row.call;
        let is_caller = caller.user == call.caller && caller.device == row.caller_device;
        let (user, callee_device) = if is_caller {
            (call.callee, to)
        } else if caller.user == call.callee && to == row.caller_device {
            (call.caller, caller.device)
        } else {
            return Err(Failure::not_found());
        };
        match call.state {
            CallState::Ringing => {}
            CallState::Answered if row.answered_device == Some(callee_device) => {}
            CallState::Answered => return Err(Failure::not_found()),
            CallState::Declined
            | CallState::Busy
            | CallState::Cancelled
            | CallState::Missed
            | CallState::Ended => return Err(over_or_elsewhere()),
        }
        Ok(Address { user, device: to })
    }
}

fn over_or_elsewhere() -> Failure {
    Failure::new(
        ErrorCode::Gone,
        "This call was answered elsewhere or is over.",
    )
}
