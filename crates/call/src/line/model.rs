//! Whatever happens in whatever order, these hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jasmin_protocol::{CallId, CallKind, CallState, UserId};
use proptest::prelude::*;

use super::{Effect, EndReason, Incoming, Line, State, Timing};
use crate::SessionEnd;

fn call(number: u8) -> CallId {
    format!("00000000-0000-7000-8000-0000000000{number:02x}")
        .parse()
        .unwrap()
}

fn peer(number: u8) -> UserId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}")
        .parse()
        .unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Place(u8, u8),
    RingNow(u8),
    Answer(u8),
    Decline(u8),
    Silence(u8),
    HangUp(u8),
    Fail(u8),
    Dismiss(u8),
    Placed(u8),
    Answered(u8),
    Incoming(u8, u8, u64),
    Elsewhere(u8, CallState),
    Over(u8, CallState),
    Connected(u8),
    Reconnecting(u8),
    Recovered(u8),
    SessionEnded(u8, SessionEnd),
    Pass(u64),
}

fn call_state() -> impl Strategy<Value = CallState> {
    prop_oneof![
        Just(CallState::Ringing),
        Just(CallState::Answered),
        Just(CallState::Declined),
        Just(CallState::Busy),
        Just(CallState::Cancelled),
        Just(CallState::Missed),
        Just(CallState::Ended),
    ]
}

