//! Which calls one device has, and what follows from what happens to them.

mod inner;
mod state;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Instant};

use jasmin_protocol::{CallId, CallKind, CallState, UserId};

use crate::{Role, SessionEnd};

use inner::{Entry, Shadow};
pub use state::{Call, Direction, Effect, EndReason, Incoming, PlaceError, State, Timing};

/// The calls of one device: at most one on the screen and one that waits.
///
/// Commands and events go in as methods; effects come out of [`poll`](Self::poll). Methods that name
/// a call which is not there (any more) change nothing: messages may come late, twice and in any
/// order.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use jasmin_call::{Effect, Line, State, Timing};
/// # use jasmin_protocol::{CallId, CallKind, UserId};
/// # fn example(call_id: CallId, friend: UserId, now: Instant) {
/// let mut line = Line::new(Timing::default());
/// line.place(call_id, friend, CallKind::Video, now).expect("nothing else goes on");
/// assert!(matches!(line.poll(), Some(Effect::StartSession { .. })));
/// // Three seconds to think again.
/// line.handle_timeout(now + Duration::from_secs(3));
/// assert!(matches!(line.poll(), Some(Effect::RingServer { .. })));
/// # }
/// ```
#[derive(Debug)]
pub struct Line {
    timing: Timing,
    current: Option<Entry>,
    waiting: Option<Entry>,
    /// The other call of a glare that ours has won. It is over soon, unless ours fails.
    shadow: Option<Shadow>,
    /// Calls that are over, so that an echo of one does not ring again.
    finished: VecDeque<(CallId, Direction)>,
    effects: VecDeque<Effect>,
}

