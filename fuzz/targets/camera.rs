#![no_main]

use jasmin_media::{
    camera::{Converter, PixelFormat, RawPicture},
    frame::I420,
};
use libfuzzer_sys::fuzz_target;

const FORMATS: [PixelFormat; 7] = [
    PixelFormat::Mjpeg,
    PixelFormat::Nv12,
    PixelFormat::Yuyv,
    PixelFormat::Rgb,
    PixelFormat::Bgr,
    PixelFormat::Gray,
    PixelFormat::I420,
];

fuzz_target!(|data: &[u8]| {
    let [format, width, height, stride, bytes @ ..] = data else {
        return;
    };
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let (width, height) = (u32::from(*width), u32::from(*height));
    let Ok(mut target) = I420::black(2, 2) else {
        return;
    };
    let mut raw = RawPicture::packed(format, width, height, bytes);
    let mut converter = Converter::default();
    let _refused = converter.convert(raw, &mut target);
    raw.stride = usize::from(*stride);
    let _refused = converter.convert(raw, &mut target);
});
