use proptest::prelude::*;

use super::super::decoder::{DecodeError, OpusDecoder};
use super::super::encoder::VoiceEncoder;
use super::super::synthetic;
use super::*;

/// A codec of 20 ms whose packets name their place in an endless tone.
#[derive(Default)]
struct Tone;

const PACKET_MS: u64 = 20;

fn tone(sample: i64) -> f32 {
    (sample as f32 * std::f32::consts::TAU / 240.0).sin() * 0.5
}

fn packet(n: i64, fec: bool) -> Vec<u8> {
    let mut data = n.to_le_bytes().to_vec();
    data.push(u8::from(fec));
    data
}

fn number(packet: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(packet.get(..8)?.try_into().ok()?))
}

fn fill(out: &mut [f32], packet: i64) -> usize {
    for (n, sample) in out.iter_mut().take(PACKET).enumerate() {
        *sample = tone(packet.wrapping_mul(960).wrapping_add(n as i64) % 240);
    }
    PACKET
}

impl Decode for Tone {
    fn samples(&self, packet: &[u8]) -> Option<usize> {
        matches!(packet.len(), 1 | 9).then_some(PACKET)
    }
    fn carries_fec(&self, packet: &[u8]) -> bool {
        packet.last() == Some(&1)
    }
    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, DecodeError> {
        match number(packet) {
            Some(n) => Ok(fill(out, n)),
            None => {
                out[..PACKET].fill(0.0);
                Ok(PACKET)
            }
        }
    }
    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, DecodeError> {
        let next = number(next).ok_or(DecodeError("no number".into()))?;
        Ok(fill(out, next - 1))
    }
    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, DecodeError> {
        out.fill(0.25);
        Ok(out.len())
    }
    fn reset(&mut self) {}
}

#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A sender, a network and a speaker on one virtual clock.
struct World {
    start: Instant,
    buffer: JitterBuffer<Tone>,
    /// Arrival and packet, the earliest last.
    underway: Vec<(Duration, i64, Vec<u8>)>,
    pulls: u64,
    played: Vec<f32>,
    worst_delay: Duration,
    most_kept: usize,
}

impl World {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            buffer: JitterBuffer::new(Tone, JitterConfig::default()),
            underway: Vec::new(),
            pulls: 0,
            played: Vec::new(),
            worst_delay: Duration::ZERO,
            most_kept: 0,
        }
    }

    /// Sends packet `n` so that it arrives after the path's 30 ms and `extra`.
    fn send(&mut self, n: i64, drift_ppm: i64, extra_ms: u64, data: Vec<u8>) {
        let sent = n * 20_000 + n * 20_000 * drift_ppm / 1_000_000;
        let arrival = Duration::from_micros(sent as u64 + 30_000 + extra_ms * 1_000);
        self.underway.push((arrival, n, data));
    }

    /// Lets the speaker ask until `until`, in bursts of so many pulls.
    fn play(&mut self, until: Duration, burst: u64) {
        self.underway
            .sort_by_key(|packet| std::cmp::Reverse(packet.0));
        let mut out = [0.0; FRAME];
        loop {
            let now = Duration::from_millis(self.pulls / burst * burst * 10);
            if now >= until {
                return;
            }
            while self.underway.last().is_some_and(|packet| packet.0 <= now) {
                if let Some((arrival, n, data)) = self.underway.pop() {
                    let time = (n as u32).wrapping_mul(960).wrapping_add(0xffff_0000);
                    self.buffer.insert(time, data, self.start + arrival);
                }
            }
            self.buffer.get_10ms(self.start + now, &mut out);
            self.pulls += 1;
            self.played.extend_from_slice(&out);
            self.worst_delay = self.worst_delay.max(self.buffer.stats().delay);
            self.most_kept = self.most_kept.max(self.buffer.kept());
        }
    }

    fn stats(&self) -> JitterStats {
        self.buffer.stats()
    }

    fn concealed_share(&self) -> f64 {
        self.stats().concealed as f64 / self.stats().played as f64
    }
}

