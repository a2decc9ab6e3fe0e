//! Pictures: raw and encoded, each with the moment it was captured.

use std::sync::Arc;
use std::time::Instant;

/// The largest width or height that any part of this crate accepts, in pixels.
pub const MAX_SIDE: u32 = 4096;

/// One picture in planar YUV 4:2:0, limited range, BT.601.
///
/// The planes are packed without padding: `width * height` luma bytes, then the two chroma planes
/// of `ceil(width / 2) * ceil(height / 2)` bytes each. Odd sizes are fine.
#[derive(Clone, PartialEq, Eq)]
pub struct I420 {
    pub width: u32,
    pub height: u32,
    pub data: Vec<u8>,
}

/// Why bytes are not a picture of the size they claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("a picture of {width}x{height} is empty or larger than {MAX_SIDE}x{MAX_SIDE}")]
    Size { width: u32, height: u32 },
    #[error("a picture needs {needed} bytes, {given} given")]
    Length { needed: usize, given: usize },
}

impl I420 {
    /// Returns a black picture.
    ///
    /// # Errors
    /// [`PictureError::Size`] when a side is zero or above [`MAX_SIDE`].
    pub fn black(width: u32, height: u32) -> Result<Self, PictureError> {
        let length = Self::length(width, height)?;
        let luma = width as usize * height as usize;
        let mut data = vec![128; length];
        data[..luma].fill(16);
        Ok(Self {
            width,
            height,
            data,
        })
    }

    /// Wraps packed planes.
    ///
    /// # Errors
    /// [`PictureError`] when the size is out of bounds or `data` has another length than it needs.
    pub fn from_planes(width: u32, height: u32, data: Vec<u8>) -> Result<Self, PictureError> {
        let needed = Self::length(width, height)?;
        if data.len() != needed {
            return Err(PictureError::Length {
                needed,
                given: data.len(),
            });
        }
        Ok(Self {
            width,
            height,
            data,
        })
    }

    /// Returns how many bytes a picture of this size has.
    ///
    /// # Errors
    /// [`PictureError::Size`] when a side is zero or above [`MAX_SIDE`].
    pub fn length(width: u32, height: u32) -> Result<usize, PictureError> {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(PictureError::Size { width, height });
        }
        let chroma = width.div_ceil(2) as usize * height.div_ceil(2) as usize;
        Ok(width as usize * height as usize + 2 * chroma)
    }

    /// Tells whether the public fields agree with each other.
    ///
    /// # Errors
    /// The same as [`I420::from_planes`].
    pub fn check(&self) -> Result<(), PictureError> {
        let needed = Self::length(self.width, self.height)?;
        if self.data.len() != needed {
            return Err(PictureError::Length {
                needed,
                given: self.data.len(),
            });
        }
        Ok(())
    }

    /// Makes this a picture of another size, keeping the allocation where it is large enough.
    ///
    /// The content afterwards is unspecified.
    ///
    /// # Errors
    /// [`PictureError::Size`] when a side is zero or above [`MAX_SIDE`]; nothing has changed then.
    pub fn reshape(&mut self, width: u32, height: u32) -> Result<(), PictureError> {
        let length = Self::length(width, height)?;
        self.data.resize(length, 0);
        self.width = width;
        self.height = height;
        Ok(())
    }

    /// Width of a chroma plane in samples.
    #[must_use]
    pub fn chroma_width(&self) -> u32 {
        self.width.div_ceil(2)
    }

    /// Height of a chroma plane in samples.
    #[must_use]
    pub fn chroma_height(&self) -> u32 {
        self.height.div_ceil(2)
    }

    /// The luma plane, `width` bytes a row.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        self.planes().0
    }

    /// The blue-difference plane, [`chroma_width`](Self::chroma_width) bytes a row.
    #[must_use]
    pub fn u(&self) -> &[u8] {
        self.planes().1
    }

    /// The red-difference plane, [`chroma_width`](Self::chroma_width) bytes a row.
    #[must_use]
    pub fn v(&self) -> &[u8] {
        self.planes().2
    }

    /// All three planes. Planes are empty where `data` is too short for the size.
    #[must_use]
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        let (luma, chroma) = self.plane_lengths();
        let (y, rest) = self.data.split_at(luma.min(self.data.len()));
        let (u, rest) = rest.split_at(chroma.min(rest.len()));
        (y, u, &rest[..chroma.min(rest.len())])
    }

    /// All three planes, to be written.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let (luma, chroma) = self.plane_lengths();
        let luma = luma.min(self.data.len());
        let (y, rest) = self.data.split_at_mut(luma);
        let (u, rest) = rest.split_at_mut(chroma.min(rest.len()));
        let end = chroma.min(rest.len());
        (y, u, &mut rest[..end])
    }

    fn plane_lengths(&self) -> (usize, usize) {
        (
            self.width as usize * self.height as usize,
            self.chroma_width() as usize * self.chroma_height() as usize,
        )
    }
}

