//! The uncompressed start of a VP8 frame (RFC 6386, section 9.1).

use crate::frame::MAX_SIDE;
use crate::video::VideoError;

/// What a VP8 frame says about itself before anything is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Width and height in pixels; only keyframes carry them.
    pub size: Option<(u32, u32)>,
    /// Whether the frame is meant to be shown.
    pub shown: bool,
}

impl FrameHeader {
    /// Reads the header of a complete frame.
    ///
    /// # Errors
    /// [`VideoError::Malformed`] when the bytes cannot be a VP8 frame, or one larger than
    /// [`MAX_SIDE`] on a side: decoding it would only cost memory.
    pub fn parse(data: &[u8]) -> Result<Self, VideoError> {
        let &[a, b, c, ref rest @ ..] = data else {
            return Err(VideoError::Malformed("shorter than its header"));
        };
        let tag = u32::from_le_bytes([a, b, c, 0]);
        let shown = tag & 0x10 != 0;
        if (tag >> 1) & 7 > 3 {
            return Err(VideoError::Malformed("unknown version"));
        }
        let first_partition = (tag >> 5) as usize;
        if tag & 1 == 1 {
            if first_partition > rest.len() {
                return Err(VideoError::Malformed("first partition is cut"));
            }
            return Ok(Self { size: None, shown });
        }
        let &[0x9d, 0x01, 0x2a, w0, w1, h0, h1, ref rest @ ..] = rest else {
            return Err(VideoError::Malformed("keyframe without start code"));
        };
        if first_partition > rest.len() {
            return Err(VideoError::Malformed("first partition is cut"));
        }
        // The two upper bits ask the player to scale up; nobody does.
        let width = u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff);
        let height = u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff);
        if width == 0 || height == 0 {
            return Err(VideoError::Malformed("empty picture"));
        }
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(VideoError::Malformed("picture too large"));
        }
        Ok(Self {
            size: Some((width, height)),
            shown,
        })
    }

    /// Whether decoding can start here.
    #[must_use]
    pub fn is_keyframe(&self) -> bool {
        self.size.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyframe(width: u16, height: u16) -> Vec<u8> {
        let mut data = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
        data.extend(width.to_le_bytes());
        data.extend(height.to_le_bytes());
        data
    }

    #[test]
    fn keyframes_tell_their_size() {
        let header = FrameHeader::parse(&keyframe(1280, 720)).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                size: Some((1280, 720)),
                shown: true
            }
        );
        let header = FrameHeader::parse(&keyframe(1280 | 0x4000, 720)).unwrap();
        assert_eq!(header.size, Some((1280, 720)));
        assert!(!FrameHeader::parse(&[0x11, 0, 0]).unwrap().is_keyframe());
    }

    #[test]
    fn what_cannot_be_a_frame_is_refused() {
        for bad in [
            vec![],
            vec![0, 0],
            vec![0x10, 0, 0],
            keyframe(0, 720),
            keyframe(4097, 2),
            vec![0x0f, 0, 0],
            vec![0xf1, 0xff, 0xff],
        ] {
            assert!(FrameHeader::parse(&bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(FrameHeader { size: Some((width, height)), .. }) = FrameHeader::parse(&data) {
                prop_assert!(width <= MAX_SIDE && height <= MAX_SIDE);
            }
        }
    }
}
