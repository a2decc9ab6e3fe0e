use proptest::prelude::*;

use super::*;

fn convert(raw: RawPicture<'_>) -> Result<I420, ConvertError> {
    let mut target = I420::black(2, 2).unwrap();
    Converter::default().convert(raw, &mut target)?;
    target.check().unwrap();
    Ok(target)
}

/// A picture of one colour in full-range RGB as a JPEG.
fn jpeg(width: usize, height: usize, rgb: [u8; 3], subsamp: turbojpeg::Subsamp) -> Vec<u8> {
    let image = turbojpeg::Image {
        pixels: rgb.repeat(width * height),
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image.as_deref(), 95, subsamp)
        .unwrap()
        .to_vec()
}

/// Whether each plane has the value given, within two.
fn is_flat(picture: &I420, (y, u, v): (u8, u8, u8)) -> bool {
    let near = |plane: &[u8], value: u8| plane.iter().all(|sample| sample.abs_diff(value) <= 2);
    near(picture.y(), y) && near(picture.u(), u) && near(picture.v(), v)
}

/// Red in BT.601 limited range.
const RED: (u8, u8, u8) = (81, 90, 240);

#[test]
fn yuyv_keeps_luma_and_averages_chroma_of_two_rows() {
    let data: Vec<u8> = [[10, 100, 20, 200].repeat(2), [30, 110, 40, 210].repeat(2)].concat();
    let picture = convert(RawPicture::packed(PixelFormat::Yuyv, 4, 2, &data)).unwrap();
    assert_eq!(picture.y(), [10, 20, 10, 20, 30, 40, 30, 40]);
    assert_eq!(
        (picture.u(), picture.v()),
        ([105, 105].as_slice(), [205, 205].as_slice())
    );
}

#[test]
fn nv12_is_taken_apart_also_with_padded_rows() {
    let data = [1, 2, 3, 4, 5, 6, 70, 80, 71, 81];
    let picture = convert(RawPicture::packed(PixelFormat::Nv12, 3, 2, &data));
    assert!(picture.is_err(), "odd width: the pairs need a fourth byte");
    let data = [1, 2, 9, 9, 3, 4, 9, 9, 70, 80, 9, 9];
    let raw = RawPicture {
        stride: 4,
        ..RawPicture::packed(PixelFormat::Nv12, 2, 2, &data)
    };
    assert_eq!(convert(raw).unwrap().data, [1, 2, 3, 4, 70, 80]);
}

#[test]
fn every_kind_of_jpeg_becomes_limited_range() {
    use turbojpeg::Subsamp;
    for subsamp in [
        Subsamp::Sub2x1,
        Subsamp::Sub2x2,
        Subsamp::Sub1x2,
        Subsamp::None,
    ] {
        for (width, height) in [(64, 48), (33, 17), (1, 1)] {
            let data = jpeg(width as usize, height as usize, [255, 0, 0], subsamp);
            let raw = RawPicture::packed(PixelFormat::Mjpeg, width, height, &data);
            assert!(
                is_flat(&convert(raw).unwrap(), RED),
                "{subsamp:?} {width}x{height}"
            );
        }
    }
    let data = jpeg(16, 16, [255, 255, 255], Subsamp::Gray);
    let picture = convert(RawPicture::packed(PixelFormat::Mjpeg, 16, 16, &data)).unwrap();
    assert!(is_flat(&picture, (235, 128, 128)));
}

#[test]
fn a_jpeg_with_the_rest_of_an_older_one_behind_it_is_read() {
    let mut data = jpeg(64, 48, [255, 0, 0], turbojpeg::Subsamp::Sub2x1);
    data.extend(jpeg(64, 48, [0, 255, 0], turbojpeg::Subsamp::Sub2x1));
    let picture = convert(RawPicture::packed(PixelFormat::Mjpeg, 64, 48, &data)).unwrap();
    assert!(is_flat(&picture, RED));
}

#[test]
fn a_jpeg_of_another_size_is_refused() {
    let data = jpeg(64, 48, [1, 2, 3], turbojpeg::Subsamp::Sub2x1);
    assert_eq!(
        convert(RawPicture::packed(PixelFormat::Mjpeg, 1280, 720, &data)),
        Err(ConvertError::JpegSize {
            width: 64,
            height: 48
        })
    );
}

#[test]
fn rgb_bgr_and_grey_are_read() {
    let rgb = [255, 0, 0].repeat(15);
    let picture = convert(RawPicture::packed(PixelFormat::Rgb, 5, 3, &rgb)).unwrap();
    assert!(is_flat(&picture, RED));
    let bgr = [0, 0, 255].repeat(15);
    let picture = convert(RawPicture::packed(PixelFormat::Bgr, 5, 3, &bgr)).unwrap();
    assert!(is_flat(&picture, RED));
    let picture = convert(RawPicture::packed(PixelFormat::Gray, 5, 3, &[255; 15])).unwrap();
    assert!(is_flat(&picture, (235, 128, 128)));
}

const FORMATS: [PixelFormat; 7] = [
    PixelFormat::Nv12,
    PixelFormat::Yuyv,
    PixelFormat::Mjpeg,
    PixelFormat::Rgb,
    PixelFormat::Bgr,
    PixelFormat::Gray,
    PixelFormat::I420,
];

proptest! {
    #[test]
    fn buffers_of_any_length_are_answered(
        format in prop::sample::select(FORMATS.as_slice()),
        width in 0u32..70, height in 0u32..70, stride in 0usize..300,
        data in prop::collection::vec(any::<u8>(), 0..15_000),
    ) {
        let raw = RawPicture::packed(format, width, height, &data);
        if let Ok(picture) = convert(raw) {
            prop_assert_eq!((picture.width, picture.height), (width, height));
        }
        let _ = convert(RawPicture { stride, ..raw });
    }

    #[test]
    fn enough_bytes_are_always_enough(
        format in prop::sample::select(FORMATS.as_slice()), width in 1u32..40, height in 1u32..40,
    ) {
        prop_assume!(format != PixelFormat::Mjpeg);
        let data = vec![90; 40 * 40 * 4 + 400];
        convert(RawPicture::packed(format, width, height, &data)).unwrap();
    }

    #[test]
    fn a_cut_jpeg_is_refused(cut in 0usize..1000) {
        let data = jpeg(64, 48, [200, 30, 90], turbojpeg::Subsamp::Sub2x1);
        let cut = &data[..cut % (data.len() - 2)];
        prop_assert_eq!(
            convert(RawPicture::packed(PixelFormat::Mjpeg, 64, 48, cut)),
            Err(ConvertError::Jpeg)
        );
    }

    #[test]
    fn a_damaged_jpeg_never_panics(hits in prop::collection::vec((2usize..5000, any::<u8>()), 1..12)) {
        let mut data = jpeg(64, 48, [200, 30, 90], turbojpeg::Subsamp::Sub2x1);
        for (at, value) in hits {
            let length = data.len();
            data[at % length] = value;
        }
        let _ = convert(RawPicture::packed(PixelFormat::Mjpeg, 64, 48, &data));
    }
}
