use std::time::{Duration, Instant};

use jasmin_protocol::{CallId, CallKind, CallState, UserId};

use super::{Direction, Effect, EndReason, Incoming, Line, PlaceError, State, Timing};
use crate::{Role, SessionEnd};

const SECOND: Duration = Duration::from_secs(1);

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

struct Desk {
    line: Line,
    now: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to begin with"
)]
fn desk() -> Desk {
    Desk {
        line: Line::new(Timing::default()),
        now: Instant::now(),
    }
}

impl Desk {
    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.line.poll()).collect()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.line.handle_timeout(self.now);
    }

    fn incoming(&mut self, number: u8, from: u8) {
        let incoming = Incoming {
            call_id: call(number),
            peer: peer(from),
            kind: CallKind::Video,
            rings_for: 40 * SECOND,
        };
        self.line.incoming(incoming, self.now);
    }

    /// An outgoing call that rings at the other side.
    fn ringing(&mut self, number: u8, to: u8) {
        self.line
            .place(call(number), peer(to), CallKind::Video, self.now)
            .unwrap();
        self.pass(3 * SECOND);
        self.line.placed(call(number), self.now);
        self.effects();
    }

    /// A running call that came in.
    fn talking(&mut self, number: u8, with: u8) {
        self.incoming(number, with);
        self.line.answer(call(number), CallKind::Video, self.now);
        self.line.connected(call(number), self.now);
        self.effects();
    }

    fn reason(&self) -> Option<EndReason> {
        let State::Ended { reason, .. } = self.line.current()?.state else {
            return None;
        };
        Some(reason)
    }
}

#[test]
fn an_outgoing_call_from_undo_to_the_end() {
    let mut desk = desk();
    let (call_id, kind, start) = (call(1), CallKind::Video, desk.now);
    desk.line.place(call_id, peer(2), kind, start).unwrap();
    let session = Effect::StartSession {
        call_id,
        peer: peer(2),
        kind,
        role: Role::Caller,
    };
    assert_eq!(
        desk.effects(),
        [session],
        "devices and offer are made ready while it can be undone"
    );
    assert_eq!(desk.line.next_timeout(), Some(start + 3 * SECOND));
    desk.pass(3 * SECOND);
    assert_eq!(
        desk.effects(),
        [Effect::RingServer {
            call_id,
            peer: peer(2),
            kind
        }]
    );
    desk.line.placed(call_id, desk.now);
    assert!(matches!(
        desk.line.current().unwrap().state,
        State::Ringing { .. }
    ));
    assert!(desk.line.answered(call_id, desk.now));
    desk.line.connected(call_id, desk.now);
    let since = desk.now;
    assert_eq!(desk.line.current().unwrap().state, State::Active { since });
    desk.pass(90 * SECOND);
    desk.line
        .reconnecting(call_id, desk.now + 58 * SECOND, desk.now);
    assert!(matches!(
        desk.line.current().unwrap().state,
        State::Reconnecting { .. }
    ));
    desk.line.recovered(call_id, desk.now);
    assert_eq!(
        desk.line.current().unwrap().state,
        State::Active { since },
        "counted as one talk"
    );
    desk.line.hang_up(call_id, desk.now);
    assert_eq!(
        desk.effects(),
        [
            Effect::HangUpServer { call_id },
            Effect::EndSession { call_id }
        ]
    );
    let ended = State::Ended {
        reason: EndReason::HungUp,
        talked: 90 * SECOND,
    };
    assert_eq!(desk.line.current().unwrap().state, ended);
    desk.line.dismiss(call_id, desk.now);
    assert_eq!(desk.line.current(), None);
}

#[test]
fn undoing_tells_nobody() {
    let mut desk = desk();
    let call_id = call(1);
    desk.line
        .place(call_id, peer(2), CallKind::Audio, desk.now)
        .unwrap();
    desk.effects();
    desk.line.hang_up(call_id, desk.now);
    assert_eq!(desk.effects(), [Effect::EndSession { call_id }]);
    assert_eq!(desk.reason(), Some(EndReason::Cancelled));
    desk.pass(10 * SECOND);
    assert_eq!(desk.effects(), [], "and does not ring later");
}

#[test]
fn how_an_outgoing_call_can_end_before_an_answer() {
    for (state, reason) in [
        (CallState::Declined, EndReason::Declined),
        (CallState::Busy, EndReason::Busy),
        (CallState::Missed, EndReason::NoAnswer),
        (CallState::Cancelled, EndReason::Cancelled),
    ] {
        let mut desk = desk();
        desk.ringing(1, 2);
        desk.line.over(call(1), state, desk.now);
        assert_eq!(
            desk.effects(),
            [Effect::EndSession { call_id: call(1) }],
            "{state:?}"
        );
        assert_eq!(desk.reason(), Some(reason));
    }
}

