//! VP8 by libvpx, behind safe types.

mod decoder;
mod encoder;
mod header;

pub use self::decoder::Vp8Decoder;
pub use self::encoder::Vp8Encoder;
pub use self::header::FrameHeader;
use crate::video::VideoError;

/// Turns a status of libvpx into a result.
fn check(status: vpx_sys::vpx_codec_err_t, doing: &str) -> Result<(), VideoError> {
    if status == vpx_sys::VPX_CODEC_OK {
        Ok(())
    } else {
        Err(VideoError::Codec(format!("{doing}: {status:?}")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::I420;
    use crate::synthetic::Scene;
    use crate::video::{VideoDecoder, VideoEncoder};

    const FPS: u32 = 30;

    /// Encodes `frames` pictures of the moving scene and returns their sizes in bytes; zero for
    /// pictures that the rate control left out.
    fn encode(encoder: &mut Vp8Encoder, scene: &mut Scene, frames: u32) -> Vec<usize> {
        (0..frames)
            .map(|_| {
                let (picture, time) = scene.next_picture();
                encoder
                    .encode(&picture, time, false)
                    .unwrap()
                    .map_or(0, |frame| frame.data.len())
            })
            .collect()
    }

    fn rate(sizes: &[usize]) -> u32 {
        let bits = sizes.iter().sum::<usize>() * 8;
        u32::try_from(bits).unwrap() / (u32::try_from(sizes.len()).unwrap() / FPS)
    }

    fn psnr(a: &I420, b: &I420) -> f64 {
        let squares: f64 = a
            .y()
            .iter()
            .zip(b.y())
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
            .sum();
        10.0 * (255.0f64 * 255.0 * a.y().len() as f64 / squares.max(1e-9)).log10()
    }

    #[test]
    fn a_picture_survives_the_way_through_both() {
        let mut encoder = Vp8Encoder::new();
        encoder.set_bitrate(500_000).unwrap();
        let mut decoder = Vp8Decoder::new().unwrap();
        let mut scene = Scene::new(640, 360, FPS).unwrap();
        let mut out = I420::black(2, 2).unwrap();
        let mut quality = Vec::new();
        for index in 0..60 {
            let (picture, time) = scene.next_picture();
            let Some(frame) = encoder.encode(&picture, time, false).unwrap() else {
                continue;
            };
            assert_eq!(
                frame.keyframe,
                index == 0,
                "only the first frame is a keyframe by itself"
            );
            assert!(decoder.decode(&frame.data, &mut out).unwrap());
            assert_eq!((out.width, out.height), (640, 360));
            quality.push(psnr(&picture, &out));
        }
        let mean = quality.iter().sum::<f64>() / quality.len() as f64;
        assert!(
            quality.len() >= 55,
            "{} of 60 pictures were sent",
            quality.len()
        );
        assert!(mean > 33.0, "mean PSNR {mean:.1} dB");
    }

    #[test]
    fn keyframes_come_on_demand() {
        let mut encoder = Vp8Encoder::new();
        encoder.set_bitrate(1_000_000).unwrap();
        let mut scene = Scene::new(320, 180, FPS).unwrap();
        let mut keys = Vec::new();
        for index in 0..30 {
            let (picture, time) = scene.next_picture();
            let frame = encoder.encode(&picture, time, index == 17).unwrap();
            if frame.is_some_and(|frame| {
                assert_eq!(
                    FrameHeader::parse(&frame.data).unwrap().is_keyframe(),
                    frame.keyframe
                );
                frame.keyframe
            }) {
                keys.push(index);
            }
        }
        assert_eq!(keys, [0, 17]);
    }

    #[test]
    fn the_bitrate_is_kept_and_changes_without_a_keyframe() {
        let mut encoder = Vp8Encoder::new();
        encoder.set_bitrate(800_000).unwrap();
        let mut scene = Scene::new(640, 360, FPS).unwrap();
        encode(&mut encoder, &mut scene, FPS * 2);
        for target in [800_000, 250_000, 600_000] {
            encoder.set_bitrate(target).unwrap();
            encode(&mut encoder, &mut scene, FPS * 2);
            let sizes = encode(&mut encoder, &mut scene, FPS * 4);
            let share = f64::from(rate(&sizes)) / f64::from(target);
            assert!((0.5..1.15).contains(&share), "{share:.2} of {target} bit/s");
        }
        let (picture, time) = scene.next_picture();
        let frame = encoder.encode(&picture, time, false).unwrap();
        assert!(frame.is_none_or(|frame| !frame.keyframe));
    }

    #[test]
    fn another_size_starts_with_a_keyframe_and_odd_sizes_work() {
        let mut encoder = Vp8Encoder::new();
        let mut decoder = Vp8Decoder::new().unwrap();
        let mut out = I420::black(2, 2).unwrap();
        for (step, (width, height)) in
            [(320, 180), (321, 181), (17, 33), (2, 2), (1, 1), (640, 360)]
                .into_iter()
                .enumerate()
        {
            let picture = I420::black(width, height).unwrap();
            let time = Duration::from_millis(33 * step as u64);
            let frame = encoder.encode(&picture, time, false).unwrap().unwrap();
            assert!(frame.keyframe, "{width}x{height}");
            let header = FrameHeader::parse(&frame.data).unwrap();
            assert_eq!(header.size, Some((width, height)));
            assert!(decoder.decode(&frame.data, &mut out).unwrap());
            assert_eq!((out.width, out.height), (width, height));
            out.check().unwrap();
        }
    }

    #[test]
    fn inconsistent_pictures_are_refused() {
        let broken = I420 {
            width: 64,
            height: 64,
            data: vec![0; 100],
        };
        assert!(
            Vp8Encoder::new()
                .encode(&broken, Duration::ZERO, false)
                .is_err()
        );
    }

    #[test]
    fn decoding_starts_at_a_keyframe() {
        let mut encoder = Vp8Encoder::new();
        let mut scene = Scene::new(64, 64, FPS).unwrap();
        let mut frames = Vec::new();
        while frames.len() < 2 {
            let (picture, time) = scene.next_picture();
            frames.extend(encoder.encode(&picture, time, false).unwrap());
        }
        let mut decoder = Vp8Decoder::new().unwrap();
        let mut out = I420::black(2, 2).unwrap();
        assert_eq!(
            decoder.decode(&frames[1].data, &mut out),
            Err(VideoError::NeedsKeyframe)
        );
        assert_eq!(decoder.decode(&frames[0].data, &mut out), Ok(true));
        assert_eq!(decoder.decode(&frames[1].data, &mut out), Ok(true));
    }

    /// Bytes that begin like a keyframe of some size.
    fn forged_keyframe() -> impl Strategy<Value = Vec<u8>> {
        (
            any::<[u8; 3]>(),
            0u16..64,
            0u16..64,
            prop::collection::vec(any::<u8>(), 0..400),
        )
            .prop_map(|(tag, width, height, rest)| {
                let mut data = vec![tag[0] & !1, tag[1] & 7, 0, 0x9d, 0x01, 0x2a];
                data.extend(width.to_le_bytes());
                data.extend(height.to_le_bytes());
                data.extend(rest);
                data
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn random_bytes_never_panic(
            frames in prop::collection::vec(
                prop_oneof![prop::collection::vec(any::<u8>(), 0..300), forged_keyframe()], 1..6,
            ),
        ) {
            let mut decoder = Vp8Decoder::new().unwrap();
            let mut out = I420::black(2, 2).unwrap();
            for frame in frames {
                if decoder.decode(&frame, &mut out).is_ok() {
                    out.check().unwrap();
                }
            }
        }

        #[test]
        fn damaged_frames_never_panic(hits in prop::collection::vec((0usize..4000, any::<u8>()), 1..30)) {
            let mut encoder = Vp8Encoder::new();
            let mut scene = Scene::new(96, 64, FPS).unwrap();
            let mut decoder = Vp8Decoder::new().unwrap();
            let mut out = I420::black(2, 2).unwrap();
            for _ in 0..4 {
                let (picture, time) = scene.next_picture();
                let Some(mut frame) = encoder.encode(&picture, time, false).unwrap() else { continue };
                for &(at, value) in &hits {
                    let length = frame.data.len();
                    frame.data[at % length] ^= value;
                }
                if decoder.decode(&frame.data, &mut out).is_ok() {
                    out.check().unwrap();
                }
            }
        }
    }
}
