//! Requests of Video4Linux, answered as a simple camera's driver would.

use std::ffi::{c_int, c_ulong};
use std::sync::Arc;

use jasmin_vcam::spec::{Layout, Size};
use v4l2_sys_mit::{
    V4L2_BUF_FLAG_DONE, V4L2_BUF_FLAG_MAPPED, V4L2_BUF_FLAG_QUEUED,
    V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, V4L2_CAP_DEVICE_CAPS, V4L2_CAP_STREAMING,
    V4L2_CAP_TIMEPERFRAME, V4L2_CAP_VIDEO_CAPTURE, V4L2_FMT_FLAG_COMPRESSED,
    V4L2_INPUT_TYPE_CAMERA, timeval, v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE as CAPTURE,
    v4l2_buffer, v4l2_capability, v4l2_colorspace_V4L2_COLORSPACE_SMPTE170M as SMPTE170M,
    v4l2_field_V4L2_FIELD_NONE as PROGRESSIVE, v4l2_fmtdesc, v4l2_format, v4l2_fract,
    v4l2_frmivalenum, v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE as ONE_RATE,
    v4l2_frmsize_discrete, v4l2_frmsizeenum,
    v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE as ONE_SIZE, v4l2_input,
    v4l2_memory_V4L2_MEMORY_MMAP as MMAP, v4l2_requestbuffers, v4l2_streamparm,
};

use crate::camera::{Buffer, Camera, Settings};
use crate::real::{Argument, fail};

/// Answers a request with what the system call returns.
pub(crate) fn answer(camera: &Arc<Camera>, request: c_ulong, argument: Argument) -> c_int {
    match dispatch(camera, request, argument) {
        Ok(()) => 0,
        Err(errno) => fail(errno),
    }
}

fn dispatch(camera: &Arc<Camera>, request: c_ulong, argument: Argument) -> Result<(), c_int> {
    if camera.is_gone() {
        return Err(libc::ENODEV);
    }
    if request >> 8 & 0xff != c_ulong::from(b'V') {
        return Err(libc::ENOTTY);
    }
    if argument.is_null() {
        return Err(libc::EFAULT);
    }
    /// The structure that the request comes with.
    macro_rules! the {
        ($type:ty) => {
            // SAFETY: the request says that the caller gave one of these.
            unsafe { &mut *argument.cast::<$type>() }
        };
    }
    match request & 0xff {
        0 => capabilities(camera, the!(v4l2_capability)),
        2 => enumerate_layouts(camera, the!(v4l2_fmtdesc)),
        4 => get_format(camera, the!(v4l2_format)),
        5 => set_format(camera, the!(v4l2_format), true),
        8 => request_buffers(camera, the!(v4l2_requestbuffers)),
        9 => query_buffer(camera, the!(v4l2_buffer)),
        15 => queue(camera, the!(v4l2_buffer)),
        17 => dequeue(camera, the!(v4l2_buffer)),
        18 => camera.start(),
        19 => {
            camera.stop();
            Ok(())
        }
        21 => get_rate(camera, the!(v4l2_streamparm)),
        22 => set_rate(camera, the!(v4l2_streamparm)),
        26 => input(the!(v4l2_input)),
        38 | 39 => {
            *the!(c_int) = 0;
            Ok(())
        }
        64 => set_format(camera, the!(v4l2_format), false),
        74 => enumerate_sizes(camera, the!(v4l2_frmsizeenum)),
        75 => enumerate_rates(camera, the!(v4l2_frmivalenum)),
        _ => Err(libc::ENOTTY),
    }
}

fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    let length = text.len().min(N - 1);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
    field
}

fn code(layout: Layout) -> u32 {
    u32::from_le_bytes(layout.fourcc())
}

fn layout_of(camera: &Camera, code_wanted: u32) -> Option<Layout> {
    camera
        .spec()
        .layouts
        .into_iter()
        .find(|&layout| code(layout) == code_wanted)
}

