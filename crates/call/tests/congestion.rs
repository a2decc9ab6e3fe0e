//! calls.md's link: 2000 -> 600 -> 300 -> 2500 kbps, 40 ms out and 20 ms back, drop-tail queue.

use std::time::{Duration, Instant};

use crate::world::{CALLEE, CALLER, MS, Seen, World, link::Conditions};

const SECOND: Duration = Duration::from_secs(1);

/// What the callee saw of the caller's video in a stretch of time.
#[derive(Debug)]
struct Stretch {
    /// Of frames, capture to arrival of the whole.
    p50: Duration,
    p95: Duration,
    fps: f64,
    /// Share of the link that the caller's packets filled.
    used: f64,
    audio_p95: Duration,
    audio_lost: f64,
}

fn percentile(seen: &[&Seen], share: f64) -> Duration {
    let mut delays: Vec<_> = seen.iter().map(|seen| seen.delay).collect();
    delays.sort();
    let at = ((delays.len() as f64 - 1.0) * share).round() as usize;
    delays.get(at).copied().unwrap_or(Duration::MAX)
}

fn stretch(world: &World, from: Instant, to: Instant, rate: u64) -> Stretch {
    let callee = &world.sides[CALLEE];
    let within = |at: Instant| at >= from && at < to;
    let video: Vec<_> = callee.video.iter().filter(|seen| within(seen.at)).collect();
    let audio: Vec<_> = callee.audio.iter().filter(|seen| within(seen.at)).collect();
    let seconds = to.duration_since(from).as_secs_f64();
    let bytes: usize = world.sides[CALLER]
        .rtp_out
        .iter()
        .filter(|(at, _)| within(*at))
        .map(|(_, size)| size + 28)
        .sum();
    let mut numbers: Vec<_> = audio.iter().map(|seen| seen.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Stretch {
        p50: percentile(&video, 0.5),
        p95: percentile(&video, 0.95),
        fps: video.len() as f64 / seconds,
        used: bytes as f64 * 8.0 / seconds / rate as f64,
        audio_p95: percentile(&audio, 0.95),
        audio_lost: 1.0 - numbers.len() as f64 / (seconds * 50.0),
    }
}

const PHASES: [(u64, usize); 4] = [
    (2_000_000, 100_000),
    (600_000, 40_000),
    (300_000, 40_000),
    (2_500_000, 100_000),
];

/// Runs the four phases, 20 s each, and returns what was seen over t+5..t+19 s of each.
fn four_phases(loss: f64, seed: u64) -> Vec<Stretch> {
    let mut world = World::new(
        Conditions {
            delay: 20 * MS,
            ..Conditions::default()
        },
        seed,
    );
    world.links[CALLER].conditions.delay = 40 * MS;
    world.links[CALLER].conditions.loss = loss;
    world.links[CALLER].conditions.rate = Some(PHASES[0]);
    world.connect();
    let mut stretches = Vec::new();
    for (rate, queue) in PHASES {
        let start = world.now;
        world.links[CALLER].conditions.rate = Some((rate, queue));
        world.run_for(20 * SECOND);
        stretches.push(stretch(
            &world,
            start + 5 * SECOND,
            start + 19 * SECOND,
            rate,
        ));
    }
    for (phase, seen) in PHASES.iter().zip(&stretches) {
        println!(
            "loss {loss} seed {seed} {:>4} kbps: {seen:.2?}",
            phase.0 / 1000
        );
    }
    let camera = &world.sides[CALLER].camera;
    println!(
        "captured {} held {} encoded {}",
        camera.captured, camera.held, camera.encoded
    );
    stretches
}

#[test]
fn delay_stays_low_while_the_rate_changes() {
    for seed in 1..=3 {
        for seen in four_phases(0.0, seed) {
            assert!(seen.fps > 1.0);
        }
    }
}

#[test]
fn delay_stays_low_with_random_loss() {
    for seed in 1..=3 {
        for seen in four_phases(0.03, seed) {
            assert!(seen.fps > 1.0);
        }
    }
}