#[test]
fn nobody_answers_for_45_s() {
    let mut desk = desk();
    desk.ringing(1, 2);
    desk.pass(44 * SECOND);
    assert_eq!(desk.effects(), []);
    desk.pass(SECOND);
    let call_id = call(1);
    assert_eq!(
        desk.effects(),
        [
            Effect::CancelServer { call_id },
            Effect::EndSession { call_id }
        ]
    );
    assert_eq!(desk.reason(), Some(EndReason::NoAnswer));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let mut desk = desk();
    desk.line
        .place(call(1), peer(2), CallKind::Audio, desk.now)
        .unwrap();
    desk.pass(3 * SECOND);
    desk.pass(45 * SECOND);
    assert_eq!(desk.reason(), Some(EndReason::Server));
}

#[test]
fn cancelling_and_answering_cross() {
    let mut desk = desk();
    desk.ringing(1, 2);
    desk.line.hang_up(call(1), desk.now);
    desk.effects();
    assert!(
        !desk.line.answered(call(1), desk.now),
        "nobody is here for the answer"
    );
    assert_eq!(desk.effects(), [Effect::HangUpServer { call_id: call(1) }]);
}

#[test]
fn cancelling_overtakes_the_ringing() {
    let mut desk = desk();
    desk.line
        .place(call(1), peer(2), CallKind::Audio, desk.now)
        .unwrap();
    desk.line.ring_now(call(1), desk.now);
    desk.line.hang_up(call(1), desk.now);
    desk.line.dismiss(call(1), desk.now);
    desk.effects();
    desk.line.placed(call(1), desk.now);
    assert_eq!(desk.effects(), [Effect::CancelServer { call_id: call(1) }]);
}

#[test]
fn an_incoming_call_rings_once_and_is_answered() {
    let mut desk = desk();
    let call_id = call(1);
    desk.incoming(1, 2);
    desk.incoming(1, 2);
    assert_eq!(
        desk.effects(),
        [Effect::StartRing { call_id }],
        "delivered twice, rings once"
    );
    desk.line.answer(call_id, CallKind::Audio, desk.now);
    let (peer, kind) = (peer(2), CallKind::Audio);
    assert_eq!(
        desk.effects(),
        [
            Effect::StopRing { call_id },
            Effect::StartSession {
                call_id,
                peer,
                kind,
                role: Role::Callee
            },
            Effect::AnswerServer { call_id },
        ]
    );
    assert_eq!(
        desk.line.current().unwrap().kind,
        CallKind::Audio,
        "as answered"
    );
}

#[test]
fn how_an_incoming_call_can_end_without_an_answer() {
    for (state, reason, missed) in [
        (CallState::Cancelled, EndReason::Cancelled, true),
        (CallState::Missed, EndReason::NoAnswer, true),
        (CallState::Declined, EndReason::DeclinedElsewhere, false),
        (CallState::Busy, EndReason::DeclinedElsewhere, false),
        (CallState::Ended, EndReason::AnsweredElsewhere, false),
    ] {
        let mut desk = desk();
        desk.incoming(1, 2);
        desk.effects();
        desk.line.over(call(1), state, desk.now);
        desk.line.over(call(1), state, desk.now);
        let effects = desk.effects();
        assert!(
            effects.contains(&Effect::StopRing { call_id: call(1) }),
            "{state:?}"
        );
        let logged = effects
            .iter()
            .filter(|e| matches!(e, Effect::LogMissed { .. }))
            .count();
        assert_eq!(logged, usize::from(missed), "{state:?}");
        assert_eq!(desk.reason(), Some(reason));
    }
}

#[test]
fn another_device_was_faster() {
    for (state, reason) in [
        (CallState::Answered, EndReason::AnsweredElsewhere),
        (CallState::Declined, EndReason::DeclinedElsewhere),
    ] {
        let mut desk = desk();
        desk.incoming(1, 2);
        desk.line.taken_elsewhere(call(1), state, desk.now);
        assert_eq!(desk.reason(), Some(reason));
        assert!(
            !desk
                .effects()
                .iter()
                .any(|e| matches!(e, Effect::LogMissed { .. }))
        );
    }
    // The answer was on its way, and too late.
    let mut desk = desk();
    desk.incoming(1, 2);
    desk.line.answer(call(1), CallKind::Video, desk.now);
    desk.effects();
    desk.line
        .taken_elsewhere(call(1), CallState::Answered, desk.now);
    assert_eq!(desk.reason(), Some(EndReason::AnsweredElsewhere));
    assert_eq!(desk.effects(), [Effect::EndSession { call_id: call(1) }]);
}

