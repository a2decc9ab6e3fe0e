#![expect(
    unsafe_code,
    reason = "libvpx is C; every call is in this file and encoder.rs"
)]

use std::mem::MaybeUninit;
use std::ptr;

use super::{FrameHeader, check};
use crate::frame::I420;
use crate::video::{VideoDecoder, VideoError};

/// Decodes VP8, on one thread.
///
/// After an error only a keyframe is accepted: a picture built on a broken one would show the
/// damage until the next keyframe anyway.
pub struct Vp8Decoder {
    context: Box<vpx_sys::vpx_codec_ctx_t>,
    needs_keyframe: bool,
}

// SAFETY: a context of libvpx may be used from any thread, by one at a time; `&mut` sees to that.
unsafe impl Send for Vp8Decoder {}

impl Vp8Decoder {
    /// Starts a decoder; memory for pictures is taken at the first keyframe.
    ///
    /// # Errors
    /// [`VideoError::Codec`] when libvpx does not start.
    pub fn new() -> Result<Self, VideoError> {
        // SAFETY: all-zero is what libvpx expects of a context before it is initialised.
        let mut context: Box<vpx_sys::vpx_codec_ctx_t> =
            Box::new(unsafe { MaybeUninit::zeroed().assume_init() });
        let config = vpx_sys::vpx_codec_dec_cfg_t {
            threads: 1,
            w: 0,
            h: 0,
        };
        // SAFETY: the pointers are valid for the call; the settings are copied.
        check(
            unsafe {
                vpx_sys::vpx_codec_dec_init_ver(
                    &raw mut *context,
                    vpx_sys::vpx_codec_vp8_dx(),
                    &raw const config,
                    0,
                    vpx_sys::VPX_DECODER_ABI_VERSION as i32,
                )
            },
            "start",
        )?;
        Ok(Self {
            context,
            needs_keyframe: true,
        })
    }

    fn decode_inner(&mut self, data: &[u8], picture: &mut I420) -> Result<bool, VideoError> {
        let length = u32::try_from(data.len()).map_err(|_| VideoError::Malformed("too long"))?;
        // SAFETY: `data` is valid for `length` bytes during the call and not kept.
        let status = unsafe {
            vpx_sys::vpx_codec_decode(
                &raw mut *self.context,
                data.as_ptr(),
                length,
                ptr::null_mut(),
                0,
            )
        };
        check(status, "decode")?;
        let mut iterator = ptr::null();
        let mut shown = false;
        loop {
            // SAFETY: valid context; the image stays valid until the next decode.
            let image = unsafe {
                vpx_sys::vpx_codec_get_frame(&raw mut *self.context, &raw mut iterator).as_ref()
            };
            let Some(image) = image else { return Ok(shown) };
            copy(image, picture)?;
            shown = true;
        }
    }
}

impl VideoDecoder for Vp8Decoder {
    fn decode(&mut self, data: &[u8], picture: &mut I420) -> Result<bool, VideoError> {
        let keyframe = match FrameHeader::parse(data) {
            Ok(header) => header.is_keyframe(),
            Err(error) => {
                self.needs_keyframe = true;
                return Err(error);
            }
        };
        if self.needs_keyframe && !keyframe {
            return Err(VideoError::NeedsKeyframe);
        }
        let result = self.decode_inner(data, picture);
        self.needs_keyframe = result.is_err();
        result
    }
}

impl Drop for Vp8Decoder {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { vpx_sys::vpx_codec_destroy(&raw mut *self.context) };
    }
}

impl std::fmt::Debug for Vp8Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vp8Decoder")
            .field("needs_keyframe", &self.needs_keyframe)
            .finish_non_exhaustive()
    }
}

fn copy(image: &vpx_sys::vpx_image_t, picture: &mut I420) -> Result<(), VideoError> {
    if image.fmt != vpx_sys::vpx_img_fmt::VPX_IMG_FMT_I420 {
        return Err(VideoError::Codec("picture format".to_owned()));
    }
    picture.reshape(image.d_w, image.d_h)?;
    let (width, chroma) = (picture.width as usize, picture.chroma_width() as usize);
    let (y, u, v) = picture.planes_mut();
    for (index, (plane, width)) in [(y, width), (u, chroma), (v, chroma)]
        .into_iter()
        .enumerate()
    {
        let (source, stride) = (image.planes[index], image.stride[index]);
        let stride = usize::try_from(stride).unwrap_or(0);
        if source.is_null() || stride < width {
            return Err(VideoError::Codec("picture layout".to_owned()));
        }
        for (row, target) in plane.chunks_exact_mut(width).enumerate() {
            // SAFETY: libvpx guarantees `stride * rows` readable bytes in each plane; `row` is
            // below the number of rows and `width` at most the stride.
            let line = unsafe { std::slice::from_raw_parts(source.add(row * stride), width) };
            target.copy_from_slice(line);
        }
    }
    Ok(())
}
