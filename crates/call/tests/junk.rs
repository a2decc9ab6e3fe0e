//! Whatever comes in from anybody: no panic, and no call ends for it.

use std::{net::SocketAddr, time::Duration};

use jasmin_call::{Offer, Output, Role, Session, SessionEnd, Signal};
use proptest::prelude::*;

use crate::world::{
    CALLEE, CALLER, World, config, is_rtp, link::Conditions, random::Random, some_instant,
};

const SECOND: Duration = Duration::from_secs(1);

/// Random bytes that begin like STUN, DTLS, RTP, RTCP, TURN or nothing at all.
fn random_datagram(random: &mut Random) -> Vec<u8> {
    let len = (random.next() % 1400) as usize;
    let mut bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
    let first = [0, 1, 22, 23, 64, 128, 144, 255][(random.next() % 8) as usize];
    if let Some(byte) = bytes.first_mut() {
        *byte = first;
    }
    if first <= 1 && len > 8 {
        // The magic cookie and a plausible length (RFC 8489, section 5).
        bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        let body = (len as u16).saturating_sub(20) & !3;
        bytes[2..4].copy_from_slice(&body.to_be_bytes());
    }
    bytes
}

fn corrupt(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match random.next() % 4 {
        0 => bytes.truncate((random.next() % (bytes.len() as u64 + 1)) as usize),
        1 => bytes.extend_from_slice(&random.bytes()),
        _ => {
            for _ in 0..=random.next() % 4 {
                let at = (random.next() % bytes.len() as u64) as usize;
                bytes[at] ^= 1 << (random.next() % 8);
            }
        }
    }
    bytes
}

fn inject(world: &mut World, to: usize, source: SocketAddr, bytes: &[u8]) {
    let (now, side) = (world.now, &mut world.sides[to]);
    side.session
        .handle_datagram(source, side.address, bytes, now);
    world.drain(to);
}

fn flows(world: &mut World) {
    let before = world
        .sides
        .each_ref()
        .map(|side| (side.video.len(), side.audio.len()));
    world.run_for(2 * SECOND);
    for (side, (video, audio)) in world.sides.iter().zip(before) {
        assert_eq!(side.end(), None);
        assert!(side.video.len() - video > 50, "pictures go on");
        assert!(side.audio.len() - audio > 90, "sound goes on");
    }
}

#[test]
fn junk_in_a_running_call() {
    for seed in 1..=4 {
        junk_with(seed);
    }
}

fn junk_with(seed: u64) {
    let mut world = World::new(Conditions::default(), seed);
    world.connect();
    world.run_for(SECOND);
    let stranger: SocketAddr = "198.51.100.66:666".parse().unwrap();
    let mut random = Random::new(99 + seed);
    for _ in 0..3000 {
        for to in [CALLER, CALLEE] {
            let peer = world.sides[1 - to].address;
            let bytes = if random.chance(0.5) {
                random_datagram(&mut random)
            } else {
                let recent = &world.recent[1 - to];
                let one = &recent[(random.next() % recent.len() as u64) as usize];
                corrupt(&one.bytes.clone(), &mut random)
            };
            let source = if random.chance(0.5) { peer } else { stranger };
            inject(&mut world, to, source, &bytes);
        }
        if random.chance(0.05) {
            world.run_for(Duration::from_millis(random.next() % 40));
        }
    }
    flows(&mut world);
}

#[test]
fn a_flipped_bit_in_an_ssrc_takes_no_stream_over() {
    let mut world = World::new(Conditions::default(), 3);
    world.connect();
    // Early packets name their stream, for the other side to learn its SSRC. Later ones do not, and
    // nothing would bring a stream back.
    world.run_for(Duration::from_millis(300));
    let early = world.recent.clone();
    world.run_for(4 * SECOND);
    for to in [CALLER, CALLEE] {
        let peer = world.sides[1 - to].address;
        for packet in early[1 - to].iter().filter(|packet| is_rtp(&packet.bytes)) {
            let mut bytes = packet.bytes.clone();
            bytes[11] ^= 1;
            inject(&mut world, to, peer, &bytes);
        }
    }
    flows(&mut world);
}

#[test]
fn packets_repeated_by_a_stranger() {
    let mut world = World::new(Conditions::default(), 2);
    world.connect();
    world.run_for(SECOND);
    let stranger: SocketAddr = "198.51.100.66:666".parse().unwrap();
    for to in [CALLER, CALLEE] {
        let heard = world.sides[to].audio.len();
        let peer = world.sides[1 - to].address;
        for packet in world.recent[1 - to].clone() {
            inject(&mut world, to, stranger, &packet.bytes);
            inject(&mut world, to, peer, &packet.bytes);
        }
        let more = world.sides[to].audio.len() - heard;
        // What was on its way may come, but nothing twice (RFC 3711, section 3.3.2).
        assert!(more <= 3, "{more} packets of sound out of repeated ones");
    }
    flows(&mut world);
}

#[test]
fn junk_from_strangers_while_connecting() {
    for seed in 1..=5 {
        let mut world = World::new(Conditions::default(), seed);
        let stranger: SocketAddr = "198.51.100.66:666".parse().unwrap();
        let mut random = Random::new(seed);
        for _ in 0..100 {
            for to in [CALLER, CALLEE] {
                let bytes = match world.recent[1 - to].last() {
                    Some(packet) if random.chance(0.5) => {
                        corrupt(&packet.bytes.clone(), &mut random)
                    }
                    _ => random_datagram(&mut random),
                };
                inject(&mut world, to, stranger, &bytes);
            }
            world.run_for(Duration::from_millis(5));
        }
        world.connect();
        flows(&mut world);
    }
}