fn capabilities(camera: &Camera, out: &mut v4l2_capability) -> Result<(), c_int> {
    out.driver = text("jasmin-vcam");
    out.card = text(&camera.spec().name);
    out.bus_info = text(&format!("platform:vcam-{}", camera.number()));
    out.version = 6 << 16;
    out.device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    out.capabilities = out.device_caps | V4L2_CAP_DEVICE_CAPS;
    Ok(())
}

fn enumerate_layouts(camera: &Camera, out: &mut v4l2_fmtdesc) -> Result<(), c_int> {
    let layouts = camera.spec().layouts;
    let layout = *layouts.get(out.index as usize).ok_or(libc::EINVAL)?;
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    out.flags = if layout == Layout::Mjpg {
        V4L2_FMT_FLAG_COMPRESSED
    } else {
        0
    };
    out.description = text(&String::from_utf8_lossy(&layout.fourcc()));
    out.pixelformat = code(layout);
    Ok(())
}

/// Each size once, although it may be offered at several rates.
fn sizes(camera: &Camera) -> Vec<Size> {
    let mut sizes: Vec<Size> = Vec::new();
    for size in camera.spec().sizes {
        if !sizes
            .iter()
            .any(|known| (known.width, known.height) == (size.width, size.height))
        {
            sizes.push(size);
        }
    }
    sizes
}

fn enumerate_sizes(camera: &Camera, out: &mut v4l2_frmsizeenum) -> Result<(), c_int> {
    layout_of(camera, out.pixel_format).ok_or(libc::EINVAL)?;
    let size = *sizes(camera).get(out.index as usize).ok_or(libc::EINVAL)?;
    out.type_ = ONE_SIZE;
    out.__bindgen_anon_1.discrete = v4l2_frmsize_discrete {
        width: size.width,
        height: size.height,
    };
    Ok(())
}

fn rates(camera: &Camera, width: u32, height: u32) -> Vec<(u32, u32)> {
    let sizes = camera.spec().sizes;
    let same = sizes
        .iter()
        .filter(|size| (size.width, size.height) == (width, height));
    same.map(|size| size.rate).collect()
}

fn enumerate_rates(camera: &Camera, out: &mut v4l2_frmivalenum) -> Result<(), c_int> {
    layout_of(camera, out.pixel_format).ok_or(libc::EINVAL)?;
    let rates = rates(camera, out.width, out.height);
    let rate = *rates.get(out.index as usize).ok_or(libc::EINVAL)?;
    out.type_ = ONE_RATE;
    out.__bindgen_anon_1.discrete = interval(rate);
    Ok(())
}

fn interval(rate: (u32, u32)) -> v4l2_fract {
    v4l2_fract {
        numerator: rate.1,
        denominator: rate.0,
    }
}

fn get_format(camera: &Camera, out: &mut v4l2_format) -> Result<(), c_int> {
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    describe(camera.settings(), out);
    Ok(())
}

fn describe(settings: Settings, out: &mut v4l2_format) {
    let Settings {
        layout,
        width,
        height,
        ..
    } = settings;
    // SAFETY: the type says that this is the member in use, and any bits are valid integers.
    let pix = unsafe { &mut out.fmt.pix };
    (pix.width, pix.height, pix.pixelformat) = (width, height, code(layout));
    pix.field = PROGRESSIVE;
    pix.bytesperline = match layout {
        Layout::Yuyv => width * 2,
        Layout::Nv12 => width,
        Layout::Mjpg => 0,
    };
    pix.sizeimage = layout.length(width, height);
    pix.colorspace = SMPTE170M;
}

