//! The voice on virtual sound cards: real speech in at the microphone, out at the speaker.

mod daemon;
mod recorder;
mod speech;

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jasmin_media::audio::decoder::decode_clip;
use jasmin_media::audio::headless::{Headless, Hears};
use jasmin_media::audio::{
    Direction, EncodedAudio, Processing, ReceivedAudio, Voice, VoiceConfig, VoiceEvent,
    list_microphones, list_speakers,
};

use self::daemon::{Daemon, wait_for, with_sound_system};
use self::recorder::Recorder;
use self::speech::{find, follow, samples};

const OFF: Processing = Processing {
    echo_cancellation: false,
    noise_suppression: false,
    automatic_gain: false,
};

const SOON: Duration = Duration::from_secs(10);

/// A voice that hears itself, as if the far side sent everything back at once.
struct Loop {
    voice: Arc<Voice>,
    events: Arc<Mutex<Vec<(Instant, VoiceEvent)>>>,
}

impl Loop {
    fn start(speaker: Option<String>, processing: Processing) -> Self {
        let (packets, received) = mpsc::channel();
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = events.clone();
        let voice = Voice::start(
            VoiceConfig {
                speaker,
                processing,
            },
            Box::new(move |packet| {
                let _ = packets.send(packet);
            }),
            Box::new(move |event| told.lock().unwrap().push((Instant::now(), event))),
        );
        let voice = Arc::new(voice.unwrap());
        let player = Arc::downgrade(&voice);
        thread::spawn(move || {
            for packet in received {
                let Some(voice) = player.upgrade() else {
                    return;
                };
                voice.receive(ReceivedAudio {
                    data: packet.data,
                    rtp_time: packet.rtp_time,
                    seq: None,
                    arrived: Instant::now(),
                    sender_report: None,
                });
            }
        });
        Self { voice, events }
    }

    /// Waits for an event, also one that came before, and takes it and those before it away.
    fn wait(&self, what: &str, is_it: impl Fn(&VoiceEvent) -> bool) -> Instant {
        wait_for(what, SOON, || {
            let mut events = self.events.lock().unwrap();
            let found = events.iter().position(|(_, event)| is_it(event))?;
            events.drain(..=found).next_back().map(|(at, _)| at)
        })
    }

    fn wait_for_microphone(&self, name: &str) {
        let is_it = |event: &VoiceEvent| matches!(event, VoiceEvent::MicrophoneOpened { name: its } if its == name);
        self.wait(name, is_it);
    }

    fn wait_for_speaker(&self, name: &str) {
        let is_it = |event: &VoiceEvent| matches!(event, VoiceEvent::SpeakerOpened { name: its } if its == name);
        self.wait(name, is_it);
    }

    fn hears_something(&self) {
        let start = self.voice.stats().encoded;
        wait_for("packets", SOON, || {
            (self.voice.stats().encoded > start + 5).then_some(())
        });
    }
}

#[test]
fn speech_arrives_whole_and_soon() {
    with_sound_system("sound::speech_arrives_whole_and_soon", |daemon| {
        let (wav, source) = speech::speech(daemon.home(), 10);
        let call = Loop::start(None, OFF);
        call.wait_for_speaker("Virtual_Speaker");
        call.voice.open_microphone(None);
        call.wait_for_microphone("Virtual_Microphone");
        // The buffers settle in the first seconds.
        let settled = || (call.voice.stats().encoded > 150).then_some(());
        wait_for("three seconds", SOON, settled);

        let mouth = Recorder::start("micfeed.monitor");
        let ear = Recorder::start("speaker.monitor");
        let spoken = daemon.speak(&wav).wait().unwrap();
        assert!(spoken.success());
        let until = ear.seconds() + 0.7;
        wait_for("the end", SOON, || (ear.seconds() > until).then_some(()));
        let (mouth_start, mouth) = mouth.finish();
        let (ear_start, ear) = ear.finish();

        // Six seconds from the second on.
        let pattern = &source[samples(2_000)..samples(8_000)];
        let (in_mouth, fed) = find(pattern, &mouth);
        assert!(
            fed > 0.999,
            "the virtual microphone itself is broken: {fed}"
        );
        // The first second is searched for, the others follow.
        let (in_ear, _) = find(&pattern[..samples(1_000)], &ear);
        let pieces = follow(pattern, &ear, in_ear);
        let at = |start: Instant, lag: usize| start + Duration::from_micros(lag as u64 * 1000 / 48);
        let mut delays: Vec<Duration> = pieces
            .iter()
            .map(|(lag, _)| {
                at(ear_start, *lag).saturating_duration_since(at(mouth_start, in_mouth))
            })
            .collect();
        delays.sort_unstable();
        let delay = delays[delays.len() / 2];
        let heard = pieces.iter().map(|(_, alike)| alike).sum::<f32>() / pieces.len() as f32;
        let stats = call.voice.stats();
        println!(
            "mouth to ear {delay:?} ({:?} to {:?})",
            delays[0],
            delays[delays.len() - 1]
        );
        println!("likeness {heard:.4} in {} pieces\n{stats:#?}", pieces.len());
        assert!(pieces.len() >= 8, "speech in {} half seconds", pieces.len());
        assert!(heard >= 0.9, "likeness {heard}: {pieces:?}");
        // Generous, for a loaded machine; the bench has the exact figure.
        assert!(delay < Duration::from_millis(160), "mouth to ear {delay:?}");
        assert_eq!(stats.overrun_samples, 0);
    });
}