#[test]
fn junk_in_the_peers_name_while_connecting_panics_nowhere() {
    for seed in 1..=20 {
        let mut world = World::new(Conditions::default(), seed);
        let mut random = Random::new(seed);
        for _ in 0..60 {
            for to in [CALLER, CALLEE] {
                let peer = world.sides[1 - to].address;
                if let Some(packet) = world.recent[1 - to].last() {
                    let bytes = corrupt(&packet.bytes.clone(), &mut random);
                    inject(&mut world, to, peer, &bytes);
                }
            }
            world.run_for(Duration::from_millis(5));
        }
        world.run_for(SECOND);
    }
}

#[test]
fn an_answer_that_is_no_answer_ends_the_call() {
    for sdp in [
        "",
        "nonsense",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
    ] {
        let start = some_instant();
        let mut caller = Session::caller(config(3, Role::Caller), start).unwrap();
        caller.make_offer(start);
        let answer = Signal::Answer {
            sdp: sdp.into(),
            nonce: [0; 32],
        };
        assert!(caller.handle_signal(answer, start).is_err());
        let outputs: Vec<_> = std::iter::from_fn(|| match caller.poll(start) {
            Output::Timeout(at) => {
                assert_eq!(at, None, "nothing follows");
                None
            }
            other => Some(format!("{other:?}")),
        })
        .collect();
        let ended = format!("Event(Ended({:?}))", SessionEnd::Protocol);
        assert!(outputs.contains(&ended), "{outputs:?}");
    }
}

fn valid_offer() -> Offer {
    let start = some_instant();
    let mut caller = Session::caller(config(4, Role::Caller), start).unwrap();
    caller
        .add_local_candidate("192.0.2.1:40000".parse().unwrap(), start)
        .unwrap();
    caller.make_offer(start);
    match caller.poll(start) {
        Output::Signal(Signal::Offer(offer)) => offer,
        other => panic!("the first output is the offer, not {other:?}"),
    }
}

/// A change to a text.
#[derive(Clone, Debug)]
enum Edit {
    DropLine(usize),
    RepeatLine(usize),
    SwapLines(usize, usize),
    Insert(usize, String),
    Number(usize, u64),
    Cut(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<usize>().prop_map(Edit::DropLine),
        any::<usize>().prop_map(Edit::RepeatLine),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Edit::SwapLines(a, b)),
        (any::<usize>(), "[ -~]{0,12}").prop_map(|(at, text)| Edit::Insert(at, text)),
        (any::<usize>(), any::<u64>()).prop_map(|(at, number)| Edit::Number(at, number)),
        any::<usize>().prop_map(Edit::Cut),
    ]
}

fn apply(text: &str, edit: &Edit) -> String {
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    let count = lines.len();
    match edit {
        Edit::DropLine(at) => drop(lines.remove(at % count)),
        Edit::RepeatLine(at) => {
            let line = lines[at % count].clone();
            lines.insert(at % count, line);
        }
        Edit::SwapLines(a, b) => lines.swap(a % count, b % count),
        Edit::Insert(at, text) => {
            let line = &mut lines[at % count];
            let at = at % (line.len() + 1);
            line.insert_str(at, text);
        }
        Edit::Number(at, number) => {
            let line = &mut lines[at % count];
            if let Some(start) = line.find(|c: char| c.is_ascii_digit()) {
                let digits = line[start..]
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .count();
                line.replace_range(start..start + digits, &number.to_string());
            }
        }
        Edit::Cut(at) => return text.chars().take(at % (text.len() + 1)).collect(),
    }
    if lines.is_empty() {
        String::new()
    } else {
        lines.join("\r\n")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn bad_sdp_is_an_error_and_never_a_panic(edits in prop::collection::vec(edit(), 1..5)) {
        let offer = valid_offer();
        let sdp = edits.iter().fold(offer.sdp.clone(), |sdp, edit| apply(&sdp, edit));
        let now = some_instant();
        let Ok(mut callee) = Session::callee(config(4, Role::Callee), Offer { sdp, ..offer }, now)
        else {
            return Ok(());
        };
        // What was fit to ring is fit to be answered.
        prop_assert!(callee.accept(now).is_ok());
        for milliseconds in 0..50 {
            let now = now + Duration::from_millis(20 * milliseconds);
            callee.handle_timeout(now);
            while !matches!(callee.poll(now), Output::Timeout(_)) {}
        }
    }

    #[test]
    fn candidates_can_be_anything(texts in prop::collection::vec(".{0,80}", 0..8)) {
        let now = some_instant();
        let mut callee = Session::callee(config(4, Role::Callee), valid_offer(), now).unwrap();
        callee.accept(now).unwrap();
        let mut texts = texts;
        texts.push("candidate:1 1 udp 1 255.255.255.255 0 typ host".into());
        texts.push("candidate:1 1 tcp 1 192.0.2.9 9 typ host tcptype active".into());
        texts.push("candidate:1 1 udp 4294967295 ::1 65535 typ relay raddr :: rport 0".into());
        prop_assert!(callee.handle_signal(Signal::Candidates(texts), now).is_ok());
        for milliseconds in 0..20 {
            let now = now + Duration::from_millis(20 * milliseconds);
            callee.handle_timeout(now);
            while !matches!(callee.poll(now), Output::Timeout(_)) {}
        }
    }
}
