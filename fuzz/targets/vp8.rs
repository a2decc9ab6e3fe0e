#![no_main]

use jasmin_media::{
    frame::I420,
    video::VideoDecoder,
    vp8::{FrameHeader, Vp8Decoder},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut decoder) = Vp8Decoder::new() else {
        return;
    };
    let Ok(mut picture) = I420::black(16, 16) else {
        return;
    };
    // Several frames: the second finds the decoder in whatever state the first left it.
    for frame in data.split(|byte| *byte == 0xfe) {
        // A keyframe can claim 16383 × 16383 in ten bytes; the size is checked, not the memory.
        if FrameHeader::parse(frame).is_ok() {
            let _refused = decoder.decode(frame, &mut picture);
        }
    }
});
