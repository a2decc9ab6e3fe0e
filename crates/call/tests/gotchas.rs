//! The traps of the engine, each with its handling (those of time and rate are in `blackout` and
//! `congestion`).

use std::time::Duration;

use jasmin_call::{EncodedAudio, Event, Offer, Output, Role, Session, Signal};

use crate::world::{
    CALLEE, CALLER, MS, World, config, link::Conditions, some_instant, source::frame,
};

const SECOND: Duration = Duration::from_secs(1);

fn connected(seed: u64) -> World {
    let mut world = World::new(Conditions::default(), seed);
    world.connect();
    world
}

fn offer_of(caller: &mut Session, now: std::time::Instant) -> Offer {
    caller.make_offer(now);
    match caller.poll(now) {
        Output::Signal(Signal::Offer(offer)) => offer,
        other => panic!("the first output is the offer, not {other:?}"),
    }
}

#[test]
fn gotcha_1_every_change_is_followed_by_a_drain() {
    let mut world = connected(1);
    world.media = false;
    world.run_for(SECOND);
    // Many changes without a poll in between: str0m alone refuses the second write.
    let now = world.now;
    let before = world.sides[CALLEE].audio.len();
    let (start, caller) = (world.start, &mut world.sides[CALLER]);
    for _ in 0..40 {
        let packet = caller
            .microphone
            .speak(caller.session.audio_target(), start, now);
        caller.session.send_audio(packet, now);
        caller.session.set_local_media(true, false, now);
        caller.session.request_keyframe(now);
        caller.session.set_local_media(true, true, now);
    }
    world.drain(CALLER);
    world.run_for(SECOND);
    assert_eq!(world.sides[CALLEE].audio.len() - before, 40, "none is lost");
}

#[test]
fn gotcha_2_and_13_sound_is_sound_and_a_picture_is_a_picture_on_both_sides() {
    let mut world = connected(2);
    world.run_for(2 * SECOND);
    for side in &world.sides {
        // The stamps would be nonsense if the one were taken for the other.
        let now = world.since_start(world.now);
        assert!(side.video.len() > 55 && side.audio.len() > 95, "both flow");
        for seen in side.video.iter().chain(&side.audio) {
            assert!(seen.number < 200 && seen.captured < now, "{seen:?}");
        }
    }
}

#[test]
fn gotcha_3_a_name_under_local_is_skipped_and_the_call_connects() {
    let start = some_instant();
    let addresses = ["192.0.2.1:40000", "192.0.2.2:40000"].map(|a| a.parse().unwrap());
    let mut caller = Session::caller(config(3, Role::Caller), start).unwrap();
    caller.add_local_candidate(addresses[0], start).unwrap();
    let mut offer = offer_of(&mut caller, start);
    assert!(offer.sdp.contains("192.0.2.1"));
    let name = "2f9b5a5c-8a0f-4d7e-9a41-000000000001.local";
    offer.sdp = offer
        .sdp
        .replace("192.0.2.1 40000", &format!("{name} 40000"));
    let mut callee = Session::callee(config(3, Role::Callee), offer, start).unwrap();
    callee.add_local_candidate(addresses[1], start).unwrap();
    let trickled = format!("candidate:1 1 udp 2130706431 {name} 40000 typ host");
    callee
        .handle_signal(Signal::Candidates(vec![trickled.clone()]), start)
        .unwrap();
    callee.accept(start).unwrap();
    callee
        .handle_signal(Signal::Candidates(vec![trickled]), start)
        .unwrap();
    let mut world = World::with([caller, callee], addresses, Conditions::default(), 3, start);
    world.drain(CALLER);
    world.drain(CALLEE);
    world.connect();
}

