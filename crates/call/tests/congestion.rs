//! calls.md's link: 2000 -> 600 -> 300 -> 2500 kbps, 40 ms out and 20 ms back, drop-tail queue.

use std::time::{Duration, Instant};

use crate::world::{CALLEE, CALLER, MS, Seen, World, link::Conditions};

const SECOND: Duration = Duration::from_secs(1);

/// What the callee saw of the caller's video in a stretch of time.
#[derive(Debug, Clone)]
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
fn table() {
    for loss in [0.0, 0.03] {
        let mut rows = vec![Vec::new(); 4];
        for seed in 1..=8 {
            for (row, seen) in rows.iter_mut().zip(four_phases(loss, seed)) {
                row.push(seen);
            }
        }
        for (phase, row) in PHASES.iter().zip(rows) {
            let mean =
                |f: &dyn Fn(&Stretch) -> f64| row.iter().map(f).sum::<f64>() / row.len() as f64;
            println!(
                "TABLE loss {loss} {:>4} kbps: p50 {:.0} p95 {:.0} (max {:.0}) fps {:.1} (min {:.1}) used {:.2} (min {:.2}) audio p95 {:.0} lost {:.3}",
                phase.0 / 1000,
                mean(&|s| s.p50.as_secs_f64() * 1e3),
                mean(&|s| s.p95.as_secs_f64() * 1e3),
                row.iter()
                    .map(|s| s.p95.as_secs_f64() * 1e3)
                    .fold(0.0, f64::max),
                mean(&|s| s.fps),
                row.iter().map(|s| s.fps).fold(99.0, f64::min),
                mean(&|s| s.used),
                row.iter().map(|s| s.used).fold(99.0, f64::min),
                mean(&|s| s.audio_p95.as_secs_f64() * 1e3),
                mean(&|s| s.audio_lost),
            );
        }
    }
}

#[test]
fn timeline() {
    let seed = std::env::var("SEED").map_or(2, |s| s.parse().unwrap());
    let loss = std::env::var("LOSS").map_or(0.0, |s| s.parse().unwrap());
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
    for (rate, queue) in PHASES {
        world.links[CALLER].conditions.rate = Some((rate, queue));
        for _ in 0..40 {
            let from = world.now;
            world.run_for(SECOND / 2);
            let seen = stretch(&world, from, world.now, rate);
            let caller = &world.sides[CALLER];
            let quality = caller.quality.last().map(|q| q.1);
            println!(
                "{:6.1} {rate} est {:?} rtt {:?} target {:?} keyframes {} held {} | p50 {:?} p95 {:?} fps {} used {:.2} audio {:?} lost {:.2}",
                world.since_start(world.now).as_secs_f64(),
                quality.map(|q| q.estimate_bps / 1000),
                quality.and_then(|q| q.rtt).map(|r| r.as_millis()),
                caller.session.video_target(),
                caller.camera.keyframes.len(),
                caller.camera.held,
                seen.p50.as_millis(),
                seen.p95.as_millis(),
                seen.fps,
                seen.used,
                seen.audio_p95.as_millis(),
                seen.audio_lost,
            );
        }
    }
}
