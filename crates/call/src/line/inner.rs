use std::time::{Duration, Instant};

use jasmin_protocol::{CallId, CallKind};

use super::{Call, Direction, Effect, EndReason, Incoming, Line, State};
use crate::Role;

/// Echoes of calls come within minutes; nobody has so many in that time.
const REMEMBERED: usize = 256;

/// A call, and what has been started for it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) call: Call,
    pub(super) has_session: bool,
    pub(super) sounds: bool,
    /// While the server is being told.
    pub(super) gives_up_at: Option<Instant>,
}

impl Entry {
    pub(super) fn new(call: Call) -> Self {
        Self {
            call,
            has_session: false,
            sounds: false,
            gives_up_at: None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        !matches!(self.call.state, State::Ended { .. })
    }
}

/// A call that lost a glare.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) incoming: Incoming,
    pub(super) until: Instant,
}

impl Line {
    pub(super) fn is_known(&self, call_id: CallId) -> bool {
        self.call(call_id).is_some()
            || self
                .shadow
                .as_ref()
                .is_some_and(|shadow| shadow.incoming.call_id == call_id)
            || self
                .finished
                .iter()
                .any(|(finished, _)| *finished == call_id)
    }

    /// Whether this side placed the call, and it is over here.
    pub(super) fn has_placed(&self, call_id: CallId) -> bool {
        self.finished.contains(&(call_id, Direction::Outgoing))
    }

    pub(super) fn is_waiting(&self, call_id: CallId) -> bool {
        self.waiting().is_some_and(|call| call.call_id == call_id)
    }

    fn entry(&self, call_id: CallId) -> Option<&Entry> {
        [&self.current, &self.waiting]
            .into_iter()
            .flatten()
            .find(|entry| entry.call.call_id == call_id)
    }

    fn entry_mut(&mut self, call_id: CallId) -> Option<&mut Entry> {
        [&mut self.current, &mut self.waiting]
            .into_iter()
            .flatten()
            .find(|entry| entry.call.call_id == call_id)
    }

    pub(super) fn call(&self, call_id: CallId) -> Option<&Call> {
        self.entry(call_id).map(|entry| &entry.call)
    }

    pub(super) fn state_of(&self, call_id: CallId) -> Option<State> {
        self.call(call_id).map(|call| call.state)
    }

    pub(super) fn set_state(&mut self, call_id: CallId, state: State) {
        if let Some(entry) = self.entry_mut(call_id) {
            entry.call.state = state;
        }
    }

    pub(super) fn remember(&mut self, calls: impl IntoIterator<Item = (CallId, Direction)>) {
        self.finished.extend(calls);
        let surplus = self.finished.len().saturating_sub(REMEMBERED);
        self.finished.drain(..surplus);
    }

    // ---- beginning

    pub(super) fn start_session(&mut self, entry: &mut Entry, role: Role) {
        let Call {
            call_id,
            peer,
            kind,
            ..
        } = entry.call;
        entry.has_session = true;
        self.effects.push_back(Effect::StartSession {
            call_id,
            peer,
            kind,
            role,
        });
    }

    pub(super) fn ring(&mut self, incoming: Incoming, until: Instant) {
        let Incoming {
            call_id,
            peer,
            kind,
            ..
        } = incoming;
        let state = State::Incoming {
            until,
            silenced: false,
        };
        let call = Call {
            call_id,
            peer,
            kind,
            direction: Direction::Incoming,
            state,
        };
        self.current = Some(Entry {
            sounds: true,
            ..Entry::new(call)
        });
        self.effects.push_back(Effect::StartRing { call_id });
    }

    pub(super) fn accept(&mut self, entry: &mut Entry, kind: CallKind, now: Instant) {
        let call_id = entry.call.call_id;
        if std::mem::take(&mut entry.sounds) {
            self.effects.push_back(Effect::StopRing { call_id });
        }
        entry.call.kind = kind;
        entry.call.state = State::Connecting { since: now };
        self.start_session(entry, Role::Callee);
        self.effects.push_back(Effect::AnswerServer { call_id });
    }

    /// Takes the other side's call instead of ours: both wanted to talk, so nothing rings.
    pub(super) fn yield_to(&mut self, incoming: Incoming, until: Instant, now: Instant) {
        let Some(ours) = self.current.take() else {
            return;
        };
        let kind = ours.call.kind;
        self.tell_server(ours.call.call_id, ours.call.state);
        self.end_session(&ours);
        self.remember([(ours.call.call_id, Direction::Outgoing)]);
        let Incoming { call_id, peer, .. } = incoming;
        let state = State::Incoming {
            until,
            silenced: true,
        };
        let mut theirs = Entry::new(Call {
            call_id,
            peer,
            kind,
            direction: Direction::Incoming,
            state,
        });
        self.accept(&mut theirs, kind, now);
        self.current = Some(theirs);
    }

    // ---- ending