#[test]
fn gotcha_4_every_datagram_needs_the_address_it_came_to() {
    let mut world = connected(4);
    world.run_for(SECOND);
    let now = world.now;
    let callee = &mut world.sides[CALLEE].session;
    for address in ["0.0.0.0:40000", "[::]:40000", "192.0.2.9:0"] {
        assert!(
            callee
                .add_local_candidate(address.parse().unwrap(), now)
                .is_err(),
            "{address}"
        );
    }
    // The same packets, delivered as if they had come to another address of the machine.
    let packets = world.recent[CALLER].clone();
    for packet in packets {
        let elsewhere = "127.0.0.1:40000".parse().unwrap();
        world.sides[CALLEE]
            .session
            .handle_datagram(packet.source, elsewhere, &packet.bytes, now);
        world.drain(CALLEE);
    }
    world.run_for(2 * SECOND);
    assert_eq!(world.sides[CALLEE].end(), None);
}

#[test]
fn gotcha_5_sound_and_picture_share_the_senders_clock() {
    let mut world = connected(5);
    world.run_for(5 * SECOND);
    for side in &world.sides {
        let offset = |seen: &crate::world::Seen| {
            seen.sender_time
                .map(|time| time.as_secs_f64() - seen.captured.as_secs_f64())
        };
        let video = offset(side.video.last().unwrap()).expect("a sender report came");
        let audio = offset(side.audio.last().unwrap()).expect("a sender report came");
        let apart = (video - audio).abs();
        assert!(apart < 0.005, "lips and voice are {apart} s apart");
    }
}

#[test]
fn gotcha_6_lost_sound_holds_nothing_back() {
    let mut world = World::new(
        Conditions {
            loss: 0.05,
            ..Conditions::default()
        },
        6,
    );
    world.connect();
    world.run_for(20 * SECOND);
    for side in &world.sides {
        let mut delays: Vec<_> = side.audio.iter().map(|seen| seen.delay).collect();
        delays.sort();
        let p99 = delays[delays.len() * 99 / 100];
        // 20 ms of path, and 20 ms for what the next packet carries once more.
        assert!(p99 <= 42 * MS, "p99 {p99:?}");
    }
}

#[test]
fn gotcha_7_keyframes_are_asked_for_until_one_comes_and_at_most_once_a_second() {
    let mut world = connected(7);
    world.run_for(3 * SECOND);
    let before = world.sides[CALLER].camera.keyframes.len();
    let from = world.now;
    for _ in 0..300 {
        let now = world.now;
        world.sides[CALLEE].session.request_keyframe(now);
        world.drain(CALLEE);
        world.run_for(10 * MS);
    }
    let keyframes = world.sides[CALLER].camera.keyframes[before..].to_vec();
    assert!(
        (3..=5).contains(&keyframes.len()),
        "{} in three seconds",
        keyframes.len()
    );
    let after = world.sides[CALLEE]
        .video
        .iter()
        .filter(|seen| seen.at > from);
    let shown = after
        .clone()
        .take_while(|seen| !seen.keyframe)
        .filter(|seen| seen.contiguous);
    assert_eq!(
        shown.count(),
        0,
        "nothing is shown that the decoder could not make sense of"
    );
}

#[test]
fn gotcha_11_nothing_goes_out_before_connected_and_then_a_keyframe_comes_first() {
    let mut world = World::new(Conditions::default(), 11);
    let now = world.now;
    let early = jasmin_call::EncodedVideo {
        data: frame(true, 1, Duration::ZERO, 2000).into(),
        rtp_time: 1,
        captured_at: now,
    };
    let sound = EncodedAudio {
        data: vec![0x78; 80].into(),
        rtp_time: 1,
        captured_at: now,
        starts_talkspurt: true,
    };
    world.sides[CALLER].session.send_video(early, now);
    world.sides[CALLER].session.send_audio(sound, now);
    assert!(world.sides[CALLER].session.video_target().paused);
    world.drain(CALLER);
    assert!(world.sides[CALLER].rtp_out.is_empty());
    world.connect();
    world.run_for(SECOND);
    for side in &world.sides {
        let connected = side.connected_at();
        assert_eq!(
            side.first(|event| matches!(event, Event::KeyframeWanted)),
            connected
        );
        assert!(side.video[0].keyframe);
    }
}

