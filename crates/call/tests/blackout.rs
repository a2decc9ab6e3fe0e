use std::time::{Duration, Instant};

use jasmin_call::{Event, SessionEnd, Signal};

use crate::world::{CALLEE, CALLER, MS, World, link::Conditions};

const SECOND: Duration = Duration::from_secs(1);

fn running(seed: u64) -> World {
    let mut world = World::new(Conditions::default(), seed);
    world.set(|conditions| conditions.rate = Some((3_000_000, 100_000)));
    world.connect();
    world.run_for(8 * SECOND);
    world
}

fn black_out(world: &mut World, time: Duration) -> (Instant, Instant) {
    let from = world.now;
    world.set(|conditions| conditions.dead = true);
    world.run_for(time);
    world.set(|conditions| conditions.dead = false);
    (from, world.now)
}

/// How many pictures that can be shown arrived in a stretch of time.
fn shown(world: &World, side: usize, from: Instant, to: Instant) -> usize {
    world.sides[side]
        .video
        .iter()
        .filter(|seen| seen.contiguous && seen.at >= from && seen.at < to)
        .count()
}

fn reconnecting(event: &Event) -> bool {
    matches!(event, Event::Reconnecting { .. })
}

fn recovered(event: &Event) -> bool {
    matches!(event, Event::Recovered)
}

#[test]
fn gotcha_9_pictures_come_back_at_once_after_2_5_s() {
    for seed in 1..=4 {
        let mut world = running(seed);
        let before = world.sides[CALLER].session.video_target().bitrate_bps;
        let (from, back) = black_out(&mut world, 2500 * MS);
        world.run_for(5 * SECOND);
        for side in [CALLER, CALLEE] {
            let noticed = world.sides[side]
                .first(reconnecting)
                .expect("silence is noticed");
            let after = noticed.duration_since(from);
            assert!(
                after > 1400 * MS && after < 1700 * MS,
                "seed {seed}: after {after:?}"
            );
            let heard = world.sides[side]
                .first(recovered)
                .expect("it is heard again");
            assert!(
                heard.duration_since(back) < 700 * MS,
                "seed {seed}: {heard:?}"
            );
            // Without the restart: 6 to 20 pictures a second for more than ten seconds.
            let first = shown(&world, side, back, back + 2 * SECOND);
            assert!(
                first > 35,
                "seed {seed}: {first} pictures in the first two seconds"
            );
            let then = shown(&world, side, back + 2 * SECOND, back + 5 * SECOND);
            assert!(
                then > 80,
                "seed {seed}: {then} pictures in the three seconds after"
            );
            assert_eq!(world.sides[side].end(), None);
        }
        let after = world.sides[CALLER].session.video_target().bitrate_bps;
        assert!(
            after > before / 2,
            "seed {seed}: {after} five seconds later, {before} before"
        );
    }
}

#[test]
fn a_gap_that_nobody_is_told_of_costs_no_pictures_either() {
    for seed in 1..=4 {
        let mut world = running(seed);
        let (_, back) = black_out(&mut world, 1200 * MS);
        world.run_for(3 * SECOND);
        for side in [CALLER, CALLEE] {
            assert_eq!(world.sides[side].count(reconnecting), 0, "seed {seed}");
            let shown = shown(&world, side, back, back + 2 * SECOND);
            assert!(
                shown > 45,
                "seed {seed}: {shown} pictures in the first two seconds"
            );
        }
    }
}

#[test]
fn gotcha_8_nothing_is_sent_into_the_void() {
    let mut world = running(1);
    let (from, back) = black_out(&mut world, 20 * SECOND);
    world.run_for(5 * SECOND);
    for side in &world.sides {
        let wasted = side
            .rtp_out
            .iter()
            .filter(|(at, _)| *at > from + 2 * SECOND && *at < back)
            .count();
        assert_eq!(wasted, 0, "no media after two seconds of silence");
        assert_eq!(side.count(reconnecting), 1);
        assert_eq!(side.count(recovered), 1);
        assert_eq!(side.end(), None);
    }
    let shown = shown(&world, CALLEE, back, back + 3 * SECOND);
    assert!(shown > 60, "{shown} pictures in the first three seconds");
}

