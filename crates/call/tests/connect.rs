use std::time::Duration;

use jasmin_call::{Event, Path, SessionEnd};

use crate::world::{CALLEE, CALLER, MS, World, link::Conditions};

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
