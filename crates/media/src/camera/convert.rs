//! From what cameras deliver to I420 in limited range.

mod jpeg;
mod planes;

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

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
    #[error("conversion failed: {0}")]
    Conversion(String),
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
            PixelFormat::Nv12 | PixelFormat::Gray | PixelFormat::I420 => columns,
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
    let pairs = raw.rows(
        raw.stride * height,
        (chroma * 2).min(raw.stride),
        chroma_rows,
    )?;
    let (y, u, v) = target.planes_mut();
    for (to, from) in y.chunks_exact_mut(width).zip(luma) {
        to.copy_from_slice(from);
    }
    let targets = u.chunks_exact_mut(chroma).zip(v.chunks_exact_mut(chroma));
    for ((u, v), from) in targets.zip(pairs) {
        for ((u, v), pair) in u.iter_mut().zip(v).zip(from.chunks_exact(2)) {
            (*u, *v) = (pair[0], pair[1]);
        }
    }
    Ok(())
}

fn yuyv(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let needed = raw.stride * target.height as usize;
    let row = target.width.div_ceil(2) as usize * 4;
    if raw.data.len() < needed || raw.stride < row {
        return Err(ConvertError::Short {
            needed,
            given: raw.data.len(),
        });
    }
    let packed = YuvPackedImage {
        yuy: &raw.data[..needed],
        yuy_stride: stride(raw.stride)?,
        width: target.width,
        height: target.height,
    };
    yuv::yuyv422_to_yuv420(&mut planar(target), &packed).map_err(failed)
}

fn rgb(raw: RawPicture<'_>, target: &mut I420) -> Result<(), ConvertError> {
    let needed = raw.stride * target.height as usize;
    if raw.data.len() < needed || raw.stride < target.width as usize * 3 {
        return Err(ConvertError::Short {
            needed,
            given: raw.data.len(),
        });
    }
    let convert = if raw.format == PixelFormat::Bgr {
        yuv::bgr_to_yuv420
    } else {
        yuv::rgb_to_yuv420
    };
    convert(
        &mut planar(target),
        &raw.data[..needed],
        stride(raw.stride)?,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
        YuvConversionMode::Balanced,
    )
    .map_err(failed)
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

fn planar(target: &mut I420) -> YuvPlanarImageMut<'_, u8> {
    let (width, height, chroma) = (target.width, target.height, target.chroma_width());
    let (y, u, v) = target.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: chroma,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: chroma,
        width,
        height,
    }
}

fn stride(stride: usize) -> Result<u32, ConvertError> {
    u32::try_from(stride).map_err(|_| ConvertError::Conversion("stride out of range".to_owned()))
}

fn failed(error: impl std::fmt::Debug) -> ConvertError {
    ConvertError::Conversion(format!("{error:?}"))
}

#[cfg(test)]
mod tests;