#[test]
fn gotcha_12_no_codec_but_vp8_and_opus() {
    let start = some_instant();
    let mut caller = Session::caller(config(12, Role::Caller), start).unwrap();
    let offer = offer_of(&mut caller, start);
    let mut callee = Session::callee(config(12, Role::Callee), offer.clone(), start).unwrap();
    callee.accept(start).unwrap();
    let Output::Signal(Signal::Answer { sdp: answer, .. }) = callee.poll(start) else {
        panic!("the first output is the answer");
    };
    for sdp in [&offer.sdp, &answer] {
        let mut codecs: Vec<_> = sdp
            .lines()
            .filter(|line| line.starts_with("a=rtpmap:"))
            .filter_map(|line| line.split(' ').nth(1)?.split('/').next())
            .map(str::to_ascii_lowercase)
            .collect();
        codecs.sort();
        codecs.dedup();
        assert_eq!(codecs, ["opus", "red", "rtx", "vp8"]);
        for wanted in [
            "transport-cc",
            "nack pli",
            "useinbandfec=1",
            "webrtc-datachannel",
        ] {
            assert!(sdp.contains(wanted), "{wanted} is missing");
        }
    }
}

#[test]
fn gotcha_14_sound_alone_stays_small() {
    for seed in 14..=18 {
        sound_alone(seed);
    }
}

fn sound_alone(seed: u64) {
    let mut world = connected(seed);
    let now = world.now;
    for side in [CALLER, CALLEE] {
        world.sides[side].session.set_local_media(true, false, now);
        world.drain(side);
    }
    world.run_for(5 * SECOND);
    let (from, bits) = (world.now, |world: &World, from| {
        let sent = world.sides[CALLER]
            .rtp_out
            .iter()
            .filter(|(at, _)| *at > from);
        sent.map(|(_, size)| size * 8).sum::<usize>()
    });
    world.run_for(20 * SECOND);
    let speaking = bits(&world, from) / 20;
    assert!(speaking < 110_000, "{speaking} bits a second for sound");

    let now = world.now;
    world.sides[CALLER]
        .session
        .set_local_media(false, false, now);
    world.drain(CALLER);
    world.run_for(5 * SECOND);
    let from = world.now;
    world.run_for(20 * SECOND);
    let silent = bits(&world, from) / 20;
    assert!(silent < 60_000, "{silent} bits a second for nothing");
    assert_eq!(
        world.sides[CALLEE].count(|event| matches!(event, Event::Reconnecting { .. })),
        0
    );

    // Speaking again is heard at once, and a picture has room soon.
    let now = world.now;
    let (heard, seen) = (
        world.sides[CALLEE].audio.len(),
        world.sides[CALLEE].video.len(),
    );
    world.sides[CALLER].session.set_local_media(true, true, now);
    world.drain(CALLER);
    world.run_for(3 * SECOND);
    assert!(world.sides[CALLEE].audio.len() - heard > 145);
    assert!(world.sides[CALLEE].video.len() - seen > 80);
    assert!(world.sides[CALLER].session.video_target().bitrate_bps > 1_500_000);
}

#[test]
fn gotcha_14_a_picture_after_a_time_of_sound_has_room_soon() {
    for seed in 1..=5 {
        let mut world = World::new(Conditions::default(), seed);
        world.connect();
        for camera in [false, true] {
            let now = world.now;
            for side in [CALLER, CALLEE] {
                world.sides[side].session.set_local_media(true, camera, now);
                world.drain(side);
            }
            world.run_for(if camera { 2 } else { 30 } * SECOND);
        }
        for side in &world.sides {
            let bps = side.session.video_target().bitrate_bps;
            assert!(bps > 1_500_000, "seed {seed}: {bps} after two seconds");
        }
    }
}
