#![expect(
    unsafe_code,
    reason = "libvpx is C; every call is in this file and decoder.rs"
)]

use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use vpx_sys::vp8e_enc_control_id::{
    VP8E_SET_CPUUSED, VP8E_SET_MAX_INTRA_BITRATE_PCT, VP8E_SET_NOISE_SENSITIVITY,
    VP8E_SET_STATIC_THRESHOLD, VP8E_SET_TOKEN_PARTITIONS,
};
use vpx_sys::vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT;

use super::check;
use crate::frame::I420;
use crate::video::{EncodedPicture, VideoEncoder, VideoError};

/// Ticks per second of the encoder's clock: the RTP clock of video.
const CLOCK: u32 = 90_000;
/// Bounds of the target, in bits per second.
const BITRATE: std::ops::RangeInclusive<u32> = 20_000..=20_000_000;
/// Speed that libvpx calls `cpu-used`: below -6 the picture gets worse and nothing gets faster.
const SPEED: i32 = -6;

/// Encodes VP8 for a conversation: constant rate, no look-ahead, one thread.
///
/// One thread, because the threads of libvpx's VP8 wait by spinning and cost several times the
/// time once the machine is busy.
#[derive(Debug)]
pub struct Vp8Encoder {
    running: Option<Running>,
    bits_per_second: u32,
    fps: u32,
}

impl Default for Vp8Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Vp8Encoder {
    /// Returns an encoder for 30 frames and 500 kbit a second; memory is taken at the first picture.
    #[must_use]
    pub fn new() -> Self {
        Self {
            running: None,
            bits_per_second: 500_000,
            fps: 30,
        }
    }
}

impl VideoEncoder for Vp8Encoder {
    fn encode(
        &mut self,
        picture: &I420,
        time: Duration,
        keyframe: bool,
    ) -> Result<Option<EncodedPicture>, VideoError> {
        picture.check()?;
        let size = (picture.width, picture.height);
        let running = match self.running.take() {
            Some(running) if running.size == size => self.running.insert(running),
            _ => self
                .running
                .insert(Running::new(size, self.bits_per_second)?),
        };
        let result = running.encode(picture, time, self.fps, keyframe);
        if result.is_err() {
            self.running = None;
        }
        result
    }

    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), VideoError> {
        let bits_per_second = bits_per_second.clamp(*BITRATE.start(), *BITRATE.end());
        if bits_per_second == self.bits_per_second {
            return Ok(());
        }
        self.bits_per_second = bits_per_second;
        self.running
            .as_mut()
            .map_or(Ok(()), |running| running.set_bitrate(bits_per_second))
    }

    fn set_frame_rate(&mut self, fps: u32) {
        self.fps = fps.clamp(1, 120);
    }
}

/// An encoder of libvpx for one picture size.
struct Running {
    context: Box<vpx_sys::vpx_codec_ctx_t>,
    config: vpx_sys::vpx_codec_enc_cfg_t,
    size: (u32, u32),
    last_tick: Option<i64>,
}

