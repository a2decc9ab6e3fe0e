//! Sends the microphone to the speaker through everything a call does, and prints the figures.
//!
//! `cargo run -p jasmin-media --example voice_loop -- [seconds] [off]`; `off` switches echo
//! cancellation, noise suppression and gain off. Wear headphones.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jasmin_media::audio::{Processing, ReceivedAudio, Voice, VoiceConfig, VoiceError};

fn main() -> Result<(), VoiceError> {
    let mut words = std::env::args().skip(1);
    let seconds = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(10);
    let on = words.next().as_deref() != Some("off");
    let processing = Processing {
        echo_cancellation: on,
        noise_suppression: on,
        automatic_gain: on,
    };
    let (packets, received) = mpsc::sync_channel(64);
    let voice = Voice::start(
        VoiceConfig {
            speaker: None,
            processing,
        },
        Box::new(move |packet| drop(packets.try_send(packet))),
        Box::new(|event| print(&format!("{event:?}"))),
    )?;
    let voice = Arc::new(voice);
    voice.open_microphone(None);
    let until = Instant::now() + Duration::from_secs(seconds);
    let printer = voice.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            print(&format!("{:?}", printer.stats()));
        }
    });
    while let Ok(packet) = received.recv_timeout(until.saturating_duration_since(Instant::now())) {
        voice.receive(ReceivedAudio {
            data: packet.data,
            rtp_time: packet.rtp_time,
            seq: None,
            arrived: Instant::now(),
            sender_report: None,
        });
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is all this example is for")]
fn print(line: &str) {
    if !line.starts_with("Level") {
        println!("{line}");
    }
}