impl std::fmt::Debug for I420 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "I420 {}x{} ({} bytes)",
            self.width,
            self.height,
            self.data.len()
        )
    }
}

/// A raw picture on its way from a camera.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub picture: Arc<I420>,
    pub captured_at: Instant,
}

/// One VP8 frame on its way to the network or into a clip.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedVideo {
    /// A complete VP8 frame (RFC 6386).
    pub data: Vec<u8>,
    pub keyframe: bool,
    pub captured_at: Instant,
    pub width: u32,
    pub height: u32,
}

impl std::fmt::Debug for EncodedVideo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodedVideo")
            .field("bytes", &self.data.len())
            .field("keyframe", &self.keyframe)
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

/// How the bytes of a [`Picture`] are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// A complete VP8 frame.
    Vp8,
    /// Rows of red, green, blue and 255: `4 * width * height` bytes.
    Rgba,
}

/// One picture on its way to the page.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub format: PictureFormat,
    /// Always true for [`PictureFormat::Rgba`].
    pub keyframe: bool,
    pub width: u32,
    pub height: u32,
    /// Counts up by one for each picture of its source; a gap means that pictures were left out.
    pub sequence: u32,
    /// When the picture was taken, in microseconds on a clock that starts with its source.
    pub time_us: u64,
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("format", &self.format)
            .field("keyframe", &self.keyframe)
            .field("width", &self.width)
            .field("height", &self.height)
            .field("sequence", &self.sequence)
            .field("time_us", &self.time_us)
            .field("bytes", &self.data.len())
            .finish()
    }
}

/// Picture buffers that are used again once nobody looks at them any more.
///
/// A 720p picture is 1.4 MB; taking that from the system for each frame costs more than converting it.
#[derive(Debug, Default)]
pub(crate) struct FramePool {
    pictures: Vec<Arc<I420>>,
}

/// Beyond this many pictures in use, further ones are not kept.
const POOL_SIZE: usize = 6;

impl FramePool {
    /// Fills a buffer of the given size and returns it.
    ///
    /// # Errors
    /// Whatever `fill` returns, or the size being out of bounds.
    pub(crate) fn fill<E: From<PictureError>>(
        &mut self,
        width: u32,
        height: u32,
        fill: impl FnOnce(&mut I420) -> Result<(), E>,
    ) -> Result<Arc<I420>, E> {
        for slot in &mut self.pictures {
            let Some(picture) = Arc::get_mut(slot) else {
                continue;
            };
            picture.reshape(width, height)?;
            fill(picture)?;
            return Ok(slot.clone());
        }
        let mut picture = I420::black(width, height)?;
        fill(&mut picture)?;
        let picture = Arc::new(picture);
        if self.pictures.len() < POOL_SIZE {
            self.pictures.push(picture.clone());
        }
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_have_whole_chroma_planes() {
        let picture = I420::black(5, 3).unwrap();
        let (y, u, v) = picture.planes();
        assert_eq!((y.len(), u.len(), v.len()), (15, 6, 6));
        assert!(y.iter().all(|&sample| sample == 16));
        assert!(u.iter().chain(v).all(|&sample| sample == 128));
        assert_eq!(picture.data.len(), 27);
    }

    #[test]
    fn sizes_out_of_bounds_are_refused() {
        assert!(I420::black(0, 4).is_err());
        assert!(I420::black(4, MAX_SIDE + 1).is_err());
        assert_eq!(
            I420::from_planes(4, 4, vec![0; 23]),
            Err(PictureError::Length {
                needed: 24,
                given: 23
            })
        );
    }

    #[test]
    fn planes_of_an_inconsistent_picture_do_not_panic() {
        let broken = I420 {
            width: 8,
            height: 8,
            data: vec![0; 70],
        };
        let (y, u, v) = broken.planes();
        assert_eq!((y.len(), u.len(), v.len()), (64, 6, 0));
        assert!(broken.check().is_err());
    }

    #[test]
    fn the_pool_reuses_buffers_that_nobody_holds() {
        let mut pool = FramePool::default();
        let first = pool.fill::<PictureError>(4, 4, |_| Ok(())).unwrap();
        let held = first.data.as_ptr();
        let second = pool.fill::<PictureError>(4, 4, |_| Ok(())).unwrap();
        assert_ne!(
            held,
            second.data.as_ptr(),
            "a held buffer must not be written to"
        );
        drop(first);
        let third = pool.fill::<PictureError>(2, 2, |_| Ok(())).unwrap();
        assert_eq!(held, third.data.as_ptr());
        assert_eq!((third.width, third.data.len()), (2, 6));
    }
}
