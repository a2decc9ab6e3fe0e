use std::time::Duration;

use jasmin_call::{Event, Output, Path, Role, Session, SessionEnd, Signal};

use crate::world::{CALLEE, CALLER, MS, World, config, link::Conditions, some_instant};

#[test]
fn two_sessions_find_each_other_and_hear_and_see() {
    let mut world = World::new(Conditions::default(), 1);
    let took = world.connect();
    assert!(took < 500 * MS, "connected after {took:?}");
    world.run_for(Duration::from_secs(5));
    for side in &world.sides {
        assert!(
            side.video.len() > 140,
            "{} pictures in 5 s",
            side.video.len()
        );
        assert!(
            side.audio.len() > 240,
            "{} packets of sound in 5 s",
            side.audio.len()
        );
        assert!(side.video.iter().all(|seen| seen.contiguous));
        assert!(side.video[0].keyframe, "the first picture is a keyframe");
        assert_eq!(
            side.count(|event| matches!(event, Event::PathChanged(Path::Host))),
            1
        );
        assert_eq!(side.end(), None);
        assert!(side.quality.len() >= 4, "about once a second");
    }
    assert_eq!(world.refused, Vec::<String>::new());
}

#[test]
fn hanging_up_is_told_end_to_end() {
    let mut world = World::new(Conditions::default(), 2);
    world.connect();
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.sides[CALLEE].session.hang_up(now);
    world.drain(CALLEE);
    world.run_for(100 * MS);
    assert_eq!(world.sides[CALLEE].end(), Some(SessionEnd::HungUp));
    assert_eq!(world.sides[CALLER].end(), Some(SessionEnd::RemoteHungUp));
    assert_eq!(
        world.sides[CALLER].count(|event| matches!(event, Event::RemoteHungUp)),
        1
    );
}

#[test]
fn over_ipv6() {
    let addresses = ["[2001:db8::1]:40000", "[2001:db8::2]:40000"].map(|a| a.parse().unwrap());
    let mut world = World::at(addresses, Conditions::default(), 3);
    world.connect();
}

#[test]
fn addresses_that_come_later_are_trickled() {
    let start = some_instant();
    let addresses = ["192.0.2.1:40000", "192.0.2.2:40000"].map(|a| a.parse().unwrap());
    let mut caller = Session::caller(config(4, Role::Caller), start).unwrap();
    caller.make_offer(start);
    let Output::Signal(Signal::Offer(offer)) = caller.poll(start) else {
        panic!("the first output is the offer");
    };
    let mut callee = Session::callee(config(4, Role::Callee), offer, start).unwrap();
    callee.accept(start).unwrap();
    let mut world = World::with([caller, callee], addresses, Conditions::default(), 4, start);
    // Before the answer nobody knows which device to tell; afterwards it goes out at once.
    world.sides[CALLER]
        .session
        .add_local_candidate(addresses[0], start)
        .unwrap();
    world.drain(CALLER);
    assert!(world.sides[CALLER].signals.is_empty());
    world.drain(CALLEE);
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.sides[CALLEE]
        .session
        .add_local_candidate(addresses[1], now)
        .unwrap();
    world.drain(CALLEE);
    let kinds: Vec<_> = world.sides[CALLER]
        .signals
        .iter()
        .map(Signal::kind)
        .collect();
    assert_eq!(kinds, ["reveal", "candidates"]);
    world.connect();
}

#[test]
fn hanging_up_before_anything_is_quiet() {
    let start = some_instant();
    let mut caller = Session::caller(config(5, Role::Caller), start).unwrap();
    caller.hang_up(start);
    caller.hang_up(start);
    assert!(matches!(
        caller.poll(start),
        Output::Event(Event::Ended(SessionEnd::HungUp))
    ));
    assert!(matches!(caller.poll(start), Output::Timeout(None)));
}

#[test]
fn a_clock_that_leaps_does_no_harm() {
    let mut world = World::new(Conditions::default(), 6);
    world.connect();
    world.run_for(Duration::from_secs(1));
    // Back.
    let before = world.start;
    world.sides[CALLER].session.handle_timeout(before);
    world.drain(CALLER);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.sides[CALLER].end(), None);
    // And an hour ahead: the machine slept.
    world.now += Duration::from_secs(3600);
    let now = world.now;
    for side in [CALLER, CALLEE] {
        world.sides[side].session.handle_timeout(now);
        world.drain(side);
        assert_eq!(world.sides[side].end(), Some(SessionEnd::Network));
    }
}