#[test]
fn an_expired_offer_never_rings() {
    let mut desk = desk();
    let (call_id, peer, kind) = (call(1), peer(2), CallKind::Video);
    let late = Incoming {
        call_id,
        peer,
        kind,
        rings_for: Duration::ZERO,
    };
    desk.line.incoming(late, desk.now);
    desk.line.incoming(late, desk.now);
    assert_eq!(
        desk.effects(),
        [Effect::LogMissed {
            call_id,
            peer,
            kind
        }],
        "missed, once"
    );
    assert_eq!(desk.line.current(), None);
}

#[test]
fn ringing_stops_at_the_deadline_without_the_servers_word() {
    let mut desk = desk();
    desk.incoming(1, 2);
    desk.effects();
    assert_eq!(desk.line.next_timeout(), Some(desk.now + 40 * SECOND));
    desk.pass(40 * SECOND);
    let (call_id, peer, kind) = (call(1), peer(2), CallKind::Video);
    let missed = Effect::LogMissed {
        call_id,
        peer,
        kind,
    };
    assert_eq!(desk.effects(), [missed, Effect::StopRing { call_id }]);
    desk.line.over(call_id, CallState::Missed, desk.now);
    assert_eq!(desk.effects(), [], "the server's word adds nothing");
}

#[test]
fn declining_and_silencing() {
    let mut desk = desk();
    let call_id = call(1);
    desk.incoming(1, 2);
    desk.effects();
    desk.line.silence(call_id);
    desk.line.silence(call_id);
    assert_eq!(desk.effects(), [Effect::StopRing { call_id }]);
    assert!(matches!(
        desk.line.current().unwrap().state,
        State::Incoming { silenced: true, .. }
    ));
    desk.line.decline(call_id, desk.now);
    assert_eq!(
        desk.effects(),
        [Effect::DeclineServer {
            call_id,
            busy: false
        }]
    );
    assert_eq!(desk.reason(), Some(EndReason::Declined));
}

#[test]
fn a_second_call_waits_without_a_sound() {
    let mut desk = desk();
    desk.talking(1, 2);
    desk.incoming(3, 4);
    assert_eq!(desk.effects(), [], "a banner, and no ring over speech");
    assert_eq!(desk.line.waiting().unwrap().call_id, call(3));
    assert_eq!(
        desk.line.place(call(9), peer(2), CallKind::Audio, desk.now),
        Err(PlaceError::Busy)
    );
    // A third one is one too many.
    desk.incoming(5, 6);
    let (call_id, peer, kind) = (call(5), peer(6), CallKind::Video);
    assert_eq!(
        desk.effects(),
        [
            Effect::DeclineServer {
                call_id,
                busy: true
            },
            Effect::LogMissed {
                call_id,
                peer,
                kind
            }
        ]
    );
}

#[test]
fn answering_the_waiting_call_hangs_up_the_first() {
    let mut desk = desk();
    desk.talking(1, 2);
    desk.incoming(3, 4);
    desk.line.answer(call(3), CallKind::Audio, desk.now);
    let (peer, kind) = (peer(4), CallKind::Audio);
    assert_eq!(
        desk.effects(),
        [
            Effect::HangUpServer { call_id: call(1) },
            Effect::EndSession { call_id: call(1) },
            Effect::StartSession {
                call_id: call(3),
                peer,
                kind,
                role: Role::Callee
            },
            Effect::AnswerServer { call_id: call(3) },
        ]
    );
    assert_eq!(desk.line.current().unwrap().call_id, call(3));
    assert_eq!(desk.line.waiting(), None);
}

#[test]
fn the_waiting_call_rings_when_the_first_is_over() {
    let mut desk = desk();
    desk.talking(1, 2);
    desk.incoming(3, 4);
    desk.line
        .session_ended(call(1), SessionEnd::RemoteHungUp, desk.now);
    assert_eq!(
        desk.effects(),
        [
            Effect::HangUpServer { call_id: call(1) },
            Effect::EndSession { call_id: call(1) },
            Effect::StartRing { call_id: call(3) },
        ]
    );
    assert_eq!(desk.line.current().unwrap().call_id, call(3));
}