fn session_end() -> impl Strategy<Value = SessionEnd> {
    prop_oneof![
        Just(SessionEnd::HungUp),
        Just(SessionEnd::RemoteHungUp),
        Just(SessionEnd::Network),
        Just(SessionEnd::Security),
        Just(SessionEnd::Protocol),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..8u8;
    let who = 0..3u8;
    prop_oneof![
        3 => (id.clone(), who.clone()).prop_map(|(c, p)| Step::Place(c, p)),
        1 => id.clone().prop_map(Step::RingNow),
        2 => id.clone().prop_map(Step::Answer),
        1 => id.clone().prop_map(Step::Decline),
        1 => id.clone().prop_map(Step::Silence),
        1 => id.clone().prop_map(Step::HangUp),
        1 => id.clone().prop_map(Step::Fail),
        1 => id.clone().prop_map(Step::Dismiss),
        2 => id.clone().prop_map(Step::Placed),
        2 => id.clone().prop_map(Step::Answered),
        4 => (id.clone(), who, 0..60u64).prop_map(|(c, p, s)| Step::Incoming(c, p, s)),
        1 => (id.clone(), call_state()).prop_map(|(c, s)| Step::Elsewhere(c, s)),
        2 => (id.clone(), call_state()).prop_map(|(c, s)| Step::Over(c, s)),
        2 => id.clone().prop_map(Step::Connected),
        1 => id.clone().prop_map(Step::Reconnecting),
        1 => id.clone().prop_map(Step::Recovered),
        1 => (id, session_end()).prop_map(|(c, e)| Step::SessionEnded(c, e)),
        2 => (0..30_000u64).prop_map(Step::Pass),
    ]
}

fn take(line: &mut Line, step: &Step, now: &mut Instant) {
    let at = *now;
    match *step {
        // Refusals are part of the game.
        Step::Place(c, p) => drop(line.place(call(c), peer(p), CallKind::Video, at)),
        Step::RingNow(c) => line.ring_now(call(c), at),
        Step::Answer(c) => line.answer(call(c), CallKind::Audio, at),
        Step::Decline(c) => line.decline(call(c), at),
        Step::Silence(c) => line.silence(call(c)),
        Step::HangUp(c) => line.hang_up(call(c), at),
        Step::Fail(c) => line.fail(call(c), EndReason::Server, at),
        Step::Dismiss(c) => line.dismiss(call(c), at),
        Step::Placed(c) => line.placed(call(c), at),
        Step::Answered(c) => drop(line.answered(call(c), at)),
        Step::Incoming(c, p, seconds) => {
            let rings_for = Duration::from_secs(seconds);
            let (call_id, peer) = (call(c), peer(p));
            line.incoming(
                Incoming {
                    call_id,
                    peer,
                    kind: CallKind::Video,
                    rings_for,
                },
                at,
            );
        }
        Step::Elsewhere(c, state) => line.taken_elsewhere(call(c), state, at),
        Step::Over(c, state) => line.over(call(c), state, at),
        Step::Connected(c) => line.connected(call(c), at),
        Step::Reconnecting(c) => line.reconnecting(call(c), at + Duration::from_secs(60), at),
        Step::Recovered(c) => line.recovered(call(c), at),
        Step::SessionEnded(c, end) => line.session_ended(call(c), end, at),
        Step::Pass(milliseconds) => {
            *now += Duration::from_millis(milliseconds);
            line.handle_timeout(*now);
        }
    }
}

/// What an attentive driver would have written down.
#[derive(Default)]
struct Book {
    sessions: BTreeSet<CallId>,
    ringing: BTreeSet<CallId>,
    missed: BTreeSet<CallId>,
    rung: BTreeSet<CallId>,
    answered: BTreeSet<CallId>,
    started: BTreeMap<CallId, usize>,
}

impl Book {
    fn write(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        match effect {
            Effect::StartSession { call_id, .. } => {
                prop_assert!(self.sessions.is_empty(), "one session at a time");
                self.sessions.insert(call_id);
                *self.started.entry(call_id).or_default() += 1;
                prop_assert_eq!(self.started[&call_id], 1, "one session a call");
            }
            Effect::EndSession { call_id } => {
                prop_assert!(self.sessions.remove(&call_id), "ends what runs");
            }
            Effect::RingServer { call_id, .. } => {
                prop_assert!(self.rung.insert(call_id), "rings once");
                prop_assert!(self.sessions.contains(&call_id), "with an offer");
            }
            Effect::AnswerServer { call_id } => {
                prop_assert!(self.answered.insert(call_id), "answers once");
                prop_assert!(self.sessions.contains(&call_id), "with an answer");
            }
            Effect::CancelServer { call_id } => {
                prop_assert!(
                    self.started.contains_key(&call_id),
                    "cancels only what this side has placed"
                );
            }
            Effect::StartRing { call_id } => {
                prop_assert!(self.sessions.is_empty(), "no ring over speech");
                prop_assert!(self.ringing.is_empty(), "one ring at a time");
                self.ringing.insert(call_id);
            }
            Effect::StopRing { call_id } => {
                prop_assert!(self.ringing.remove(&call_id), "stops what sounds");
            }
            Effect::LogMissed { call_id, .. } => {
                prop_assert!(self.missed.insert(call_id), "missed once");
                prop_assert!(!self.answered.contains(&call_id), "answered is not missed");
            }
            Effect::DeclineServer { .. } | Effect::HangUpServer { .. } => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn whatever_happens(steps in prop::collection::vec(step(), 1..60)) {
        let mut now = Instant::now();
        let mut line = Line::new(Timing::default());
        let mut book = Book::default();
        for step in &steps {
            take(&mut line, step, &mut now);
            while let Some(effect) = line.poll() {
                book.write(effect)?;
            }
            let live = line.current().filter(|call| !matches!(call.state, State::Ended { .. }));
            prop_assert!(line.waiting().is_none() || live.is_some(), "waits behind something");
            let talks = live.is_some_and(|call| !matches!(call.state, State::Incoming { .. }));
            prop_assert_eq!(book.sessions.len(), usize::from(talks), "a session for a live call");
            let sounds = live.is_some_and(|call| {
                matches!(call.state, State::Incoming { silenced: false, .. })
            });
            prop_assert_eq!(book.ringing.len(), usize::from(sounds), "a sound for what rings");
            if let Some(at) = line.next_timeout() {
                prop_assert!(at > now || !matches!(step, Step::Pass(_)), "nothing stays due");
            }
        }
    }

    /// Two people call each other at about the same time, through a server that is slow now and
    /// then: exactly one call connects, and both have the same one.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn glare_ends_in_one_call(
        ids in (1..100u8, 1..100u8).prop_filter("different", |(a, b)| a != b),
        placed in prop::array::uniform2(0..4000u64),
        delays in prop::collection::vec(1..1500u64, 16),
    ) {
        let start = Instant::now();
        let mut world = Glare::new(start, delays);
        for (side, id) in [(0, ids.0), (1, ids.1)] {
            let at = start + Duration::from_millis(placed[side]);
            world.later(at, side, Message::Place(call(id)));
        }
        world.run();
        let calls: Vec<_> = world.lines.iter().map(|line| *line.current().unwrap()).collect();
        prop_assert_eq!(calls[0].call_id, calls[1].call_id, "both have the same call");
        for call in &calls {
            prop_assert!(matches!(call.state, State::Connecting { .. }), "{:?}", call.state);
        }
        if world.rung.len() == 2 {
            prop_assert_eq!(calls[0].call_id, call(ids.0.min(ids.1)), "the smaller one");
        }
        prop_assert_eq!(world.missed, 0, "and nobody missed anything");
    }
}

#[derive(Clone, Debug)]
enum Message {
    Place(CallId),
    Placed(CallId),
    Ring(CallId),
    Answered(CallId),
    Over(CallId, CallState),
}

/// Two lines and a server that keeps the book by compare-and-set, as the real one does. Messages to
/// one device keep their order.
struct Glare {
    lines: [Line; 2],
    now: Instant,
    messages: Vec<(Instant, usize, Message)>,
    last: [Instant; 2],
    delays: std::iter::Cycle<std::vec::IntoIter<u64>>,
    rung: BTreeMap<CallId, (usize, CallState)>,
    missed: usize,
}

impl Glare {
    fn new(now: Instant, delays: Vec<u64>) -> Self {
        Self {
            lines: std::array::from_fn(|_| Line::new(Timing::default())),
            now,
            messages: Vec::new(),
            last: [now; 2],
            delays: delays.into_iter().cycle(),
            rung: BTreeMap::new(),
            missed: 0,
        }
    }

    fn later(&mut self, at: Instant, side: usize, message: Message) {
        self.messages.push((at, side, message));
    }

    fn push(&mut self, side: usize, message: Message) {
        let delay = Duration::from_millis(self.delays.next().unwrap_or(1));
        let at = (self.now + delay).max(self.last[side]);
        self.last[side] = at;
        self.later(at, side, message);
    }

    fn run(&mut self) {
        for _ in 0..1000 {
            // The first of the earliest: `min_by_key` keeps the order of what is due together.
            let message = (0..self.messages.len()).min_by_key(|at| self.messages[*at].0);
            let timeout = (0..2)
                .filter_map(|side| self.lines[side].next_timeout().map(|at| (at, side)))
                .min_by_key(|(at, _)| *at);
            match (message, timeout) {
                (None, None) => return,
                (Some(index), due) if due.is_none_or(|(at, _)| self.messages[index].0 <= at) => {
                    let (at, side, message) = self.messages.remove(index);
                    self.now = self.now.max(at);
                    self.deliver(side, message);
                    self.serve(side);
                }
                (_, Some((at, side))) => {
                    self.now = self.now.max(at);
                    self.lines[side].handle_timeout(self.now);
                    self.serve(side);
                }
                (Some(_), None) => unreachable!("a message without a timeout is delivered above"),
            }
        }
        panic!("it never comes to rest");
    }

    fn deliver(&mut self, side: usize, message: Message) {
        let (line, now) = (&mut self.lines[side], self.now);
        match message {
            // Whoever is being called already does not call.
            Message::Place(id) => drop(line.place(id, peer(1 - side as u8), CallKind::Video, now)),
            Message::Placed(id) => line.placed(id, now),
            Message::Ring(call_id) => {
                let (peer, kind) = (peer(1 - side as u8), CallKind::Video);
                let rings_for = Duration::from_secs(45);
                line.incoming(
                    Incoming {
                        call_id,
                        peer,
                        kind,
                        rings_for,
                    },
                    now,
                );
                // The person answers what rings.
                line.answer(call_id, CallKind::Video, now);
            }
            Message::Answered(id) => drop(line.answered(id, now)),
            Message::Over(id, state) => line.over(id, state, now),
        }
    }

    fn serve(&mut self, side: usize) {
        while let Some(effect) = self.lines[side].poll() {
            match effect {
                Effect::RingServer { call_id, .. } => {
                    self.rung.insert(call_id, (side, CallState::Ringing));
                    self.push(side, Message::Placed(call_id));
                    self.push(1 - side, Message::Ring(call_id));
                }
                Effect::AnswerServer { call_id } => {
                    if self.change(call_id, CallState::Ringing, CallState::Answered) {
                        self.push(1 - side, Message::Answered(call_id));
                    } else {
                        let state = self.rung[&call_id].1;
                        self.push(side, Message::Over(call_id, state));
                    }
                }
                Effect::CancelServer { call_id } => {
                    if self.change(call_id, CallState::Ringing, CallState::Cancelled) {
                        self.push(0, Message::Over(call_id, CallState::Cancelled));
                        self.push(1, Message::Over(call_id, CallState::Cancelled));
                    }
                }
                Effect::HangUpServer { call_id } => {
                    if self.change(call_id, CallState::Answered, CallState::Ended) {
                        self.push(1 - side, Message::Over(call_id, CallState::Ended));
                    }
                }
                Effect::LogMissed { .. } => self.missed += 1,
                Effect::DeclineServer { .. }
                | Effect::StartSession { .. }
                | Effect::EndSession { .. }
                | Effect::StartRing { .. }
                | Effect::StopRing { .. } => {}
            }
        }
    }

    fn change(&mut self, call_id: CallId, from: CallState, to: CallState) -> bool {
        match self.rung.get_mut(&call_id) {
            Some((_, state)) if *state == from => {
                *state = to;
                true
            }
            _ => false,
        }
    }
}