impl Line {
    /// Makes a line without calls.
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            current: None,
            waiting: None,
            shadow: None,
            finished: VecDeque::new(),
            effects: VecDeque::new(),
        }
    }

    /// Returns the call on the screen: outgoing, incoming, running, or just ended.
    pub fn current(&self) -> Option<&Call> {
        self.current.as_ref().map(|entry| &entry.call)
    }

    /// Returns the second call, that comes in while one goes on.
    pub fn waiting(&self) -> Option<&Call> {
        self.waiting.as_ref().map(|entry| &entry.call)
    }

    // ---- what people want

    /// Calls somebody. Rings after the undo window.
    pub fn place(
        &mut self,
        call_id: CallId,
        peer: UserId,
        kind: CallKind,
        now: Instant,
    ) -> Result<(), PlaceError> {
        if self.current.as_ref().is_some_and(Entry::is_live) {
            return Err(PlaceError::Busy);
        }
        if self.is_known(call_id) {
            return Err(PlaceError::Reused);
        }
        let state = State::Preparing {
            rings_at: now + self.timing.undo,
        };
        let call = Call {
            call_id,
            peer,
            kind,
            direction: Direction::Outgoing,
            state,
        };
        let mut entry = Entry::new(call);
        self.start_session(&mut entry, Role::Caller);
        self.current = Some(entry);
        Ok(())
    }

    /// Ends the undo window now.
    pub fn ring_now(&mut self, call_id: CallId, now: Instant) {
        let Some(entry) = self
            .current
            .as_mut()
            .filter(|entry| entry.call.call_id == call_id)
        else {
            return;
        };
        if let State::Preparing { .. } = entry.call.state {
            entry.call.state = State::Calling;
            entry.gives_up_at = Some(now + self.timing.ring);
            let Call {
                call_id,
                peer,
                kind,
                ..
            } = entry.call;
            self.effects.push_back(Effect::RingServer {
                call_id,
                peer,
                kind,
            });
        }
    }

    /// Answers an incoming call with this side's choice of sound or sound and picture. Hangs up the
    /// call on the screen when the waiting one is answered.
    pub fn answer(&mut self, call_id: CallId, kind: CallKind, now: Instant) {
        if self.is_waiting(call_id) {
            let Some(entry) = self.waiting.take() else {
                return;
            };
            self.leave_current(now);
            self.current = Some(entry);
        }
        let Some(mut entry) = self.current.take() else {
            return;
        };
        if entry.call.call_id == call_id && matches!(entry.call.state, State::Incoming { .. }) {
            self.accept(&mut entry, kind, now);
        }
        self.current = Some(entry);
    }

    /// Says no to an incoming call.
    pub fn decline(&mut self, call_id: CallId, now: Instant) {
        if let Some(State::Incoming { .. }) = self.state_of(call_id) {
            self.effects.push_back(Effect::DeclineServer {
                call_id,
                busy: false,
            });
            self.finish(call_id, EndReason::Declined, now);
        }
    }

    /// Stops the sound of an incoming call and leaves it on the screen.
    pub fn silence(&mut self, call_id: CallId) {
        let Some(entry) = self
            .current
            .as_mut()
            .filter(|entry| entry.call.call_id == call_id)
        else {
            return;
        };
        if let State::Incoming { silenced, .. } = &mut entry.call.state {
            *silenced = true;
            if std::mem::take(&mut entry.sounds) {
                self.effects.push_back(Effect::StopRing { call_id });
            }
        }
    }

    /// Ends a call in whatever state it is: undoes, cancels, declines or hangs up.
    pub fn hang_up(&mut self, call_id: CallId, now: Instant) {
        match self.state_of(call_id) {
            Some(State::Preparing { .. } | State::Calling | State::Ringing { .. }) => {
                self.fail(call_id, EndReason::Cancelled, now);
            }
            Some(State::Incoming { .. }) => self.decline(call_id, now),
            Some(State::Connecting { .. } | State::Active { .. } | State::Reconnecting { .. }) => {
                self.fail(call_id, EndReason::HungUp, now);
            }
            Some(State::Ended { .. }) | None => {}
        }
    }

    /// Ends a call for a reason that the controller found: devices, keys, version, the server,
    /// quitting.
    pub fn fail(&mut self, call_id: CallId, reason: EndReason, now: Instant) {
        let Some(state) = self.state_of(call_id) else {
            return;
        };
        self.tell_server(call_id, state);
        self.finish(call_id, reason, now);
        self.ring_shadow(now);
    }

    /// Takes an ended call off the screen.
    pub fn dismiss(&mut self, call_id: CallId, _now: Instant) {
        if let Some(State::Ended { .. }) = self.state_of(call_id) {
            self.current = None;
        }
    }

    // ---- what the server says

    /// The server took the call: the other side's devices ring.
    pub fn placed(&mut self, call_id: CallId, now: Instant) {
        match self.state_of(call_id) {
            Some(State::Calling) => {
                self.set_state(
                    call_id,
                    State::Ringing {
                        until: now + self.timing.ring,
                    },
                );
            }
            // Given up while the server was being told: the cancelling may have come first.
            Some(State::Ended { .. }) if self.has_placed(call_id) => {
                self.effects.push_back(Effect::CancelServer { call_id });
            }
            None if self.has_placed(call_id) => {
                self.effects.push_back(Effect::CancelServer { call_id });
            }
            Some(
                State::Preparing { .. }
                | State::Ringing { .. }
                | State::Incoming { .. }
                | State::Connecting { .. }
                | State::Active { .. }
                | State::Reconnecting { .. }
                | State::Ended { .. },
            )
            | None => {}
        }
    }

    /// A device of the other side answered. Returns whether its answer is still wanted.
    pub fn answered(&mut self, call_id: CallId, now: Instant) -> bool {
        match self.state_of(call_id) {
            // The server's word that it rings may still be on its way.
            Some(State::Calling | State::Ringing { .. }) => {
                self.set_state(call_id, State::Connecting { since: now });
                true
            }
            // They answered while we gave up.
            Some(State::Ended { .. }) if self.has_placed(call_id) => {
                self.effects.push_back(Effect::HangUpServer { call_id });
                false
            }
            None if self.has_placed(call_id) => {
                self.effects.push_back(Effect::HangUpServer { call_id });
                false
            }
            Some(
                State::Preparing { .. }
                | State::Incoming { .. }
                | State::Connecting { .. }
                | State::Active { .. }
                | State::Reconnecting { .. }
                | State::Ended { .. },
            )
            | None => false,
        }
    }

    /// Somebody calls.
    pub fn incoming(&mut self, incoming: Incoming, now: Instant) {
        let Incoming {
            call_id,
            peer,
            kind,
            rings_for,
        } = incoming;
        if self.is_known(call_id) {
            return;
        }
        if rings_for.is_zero() {
            return self.miss(incoming);
        }
        let until = now + rings_for;
        let Some(current) = self.current.as_ref().filter(|entry| entry.is_live()) else {
            return self.ring(incoming, until);
        };
        let ours = &current.call;
        if ours.peer == peer && ours.direction == Direction::Outgoing {
            match ours.state {
                // Nobody knows of ours yet: theirs does as well.
                State::Preparing { .. } => return self.yield_to(incoming, until, now),
                // Glare: both sides compare the same two numbers.
                State::Calling | State::Ringing { .. } if call_id < ours.call_id => {
                    return self.yield_to(incoming, until, now);
                }
                State::Calling | State::Ringing { .. } => {
                    self.shadow = Some(Shadow { incoming, until });
                    return;
                }
                State::Incoming { .. }
                | State::Connecting { .. }
                | State::Active { .. }
                | State::Reconnecting { .. }
                | State::Ended { .. } => {}
            }
        }
        if self.waiting.is_none() {
            let state = State::Incoming {
                until,
                silenced: true,
            };
            let direction = Direction::Incoming;
            self.waiting = Some(Entry::new(Call {
                call_id,
                peer,
                kind,
                direction,
                state,
            }));
            return;
        }
        self.effects.push_back(Effect::DeclineServer {
            call_id,
            busy: true,
        });
        self.miss(incoming);
    }

    /// Another device of mine took the call or said no; also the server's "gone" to an answer.
    pub fn taken_elsewhere(&mut self, call_id: CallId, state: CallState, now: Instant) {
        let reason = match state {
            CallState::Answered | CallState::Ended => EndReason::AnsweredElsewhere,
            CallState::Declined | CallState::Busy => EndReason::DeclinedElsewhere,
            CallState::Ringing => return,
            CallState::Cancelled | CallState::Missed => return self.over(call_id, state, now),
        };
        match self.call(call_id) {
            Some(Call {
                direction: Direction::Incoming,
                state: State::Incoming { .. } | State::Connecting { .. },
                ..
            }) => self.finish(call_id, reason, now),
            _ => self.forget_shadow(call_id),
        }
    }

    /// The call is over, in the server's book.
    pub fn over(&mut self, call_id: CallId, state: CallState, now: Instant) {
        self.forget_shadow(call_id);
        let Some(call) = self.call(call_id).copied() else {
            return;
        };
        // As an outgoing call, as an incoming one, and whether that one was missed.
        let (ours, theirs, missed) = match state {
            CallState::Ringing | CallState::Answered => return,
            CallState::Declined => (EndReason::Declined, EndReason::DeclinedElsewhere, false),
            CallState::Busy => (EndReason::Busy, EndReason::DeclinedElsewhere, false),
            CallState::Cancelled => (EndReason::Cancelled, EndReason::Cancelled, true),
            CallState::Missed => (EndReason::NoAnswer, EndReason::NoAnswer, true),
            CallState::Ended => (EndReason::HungUp, EndReason::AnsweredElsewhere, false),
        };
        match call.state {
            State::Incoming { .. } => {
                if missed {
                    self.log_missed(&call);
                }
                self.finish(call_id, theirs, now);
            }
            State::Calling
            | State::Ringing { .. }
            | State::Connecting { .. }
            | State::Active { .. }
            | State::Reconnecting { .. } => self.finish(call_id, ours, now),
            State::Preparing { .. } | State::Ended { .. } => {}
        }
        self.ring_shadow(now);
    }

    // ---- what the session says

    /// The session found a way.
    pub fn connected(&mut self, call_id: CallId, now: Instant) {
        if let Some(State::Connecting { .. }) = self.state_of(call_id) {
            self.set_state(call_id, State::Active { since: now });
        }
    }

    /// The session hears nothing.
    pub fn reconnecting(&mut self, call_id: CallId, gives_up_at: Instant, now: Instant) {
        if let Some(State::Active {
            since: active_since,
        }) = self.state_of(call_id)
        {
            let state = State::Reconnecting {
                active_since,
                since: now,
                gives_up_at,
            };
            self.set_state(call_id, state);
        }
    }

    /// The session hears again.
    pub fn recovered(&mut self, call_id: CallId, _now: Instant) {
        if let Some(State::Reconnecting { active_since, .. }) = self.state_of(call_id) {
            self.set_state(
                call_id,
                State::Active {
                    since: active_since,
                },
            );
        }
    }

    /// The session ended by itself.
    pub fn session_ended(&mut self, call_id: CallId, end: SessionEnd, now: Instant) {
        let reason = match end {
            SessionEnd::HungUp | SessionEnd::RemoteHungUp => EndReason::HungUp,
            SessionEnd::Network => EndReason::Network,
            SessionEnd::Security => EndReason::Security,
            SessionEnd::Protocol => EndReason::Version,
        };
        self.fail(call_id, reason, now);
    }

    // ---- time

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self
            .shadow
            .as_ref()
            .is_some_and(|shadow| shadow.until <= now)
        {
            let shadow = self.shadow.take();
            self.remember(shadow.map(|shadow| (shadow.incoming.call_id, Direction::Incoming)));
        }
        for call in [self.waiting().copied(), self.current().copied()]
            .into_iter()
            .flatten()
        {
            if self.deadline_of(call.call_id).is_some_and(|at| at <= now) {
                self.on_deadline(&call, now);
            }
        }
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        [self.current(), self.waiting()]
            .into_iter()
            .flatten()
            .filter_map(|call| self.deadline_of(call.call_id))
            .chain(self.shadow.as_ref().map(|shadow| shadow.until))
            .min()
    }

    /// Returns what to do next, in order; `None` when all is done.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }
}