// SAFETY: a context of libvpx may be used from any thread, by one at a time; `&mut` sees to that.
unsafe impl Send for Running {}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Running {
    fn new(size: (u32, u32), bits_per_second: u32) -> Result<Self, VideoError> {
        // SAFETY: plain function without arguments; the result lives as long as the library.
        let interface = unsafe { vpx_sys::vpx_codec_vp8_cx() };
        let mut config = MaybeUninit::zeroed();
        // SAFETY: `config` is written whole when the status is OK.
        let mut config: vpx_sys::vpx_codec_enc_cfg_t = unsafe {
            check(
                vpx_sys::vpx_codec_enc_config_default(interface, config.as_mut_ptr(), 0),
                "default settings",
            )?;
            config.assume_init()
        };
        (config.g_w, config.g_h) = size;
        config.g_timebase = vpx_sys::vpx_rational {
            num: 1,
            den: CLOCK as i32,
        };
        config.g_threads = 1;
        // Frames arrive whole and in order or the receiver asks for a keyframe, so the coding
        // gain of adapting probabilities across frames is kept.
        config.g_error_resilient = 0;
        config.g_lag_in_frames = 0;
        config.g_pass = vpx_sys::vpx_enc_pass::VPX_RC_ONE_PASS;
        config.rc_end_usage = vpx_sys::vpx_rc_mode::VPX_CBR;
        config.rc_target_bitrate = bits_per_second / 1000;
        config.rc_dropframe_thresh = 30;
        config.rc_resize_allowed = 0;
        config.rc_min_quantizer = 2;
        config.rc_max_quantizer = 56;
        config.rc_undershoot_pct = 100;
        config.rc_overshoot_pct = 15;
        config.rc_buf_initial_sz = 500;
        config.rc_buf_optimal_sz = 600;
        config.rc_buf_sz = 1000;
        config.kf_mode = vpx_sys::vpx_kf_mode::VPX_KF_AUTO;
        config.kf_max_dist = 3000;

        // SAFETY: all-zero is what libvpx expects of a context before it is initialised.
        let mut context: Box<vpx_sys::vpx_codec_ctx_t> =
            Box::new(unsafe { MaybeUninit::zeroed().assume_init() });
        // SAFETY: the pointers are valid for the call; the settings are copied.
        check(
            unsafe {
                vpx_sys::vpx_codec_enc_init_ver(
                    &raw mut *context,
                    interface,
                    &raw const config,
                    0,
                    vpx_sys::VPX_ENCODER_ABI_VERSION as i32,
                )
            },
            "start",
        )?;
        // From here on dropping `running` frees the context.
        let mut running = Self {
            context,
            config,
            size,
            last_tick: None,
        };
        for (control, value) in [
            (VP8E_SET_CPUUSED, SPEED),
            (VP8E_SET_STATIC_THRESHOLD, 1),
            (VP8E_SET_NOISE_SENSITIVITY, 0),
            (VP8E_SET_TOKEN_PARTITIONS, 0),
            // A keyframe may take half the buffer: 600 ms * 30 frames/s / 2 = 9 frames' worth.
            (VP8E_SET_MAX_INTRA_BITRATE_PCT, 900),
        ] {
            // SAFETY: each of these controls takes one `int`.
            let status = unsafe {
                vpx_sys::vpx_codec_control_(&raw mut *running.context, control as i32, value)
            };
            check(status, "setting")?;
        }
        Ok(running)
    }

    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), VideoError> {
        self.config.rc_target_bitrate = bits_per_second / 1000;
        // SAFETY: context and settings are the ones made in `new`; the settings are copied.
        let status = unsafe {
            vpx_sys::vpx_codec_enc_config_set(&raw mut *self.context, &raw const self.config)
        };
        check(status, "change of rate")
    }

    fn encode(
        &mut self,
        picture: &I420,
        time: Duration,
        fps: u32,
        keyframe: bool,
    ) -> Result<Option<EncodedPicture>, VideoError> {
        let tick = i64::try_from(time.as_micros() * u128::from(CLOCK) / 1_000_000)
            .map_err(|_| VideoError::Codec("time out of range".to_owned()))?;
        // The codec wants time to move on.
        let tick = self.last_tick.map_or(tick, |last| tick.max(last + 1));
        self.last_tick = Some(tick);
        let image = wrap(picture);
        let flags = if keyframe {
            vpx_sys::VPX_EFLAG_FORCE_KF
        } else {
            0
        };
        // SAFETY: `image` points into `picture`, which outlives the call and has been checked to
        // hold all rows; the encoder copies what it keeps and never writes to the source.
        let status = unsafe {
            vpx_sys::vpx_codec_encode(
                &raw mut *self.context,
                &raw const image,
                tick,
                (CLOCK / fps.max(1)) as _,
                flags as _,
                vpx_sys::VPX_DL_REALTIME as _,
            )
        };
        check(status, "encode")?;
        Ok(self.collect())
    }

    /// Copies the frame out of libvpx, whose buffer is only valid until the next call.
    fn collect(&mut self) -> Option<EncodedPicture> {
        let mut iterator = ptr::null();
        let mut frame: Option<EncodedPicture> = None;
        loop {
            // SAFETY: valid context; packets stay valid until the next encode.
            let packet = unsafe {
                vpx_sys::vpx_codec_get_cx_data(&raw mut *self.context, &raw mut iterator).as_ref()
            };
            let Some(packet) = packet else { return frame };
            if packet.kind != VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: the kind says that `frame` is the filled member, with `sz` bytes at `buf`.
            let (bytes, flags) = unsafe {
                let part = packet.data.frame;
                (
                    std::slice::from_raw_parts(part.buf.cast::<u8>(), part.sz as usize),
                    part.flags,
                )
            };
            let keyframe = flags & vpx_sys::VPX_FRAME_IS_KEY != 0;
            let frame = frame.get_or_insert_with(|| EncodedPicture {
                data: Vec::new(),
                keyframe,
            });
            frame.data.extend_from_slice(bytes);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { vpx_sys::vpx_codec_destroy(&raw mut *self.context) };
    }
}

/// Describes a checked picture to libvpx, without copying.
fn wrap(picture: &I420) -> vpx_sys::vpx_image_t {
    let (y, u, v) = picture.planes();
    // SAFETY: an all-zero image is valid: integers, null pointers and enums that have a zero.
    let mut image: vpx_sys::vpx_image_t = unsafe { MaybeUninit::zeroed().assume_init() };
    image.fmt = vpx_sys::vpx_img_fmt::VPX_IMG_FMT_I420;
    (image.w, image.h) = (picture.width, picture.height);
    (image.d_w, image.d_h) = (picture.width, picture.height);
    image.bit_depth = 8;
    (image.x_chroma_shift, image.y_chroma_shift) = (1, 1);
    image.bps = 12;
    // libvpx takes `*mut` for sources too and does not write to them.
    image.planes = [
        y.as_ptr().cast_mut(),
        u.as_ptr().cast_mut(),
        v.as_ptr().cast_mut(),
        ptr::null_mut(),
    ];
    let chroma = picture.chroma_width() as i32;
    image.stride = [picture.width as i32, chroma, chroma, 0];
    image
}
