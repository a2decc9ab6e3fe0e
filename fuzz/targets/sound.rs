#![no_main]

use std::time::{Duration, Instant};

use jasmin_media::audio::{
    decoder::OpusDecoder,
    jitter::{JitterBuffer, JitterConfig},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(decoder) = OpusDecoder::new() else {
        return;
    };
    let mut buffer = JitterBuffer::new(decoder, JitterConfig::default());
    let mut now = Instant::now();
    let mut out = [0.0; 480];
    // Each packet: a step of its clock, a step of ours, its bytes.
    let mut rtp_time = 0_u32;
    for packet in data.split(|byte| *byte == 0xff).take(256) {
        let [clock, ours, bytes @ ..] = packet else {
            continue;
        };
        rtp_time = rtp_time.wrapping_add(u32::from(*clock) * 240);
        now += Duration::from_millis(u64::from(*ours) / 4);
        buffer.insert(rtp_time, bytes.to_vec(), now);
        buffer.get_10ms(now, &mut out);
        assert!(
            out.iter().all(|sample| sample.is_finite()),
            "sound is a number"
        );
    }
});
