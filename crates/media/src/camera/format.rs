//! Which of a camera's formats to take.

use nokhwa::utils::{CameraFormat, FrameFormat};

use super::Want;

/// How a camera's bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    Nv12,
    Yuyv,
    Mjpeg,
    Rgb,
    Bgr,
    Gray,
    /// Only from cameras that are not devices.
    I420,
}

impl PixelFormat {
    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nv12 => "NV12",
            Self::Yuyv => "YUYV",
            Self::Mjpeg => "MJPEG",
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Gray => "grey",
            Self::I420 => "I420",
        }
    }
}

impl From<FrameFormat> for PixelFormat {
    fn from(format: FrameFormat) -> Self {
        match format {
            FrameFormat::MJPEG => Self::Mjpeg,
            FrameFormat::YUYV => Self::Yuyv,
            FrameFormat::NV12 => Self::Nv12,
            FrameFormat::GRAY => Self::Gray,
            FrameFormat::RAWRGB => Self::Rgb,
            FrameFormat::RAWBGR => Self::Bgr,
        }
    }
}

/// Frames a second from which a picture counts as moving.
const FLUENT: u32 = 24;

/// Returns the best of the formats offered, if any can be used.
pub(crate) fn best(formats: &[CameraFormat], want: Want) -> Option<CameraFormat> {
    formats
        .iter()
        .filter(|format| format.width() > 0 && format.height() > 0 && format.frame_rate() > 0)
        .max_by_key(|format| score(format, want))
        .copied()
}

/// Larger is better, compared from left to right.
///
/// First a fluent picture, then the size, then how close the rate is, then how little work the
/// layout makes. The price of a layout only decides between equals: a larger picture is worth
/// decoding a JPEG for.
fn score(format: &CameraFormat, want: Want) -> (u32, i64, u32, u32) {
    let rate = format.frame_rate();
    let fluent = rate.min(FLUENT.min(want.fps));
    let rate_distance = rate.abs_diff(want.fps);
    let layout = match format.format() {
        FrameFormat::NV12 => 5,
        FrameFormat::YUYV => 4,
        FrameFormat::MJPEG => 3,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => 2,
        FrameFormat::GRAY => 0,
    };
    // Grey is worse than any colour, whatever its size.
    let size = if layout == 0 {
        i64::MIN
    } else {
        -size_distance(format, want)
    };
    (fluent, size, u32::MAX - rate_distance, layout)
}

/// How far a size is from the wanted one, in pixels; too small counts double.
fn size_distance(format: &CameraFormat, want: Want) -> i64 {
    let pixels = |width: u32, height: u32| i64::from(width) * i64::from(height);
    let distance = pixels(format.width(), format.height()) - pixels(want.width, want.height);
    if distance < 0 {
        -2 * distance
    } else {
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, format: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, fps)
    }

    fn chosen(formats: &[CameraFormat]) -> (u32, u32, FrameFormat, u32) {
        let best = best(formats, Want::default()).unwrap();
        (
            best.width(),
            best.height(),
            best.format(),
            best.frame_rate(),
        )
    }

    #[test]
    fn a_usual_usb2_camera_is_asked_for_mjpeg() {
        let offered = [
            format(640, 480, FrameFormat::YUYV, 30),
            format(1280, 720, FrameFormat::YUYV, 10),
            format(640, 480, FrameFormat::MJPEG, 30),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1920, 1080, FrameFormat::MJPEG, 30),
        ];
        assert_eq!(chosen(&offered), (1280, 720, FrameFormat::MJPEG, 30));
    }

    #[test]
    fn the_cheapest_layout_wins_between_equals() {
        let at = |layout| format(1280, 720, layout, 30);
        let offered = [
            at(FrameFormat::MJPEG),
            at(FrameFormat::NV12),
            at(FrameFormat::YUYV),
        ];
        assert_eq!(chosen(&offered).2, FrameFormat::NV12);
        assert_eq!(chosen(&[offered[0], offered[2]]).2, FrameFormat::YUYV);
    }

    #[test]
    fn the_rate_next_to_the_wanted_one_is_taken() {
        let offered = [15, 25, 30, 60].map(|fps| format(1280, 720, FrameFormat::NV12, fps));
        assert_eq!(chosen(&offered).3, 30);
        assert_eq!(chosen(&offered[..2]).3, 25);
        assert_eq!(chosen(&offered[..1]).3, 15);
    }

    #[test]
    fn fluent_and_smaller_beats_large_and_slow() {
        let offered = [
            format(1920, 1080, FrameFormat::YUYV, 5),
            format(640, 480, FrameFormat::YUYV, 30),
            format(320, 240, FrameFormat::YUYV, 30),
        ];
        assert_eq!(chosen(&offered), (640, 480, FrameFormat::YUYV, 30));
    }

    #[test]
    fn colour_beats_grey_and_nothing_is_nothing() {
        let offered = [
            format(1280, 720, FrameFormat::GRAY, 30),
            format(320, 240, FrameFormat::MJPEG, 30),
        ];
        assert_eq!(chosen(&offered).2, FrameFormat::MJPEG);
        assert_eq!(chosen(&offered[..1]).2, FrameFormat::GRAY);
        assert_eq!(best(&[], Want::default()), None);
        assert_eq!(
            best(&[format(0, 0, FrameFormat::NV12, 30)], Want::default()),
            None
        );
    }
}
