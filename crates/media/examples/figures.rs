//! Prints what a picture costs on this machine: converting, scaling, encoding and decoding it.
//!
//! `cargo run --release -p jasmin-media --example figures`
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::time::{Duration, Instant};

use jasmin_media::camera::{Converter, PixelFormat, RawPicture};
use jasmin_media::frame::I420;
use jasmin_media::synthetic::Scene;
use jasmin_media::video::{Scaler, VideoDecoder, VideoEncoder, VideoError};
use jasmin_media::vp8::{Vp8Decoder, Vp8Encoder};
use jasmin_vcam::barcode::Stamp;
use jasmin_vcam::painter::Painter;
use jasmin_vcam::spec::Layout;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FRAMES: u64 = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (layout, format) in [
        (Layout::Yuyv, PixelFormat::Yuyv),
        (Layout::Nv12, PixelFormat::Nv12),
        (Layout::Mjpg, PixelFormat::Mjpeg),
    ] {
        convert(layout, format)?;
    }
    scale(640, 360)?;
    scale(960, 540)?;
    scale(480, 270)?;
    for (width, height, bits_per_second) in [
        (1280, 720, 1_500_000),
        (1280, 720, 900_000),
        (640, 360, 500_000),
    ] {
        code(width, height, bits_per_second)?;
    }
    Ok(())
}

/// What the virtual camera needs to draw a picture, and this crate to convert it.
fn convert(layout: Layout, format: PixelFormat) -> Result<(), Box<dyn std::error::Error>> {
    let painter = Painter::new(layout, WIDTH, HEIGHT, 1);
    let mut raw = vec![0; (WIDTH * HEIGHT * 2) as usize];
    let mut picture = I420::black(WIDTH, HEIGHT)?;
    let mut converter = Converter::default();
    let (mut drawing, mut converting) = (Vec::new(), Vec::new());
    for number in 0..FRAMES {
        let begun = Instant::now();
        let stamp = Stamp {
            millis: (number * 33) as u32,
            camera: 0,
        };
        let length = painter.draw(number, stamp, &mut raw);
        let drawn = Instant::now();
        let source = RawPicture::packed(format, WIDTH, HEIGHT, &raw[..length]);
        converter.convert(source, &mut picture)?;
        drawing.push(drawn - begun);
        converting.push(drawn.elapsed());
    }
    print(
        &format!("{} drawn by the virtual camera", format.name()),
        &mut drawing,
    );
    print(
        &format!("{} to I420, 1280x720", format.name()),
        &mut converting,
    );
    Ok(())
}

fn scale(width: u32, height: u32) -> Result<(), VideoError> {
    let source = Scene::new(WIDTH, HEIGHT, 30)?.next_picture().0;
    let mut target = I420::black(width, height)?;
    let mut scaler = Scaler::default();
    let mut times = Vec::new();
    for _ in 0..FRAMES {
        let begun = Instant::now();
        scaler.scale(&source, &mut target)?;
        times.push(begun.elapsed());
    }
    print(&format!("1280x720 to {width}x{height}"), &mut times);
    Ok(())
}

/// Somebody talking, from the virtual camera, as a call would send it.
fn code(width: u32, height: u32, bits_per_second: u32) -> Result<(), Box<dyn std::error::Error>> {
    let painter = Painter::new(Layout::Nv12, width, height, 1);
    let mut raw = vec![0; (width * height * 3 / 2) as usize];
    let mut picture = I420::black(width, height)?;
    let mut shown = I420::black(width, height)?;
    let (mut encoder, mut decoder) = (Vp8Encoder::new(), Vp8Decoder::new()?);
    encoder.set_bitrate(bits_per_second)?;
    let (mut encoding, mut decoding) = (Vec::new(), Vec::new());
    let (mut bytes, mut squares) = (0, 0.0);
    for number in 0..FRAMES {
        let stamp = Stamp {
            millis: (number * 1000 / 30) as u32,
            camera: 0,
        };
        painter.draw(number, stamp, &mut raw);
        let source = RawPicture::packed(PixelFormat::Nv12, width, height, &raw);
        Converter::default().convert(source, &mut picture)?;
        let begun = Instant::now();
        let frame = encoder.encode(&picture, Duration::from_secs(number) / 30, false)?;
        let encoded = Instant::now();
        encoding.push(encoded - begun);
        let Some(frame) = frame else { continue };
        decoder.decode(&frame.data, &mut shown)?;
        decoding.push(encoded.elapsed());
        bytes += frame.data.len() as u64;
        let difference = |(&a, &b): (&u8, &u8)| f64::from(a.abs_diff(b)).powi(2);
        squares += picture
            .y()
            .iter()
            .zip(shown.y())
            .map(difference)
            .sum::<f64>()
            / f64::from(width * height);
    }
    let sent = decoding.len();
    let psnr = 10.0 * (255.0f64.powi(2) * sent as f64 / squares).log10();
    println!(
        "{width}x{height} at {} kbit/s: {} kbit/s, {sent} of {FRAMES} sent, PSNR-Y {psnr:.1} dB",
        bits_per_second / 1000,
        bytes * 8 * 30 / FRAMES / 1000
    );
    print("  encoded", &mut encoding);
    print("  decoded", &mut decoding);
    Ok(())
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e3;
    println!("{what}: {:.2} ms median, {:.2} ms p95", at(50), at(95));
}