fn set_format(camera: &Camera, out: &mut v4l2_format, apply: bool) -> Result<(), c_int> {
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    // SAFETY: the type says that this is the member in use, and any bits are valid integers.
    let pix = unsafe { out.fmt.pix };
    let current = camera.settings();
    let layout = layout_of(camera, pix.pixelformat).unwrap_or(current.layout);
    let wanted = i64::from(pix.width) * i64::from(pix.height);
    let size = sizes(camera).into_iter().min_by_key(|size| {
        let exact = (size.width, size.height) == (pix.width, pix.height);
        (
            !exact,
            (i64::from(size.width) * i64::from(size.height) - wanted).abs(),
        )
    });
    let size = size.ok_or(libc::EINVAL)?;
    let settings = Settings {
        layout,
        width: size.width,
        height: size.height,
        rate: size.rate,
    };
    if apply {
        // Not while anybody, this handle included, has buffers.
        if camera.has_buffers() {
            return Err(libc::EBUSY);
        }
        drop(camera.claim()?);
        camera.set(settings);
        camera.prepare();
    }
    describe(settings, out);
    Ok(())
}

fn get_rate(camera: &Camera, out: &mut v4l2_streamparm) -> Result<(), c_int> {
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    // SAFETY: the type says that this is the member in use, and any bits are valid integers.
    let capture = unsafe { &mut out.parm.capture };
    capture.capability = V4L2_CAP_TIMEPERFRAME;
    capture.timeperframe = interval(camera.settings().rate);
    capture.readbuffers = 4;
    Ok(())
}

fn set_rate(camera: &Camera, out: &mut v4l2_streamparm) -> Result<(), c_int> {
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    // SAFETY: the type says that this is the member in use, and any bits are valid integers.
    let wanted = unsafe { out.parm.capture.timeperframe };
    let settings = camera.settings();
    let fps = |(above, below): (u32, u32)| f64::from(above) / f64::from(below.max(1));
    let wanted = fps((wanted.denominator, wanted.numerator));
    let offered = rates(camera, settings.width, settings.height);
    let nearest = offered
        .into_iter()
        .min_by(|&a, &b| (fps(a) - wanted).abs().total_cmp(&(fps(b) - wanted).abs()))
        .ok_or(libc::EINVAL)?;
    camera.set(Settings {
        rate: nearest,
        ..settings
    });
    get_rate(camera, out)
}

fn input(out: &mut v4l2_input) -> Result<(), c_int> {
    if out.index != 0 {
        return Err(libc::EINVAL);
    }
    out.name = text("Camera 1");
    out.type_ = V4L2_INPUT_TYPE_CAMERA;
    Ok(())
}

fn request_buffers(camera: &Camera, out: &mut v4l2_requestbuffers) -> Result<(), c_int> {
    if out.type_ != CAPTURE || out.memory != MMAP {
        return Err(libc::EINVAL);
    }
    out.count = out.count.min(32);
    camera.allocate(out.count as usize)
}

fn query_buffer(camera: &Camera, out: &mut v4l2_buffer) -> Result<(), c_int> {
    let (length, offset) = camera.place(out.index as usize)?;
    out.length = length;
    out.m.offset = offset;
    out.flags = V4L2_BUF_FLAG_MAPPED;
    Ok(())
}

fn queue(camera: &Camera, out: &mut v4l2_buffer) -> Result<(), c_int> {
    camera.queue(out.index as usize)?;
    query_buffer(camera, out)?;
    out.flags |= V4L2_BUF_FLAG_QUEUED;
    Ok(())
}

fn dequeue(camera: &Camera, out: &mut v4l2_buffer) -> Result<(), c_int> {
    let (
        index,
        Buffer {
            used,
            sequence,
            nanos,
        },
    ) = camera.dequeue()?;
    out.index = index as u32;
    query_buffer(camera, out)?;
    out.flags |= V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    out.bytesused = used;
    out.field = PROGRESSIVE;
    out.sequence = sequence;
    out.memory = MMAP;
    out.timestamp = timeval {
        tv_sec: (nanos / 1_000_000_000) as _,
        tv_usec: (nanos / 1000 % 1_000_000) as _,
    };
    Ok(())
}
