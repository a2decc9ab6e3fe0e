use std::sync::Mutex;

use super::super::headless::{Headless, Hears, Recording};
use super::*;

const OFF: Processing = Processing {
    echo_cancellation: false,
    noise_suppression: false,
    automatic_gain: false,
};

struct Side {
    voice: Voice,
    packets: mpsc::Receiver<EncodedAudio>,
    events: mpsc::Receiver<VoiceEvent>,
}

fn side(hears: Hears, recording: Option<Recording>) -> Side {
    let (packet, packets) = mpsc::channel();
    let (event, events) = mpsc::channel();
    let config = VoiceConfig {
        speaker: None,
        processing: OFF,
    };
    let voice = Voice::start_with(
        Box::new(Headless::new(hears, recording)),
        config,
        Box::new(move |encoded| drop(packet.send(encoded))),
        Box::new(move |told| drop(event.send(told))),
    )
    .unwrap();
    Side {
        voice,
        packets,
        events,
    }
}

impl Side {
    fn next_packet(&self) -> EncodedAudio {
        self.packets.recv_timeout(Duration::from_secs(5)).unwrap()
    }

    fn wait(&self, what: &str, is_it: impl Fn(&VoiceEvent) -> bool) {
        loop {
            let event = self.events.recv_timeout(Duration::from_secs(5));
            if is_it(&event.unwrap_or_else(|_| panic!("no {what}"))) {
                return;
            }
        }
    }

    fn open(&self) {
        self.voice.open_microphone(None);
        let opened = |event: &VoiceEvent| matches!(event, VoiceEvent::MicrophoneOpened { .. });
        self.wait("microphone", opened);
    }
}

fn received(packet: &EncodedAudio, ntp_zero: Instant) -> ReceivedAudio {
    ReceivedAudio {
        data: packet.data.clone(),
        rtp_time: packet.rtp_time,
        seq: None,
        arrived: Instant::now(),
        sender_report: Some(SenderReport {
            rtp_time: packet.rtp_time,
            ntp: packet.captured_at.duration_since(ntp_zero),
        }),
    }
}

#[test]
fn beeps_go_from_one_headless_client_to_another_and_are_in_sync() {
    let start = Instant::now();
    let recording = Recording::new(48_000 * 10);
    let caller = side(Hears::Beeps { since: start }, None);
    let callee = side(Hears::Silence, Some(recording.clone()));
    callee.wait("speaker", |event| {
        matches!(event, VoiceEvent::SpeakerOpened { .. })
    });
    caller.open();
    let mut offset = None;
    for _ in 0..150 {
        let packet = caller.next_packet();
        callee.voice.receive(received(&packet, start));
        offset = callee.voice.playout_offset().or(offset);
    }
    let heard = recording.take();
    let loud = heard.iter().filter(|sample| sample.abs() > 0.2).count();
    // Two or three beeps of 2880 samples, a good half of which are above 0.2.
    assert!(
        (2_000..7_000).contains(&loud),
        "{loud} loud samples of {}",
        heard.len()
    );

    let offset = offset.expect("the sender's clock is known");
    let delay = offset
        .at
        .saturating_duration_since(start + offset.sender_ntp);
    let stats = callee.voice.stats();
    assert!(delay < Duration::from_secs(1), "mouth to ear {delay:?}");
    assert!(delay > Duration::from_millis(20), "mouth to ear {delay:?}");
    // The engine may not have taken the very last one yet.
    assert!(stats.received >= 148, "{}", stats.received);
    assert_eq!(stats.corrupt, 0);
}