#[test]
fn a_waiting_call_can_be_declined_cancelled_or_missed() {
    let mut desk = desk();
    desk.talking(1, 2);
    desk.incoming(3, 4);
    desk.line.decline(call(3), desk.now);
    assert_eq!(
        desk.effects(),
        [Effect::DeclineServer {
            call_id: call(3),
            busy: false
        }]
    );
    desk.incoming(5, 4);
    desk.line.over(call(5), CallState::Cancelled, desk.now);
    desk.incoming(7, 4);
    desk.pass(40 * SECOND);
    let missed: Vec<_> = desk
        .effects()
        .into_iter()
        .map(|effect| {
            let Effect::LogMissed { call_id, .. } = effect else {
                panic!("{effect:?}")
            };
            call_id
        })
        .collect();
    assert_eq!(missed, [call(5), call(7)]);
    assert_eq!(desk.line.waiting(), None);
    assert!(matches!(
        desk.line.current().unwrap().state,
        State::Active { .. }
    ));
}

#[test]
fn glare_the_smaller_call_id_wins() {
    // Theirs is smaller: ours is given up, theirs connects without ringing.
    let mut desk = desk();
    desk.ringing(5, 2);
    desk.incoming(3, 2);
    let (peer, kind) = (peer(2), CallKind::Video);
    assert_eq!(
        desk.effects(),
        [
            Effect::CancelServer { call_id: call(5) },
            Effect::EndSession { call_id: call(5) },
            Effect::StartSession {
                call_id: call(3),
                peer,
                kind,
                role: Role::Callee
            },
            Effect::AnswerServer { call_id: call(3) },
        ]
    );
    assert_eq!(desk.line.current().unwrap().direction, Direction::Incoming);
    desk.line.over(call(5), CallState::Cancelled, desk.now);
    assert_eq!(desk.effects(), []);

    // Ours is smaller: theirs stays in the dark, and is no missed call when they give it up.
    let mut desk = self::desk();
    desk.ringing(3, 2);
    desk.incoming(5, 2);
    assert_eq!(desk.effects(), []);
    desk.line.over(call(5), CallState::Cancelled, desk.now);
    assert!(desk.line.answered(call(3), desk.now));
    assert_eq!(desk.effects(), []);
}

#[test]
fn glare_before_anybody_knows_of_ours() {
    let mut desk = desk();
    desk.line
        .place(call(3), peer(2), CallKind::Audio, desk.now)
        .unwrap();
    desk.effects();
    desk.incoming(5, 2);
    let (peer, kind) = (peer(2), CallKind::Audio);
    assert_eq!(
        desk.effects(),
        [
            Effect::EndSession { call_id: call(3) },
            Effect::StartSession {
                call_id: call(5),
                peer,
                kind,
                role: Role::Callee
            },
            Effect::AnswerServer { call_id: call(5) },
        ],
        "sound only, as this side wanted it"
    );
}

#[test]
fn glare_whose_winner_fails_rings_after_all() {
    let mut desk = desk();
    desk.ringing(3, 2);
    desk.incoming(5, 2);
    desk.line.fail(call(3), EndReason::Server, desk.now);
    assert!(
        desk.effects()
            .contains(&Effect::StartRing { call_id: call(5) })
    );
    assert_eq!(desk.line.current().unwrap().call_id, call(5));
}

#[test]
fn no_glare_between_different_people() {
    let mut desk = desk();
    desk.ringing(5, 2);
    desk.incoming(3, 4);
    assert_eq!(desk.effects(), []);
    assert_eq!(desk.line.waiting().unwrap().call_id, call(3));
}

#[test]
fn what_a_session_can_end_with() {
    for (end, reason) in [
        (SessionEnd::RemoteHungUp, EndReason::HungUp),
        (SessionEnd::Network, EndReason::Network),
        (SessionEnd::Security, EndReason::Security),
        (SessionEnd::Protocol, EndReason::Version),
    ] {
        let mut desk = desk();
        desk.talking(1, 2);
        desk.line.session_ended(call(1), end, desk.now);
        let call_id = call(1);
        assert_eq!(
            desk.effects(),
            [
                Effect::HangUpServer { call_id },
                Effect::EndSession { call_id }
            ]
        );
        assert_eq!(desk.reason(), Some(reason));
    }
}

#[test]
fn a_call_id_is_used_once() {
    let mut desk = desk();
    desk.ringing(1, 2);
    desk.line.hang_up(call(1), desk.now);
    desk.line.dismiss(call(1), desk.now);
    let again = desk.line.place(call(1), peer(2), CallKind::Audio, desk.now);
    assert_eq!(again, Err(PlaceError::Reused));
}