fn secs(seconds: i64) -> std::ops::Range<i64> {
    0..seconds * 50
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_clean_network_costs_little_delay_and_no_sample() {
    let mut world = World::new();
    for n in secs(20) {
        world.send(n, 0, 0, packet(n, false));
    }
    world.play(Duration::from_secs(20), 1);
    let stats = world.stats();
    assert_eq!(stats.concealed, 0);
    assert_eq!(stats.late, 0);
    assert_eq!(stats.target, ms(20));
    assert!(stats.delay <= ms(26), "{:?}", stats.delay);
    // Whatever was cut while settling, the tone has no click in it.
    let sound = &world.played[9_600..];
    let steepest = sound
        .windows(2)
        .map(|pair| (pair[0] - pair[1]).abs())
        .fold(0.0, f32::max);
    assert!(steepest < 0.02, "{steepest}");
}

#[test]
fn jitter_is_waited_for_and_forgotten() {
    for seed in 1..6 {
        let mut random = Random(seed);
        let mut world = World::new();
        for n in secs(60) {
            let extra = if n < 1_500 { random.below(60) } else { 0 };
            world.send(n, 0, extra, packet(n, false));
        }
        world.play(Duration::from_secs(30), 1);
        let rough = world.stats();
        assert!(
            (ms(55)..ms(80)).contains(&rough.target),
            "{:?}",
            rough.target
        );
        assert!((ms(45)..ms(95)).contains(&rough.delay), "{:?}", rough.delay);
        assert!(
            world.concealed_share() < 0.015,
            "{}",
            world.concealed_share()
        );
        world.play(Duration::from_secs(60), 1);
        let calm = world.stats();
        assert_eq!(calm.target, ms(20));
        assert!(calm.delay <= ms(30), "{:?}", calm.delay);
    }
}

#[test]
fn lost_packets_come_from_the_next_one() {
    let mut random = Random(7);
    let mut world = World::new();
    let mut lost = 0;
    for n in secs(60) {
        if random.chance(10) {
            lost += 1;
        } else {
            world.send(n, 0, random.below(10), packet(n, true));
        }
    }
    world.play(Duration::from_secs(60), 1);
    let stats = world.stats();
    let recovered = stats.recovered / 960;
    assert!(recovered * 100 > lost * 60, "{recovered} of {lost}");
    assert!(
        world.concealed_share() < 0.04,
        "{}",
        world.concealed_share()
    );
    assert!(stats.delay <= ms(50), "{:?}", stats.delay);
}

#[test]
fn a_burst_of_loss_fades_and_costs_no_delay() {
    let mut world = World::new();
    for n in secs(20).filter(|n| !(500..525).contains(n)) {
        world.send(n, 0, 0, packet(n, false));
    }
    world.play(Duration::from_secs(20), 1);
    let stats = world.stats();
    assert!(stats.delay <= ms(30), "{:?}", stats.delay);
    assert!(
        (400..=520).contains(&(stats.concealed / 48)),
        "{} ms",
        stats.concealed / 48
    );
    // Half a second is lost from 10.03 s on; it is silent when the fade is over.
    let silent = &world.played[48 * 10_300..48 * 10_480];
    assert!(silent.iter().all(|sample| *sample == 0.0));
}

#[test]
fn reordering_loses_nothing_once_known() {
    let mut random = Random(3);
    let mut world = World::new();
    for n in secs(30) {
        let extra = if random.chance(20) { 45 } else { 0 };
        world.send(n, 0, extra, packet(n, false));
    }
    world.play(Duration::from_secs(5), 1);
    let early = world.stats();
    world.play(Duration::from_secs(30), 1);
    let stats = world.stats();
    assert_eq!(stats.late, early.late, "late packets after five seconds");
    assert_eq!(stats.concealed, early.concealed);
}

#[test]
fn a_drifting_clock_is_absorbed_for_ten_minutes() {
    for drift in [-200, 200] {
        let mut random = Random(11);
        let mut world = World::new();
        for n in secs(600) {
            world.send(n, drift, random.below(8), packet(n, false));
        }
        world.play(Duration::from_secs(599), 1);
        let stats = world.stats();
        assert!(stats.delay < ms(40), "{:?} at {drift} ppm", stats.delay);
        assert!(
            world.worst_delay < ms(60),
            "{:?} at {drift} ppm",
            world.worst_delay
        );
        assert!(
            world.concealed_share() < 0.001,
            "{}",
            world.concealed_share()
        );
        // 200 ppm of ten minutes are 120 ms.
        let net = stats.accelerated as i64 - stats.decelerated as i64;
        let expected = -drift.signum() * 120 * 48;
        assert!(
            (net - expected).abs() < 2_500,
            "{net} samples at {drift} ppm"
        );
    }
}

#[test]
fn after_a_stall_the_conversation_is_live_again() {
    let mut world = World::new();
    for n in secs(30) {
        // Everything from 10 s to 12.5 s comes at 12.5 s.
        let extra = if (500..625).contains(&n) {
            (625 - n) as u64 * PACKET_MS
        } else {
            0
        };
        world.send(n, 0, extra, packet(n, false));
    }
    world.play(ms(13_500), 1);
    let stats = world.stats();
    assert!(stats.delay <= stats.target + ms(100), "{stats:?}");
    world.play(Duration::from_secs(30), 1);
    let stats = world.stats();
    assert_eq!(stats.target, ms(20));
    assert!(stats.delay <= ms(30), "{:?}", stats.delay);
}

#[test]
fn a_muted_sender_comes_back_without_delay() {
    let mut world = World::new();
    for n in secs(40).filter(|n| !(500..1_500).contains(n)) {
        world.send(n, 0, 0, packet(n, false));
    }
    world.play(Duration::from_secs(20), 1);
    let muted = world.stats();
    assert!(
        muted.concealed <= 48 * 620,
        "{} ms made up",
        muted.concealed / 48
    );
    world.play(Duration::from_secs(40), 1);
    let stats = world.stats();
    assert_eq!(stats.concealed, muted.concealed);
    assert!(stats.delay <= ms(30), "{:?}", stats.delay);
}

#[test]
fn silence_by_dtx_is_not_loss() {
    let mut world = World::new();
    for n in secs(20) {
        match n {
            // A refresh every 400 ms, otherwise nothing.
            500..700 if n % 20 == 0 => world.send(n, 0, 0, vec![0]),
            500..700 => {}
            _ => world.send(n, 0, 0, packet(n, false)),
        }
    }
    world.play(Duration::from_secs(20), 1);
    let stats = world.stats();
    assert_eq!(stats.concealed, 0);
    assert!(stats.delay <= ms(30), "{:?}", stats.delay);
}

#[test]
fn a_restarted_sender_is_followed() {
    let mut world = World::new();
    for n in secs(10) {
        world.send(n, 0, 0, packet(n, false));
    }
    world.play(Duration::from_secs(10), 1);
    let start = world.start;
    let mut out = [0.0; FRAME];
    for n in 0..500_u32 {
        let now = start + Duration::from_secs(10) + ms(u64::from(n) * 20);
        let data = packet(i64::from(n), false);
        world.buffer.insert(77_000_000 + n * 960, data, now);
        world.buffer.get_10ms(now, &mut out);
        world.buffer.get_10ms(now + ms(10), &mut out);
    }
    let stats = world.stats();
    assert_eq!(stats.corrupt, 1, "the first of the new age");
    assert!(stats.delay <= ms(30), "{:?}", stats.delay);
    assert!(out.iter().any(|sample| *sample != 0.0));
}

#[test]
fn one_packet_of_another_age_changes_nothing() {
    let mut world = World::new();
    for n in secs(10) {
        world.send(n, 0, 0, packet(n, false));
    }
    world.play(Duration::from_secs(5), 1);
    let now = world.start + Duration::from_secs(5);
    world.buffer.insert(1_234_567_890, packet(1, false), now);
    world.play(Duration::from_secs(10), 1);
    assert_eq!(world.stats().corrupt, 1);
    assert_eq!(world.stats().concealed, 0);
}

#[test]
fn speakers_that_ask_in_bursts_are_served() {
    for burst in [2, 3, 4] {
        let mut random = Random(burst);
        let mut world = World::new();
        for n in secs(30) {
            world.send(n, 0, random.below(5), packet(n, false));
        }
        world.play(Duration::from_secs(5), burst);
        let early = world.stats();
        world.play(Duration::from_secs(30), burst);
        let concealed = world.stats().concealed - early.concealed;
        assert!(concealed < 48 * 25 * 5, "{} ms at {burst}", concealed / 48);
        assert!(
            world.stats().delay < ms(20 + 10 * burst + 20),
            "{:?}",
            world.stats().delay
        );
    }
}

#[test]
fn repeated_packets_are_played_once() {
    let mut world = World::new();
    for n in secs(10) {
        world.send(n, 0, 0, packet(n, false));
        world.send(n, 0, 5, packet(n, false));
        world.send(n, 0, 90, packet(n, false));
    }
    world.play(Duration::from_secs(10), 1);
    let stats = world.stats();
    assert!(
        (990..=1_000).contains(&stats.duplicates),
        "{}",
        stats.duplicates
    );
    assert_eq!(stats.concealed + stats.late, 0);
}

#[test]
fn a_speaker_that_never_asks_does_not_fill_memory() {
    let mut world = World::new();
    for n in 0..10_000 {
        let arrived = world.start + ms(n as u64 * PACKET_MS);
        world
            .buffer
            .insert((n as u32).wrapping_mul(960), packet(n, false), arrived);
    }
    assert!(world.buffer.kept() <= 129 * 960, "{}", world.buffer.kept());
}

#[test]
fn real_speech_survives_real_loss() {
    let speech = synthetic::murmur(48_000 * 10);
    let mut encoder = VoiceEncoder::new().unwrap();
    encoder.set_network(0.1, 32_000);
    let mut buffer = JitterBuffer::new(OpusDecoder::new().unwrap(), JitterConfig::default());
    let mut random = Random(5);
    let start = Instant::now();
    let (mut out, mut heard) = ([0.0; FRAME], Vec::new());
    for (n, frame) in speech.chunks_exact(PACKET).enumerate() {
        let now = start + ms(n as u64 * PACKET_MS);
        let data = encoder.encode(frame).unwrap();
        if !random.chance(10) {
            buffer.insert(n as u32 * 960, data, now);
        }
        for half in [0, 10] {
            buffer.get_10ms(now + ms(half), &mut out);
            heard.extend_from_slice(&out);
        }
    }
    let stats = buffer.stats();
    assert!(
        stats.recovered > 20 * 960,
        "{} frames from FEC",
        stats.recovered / 960
    );
    assert!(stats.corrupt == 0 && heard.iter().all(|sample| sample.is_finite()));
    let energy = |sound: &[f32]| sound.iter().map(|s| f64::from(s * s)).sum::<f64>();
    let ratio = energy(&heard) / energy(&speech);
    assert!((0.5..1.5).contains(&ratio), "loudness changed by {ratio}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_from_the_network_makes_it_panic_or_grow(
        steps in prop::collection::vec(
            (any::<u32>(), 0_u32..200, 0_u64..50, prop::collection::vec(any::<u8>(), 0..80), any::<bool>()),
            1..300,
        )
    ) {
        let start = Instant::now();
        let mut buffer = JitterBuffer::new(OpusDecoder::new().unwrap(), JitterConfig::default());
        let mut now = start + Duration::from_secs(5);
        let mut out = [0.0; FRAME];
        for (wild, near, wait, data, is_wild) in steps {
            let time = if is_wild { wild } else { near * 480 };
            buffer.insert(time, data, now - ms(u64::from(near)));
            now += ms(wait);
            buffer.get_10ms(now, &mut out);
            prop_assert!(buffer.kept() < 129 * LONGEST_PACKET + 4 * LONGEST_PACKET);
        }
    }

    #[test]
    fn any_network_is_played_at_a_bounded_delay(
        seed in any::<u64>(),
        jitter in 1_u64..150,
        loss in 0_u64..40,
        burst in 1_u64..4,
        drift in -300_i64..300,
    ) {
        let mut random = Random(seed);
        let mut world = World::new();
        for n in secs(20) {
            if !random.chance(loss) {
                let extra = random.below(jitter);
                world.send(n, drift, extra, packet(n, random.chance(50)));
            }
        }
        world.play(Duration::from_secs(19), burst);
        let stats = world.stats();
        prop_assert!(stats.delay <= stats.target + TOO_LATE_TIME, "{stats:?}");
        prop_assert!(world.most_kept < 48_000, "{}", world.most_kept);
        let made_up = (stats.concealed + stats.recovered) as f64 / stats.played as f64;
        prop_assert!(made_up < loss as f64 / 100.0 * 1.2 + 0.12, "{made_up} at {loss} %");
    }
}

const TOO_LATE_TIME: Duration = Duration::from_millis(210);
