use std::time::Duration;

use jasmin_call::{
    Event, Offer, OfferError, Output, Role, Session, SessionEnd, Signal, SignalError,
};

use crate::world::{CALLEE, CALLER, MS, World, config, link::Conditions, some_instant};

const SECOND: Duration = Duration::from_secs(1);

/// Changes one digit of every fingerprint.
fn forge(sdp: &str) -> String {
    sdp.lines()
        .map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(hex) => {
                let first = if hex.starts_with('0') { '1' } else { '0' };
                format!("a=fingerprint:sha-256 {first}{}\r\n", &hex[1..])
            }
            None => format!("{line}\r\n"),
        })
        .collect()
}

fn sessions(seed: u64, change: impl Fn(Offer) -> Offer) -> World {
    let start = some_instant();
    let addresses = ["192.0.2.1:40000", "192.0.2.2:40000"].map(|a| a.parse().unwrap());
    let mut caller = Session::caller(config(seed, Role::Caller), start).unwrap();
    caller.add_local_candidate(addresses[0], start).unwrap();
    caller.make_offer(start);
    let Output::Signal(Signal::Offer(offer)) = caller.poll(start) else {
        panic!("the first output is the offer");
    };
    let offer = change(offer);
    let mut callee = Session::callee(config(seed, Role::Callee), offer, start).unwrap();
    callee.add_local_candidate(addresses[1], start).unwrap();
    callee.accept(start).unwrap();
    World::with(
        [caller, callee],
        addresses,
        Conditions::default(),
        seed,
        start,
    )
}

fn start(world: &mut World) {
    world.drain(CALLER);
    world.drain(CALLEE);
}

#[test]
fn both_sides_see_the_same_words() {
    let mut world = World::new(Conditions::default(), 1);
    world.connect();
    world.run_for(200 * MS);
    let words = world.sides[CALLER].words().expect("the caller has words");
    assert_eq!(world.sides[CALLEE].words(), Some(words));
    let mut other = World::new(Conditions::default(), 2);
    other.connect();
    other.run_for(200 * MS);
    assert_ne!(
        other.sides[CALLER].words(),
        Some(words),
        "another call, other words"
    );
}

#[test]
fn a_swapped_fingerprint_in_the_offer_ends_the_call() {
    let mut world = sessions(3, |offer| Offer {
        sdp: forge(&offer.sdp),
        ..offer
    });
    start(&mut world);
    world.run_for(5 * SECOND);
    let callee = &world.sides[CALLEE];
    assert_eq!(callee.end(), Some(SessionEnd::Security));
    assert_eq!(callee.connected_at(), None, "not for a moment");
    assert!(callee.rtp_out.is_empty() && callee.audio.is_empty() && callee.video.is_empty());
}

#[test]
fn a_swapped_fingerprint_in_the_answer_ends_the_call() {
    let mut world = sessions(4, |offer| offer);
    world.tamper = Some(|signal| match signal {
        // The reveal is kept back: the certificate alone must be enough.
        Signal::Answer { sdp, nonce } => Signal::Answer {
            sdp: forge(&sdp),
            nonce,
        },
        Signal::Reveal { .. } => Signal::Candidates(Vec::new()),
        other => other,
    });
    start(&mut world);
    world.run_for(5 * SECOND);
    let caller = &world.sides[CALLER];
    assert_eq!(caller.end(), Some(SessionEnd::Security));
    assert_eq!(caller.connected_at(), None);
    assert!(caller.rtp_out.is_empty());
}

#[test]
fn a_wrong_reveal_ends_the_call() {
    let mut world = sessions(5, |offer| offer);
    world.tamper = Some(|signal| match signal {
        Signal::Reveal { mut nonce } => {
            nonce[7] ^= 1;
            Signal::Reveal { nonce }
        }
        other => other,
    });
    start(&mut world);
    world.run_for(5 * SECOND);
    assert_eq!(world.sides[CALLEE].end(), Some(SessionEnd::Security));
    assert_eq!(world.refused, [SignalError::BrokenCommitment.to_string()]);
    assert_eq!(world.sides[CALLEE].words(), None);
}

#[test]
fn a_changed_commitment_ends_the_call() {
    let mut world = sessions(6, |offer| Offer {
        commitment: [0; 32],
        ..offer
    });
    start(&mut world);
    world.run_for(5 * SECOND);
    assert_eq!(world.sides[CALLEE].end(), Some(SessionEnd::Security));
}

#[test]
fn a_man_in_the_middle_makes_the_words_differ() {
    // The server has given out its own keys: it plays the callee to one and the caller to the other.
    let mut to_caller = World::new(Conditions::default(), 7);
    let mut to_callee = World::new(Conditions::default(), 8);
    for world in [&mut to_caller, &mut to_callee] {
        world.connect();
        world.run_for(200 * MS);
    }
    let (caller, callee) = (
        to_caller.sides[CALLER].words(),
        to_callee.sides[CALLEE].words(),
    );
    assert!(caller.is_some() && callee.is_some());
    assert_ne!(caller, callee);
}

