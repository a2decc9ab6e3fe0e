//! Motion JPEG: one JPEG a picture, often with the remains of an older one behind it.

use turbojpeg::{Decompressor, Subsamp, YuvImage};

use super::ConvertError;
use super::planes::{limit_chroma, limit_chroma_columns, limit_chroma_rows, limit_luma};
use crate::frame::I420;

/// Decodes JPEGs of cameras; keeps the decoder and its memory between pictures.
#[derive(Debug, Default)]
pub(super) struct JpegDecoder {
    decoder: Option<Decompressor>,
    planes: Vec<u8>,
}

impl JpegDecoder {
    /// Decodes into `target`, whose size the JPEG must have.
    pub(super) fn decode(&mut self, data: &[u8], target: &mut I420) -> Result<(), ConvertError> {
        let data = cut_at_end(data);
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(Decompressor::new().map_err(|_| ConvertError::Jpeg)?),
        };
        let header = decoder.read_header(data).map_err(|_| ConvertError::Jpeg)?;
        let (width, height) = (header.width, header.height);
        if (width, height) != (target.width as usize, target.height as usize) {
            return Err(ConvertError::JpegSize { width, height });
        }
        let subsamp = header.subsamp;
        let length =
            turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(|_| ConvertError::Jpeg)?;
        self.planes.resize(length, 0);
        let mut image = YuvImage {
            pixels: self.planes.as_mut_slice(),
            width,
            align: 1,
            height,
            subsamp,
        };
        decoder
            .decompress_to_yuv(data, image.as_deref_mut())
            .map_err(|_| ConvertError::Jpeg)?;
        let (luma_width, luma_height) = image.y_size();
        // A grey picture has no chroma planes, but a size for them.
        let grey = subsamp == Subsamp::Gray;
        let (chroma_width, chroma_height) = if grey { (1, 0) } else { image.uv_size() };
        let (luma, rest) = self
            .planes
            .split_at_checked(luma_width * luma_height)
            .ok_or(ConvertError::Jpeg)?;
        let (cb, cr) = rest
            .split_at_checked(chroma_width * chroma_height)
            .ok_or(ConvertError::Jpeg)?;
        let columns = target.chroma_width() as usize;
        let (y, u, v) = target.planes_mut();
        for (to, from) in y.chunks_exact_mut(width).zip(luma.chunks_exact(luma_width)) {
            limit_luma(&from[..width], to);
        }
        for (to, from) in [(u, cb), (v, cr)] {
            match subsamp {
                Subsamp::Sub2x2 => {
                    for (to, from) in to.chunks_exact_mut(columns).zip(from.chunks(chroma_width)) {
                        limit_chroma(from, to);
                    }
                }
                Subsamp::Sub2x1 => {
                    let pairs = from.chunks(chroma_width * 2);
                    for (to, pair) in to.chunks_exact_mut(columns).zip(pairs) {
                        let (above, below) = pair.split_at(chroma_width);
                        limit_chroma_rows(above, if below.is_empty() { above } else { below }, to);
                    }
                }
                Subsamp::Sub1x2 => {
                    for (to, from) in to.chunks_exact_mut(columns).zip(from.chunks(chroma_width)) {
                        limit_chroma_columns(from, to);
                    }
                }
                Subsamp::None => {
                    let rows = from.chunks(chroma_width).step_by(2);
                    for (to, from) in to.chunks_exact_mut(columns).zip(rows) {
                        limit_chroma_columns(from, to);
                    }
                }
                Subsamp::Gray => to.fill(128),
                // No camera does that.
                Subsamp::Sub4x1 | Subsamp::Sub1x4 | Subsamp::Unknown | _ => {
                    return Err(ConvertError::Jpeg);
                }
            }
        }
        Ok(())
    }
}

/// Cuts what lies behind the end of the picture. Buffers of cameras have a fixed length, and what
/// a shorter picture does not fill is left over from longer ones.
fn cut_at_end(data: &[u8]) -> &[u8] {
    end(data).map_or(data, |end| &data[..end])
}

/// Walks through the segments (ITU-T T.81, annex B) to the end-of-image marker.
fn end(data: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let &[0xff, marker] = data.get(at..at + 2)? else {
            return None;
        };
        at += 2;
        match marker {
            0xd9 => return Some(at),
            0xff => at -= 1,
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let length = data.get(at..at + 2)?;
                at += usize::from(u16::from_be_bytes([length[0], length[1]]));
                if marker == 0xda {
                    at = scan_end(data, at)?;
                }
            }
        }
    }
}

/// Finds the marker after entropy-coded data.
fn scan_end(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += data.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match data.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lies_behind_the_end_is_cut() {
        let picture = [
            0xff, 0xd8, // start
            0xff, 0xe0, 0, 4, 0xff, 0xd9, // a segment that contains an end marker
            0xff, 0xda, 0, 2, 1, 0xff, 0, 2, 0xff, 0xd3,
            3, // a scan with stuffing and restart
            0xff, 0xd9, // end
        ];
        let mut buffer = picture.to_vec();
        buffer.extend([7; 30]);
        assert_eq!(cut_at_end(&buffer), picture);
        assert_eq!(
            cut_at_end(&picture[..15]),
            &picture[..15],
            "no end: left to the decoder"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_through(data in prop::collection::vec(
            prop_oneof![Just(0xffu8), Just(0xda), Just(0), any::<u8>()], 0..200,
        )) {
            prop_assert!(cut_at_end(&data).len() <= data.len());
        }
    }
}
