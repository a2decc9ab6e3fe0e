//! What the server must hear of calls, sooner or later: kept in the vault until it has.

use std::time::{Duration, Instant};

use jasmin_protocol::{CallId, ErrorCode};
use serde::{Deserialize, Serialize};

use super::actor::Actor;

/// A second try comes after this long; then the pause doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Things to tell the server, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chores {
    list: Vec<Chore>,
    #[serde(skip)]
    busy: bool,
    #[serde(skip)]
    tries: u32,
    #[serde(skip)]
    due: Option<Instant>,
}

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tell", rename_all = "snake_case")]
pub enum Chore {
    /// No, for this call.
    Decline {
        /// Which.
        call_id: CallId,
        /// Because of another call.
        busy: bool,
    },
    /// The call is given up before an answer.
    Cancel {
        /// Which.
        call_id: CallId,
    },
    /// The answered call is over.
    HangUp {
        /// Which.
        call_id: CallId,
    },
}

impl Chores {
    /// When the next try is due.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.busy || self.list.is_empty() {
            None
        } else {
            self.due
        }
    }

    /// The server is there: try at once.
    pub(super) fn now(&mut self) {
        self.tries = 0;
        self.due = Some(Instant::now());
    }

    fn add(&mut self, chore: Chore) {
        if !self.list.contains(&chore) {
            self.list.push(chore);
        }
        self.due = Some(Instant::now());
    }

    fn put_off(&mut self, now: Instant) {
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.tries.min(5))
            .min(LONGEST_PAUSE);
        self.tries += 1;
        self.due = Some(now + pause);
    }
}

impl Actor {
    pub(super) fn tell_server(&mut self, chore: Chore) {
        self.chores.add(chore);
        self.dirty = true;
        self.do_chores(Instant::now());
    }

    pub(super) fn do_chores(&mut self, now: Instant) {
        if self.chores.due().is_none_or(|due| due > now) {
            return;
        }
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let Some(&chore) = self.chores.list.first() else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        self.chores.busy = true;
        let work = async move {
            match chore {
                Chore::Decline { call_id, busy } => account.decline_call(call_id, busy).await,
                Chore::Cancel { call_id } => account.cancel_call(call_id).await,
                Chore::HangUp { call_id } => account.hang_up_call(call_id).await,
            }
        };
        self.background(work, move |actor, result| {
            if !actor.is_sign_in(number) {
                return;
            }
            actor.chores.busy = false;
            let done = match result {
                Ok(call) => {
                    actor.log.put(&call);
                    true
                }
                // The server has it in its book already, or knows nothing of the call.
                Err(error) => match error.code() {
                    Some(ErrorCode::Gone | ErrorCode::NotFound | ErrorCode::Conflict) => {
                        actor.refresh_log();
                        true
                    }
                    _ => {
                        actor.request_failed(&error, "the end of a call");
                        false
                    }
                },
            };
            if done {
                actor.chores.list.retain(|other| *other != chore);
                actor.chores.now();
                actor.dirty = true;
            } else {
                actor.chores.put_off(Instant::now());
            }
            actor.do_chores(Instant::now());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u8) -> CallId {
        format!("0192d0a4-0000-7000-8000-0000000000{number:02x}")
            .parse()
            .unwrap()
    }

    #[test]
    fn each_thing_is_told_once_and_survives_a_restart() {
        let mut chores = Chores::default();
        chores.add(Chore::HangUp { call_id: call(1) });
        chores.add(Chore::HangUp { call_id: call(1) });
        chores.add(Chore::Decline {
            call_id: call(2),
            busy: true,
        });
        let stored = serde_json::to_string(&chores).unwrap();
        let restored: Chores = serde_json::from_str(&stored).unwrap();
        assert_eq!(restored.list, chores.list);
        assert_eq!(restored.list.len(), 2);
    }

    #[test]
    fn pauses_grow_and_end_when_the_server_is_back() {
        let now = Instant::now();
        let mut chores = Chores::default();
        chores.add(Chore::Cancel { call_id: call(1) });
        chores.put_off(now);
        assert_eq!(chores.due(), Some(now + FIRST_PAUSE));
        for _ in 0..10 {
            chores.put_off(now);
        }
        assert_eq!(chores.due(), Some(now + LONGEST_PAUSE));
        chores.now();
        assert!(chores.due().unwrap() <= Instant::now());
    }
}