#[test]
fn messages_out_of_turn_are_refused_and_change_nothing() {
    let mut world = World::new(Conditions::default(), 9);
    world.connect();
    world.run_for(SECOND);
    let now = world.now;
    let sdp = String::from("v=0\r\n");
    for side in [CALLER, CALLEE] {
        for signal in [
            Signal::Offer(Offer {
                sdp: sdp.clone(),
                commitment: [0; 32],
            }),
            Signal::Answer {
                sdp: sdp.clone(),
                nonce: [0; 32],
            },
            Signal::Reveal { nonce: [0; 32] },
            Signal::RestartAnswer { sdp: sdp.clone() },
            Signal::RestartOffer { sdp: sdp.clone() },
            Signal::Candidates(vec!["x".repeat(2000)]),
            Signal::Candidates(vec![String::new(); 65]),
        ] {
            let refused = world.sides[side].session.handle_signal(signal.clone(), now);
            assert!(refused.is_err(), "{signal:?}");
            world.drain(side);
        }
        world.sides[side].session.accept(now).unwrap();
        world.sides[side].session.make_offer(now);
        world.drain(side);
    }
    let before = world.sides[CALLER].video.len();
    world.run_for(SECOND);
    assert!(
        world.sides[CALLER].video.len() - before > 25,
        "the call goes on"
    );
    assert!(world.sides.iter().all(|side| side.end().is_none()));
}

#[test]
fn a_restart_cannot_bring_another_certificate() {
    let mut world = World::new(Conditions::default(), 10);
    world.connect();
    world.tamper = Some(|signal| match signal {
        Signal::RestartOffer { sdp } => Signal::RestartOffer { sdp: forge(&sdp) },
        other => other,
    });
    let now = world.now;
    world.sides[CALLER].session.restart_ice(now);
    world.drain(CALLER);
    world.run_for(SECOND);
    assert_eq!(
        world.refused,
        ["the restart offer is not valid SDP: it names another certificate"]
    );
    assert!(world.sides.iter().all(|side| side.end().is_none()));
}

#[test]
fn the_callee_is_silent_until_it_accepts() {
    let start = some_instant();
    let mut caller = Session::caller(config(11, Role::Caller), start).unwrap();
    caller
        .add_local_candidate("192.0.2.1:40000".parse().unwrap(), start)
        .unwrap();
    caller.make_offer(start);
    let Output::Signal(Signal::Offer(offer)) = caller.poll(start) else {
        panic!("the first output is the offer");
    };
    let mut callee = Session::callee(config(11, Role::Callee), offer, start).unwrap();
    callee
        .add_local_candidate("192.0.2.2:40000".parse().unwrap(), start)
        .unwrap();
    for second in 0..40 {
        let now = start + second * SECOND;
        callee.handle_timeout(now);
        assert!(
            matches!(callee.poll(now), Output::Timeout(None)),
            "an address is not given away"
        );
    }
}

#[test]
fn offers_that_cannot_be_answered_are_refused() {
    let start = some_instant();
    let mut caller = Session::caller(config(12, Role::Caller), start).unwrap();
    caller.make_offer(start);
    let Output::Signal(Signal::Offer(offer)) = caller.poll(start) else {
        panic!("the first output is the offer");
    };
    let refused = |sdp: String| {
        let offer = Offer {
            sdp,
            ..offer.clone()
        };
        Session::callee(config(12, Role::Callee), offer, start).err()
    };
    assert!(matches!(refused(String::new()), Some(OfferError::Sdp(_))));
    assert!(matches!(refused("hello".into()), Some(OfferError::Sdp(_))));
    assert!(matches!(
        refused("v=0\r\n".repeat(20_000)),
        Some(OfferError::TooLarge(100_000))
    ));
    let no_fingerprint: String = offer
        .sdp
        .lines()
        .filter(|line| !line.starts_with("a=fingerprint"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    assert_eq!(refused(no_fingerprint), Some(OfferError::NoFingerprint));
    assert_eq!(
        refused(offer.sdp.replace("opus/48000", "speex/16000")),
        Some(OfferError::NoAudio)
    );
    assert_eq!(refused(offer.sdp.clone()), None);
}

#[test]
fn what_is_on_is_told_end_to_end() {
    let mut world = World::new(Conditions::default(), 13);
    world.connect();
    world.run_for(500 * MS);
    let told = |world: &World| {
        world.sides[CALLEE]
            .events
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::RemoteMedia { microphone, camera } => Some((*microphone, *camera)),
                _ => None,
            })
    };
    assert_eq!(told(&world), Some((true, true)));
    let now = world.now;
    world.sides[CALLER]
        .session
        .set_local_media(true, false, now);
    world.drain(CALLER);
    let pictures = |world: &World| world.sides[CALLEE].video.len();
    assert!(
        world.run_until(200 * MS, |world| told(world) == Some((true, false))),
        "within 200 ms"
    );
    world.run_for(100 * MS);
    let before = pictures(&world);
    world.run_for(SECOND);
    assert_eq!(pictures(&world), before, "off is off");
    let now = world.now;
    world.sides[CALLER].session.set_local_media(true, true, now);
    world.drain(CALLER);
    world.run_for(SECOND);
    assert_eq!(told(&world), Some((true, true)));
    assert!(
        world.sides[CALLEE].video[before].keyframe,
        "back with a fresh picture"
    );
}