#[test]
fn a_closed_microphone_is_given_back_at_once() {
    with_sound_system(
        "sound::a_closed_microphone_is_given_back_at_once",
        |daemon| {
            let call = Loop::start(None, Processing::default());
            let mut times = Vec::new();
            for _ in 0..5 {
                call.voice.open_microphone(None);
                call.wait_for_microphone("Virtual_Microphone");
                call.hears_something();
                assert_eq!(daemon.open_microphones(), 1);
                let closed = Instant::now();
                call.voice.close_microphone();
                let told = call.wait("close", |event| *event == VoiceEvent::MicrophoneClosed);
                times.push(told - closed);
                assert_eq!(daemon.open_microphones(), 0, "told before it was true");
                assert_eq!(call.voice.levels().microphone, 0.0);
            }
            times.sort_unstable();
            println!("closed after {times:?}");
            // The middle one, since the machine may do other things, too.
            assert!(times[2] < Duration::from_millis(200), "{times:?}");
            let before = Instant::now();
            call.voice.open_microphone(None);
            call.wait_for_microphone("Virtual_Microphone");
            drop(call);
            let gone = || (daemon.open_microphones() == 0).then_some(());
            wait_for("the microphone to be closed by drop", SOON, gone);
            println!("opened and dropped within {:?}", before.elapsed());
        },
    );
}

#[test]
fn devices_are_listed_chosen_and_followed() {
    with_sound_system("sound::devices_are_listed_chosen_and_followed", |daemon| {
        daemon.load(&[
            "module-null-sink",
            "norewinds=1",
            "sink_name=headset",
            "sink_properties=device.description=Headset",
        ]);
        let names = |devices: Vec<jasmin_media::audio::AudioDevice>| {
            devices
                .into_iter()
                .map(|device| (device.name, device.is_default))
                .collect::<Vec<_>>()
        };
        let microphones = names(list_microphones().unwrap());
        assert_eq!(
            microphones,
            [("Virtual_Microphone".into(), true)],
            "no monitors"
        );
        let speakers = list_speakers().unwrap();
        let headset = speakers
            .iter()
            .find(|device| device.name == "Headset")
            .unwrap()
            .id
            .clone();
        assert_eq!(names(speakers)[0], ("Virtual_Speaker".into(), true));

        let call = Loop::start(Some(headset.clone()), OFF);
        call.wait_for_speaker("Headset");
        assert_eq!(daemon.used("sink-inputs", "sinks"), ["headset"]);

        call.voice.set_speaker(None);
        call.wait_for_speaker("Virtual_Speaker");
        daemon.pactl(&["set-default-sink", "headset"]);
        call.wait_for_speaker("Headset");
        wait_for("one stream", SOON, || {
            (daemon.used("sink-inputs", "sinks") == ["headset"]).then_some(())
        });

        // A chosen device that goes is replaced, and taken again when it is back.
        daemon.pactl(&["set-default-sink", "speaker"]);
        call.voice.set_speaker(Some(headset));
        call.wait_for_speaker("Headset");
        daemon.unload_with("sink_name=headset");
        call.wait("loss", |event| {
            *event == VoiceEvent::DeviceGone(Direction::Speaker)
        });
        call.wait_for_speaker("Virtual_Speaker");
        daemon.load(&[
            "module-null-sink",
            "norewinds=1",
            "sink_name=headset",
            "sink_properties=device.description=Headset",
        ]);
        call.wait_for_speaker("Headset");
    });
}

