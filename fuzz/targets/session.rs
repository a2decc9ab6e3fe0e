#![no_main]

use std::time::{Duration, Instant};

use jasmin_call::{Offer, Output, Session, SessionConfig, Signal};
use libfuzzer_sys::fuzz_target;

fn config(microphone: bool) -> SessionConfig {
    SessionConfig {
        call_id: [1; 16],
        own_identity_key: [2; 32],
        peer_identity_key: [3; 32],
        entropy: [4; 32],
        unix_time: Duration::from_secs(1_795_000_000),
        microphone,
        camera: true,
    }
}

/// Everything that the session wants, and its offer if it made one.
fn drain(session: &mut Session, now: Instant) -> Option<Offer> {
    let mut offer = None;
    loop {
        match session.poll(now) {
            Output::Timeout(_) => return offer,
            Output::Signal(Signal::Offer(made)) => offer = Some(made),
            Output::Transmit(_) | Output::Signal(_) | Output::Event(_) => {}
        }
    }
}

fn signal(kind: u8, text: &str) -> Signal {
    let sdp = text.to_owned();
    match kind % 6 {
        0 => Signal::Offer(Offer {
            sdp,
            commitment: [5; 32],
        }),
        1 => Signal::Answer {
            sdp,
            nonce: [6; 32],
        },
        2 => Signal::Reveal { nonce: [7; 32] },
        3 => Signal::Candidates(text.lines().map(str::to_owned).collect()),
        4 => Signal::RestartOffer { sdp },
        _ => Signal::RestartAnswer { sdp },
    }
}

fuzz_target!(|data: &[u8]| {
    let now = Instant::now();
    let address = "127.0.0.1:40000".parse().expect("an address");
    let other = "127.0.0.1:40001".parse().expect("an address");
    let text = String::from_utf8_lossy(data).into_owned();

    // An offer of a stranger's making.
    if let Ok(mut callee) = Session::callee(
        config(true),
        Offer {
            sdp: text.clone(),
            commitment: [5; 32],
        },
        now,
    ) {
        let _refused = callee.add_local_candidate(address, now);
        let _refused = callee.accept(now);
        drain(&mut callee, now);
    }

    // A true offer, then whatever comes: messages and datagrams, one a line's worth of bytes.
    let Ok(mut caller) = Session::caller(config(true), now) else {
        return;
    };
    let _refused = caller.add_local_candidate(address, now);
    caller.make_offer(now);
    let Some(offer) = drain(&mut caller, now) else {
        return;
    };
    let Ok(mut callee) = Session::callee(config(false), offer, now) else {
        return;
    };
    let _refused = callee.add_local_candidate(other, now);
    let _refused = callee.accept(now);
    drain(&mut callee, now);

    let mut now = now;
    for part in data.split(|byte| *byte == 0xff).take(64) {
        let Some((kind, rest)) = part.split_first() else {
            continue;
        };
        now += Duration::from_millis(u64::from(*kind));
        for session in [&mut caller, &mut callee] {
            if kind % 2 == 0 {
                session.handle_datagram(other, address, rest, now);
            } else {
                let text = String::from_utf8_lossy(rest);
                let _refused = session.handle_signal(signal(kind / 2, &text), now);
            }
            session.handle_timeout(now);
            drain(session, now);
        }
    }
});
