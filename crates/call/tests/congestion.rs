//! What the policy makes of a path: a link whose rate changes (2000 -> 600 -> 300 -> 2500 kbps, 40 ms
//! out and 20 ms back, drop-tail queue), the first seconds, and machines that are busy.
//!
//! Runs differ a little even with one seed, because keys and SSRCs are random: each bound is what the
//! worst of a hundred seeds showed (`--ignored --nocapture table`), and some room.

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

/// Those of the suite, and those of the measurements.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
const SEEDS_MEASURED: u64 = 20;

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

fn check(loss: f64, fps: f64, limits: [(u32, f64); 4]) {
    for seed in SEEDS {
        for (phase, (seen, (p95, used))) in four_phases(loss, seed).iter().zip(limits).enumerate() {
            let what = format!("phase {phase}, seed {seed}: {seen:?}");
            assert!(seen.p95 < MS * p95, "pictures come late: {what}");
            assert!(seen.used > used, "too little of the link is used: {what}");
            assert!(seen.fps > fps, "too few pictures: {what}");
            assert!(seen.audio_p95 < MS * p95, "sound comes late: {what}");
            assert!(seen.audio_lost < 0.03, "sound is lost in the queue: {what}");
        }
    }
}

#[test]
fn delay_stays_low_while_the_rate_changes() {
    check(
        0.0,
        28.0,
        [(180, 0.85), (260, 0.75), (250, 0.72), (100, 0.65)],
    );
}

#[test]
fn delay_stays_low_with_random_loss() {
    // Repeats take room, too: now and then a capture is skipped for them.
    check(
        0.03,
        25.0,
        [(330, 0.85), (430, 0.7), (340, 0.6), (210, 0.5)],
    );
}

/// From here on the ladder's highest rung, 720p, is better than the one below.
const ROOM_FOR_720P: u32 = 900_000;

/// How the caller's video target comes up.
#[derive(Debug, Clone)]
struct Ramp {
    /// From the first picture there to a target of 1.5 Mbps and to room for 720p.
    to_1500_kbps: Option<Duration>,
    to_720p: Option<Duration>,
    /// From five seconds after the first picture to the end: the mean, and how much of the time there
    /// was room for 720p.
    mean_bps: f64,
    share_720p: f64,
    fps: f64,
}

/// Runs some seconds on a path of one rate, with drivers that are late, and pictures that need no more
/// than so much.
fn ramp(
    conditions: &Conditions,
    lateness: Duration,
    most_bps: u32,
    seconds: u32,
    seed: u64,
) -> Ramp {
    let mut world = World::new(conditions.clone(), seed);
    world.lateness = lateness;
    for side in &mut world.sides {
        side.camera.most_bps = most_bps;
    }
    world.connect();
    let seen = |world: &World| !world.sides[CALLEE].video.is_empty();
    assert!(world.run_until(SECOND, seen), "a picture comes");
    let first = world.now;
    let (mut to_1500_kbps, mut to_720p, mut targets) = (None, None, Vec::new());
    while world.now < first + seconds * SECOND {
        let (after, target) = (
            world.now.duration_since(first),
            world.sides[CALLER].session.video_target(),
        );
        let bps = target.bitrate_bps;
        if bps >= 1_500_000 {
            to_1500_kbps = to_1500_kbps.or(Some(after));
        }
        if bps >= ROOM_FOR_720P {
            to_720p = to_720p.or(Some(after));
        }
        if after > 5 * SECOND {
            targets.push(bps);
        }
        world.run_for(50 * MS);
    }
    let enough = targets.iter().filter(|bps| **bps >= ROOM_FOR_720P).count();
    let sum: f64 = targets.iter().map(|bps| f64::from(*bps)).sum();
    Ramp {
        to_1500_kbps,
        to_720p,
        mean_bps: sum / targets.len() as f64,
        share_720p: enough as f64 / targets.len() as f64,
        fps: stretch(&world, first + 5 * SECOND, world.now, 1).fps,
    }
}

fn loopback() -> Conditions {
    Conditions {
        delay: MS,
        ..Conditions::default()
    }
}

fn of_5_mbps() -> Conditions {
    Conditions {
        delay: 25 * MS,
        rate: Some((5_000_000, 200_000)),
        ..Conditions::default()
    }
}

/// An easy picture, as of somebody who sits still.
const EASY: u32 = 400_000;

#[test]
fn gotcha_11_720p_is_possible_within_two_seconds_of_the_first_picture() {
    for seed in SEEDS {
        for conditions in [loopback(), of_5_mbps()] {
            for most in [u32::MAX, EASY] {
                // The timers of a runtime count milliseconds.
                for lateness in [Duration::ZERO, 2 * MS] {
                    let seen = ramp(&conditions, lateness, most, 8, seed);
                    let what = format!("seed {seed}, {most}, {lateness:?}: {seen:?}");
                    assert!(
                        seen.to_1500_kbps.is_some_and(|after| after < 2 * SECOND),
                        "{what}"
                    );
                    assert!(seen.mean_bps > 1_600_000.0, "it stays so: {what}");
                    assert!(seen.fps > 29.0, "{what}");
                }
            }
        }
    }
}

