//! From what cameras deliver to I420 in limited range.

mod jpeg;
mod planes;

use self::jpeg::JpegDecoder;
use super::PixelFormat;
use crate::frame::{I420, PictureError};

/// Why a camera's bytes are no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("the picture has {given} bytes and needs {needed}")]
    Short { needed: usize, given: usize },
    #[error("the JPEG is cut or damaged")]
    Jpeg,
    #[error("the JPEG is {width}x{height}, not the size agreed on")]
    JpegSize { width: usize, height: usize },
}

/// A camera's picture as it came.
#[derive(Debug, Clone, Copy)]
pub struct RawPicture<'a> {
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    /// Bytes from one row to the next of the first plane; ignored for MJPEG.
    pub stride: usize,
    pub data: &'a [u8],
}

impl<'a> RawPicture<'a> {
    /// A picture whose rows follow each other without padding.
    #[must_use]
    pub fn packed(format: PixelFormat, width: u32, height: u32, data: &'a [u8]) -> Self {
        let columns = width as usize;
        let stride = match format {
            PixelFormat::Gray | PixelFormat::I420 => columns,
            PixelFormat::Nv12 => columns.next_multiple_of(2),
            PixelFormat::Yuyv => columns.div_ceil(2) * 4,
            PixelFormat::Rgb | PixelFormat::Bgr => columns * 3,
            PixelFormat::Mjpeg => 0,
        };
        Self {
            format,
            width,
            height,
            stride,
            data,
        }
    }

    /// Returns `rows` rows of `width` bytes, `stride` apart, starting at `offset`.
    fn rows(
        &self,
        offset: usize,
        width: usize,
        rows: usize,
    ) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, ConvertError> {
        let stride = self.stride.max(1);
        let needed = offset + stride * rows.saturating_sub(1) + width;
        if self.data.len() < needed || width > stride {
            return Err(ConvertError::Short {
                needed,
                given: self.data.len(),
            });
        }
        let data = &self.data[offset..];
        Ok(data.chunks(stride).take(rows).map(move |row| &row[..width]))
    }
}

/// Converts pictures; keeps its working memory between them.
#[derive(Debug, Default)]
pub struct Converter {
    jpeg: JpegDecoder,
}

impl Converter {
    /// Converts `raw` into `target`, which takes the size of `raw`.
    ///
    /// Colours are BT.601 in limited range afterwards; JPEG and grey come in full range.
    ///
    /// # Errors
    /// [`ConvertError`] when the bytes are too few or damaged. `target` is unspecified then.
    pub fn convert(&mut self, raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
        target.reshape(raw.width, raw.height)?;
        match raw.format {
            PixelFormat::Nv12 => nv12(raw, target),
            PixelFormat::Yuyv => yuyv(raw, target),
            PixelFormat::Mjpeg => self.jpeg.decode(raw.data, target),
            PixelFormat::Rgb | PixelFormat::Bgr => rgb(raw, target),
            PixelFormat::Gray => grey(raw, target),
            PixelFormat::I420 => i420(raw, target),
        }
    }
}

fn nv12(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let (width, height) = (target.width as usize, target.height as usize);
    let (chroma, chroma_rows) = (
        target.chroma_width() as usize,
        target.chroma_height() as usize,
    );
    let luma = raw.rows(0, width, height)?;
    let pairs = raw.rows(raw.stride * height, chroma * 2, chroma_rows)?;
    let (y, u, v) = target.planes_mut();
    for (to, from) in y.chunks_exact_mut(width).zip(luma) {
        to.copy_from_slice(from);
    }
    let targets = u.chunks_exact_mut(chroma).zip(v.chunks_exact_mut(chroma));
    for ((u, v), from) in targets.zip(pairs) {
        planes::chroma_of_nv12(from, u, v);
    }
    Ok(())
}

fn yuyv(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let (width, height) = (target.width as usize, target.height as usize);
    let chroma = target.chroma_width() as usize;
    let rows = || raw.rows(0, chroma * 4, height);
    let (y, u, v) = target.planes_mut();
    for (to, from) in y.chunks_exact_mut(width).zip(rows()?) {
        planes::luma_of_yuyv(from, to);
    }
    // The chroma of a last odd row stands for itself.
    let above = rows()?.step_by(2);
    let below = rows()?.skip(1).step_by(2).chain(rows()?.skip(height - 1));
    let targets = u.chunks_exact_mut(chroma).zip(v.chunks_exact_mut(chroma));
    for ((u, v), (above, below)) in targets.zip(above.zip(below)) {
        planes::chroma_of_yuyv(above, below, u, v);
    }
    Ok(())
}

fn rgb(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let (width, height) = (target.width as usize, target.height as usize);
    let chroma = target.chroma_width() as usize;
    let rows = || raw.rows(0, width * 3, height);
    let colours = |pixel: &[u8]| match raw.format {
        PixelFormat::Bgr => [pixel[2], pixel[1], pixel[0]],
        PixelFormat::Nv12
        | PixelFormat::Yuyv
        | PixelFormat::Mjpeg
        | PixelFormat::Rgb
        | PixelFormat::Gray
        | PixelFormat::I420 => [pixel[0], pixel[1], pixel[2]],
    };
    let (y, u, v) = target.planes_mut();
    for (to, from) in y.chunks_exact_mut(width).zip(rows()?) {
        for (to, pixel) in to.iter_mut().zip(from.chunks_exact(3)) {
            *to = planes::luma_of_rgb(colours(pixel));
        }
    }
    // Every second pixel of every second row: no camera worth looking at delivers this.
    let targets = u.chunks_exact_mut(chroma).zip(v.chunks_exact_mut(chroma));
    for ((u, v), from) in targets.zip(rows()?.step_by(2)) {
        for ((u, v), pixel) in u.iter_mut().zip(v).zip(from.chunks_exact(3).step_by(2)) {
            (*u, *v) = planes::chroma_of_rgb(colours(pixel));
        }
    }
    Ok(())
}

fn grey(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let (width, height) = (target.width as usize, target.height as usize);
    let rows = raw.rows(0, width, height)?;
    let (y, u, v) = target.planes_mut();
    for (to, from) in y.chunks_exact_mut(width).zip(rows) {
        planes::limit_luma(from, to);
    }
    u.fill(128);
    v.fill(128);
    Ok(())
}

fn i420(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let needed = target.data.len();
    let data = raw.data.get(..needed);
    let data = data.ok_or(ConvertError::Short {
        needed,
        given: raw.data.len(),
    })?;
    target.data.copy_from_slice(data);
    Ok(())
}

#[cfg(test)]
mod tests;
