//! Pictures for the page: it pulls, one request at a time for each stream, and so decides itself
//! how much waits for it. Nothing is ever pushed.

use jasmin_media::frame::{Picture, PictureFormat};
use serde::{Deserialize, Serialize};

/// One pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FrameRequest {
    /// Which pictures.
    pub stream: Stream,
    /// In which form.
    pub mode: PictureMode,
    /// The page's decoder lost track: only a keyframe helps.
    pub need_key: bool,
    /// Width of the tile in device pixels; raw pictures come no larger.
    pub width: u32,
    /// Height of the tile in device pixels.
    pub height: u32,
}

/// Pictures that a page can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// The other side.
    Remote,
    /// Oneself.
    #[serde(rename = "self")]
    Own,
    /// The device check's clip.
    Clip,
}

/// The form that the page can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PictureMode {
    /// Whole VP8 frames, for WebCodecs.
    Vp8,
    /// Red, green, blue and 255 for each pixel, at tile size.
    Rgba,
}

/// Bytes of a record's header.
pub const HEADER: usize = 24;

/// Appends one record: little endian `u32` payload length, `u8` format (0 VP8, 1 RGBA), `u8` flags
/// (bit 0: keyframe), `u16` width, `u16` height, `u16` zero, `u32` sequence, `u64` time in
/// microseconds, payload.
pub fn append(body: &mut Vec<u8>, picture: &Picture) {
    let Ok(length) = u32::try_from(picture.data.len()) else {
        return;
    };
    body.reserve(HEADER + picture.data.len());
    body.extend_from_slice(&length.to_le_bytes());
    body.push(match picture.format {
        PictureFormat::Vp8 => 0,
        PictureFormat::Rgba => 1,
    });
    body.push(u8::from(picture.keyframe));
    for side in [picture.width, picture.height] {
        body.extend_from_slice(&u16::try_from(side).unwrap_or(u16::MAX).to_le_bytes());
    }
    body.extend_from_slice(&[0; 2]);
    body.extend_from_slice(&picture.sequence.to_le_bytes());
    body.extend_from_slice(&picture.time_us.to_le_bytes());
    body.extend_from_slice(&picture.data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_follow_each_other_with_a_24_byte_header() {
        let picture = Picture {
            format: PictureFormat::Vp8,
            keyframe: true,
            width: 1280,
            height: 720,
            sequence: 7,
            time_us: 0x0102_0304_0506_0708,
            data: vec![9, 8, 7],
        };
        let mut body = Vec::new();
        append(&mut body, &picture);
        append(
            &mut body,
            &Picture {
                format: PictureFormat::Rgba,
                keyframe: false,
                ..picture
            },
        );
        assert_eq!(body.len(), 2 * (HEADER + 3));
        assert_eq!(body[..6], [3, 0, 0, 0, 0, 1]);
        assert_eq!(body[6..12], [0, 5, 208, 2, 0, 0]);
        assert_eq!(body[12..16], [7, 0, 0, 0]);
        assert_eq!(body[16..24], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(body[24..27], [9, 8, 7]);
        assert_eq!(body[27 + 4..27 + 6], [1, 0]);
    }
}