#[test]
fn muted_and_closed_microphones_send_nothing() {
    let side = side(Hears::Sound(vec![0.3; 48_000 * 60].into()), None);
    side.open();
    for _ in 0..5 {
        let packet = side.next_packet();
        assert!(packet.level < 20, "−{} dBov", packet.level);
    }
    side.voice.set_muted(true);
    // What was on its way; then levels go on and packets do not.
    side.wait("level", |event| matches!(event, VoiceEvent::Level(_)));
    while side.packets.try_recv().is_ok() {}
    for _ in 0..3 {
        side.wait("level", |event| *event == VoiceEvent::Level(0.3));
    }
    assert!(side.packets.try_recv().is_err(), "a packet while muted");
    assert!((side.voice.levels().microphone - 0.3).abs() < 1e-6);

    side.voice.set_muted(false);
    side.next_packet();
    side.voice.close_microphone();
    side.wait("close", |event| *event == VoiceEvent::MicrophoneClosed);
    while side.packets.try_recv().is_ok() {}
    let silent = side.packets.recv_timeout(Duration::from_millis(100));
    assert!(silent.is_err(), "a packet of a closed microphone");

    side.open();
    side.next_packet();
}

#[test]
fn sounds_beside_the_call_are_mixed_ended_and_stopped() {
    let recording = Recording::new(48_000);
    let side = side(Hears::Silence, Some(recording.clone()));
    side.wait("speaker", |event| {
        matches!(event, VoiceEvent::SpeakerOpened { .. })
    });
    let ring = vec![0.25; 4_800].into();
    let endless = side
        .voice
        .play_out_of_band(vec![0.5; 10].into(), Repeat::UntilStopped);
    let once = side.voice.play_out_of_band(ring, Repeat::Once);
    side.wait("end", |event| *event == VoiceEvent::OutOfBandEnded(once));
    side.voice.stop_out_of_band(endless);
    side.voice.stop_out_of_band(once);
    assert_eq!(side.voice.playout_offset(), None);
    let heard = recording.take();
    assert!(heard.contains(&0.75), "both sounds at once");
}

#[test]
fn a_device_that_does_not_exist_falls_back_to_the_default() {
    let side = side(Hears::Silence, None);
    side.voice
        .open_microphone(Some("unplugged long ago".into()));
    side.wait("microphone", |event| {
        matches!(event, VoiceEvent::MicrophoneOpened { .. })
    });
}

/// No device at all.
struct Nothing;

impl AudioIo for Nothing {
    fn devices(&mut self, _: Direction) -> Result<Vec<super::super::AudioDevice>, DeviceProblem> {
        Ok(Vec::new())
    }
    fn open_microphone(
        &mut self,
        _: Option<&str>,
        _: super::super::CaptureEnd,
        _: super::super::Faults,
    ) -> Result<super::super::OpenDevice, DeviceProblem> {
        Err(DeviceProblem::Missing)
    }
    fn open_speaker(
        &mut self,
        _: Option<&str>,
        _: super::super::PlaybackEnd,
        _: super::super::Faults,
    ) -> Result<super::super::OpenDevice, DeviceProblem> {
        Err(DeviceProblem::Missing)
    }
}

#[test]
fn a_computer_without_sound_says_so_once_and_goes_on() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = told.clone();
    let (seen, sees) = mpsc::channel();
    let voice = Voice::start_with(
        Box::new(Nothing),
        VoiceConfig::default(),
        Box::new(|_| {}),
        Box::new(move |event| {
            events.lock().unwrap().push(event);
            let _ = seen.send(());
        }),
    )
    .unwrap();
    voice.open_microphone(None);
    let clip = voice.play_out_of_band(vec![0.1; 480 * 60].into(), Repeat::Once);
    // A clip of 600 ms ends without a speaker; by then devices were tried several times.
    let ended = VoiceEvent::OutOfBandEnded(clip);
    while !told.lock().unwrap().contains(&ended) {
        sees.recv_timeout(Duration::from_secs(5)).unwrap();
    }
    let mut told = told.lock().unwrap().clone();
    told.retain(|event| *event != ended);
    let missing = DeviceProblem::Missing;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&VoiceEvent::SpeakerFailed(missing.clone())));
    assert!(told.contains(&VoiceEvent::MicrophoneFailed(missing)));
}
