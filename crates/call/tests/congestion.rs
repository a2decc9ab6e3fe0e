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
    stretches
}

fn check(loss: f64, limits: [(u32, f64); 4]) {
    for seed in 1..=4 {
        for (phase, (seen, (p95, used))) in four_phases(loss, seed).iter().zip(limits).enumerate() {
            let what = format!("phase {phase}, seed {seed}: {seen:?}");
            assert!(seen.p95 < MS * p95, "pictures come late: {what}");
            assert!(seen.used > used, "too little of the link is used: {what}");
            assert!(seen.fps > 28.0, "too few pictures: {what}");
            assert!(seen.audio_p95 < MS * p95, "sound comes late: {what}");
            assert!(seen.audio_lost < 0.03, "sound is lost in the queue: {what}");
        }
    }
}

#[test]
fn delay_stays_low_while_the_rate_changes() {
    check(0.0, [(260, 0.85), (260, 0.65), (240, 0.6), (120, 0.5)]);
}

#[test]
fn delay_stays_low_with_random_loss() {
    check(0.03, [(340, 0.45), (360, 0.6), (300, 0.6), (240, 0.4)]);
}

#[test]
fn gotcha_11_720p_is_possible_within_two_seconds() {
    for seed in 1..=4 {
        let mut world = World::new(
            Conditions {
                delay: 25 * MS,
                ..Conditions::default()
            },
            seed,
        );
        world.set(|conditions| conditions.rate = Some((5_000_000, 200_000)));
        world.connect();
        world.run_for(2 * SECOND);
        for side in &world.sides {
            let bps = side.session.video_target().bitrate_bps;
            assert!(bps >= 1_200_000, "seed {seed}: {bps} after two seconds");
        }
    }
}

#[test]
fn starting_does_not_flood_a_slow_link() {
    for seed in 1..=4 {
        let mut world = World::new(
            Conditions {
                delay: 25 * MS,
                ..Conditions::default()
            },
            seed,
        );
        world.set(|conditions| conditions.rate = Some((300_000, 40_000)));
        world.connect();
        let start = world.now;
        world.run_for(10 * SECOND);
        let first = stretch(&world, start, start + 4 * SECOND, 300_000);
        assert!(
            first.audio_p95 < 900 * MS,
            "seed {seed}, first seconds: {first:?}"
        );
        let then = stretch(&world, start + 5 * SECOND, start + 10 * SECOND, 300_000);
        assert!(
            then.p95 < 300 * MS && then.fps > 28.0,
            "seed {seed}, then: {then:?}"
        );
    }
}

/// Prints how soon there is room for 720p and how it goes on, while drivers are late.
#[test]
#[ignore = "a measurement, not a check: run with --ignored --nocapture"]
fn ramp_table() {
    for most_bps in [u32::MAX, 400_000] {
        for lateness in [0, 2, 10, 20, 30, 50] {
            for rate in [None, Some((5_000_000, 200_000)), Some((2_000_000, 100_000))] {
                let mut rows = Vec::new();
                for seed in 1..=4 {
                    let mut world = World::new(
                        Conditions {
                            delay: if rate.is_none() { MS } else { 25 * MS },
                            rate,
                            ..Conditions::default()
                        },
                        seed,
                    );
                    world.lateness = lateness * MS;
                    for side in &mut world.sides {
                        side.camera.most_bps = most_bps;
                    }
                    world.connect();
                    let start = world.now;
                    let (mut first, mut low, mut sum, mut count) = (None, u32::MAX, 0.0, 0.0);
                    for tick in 0..600 {
                        world.run_for(50 * MS);
                        let bps = world.sides[CALLER].session.video_target().bitrate_bps;
                        if bps >= 1_200_000 && first.is_none() {
                            first = Some(world.now.duration_since(start).as_millis());
                        }
                        if tick >= 100 {
                            low = low.min(bps);
                            sum += f64::from(bps);
                            count += 1.0;
                        }
                    }
                    let fps = stretch(&world, start + 5 * SECOND, world.now, 1_000_000).fps;
                    rows.push(format!(
                        "{}|{}|{:.0}|{fps:.0}",
                        first.map_or("never".to_owned(), |ms| ms.to_string()),
                        low / 1000,
                        sum / count / 1000.0,
                    ));
                }
                println!(
                    "most {} late {lateness} rate {}: {}",
                    most_bps / 1000,
                    rate.map_or(0, |(rate, _)| rate / 1000),
                    rows.join("  ")
                );
            }
        }
    }
}

/// Prints the means that the policy was chosen by.
#[test]
#[ignore = "a measurement, not a check: run with --ignored --nocapture"]
fn table() {
    for loss in [0.0, 0.03] {
        let mut rows = vec![Vec::new(); 4];
        for seed in 1..=8 {
            for (row, seen) in rows.iter_mut().zip(four_phases(loss, seed)) {
                row.push(seen);
            }
        }
        for (phase, row) in PHASES.iter().zip(rows) {
            let mean = |f: fn(&Stretch) -> f64| row.iter().map(f).sum::<f64>() / row.len() as f64;
            println!(
                "loss {loss}, {} kbps: pictures p50 {:.0} p95 {:.0} ms, {:.1} fps, {:.0} % used; sound p95 {:.0} ms, {:.1} % lost",
                phase.0 / 1000,
                mean(|seen| seen.p50.as_secs_f64() * 1e3),
                mean(|seen| seen.p95.as_secs_f64() * 1e3),
                mean(|seen| seen.fps),
                mean(|seen| seen.used * 100.0),
                mean(|seen| seen.audio_p95.as_secs_f64() * 1e3),
                mean(|seen| seen.audio_lost * 100.0),
            );
        }
    }
}
