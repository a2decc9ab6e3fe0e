//! Past calls, as the server has them in its book.

use std::collections::BTreeMap;

use jasmin_protocol::{Call, CallId, CallState, Calls, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    LogResult, LogView,
    clock::ServerClock,
    people::{People, page_ms},
};

const KEPT: usize = 200;

/// The newest 200 calls that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallLog(BTreeMap<CallId, Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    caller: UserId,
    callee: UserId,
    kind: jasmin_protocol::CallKind,
    state: CallState,
    created_ms: i64,
    answered_ms: Option<i64>,
    ended_ms: Option<i64>,
}

impl CallLog {
    /// Takes the server's list over. Calls that it does not name stay: it answers `since` a moment.
    pub fn merge(&mut self, calls: Calls) {
        for call in calls.calls {
            self.put(&call);
        }
    }

    /// Takes one call over, as the server answered it.
    pub fn put(&mut self, call: &Call) {
        let entry = Entry {
            caller: call.caller,
            callee: call.callee,
            kind: call.kind,
            state: call.state,
            created_ms: call.created_ms,
            answered_ms: call.answered_ms,
            ended_ms: call.ended_ms,
        };
        self.0.insert(call.call_id, entry);
        while self.0.len() > KEPT {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.created_ms);
            let Some((&oldest, _)) = oldest else { return };
            self.0.remove(&oldest);
        }
    }

    /// A call is over, by an event that names no more than its end. Unknown calls are left to
    /// [`CallLog::merge`].
    pub fn over(&mut self, call_id: CallId, state: CallState, ended_ms: i64) {
        if let Some(entry) = self.0.get_mut(&call_id) {
            entry.state = state;
            entry.ended_ms = Some(ended_ms);
        }
    }

    /// From when on to ask the server for calls: the newest one known, or those that may still change.
    pub fn since_ms(&self) -> i64 {
        let unfinished = |entry: &&Entry| is_open(entry.state);
        let open = self
            .0
            .values()
            .filter(unfinished)
            .map(|entry| entry.created_ms)
            .min();
        let newest = self.0.values().map(|entry| entry.created_ms).max();
        open.or(newest).unwrap_or(0)
    }

    /// When we last had something to do with each other, by the server's clock.
    pub fn last_call_ms(&self, with: UserId) -> Option<i64> {
        let about = |entry: &&Entry| entry.caller == with || entry.callee == with;
        self.0
            .values()
            .filter(about)
            .map(|entry| entry.created_ms)
            .max()
    }

    /// Calls that are over, newest first.
    pub fn views(&self, me: UserId, people: &People, clock: &ServerClock) -> Vec<LogView> {
        let mut past: Vec<(&CallId, &Entry)> = self
            .0
            .iter()
            .filter(|(_, entry)| !is_open(entry.state))
            .collect();
        past.sort_by_key(|(call_id, entry)| std::cmp::Reverse((entry.created_ms, **call_id)));
        past.into_iter()
            .map(|(call_id, entry)| {
                let outgoing = entry.caller == me;
                let user_id = if outgoing { entry.callee } else { entry.caller };
                LogView {
                    call_id: *call_id,
                    user_id,
                    name: people.name(user_id).to_owned(),
                    outgoing,
                    kind: entry.kind,
                    result: result(entry.state),
                    started_ms: page_ms(clock, entry.created_ms),
                    duration_s: duration_s(entry),
                }
            })
            .collect()
    }
}

fn is_open(state: CallState) -> bool {
    match state {
        CallState::Ringing | CallState::Answered => true,
        CallState::Declined
        | CallState::Busy
        | CallState::Cancelled
        | CallState::Missed
        | CallState::Ended => false,
    }
}

fn result(state: CallState) -> LogResult {
    match state {
        CallState::Answered | CallState::Ended => LogResult::Answered,
        CallState::Declined => LogResult::Declined,
        CallState::Busy => LogResult::Busy,
        CallState::Cancelled => LogResult::Cancelled,
        CallState::Missed | CallState::Ringing => LogResult::Missed,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the length of a call fits into 53 bits"
)]
fn duration_s(entry: &Entry) -> f64 {
    match (entry.answered_ms, entry.ended_ms) {
        (Some(answered), Some(ended)) => ended.saturating_sub(answered).max(0) as f64 / 1_000.0,
        (None, _) | (_, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::CallKind;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn calls_that_are_over_are_shown_newest_first_from_my_side() {
        let (me, bob) = people();
        let mut log = CallLog::default();
        let answered = Call {
            answered_ms: Some(2_000),
            ended_ms: Some(5_500),
            ..call(me, bob, 1_000)
        };
        let answered = Call {
            state: CallState::Ended,
            ..answered
        };
        let missed = Call {
            state: CallState::Missed,
            ..call(bob, me, 9_000)
        };
        let running = Call {
            state: CallState::Answered,
            ..call(me, bob, 20_000)
        };
        log.merge(Calls {
            calls: vec![answered.clone(), missed.clone(), running],
        });

        let views = log.views(me, &People::default(), &ServerClock::new());
        assert_eq!(views.len(), 2, "the running call is not in the log yet");
        assert_eq!(views[0].call_id, missed.call_id);
        assert!(!views[0].outgoing && views[0].user_id == bob);
        assert_eq!(views[0].result, LogResult::Missed);
        assert!(views[1].outgoing && views[1].result == LogResult::Answered);
        assert!((views[1].duration_s - 3.5).abs() < 1e-9);
        assert_eq!(log.last_call_ms(bob), Some(20_000));
        assert_eq!(log.last_call_ms(UserId(Uuid::now_v7())), None);
    }

    #[test]
    fn an_end_is_shown_once_the_call_is_known() {
        let (me, bob) = people();
        let mut log = CallLog::default();
        let ringing = call(me, bob, 1_000);
        log.over(ringing.call_id, CallState::Declined, 2_000);
        assert_eq!(
            log,
            CallLog::default(),
            "unknown: the server's list will bring it"
        );
        log.put(&ringing);
        log.over(ringing.call_id, CallState::Declined, 2_000);
        log.over(ringing.call_id, CallState::Declined, 2_000);
        let views = log.views(me, &People::default(), &ServerClock::new());
        assert_eq!(views.len(), 1, "once, however often it is said");
        assert_eq!(views[0].result, LogResult::Declined);
    }

    #[test]
    fn the_server_is_asked_from_the_oldest_call_that_may_change() {
        let (me, bob) = people();
        let mut log = CallLog::default();
        assert_eq!(log.since_ms(), 0);
        log.put(&Call {
            state: CallState::Missed,
            ..call(me, bob, 5_000)
        });
        assert_eq!(log.since_ms(), 5_000);
        log.put(&call(me, bob, 3_000));
        assert_eq!(log.since_ms(), 3_000);
    }

    #[test]
    fn the_oldest_calls_go() {
        let (me, bob) = people();
        let mut log = CallLog::default();
        for at in 0..300 {
            log.put(&Call {
                state: CallState::Missed,
                ..call(me, bob, at)
            });
        }
        assert_eq!(log.0.len(), KEPT);
        assert_eq!(
            log.0.values().map(|entry| entry.created_ms).min(),
            Some(100)
        );
    }

    fn people() -> (UserId, UserId) {
        (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()))
    }

    fn call(caller: UserId, callee: UserId, created_ms: i64) -> Call {
        Call {
            call_id: CallId(Uuid::now_v7()),
            caller,
            callee,
            kind: CallKind::Video,
            state: CallState::Ringing,
            created_ms,
            deadline_ms: created_ms + 45_000,
            answered_ms: None,
            ended_ms: None,
        }
    }
}