#[test]
fn gotcha_8_a_lost_way_is_looked_for_by_signalling() {
    let mut world = running(2);
    let offers = |world: &World, side: usize| {
        let restart = |signal: &&Signal| matches!(signal, Signal::RestartOffer { .. });
        world.sides[side].signals.iter().filter(restart).count()
    };
    black_out(&mut world, 5 * SECOND);
    assert_eq!(offers(&world, CALLER), 0);
    world.run_for(2 * SECOND);

    // The caller's machine gets another address: the old one is dead.
    let new = "192.0.2.77:41000".parse().unwrap();
    let from = world.now;
    world.set(|conditions| conditions.dead = true);
    world.run_for(3 * SECOND);
    let (old, now) = (world.sides[CALLER].address, world.now);
    world.sides[CALLER].address = new;
    world.sides[CALLER].session.remove_local_candidate(old, now);
    world.sides[CALLER]
        .session
        .add_local_candidate(new, now)
        .unwrap();
    world.sides[CALLER].session.restart_ice(now);
    world.set(|conditions| conditions.dead = false);
    world.drain(CALLER);
    assert_eq!(offers(&world, CALLER), 1);
    let heard = |world: &World| {
        world.sides.iter().all(|side| {
            side.events
                .iter()
                .any(|(at, event)| *at > from && recovered(event))
        })
    };
    assert!(
        world.run_until(4 * SECOND, heard),
        "the new address is found"
    );
    let back = world.now;
    world.run_for(3 * SECOND);
    for side in [CALLER, CALLEE] {
        let shown = shown(&world, side, back, world.now);
        assert!(shown > 60, "{shown} pictures in the three seconds after");
    }
}

#[test]
fn the_caller_offers_a_restart_after_six_seconds() {
    let mut world = running(3);
    black_out(&mut world, 13 * SECOND);
    for (side, expected) in [(CALLER, 2), (CALLEE, 0)] {
        let restart = |signal: &&Signal| matches!(signal, Signal::RestartOffer { .. });
        let offers = world.sides[side].signals.iter().filter(restart).count();
        assert_eq!(
            offers, expected,
            "one at 6 s and one at 12 s, by the caller alone"
        );
    }
    world.run_for(4 * SECOND);
    assert_eq!(world.sides[CALLER].count(recovered), 1);
    assert_eq!(world.refused, Vec::<String>::new());
}

#[test]
fn it_comes_back_without_the_server_too() {
    let mut world = running(4);
    world.signal_delay = None;
    let (_, back) = black_out(&mut world, 20 * SECOND);
    world.run_for(4 * SECOND);
    for side in [CALLER, CALLEE] {
        assert!(shown(&world, side, back, back + 3 * SECOND) > 50);
    }
}

#[test]
fn both_may_offer_a_restart_at_once() {
    let mut world = running(5);
    let now = world.now;
    for side in [CALLER, CALLEE] {
        world.sides[side].session.restart_ice(now);
        world.drain(side);
    }
    world.run_for(5 * SECOND);
    assert_eq!(
        world.refused,
        ["a restart offer is not expected now"],
        "the callee's gives way"
    );
    for side in [CALLER, CALLEE] {
        assert_eq!(world.sides[side].end(), None);
        let (from, to) = (now + SECOND, now + 4 * SECOND);
        assert!(shown(&world, side, from, to) > 85, "the call never stopped");
    }
}

#[test]
fn a_minute_of_silence_ends_the_call() {
    let mut world = running(6);
    let (from, _) = black_out(&mut world, 70 * SECOND);
    for side in &world.sides {
        assert_eq!(side.end(), Some(SessionEnd::Network));
        let ended = side
            .first(|event| matches!(event, Event::Ended(_)))
            .unwrap();
        let after = ended.duration_since(from);
        assert!(
            after >= 59 * SECOND && after <= 61 * SECOND,
            "after {after:?}"
        );
        let gives_up = side.events.iter().find_map(|(_, event)| match event {
            Event::Reconnecting { gives_up_at } => Some(*gives_up_at),
            _ => None,
        });
        assert_eq!(gives_up, Some(ended), "as announced");
    }
}

#[test]
fn no_way_at_all_ends_the_call_after_half_a_minute() {
    let conditions = Conditions {
        dead: true,
        ..Conditions::default()
    };
    let mut world = World::new(conditions, 7);
    world.run_for(40 * SECOND);
    for side in &world.sides {
        assert_eq!(side.end(), Some(SessionEnd::Network));
    }
}