    /// What the server must be told when this side ends a call in this state.
    pub(super) fn tell_server(&mut self, call_id: CallId, state: State) {
        let effect = match state {
            State::Preparing { .. } | State::Ended { .. } => return,
            State::Calling | State::Ringing { .. } => Effect::CancelServer { call_id },
            State::Incoming { .. } => Effect::DeclineServer {
                call_id,
                busy: false,
            },
            State::Connecting { .. } | State::Active { .. } | State::Reconnecting { .. } => {
                Effect::HangUpServer { call_id }
            }
        };
        self.effects.push_back(effect);
    }

    fn end_session(&mut self, entry: &Entry) {
        if entry.has_session {
            self.effects.push_back(Effect::EndSession {
                call_id: entry.call.call_id,
            });
        }
    }

    /// Hangs the call on the screen up, to make room for another.
    pub(super) fn leave_current(&mut self, now: Instant) {
        let Some(call) = self.current().copied() else {
            return;
        };
        if let State::Incoming { .. } = call.state {
            self.effects.push_back(Effect::DeclineServer {
                call_id: call.call_id,
                busy: true,
            });
            self.log_missed(&call);
        } else {
            self.tell_server(call.call_id, call.state);
        }
        self.finish(call.call_id, EndReason::HungUp, now);
    }

    /// Ends a call here. The one on the screen stays there as ended, unless another waits.
    pub(super) fn finish(&mut self, call_id: CallId, reason: EndReason, now: Instant) {
        if self.is_waiting(call_id) {
            self.waiting = None;
            return self.remember([(call_id, Direction::Incoming)]);
        }
        let Some(mut entry) = self
            .current
            .take_if(|entry| entry.call.call_id == call_id && entry.is_live())
        else {
            return;
        };
        if std::mem::take(&mut entry.sounds) {
            self.effects.push_back(Effect::StopRing { call_id });
        }
        self.end_session(&entry);
        self.remember([(call_id, entry.call.direction)]);
        let talked = talked(entry.call.state, now);
        entry.call.state = State::Ended { reason, talked };
        self.current = Some(entry);
        self.promote();
    }

    // What waited rings now.
    fn promote(&mut self) {
        let Some(mut entry) = self.waiting.take() else {
            return;
        };
        let call_id = entry.call.call_id;
        if let State::Incoming { silenced, .. } = &mut entry.call.state {
            *silenced = false;
        }
        entry.sounds = true;
        self.current = Some(entry);
        self.effects.push_back(Effect::StartRing { call_id });
    }

    // ---- missing

    pub(super) fn miss(&mut self, incoming: Incoming) {
        let Incoming {
            call_id,
            peer,
            kind,
            ..
        } = incoming;
        self.effects.push_back(Effect::LogMissed {
            call_id,
            peer,
            kind,
        });
        self.remember([(call_id, Direction::Incoming)]);
    }

    pub(super) fn log_missed(&mut self, call: &Call) {
        let Call {
            call_id,
            peer,
            kind,
            ..
        } = *call;
        self.effects.push_back(Effect::LogMissed {
            call_id,
            peer,
            kind,
        });
    }

    // ---- glare

    pub(super) fn forget_shadow(&mut self, call_id: CallId) {
        if self
            .shadow
            .take_if(|shadow| shadow.incoming.call_id == call_id)
            .is_some()
        {
            self.remember([(call_id, Direction::Incoming)]);
        }
    }

    /// Our call of a glare came to nothing on our side: theirs is an ordinary call then.
    pub(super) fn ring_shadow(&mut self, now: Instant) {
        if self.current.as_ref().is_some_and(Entry::is_live) {
            return;
        }
        if let Some(shadow) = self.shadow.take_if(|shadow| shadow.until > now) {
            self.ring(shadow.incoming, shadow.until);
        }
    }

    // ---- time

    pub(super) fn deadline_of(&self, call_id: CallId) -> Option<Instant> {
        let entry = self.entry(call_id)?;
        match entry.call.state {
            State::Preparing { rings_at } => Some(rings_at),
            State::Calling => entry.gives_up_at,
            State::Ringing { until } | State::Incoming { until, .. } => Some(until),
            // The session watches these.
            State::Connecting { .. } | State::Active { .. } | State::Reconnecting { .. } => None,
            State::Ended { .. } => None,
        }
    }

    pub(super) fn on_deadline(&mut self, call: &Call, now: Instant) {
        let call_id = call.call_id;
        match call.state {
            State::Preparing { .. } => self.ring_now(call_id, now),
            State::Calling => self.fail(call_id, EndReason::Server, now),
            State::Ringing { .. } => self.fail(call_id, EndReason::NoAnswer, now),
            State::Incoming { .. } => {
                self.log_missed(call);
                self.finish(call_id, EndReason::NoAnswer, now);
            }
            State::Connecting { .. }
            | State::Active { .. }
            | State::Reconnecting { .. }
            | State::Ended { .. } => {}
        }
    }
}

fn talked(state: State, now: Instant) -> Duration {
    match state {
        State::Active { since } => now.saturating_duration_since(since),
        State::Reconnecting { active_since, .. } => now.saturating_duration_since(active_since),
        State::Preparing { .. }
        | State::Calling
        | State::Ringing { .. }
        | State::Incoming { .. }
        | State::Connecting { .. }
        | State::Ended { .. } => Duration::ZERO,
    }
}
