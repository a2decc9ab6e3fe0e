use std::time::Duration;

use jasmin_call::Event;

use crate::world::{MS, Seen, World, link::Conditions};

const SECOND: Duration = Duration::from_secs(1);

fn share_arrived(seen: &[Seen]) -> f64 {
    let mut numbers: Vec<_> = seen.iter().map(|seen| seen.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return 0.0;
    };
    numbers.len() as f64 / (last - first + 1) as f64
}

#[test]
fn five_percent_loss_and_jitter() {
    for seed in 1..=3 {
        let conditions = Conditions {
            delay: 30 * MS,
            jitter: 20 * MS,
            loss: 0.05,
            reorder: 0.01,
            duplicate: 0.01,
            ..Conditions::default()
        };
        let mut world = World::new(conditions, seed);
        world.connect();
        world.run_for(20 * SECOND);
        for side in &world.sides {
            let audio = share_arrived(&side.audio);
            // 5 % of single packets; of two that carry the same sound, 0.25 %.
            assert!(audio > 0.99, "seed {seed}: RED brings back sound, {audio}");
            let video = side.video.iter().filter(|seen| seen.contiguous).count();
            // One loss that no repeat makes good costs a second at most, until the next keyframe is
            // allowed.
            assert!(
                video > 540,
                "seed {seed}: repeats bring back pictures, {video} of 600"
            );
            assert!(share_arrived(&side.video) > 0.97, "seed {seed}");
            assert_eq!(
                side.count(|event| matches!(event, Event::Reconnecting { .. })),
                0
            );
            assert_eq!(side.end(), None);
        }
    }
}

#[test]
fn bursts_of_loss() {
    for seed in 1..=3 {
        // About one packet in a hundred begins a burst of five.
        let burst = Some((0.01, 0.2));
        let conditions = Conditions {
            delay: 40 * MS,
            burst,
            ..Conditions::default()
        };
        let mut world = World::new(conditions, seed);
        world.connect();
        world.run_for(20 * SECOND);
        for side in &world.sides {
            let video = side.video.iter().filter(|seen| seen.contiguous).count();
            assert!(video > 500, "seed {seed}: {video} of 600");
            assert!(share_arrived(&side.audio) > 0.9, "seed {seed}");
            assert_eq!(side.end(), None);
        }
    }
}

#[test]
fn the_other_sides_loss_is_known() {
    let mut world = World::new(Conditions::default(), 1);
    world.connect();
    world.links[0].conditions.loss = 0.1;
    world.run_for(10 * SECOND);
    let caller = &world.sides[0];
    let loss = caller.session.audio_target().loss;
    assert!((0.03..0.25).contains(&loss), "sound to the callee: {loss}");
    let quality = caller.quality.last().unwrap().1;
    assert!((0.03..0.25).contains(&quality.loss_out), "{quality:?}");
    assert!(quality.loss_in < 0.03, "{quality:?}");
    assert!(
        quality
            .rtt
            .is_some_and(|rtt| rtt >= 40 * MS && rtt < 100 * MS),
        "{quality:?}"
    );
    let other = world.sides[1].quality.last().unwrap().1;
    assert!((0.03..0.25).contains(&other.loss_in), "{other:?}");
}