#[test]
fn the_last_device_may_go_and_come_back() {
    with_sound_system("sound::the_last_device_may_go_and_come_back", |daemon| {
        let call = Loop::start(None, Processing::default());
        call.wait_for_speaker("Virtual_Speaker");
        call.voice.open_microphone(None);
        call.wait_for_microphone("Virtual_Microphone");
        call.hears_something();

        daemon.unload_with("sink_name=speaker");
        daemon.unload_with("sink_name=micfeed");
        call.wait("no speaker", |event| {
            matches!(event, VoiceEvent::SpeakerFailed(_))
        });
        replug(daemon);
        call.wait_for_speaker("Virtual_Speaker");
        call.hears_something();
        let underruns = call.voice.stats().underruns;
        println!("{underruns} underruns");
    });
}

#[test]
fn a_crashed_sound_system_is_survived() {
    with_sound_system("sound::a_crashed_sound_system_is_survived", |daemon| {
        let call = Loop::start(None, Processing::default());
        call.wait_for_speaker("Virtual_Speaker");
        call.voice.open_microphone(None);
        call.wait_for_microphone("Virtual_Microphone");
        for _ in 0..2 {
            daemon.kill();
            call.wait("no microphone", |event| {
                matches!(event, VoiceEvent::MicrophoneFailed(_))
            });
            daemon.restart();
            call.wait_for_microphone("Virtual_Microphone");
            call.hears_something();
            wait_for("the speaker", SOON, || {
                (daemon.used("sink-inputs", "sinks") == ["speaker"]).then_some(())
            });
        }
    });
}

#[test]
fn the_far_side_does_not_hear_itself() {
    with_sound_system("sound::the_far_side_does_not_hear_itself", |daemon| {
        let (_, speech) = speech::speech(daemon.home(), 12);
        // The room: what the speaker plays comes back to the microphone.
        daemon.load(&[
            "module-loopback",
            "source=speaker.monitor",
            "sink=micfeed",
            "latency_msec=40",
            "adjust_time=0",
        ]);
        let returned = |echo_cancellation| {
            let processing = Processing {
                echo_cancellation,
                ..OFF
            };
            let back = echo(&speech, processing);
            // Once the room is known.
            let after = &back[back.len().min(samples(6_000))..];
            after.iter().map(|sample| sample * sample).sum::<f32>() / after.len() as f32
        };
        let (raw, cleaned) = (returned(false), returned(true));
        let reduction = 10.0 * (raw / cleaned.max(1e-12)).log10();
        println!("echo {raw:.6} raw, {cleaned:.9} cleaned: {reduction:.1} dB less");
        assert!(raw > 1e-4, "no echo to begin with: {raw}");
        assert!(reduction > 15.0, "{reduction} dB");
    });
}

/// What a microphone sends back while `speech` comes from the far side.
fn echo(speech: &[f32], processing: Processing) -> Vec<f32> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let keeper = sent.clone();
    let config = VoiceConfig {
        speaker: None,
        processing,
    };
    let keep = move |packet: EncodedAudio| keeper.lock().unwrap().push(packet.data);
    let near = Voice::start(config, Box::new(keep), Box::new(|_| {})).unwrap();
    near.open_microphone(None);
    wait_for("the room", SOON, || {
        (near.stats().encoded > 10).then_some(())
    });
    sent.lock().unwrap().clear();

    let (packets, from_far) = mpsc::channel();
    let far = Headless::new(Hears::Sound(speech.into()), None);
    let far = Voice::start_with(
        Box::new(far),
        VoiceConfig::default(),
        Box::new(move |packet| drop(packets.send(packet))),
        Box::new(|_| {}),
    );
    let far = far.unwrap();
    far.set_processing(OFF);
    far.open_microphone(None);
    for _ in 0..speech.len() / 960 {
        let packet = from_far.recv_timeout(SOON).unwrap();
        near.receive(ReceivedAudio {
            data: packet.data,
            rtp_time: packet.rtp_time,
            seq: None,
            arrived: Instant::now(),
            sender_report: None,
        });
    }
    let sent = sent.lock().unwrap();
    decode_clip(sent.iter().map(Vec::as_slice)).unwrap()
}

fn replug(daemon: &Daemon) {
    daemon.load(&[
        "module-null-sink",
        "norewinds=1",
        "sink_name=micfeed",
        "channels=1",
        "sink_properties=device.description=Feed",
    ]);
    daemon.load(&[
        "module-remap-source",
        "source_name=mic",
        "master=micfeed.monitor",
        "source_properties=device.description=Virtual_Microphone",
    ]);
    daemon.load(&[
        "module-null-sink",
        "norewinds=1",
        "sink_name=speaker",
        "sink_properties=device.description=Virtual_Speaker",
    ]);
    daemon.pactl(&["set-default-sink", "speaker"]);
    daemon.pactl(&["set-default-source", "mic"]);
}