#[test]
fn starting_does_not_flood_a_slow_link() {
    for seed in SEEDS {
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
            first.audio_p95 < 650 * MS,
            "seed {seed}, first seconds: {first:?}"
        );
        let then = stretch(&world, start + 5 * SECOND, start + 10 * SECOND, 300_000);
        assert!(
            then.p95 < 300 * MS && then.fps > 28.0,
            "seed {seed}, then: {then:?}"
        );
    }
}

/// Late by up to so many milliseconds, with what pictures; to room for 720p in seconds, and the mean
/// from five seconds on.
const LATE: [(u32, u32, Option<u32>, f64); 4] = [
    (20, u32::MAX, Some(5), 1_600_000.0),
    (20, EASY, Some(12), 1_400_000.0),
    (50, u32::MAX, Some(12), 1_200_000.0),
    // Where what is received is late, too, most probes fail: it goes on, with smaller pictures.
    (50, EASY, None, 400_000.0),
];

#[test]
fn busy_machines_do_not_hold_the_picture_down() {
    for seed in SEEDS {
        for (lateness, most, to_720p, mean_bps) in LATE {
            let seen = ramp(&of_5_mbps(), lateness * MS, most, 25, seed);
            let what = format!("seed {seed}, late by up to {lateness} ms, {most}: {seen:?}");
            assert!(
                to_720p
                    .is_none_or(|limit| seen.to_720p.is_some_and(|after| after < limit * SECOND)),
                "{what}"
            );
            assert!(seen.mean_bps > mean_bps, "{what}");
            assert!(seen.fps > 28.0, "{what}");
        }
    }
}

/// Prints how soon there is room for 720p and how it goes on, while drivers are late.
#[test]
#[ignore = "a measurement, not a check: run with --ignored --nocapture"]
fn ramp_table() {
    for lateness in [0, 2, 10, 20, 50] {
        for most in [u32::MAX, EASY] {
            for (name, conditions) in [("loopback", loopback()), ("5 Mbps", of_5_mbps())] {
                let seen: Vec<_> = (1..=SEEDS_MEASURED)
                    .map(|seed| ramp(&conditions, lateness * MS, most, 30, seed))
                    .collect();
                let millis = |value: fn(&Ramp) -> Option<Duration>| {
                    spread(seen.iter().map(|ramp| {
                        value(ramp).map_or(f64::INFINITY, |after| after.as_secs_f64() * 1e3)
                    }))
                };
                println!(
                    "late by up to {lateness} ms, {name}, {}: 1.5 Mbps after {} ms, 720p after {} ms, mean {} kbps, {} % of the time 720p, {} fps",
                    if most == EASY { "easy" } else { "hard" },
                    millis(|ramp| ramp.to_1500_kbps),
                    millis(|ramp| ramp.to_720p),
                    spread(seen.iter().map(|ramp| ramp.mean_bps / 1e3)),
                    spread(seen.iter().map(|ramp| ramp.share_720p * 100.0)),
                    spread(seen.iter().map(|ramp| ramp.fps)),
                );
            }
        }
    }
}

/// The least, the mean and the most.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    format!("{:.0}/{mean:.0}/{:.0}", values[0], values[values.len() - 1])
}

/// Prints what the policy was chosen by, and what the bounds above are derived from.
#[test]
#[ignore = "a measurement, not a check: run with --ignored --nocapture"]
fn table() {
    for loss in [0.0, 0.03] {
        let mut rows = vec![Vec::new(); 4];
        for seed in 1..=SEEDS_MEASURED {
            for (row, seen) in rows.iter_mut().zip(four_phases(loss, seed)) {
                row.push(seen);
            }
        }
        for (phase, row) in PHASES.iter().zip(rows) {
            let spread = |value: fn(&Stretch) -> f64| spread(row.iter().map(value));
            println!(
                "loss {loss}, {} kbps (least/mean/most): pictures p50 {} p95 {} ms, {} fps, {} % used; sound p95 {} ms, {} per mille lost",
                phase.0 / 1000,
                spread(|seen| seen.p50.as_secs_f64() * 1e3),
                spread(|seen| seen.p95.as_secs_f64() * 1e3),
                spread(|seen| seen.fps),
                spread(|seen| seen.used * 100.0),
                spread(|seen| seen.audio_p95.as_secs_f64() * 1e3),
                spread(|seen| seen.audio_lost * 1000.0),
            );
        }
    }
}
