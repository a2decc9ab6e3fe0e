//! Pictures of another size.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::VideoError;
use crate::frame::I420;

/// Returns the largest even size with the shape of `width`x`height` that fits into the box.
///
/// Never larger than the source; a source side is kept as it is when it already fits, odd or not.
#[must_use]
pub fn fit(width: u32, height: u32, box_width: u32, box_height: u32) -> (u32, u32) {
    let (box_width, box_height) = (box_width.max(2), box_height.max(2));
    if width <= box_width && height <= box_height {
        return (width, height);
    }
    let (w, h, bw, bh) = (
        u64::from(width),
        u64::from(height),
        u64::from(box_width),
        u64::from(box_height),
    );
    // Rounded to the nearest even number, so that 1278x720 in a box of 640x360 is 640x360.
    let even = |numerator: u64, denominator: u64, most: u64| {
        let half = (numerator + denominator) / (2 * denominator.max(1));
        let rounded = (half * 2).clamp(2, most.max(2) & !1);
        u32::try_from(rounded).unwrap_or(2)
    };
    if w * bh >= h * bw {
        (even(bw, 1, bw), even(h * bw, w, bh))
    } else {
        (even(w * bh, h, bw), even(bh, 1, bh))
    }
}

/// All of both sides.
const WHOLE: (f64, f64) = (1.0, 1.0);

/// Scales pictures; keeps its working memory between them.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// Scales `source` to the size that `target` has.
    ///
    /// # Errors
    /// [`VideoError::Picture`] when one of the two is inconsistent.
    pub fn scale(&mut self, source: &I420, target: &mut I420) -> Result<(), VideoError> {
        self.planes(source, target, WHOLE)
    }

    /// Scales the middle of `source` that has the shape of `target` to its size; nothing is
    /// stretched.
    ///
    /// # Errors
    /// [`VideoError::Picture`] when one of the two is inconsistent.
    pub fn scale_middle(&mut self, source: &I420, target: &mut I420) -> Result<(), VideoError> {
        let across = f64::from(target.width) / f64::from(source.width.max(1));
        let down = f64::from(target.height) / f64::from(source.height.max(1));
        let cover = across.max(down);
        self.planes(source, target, (across / cover, down / cover))
    }

    /// `seen` is the part of each side, in the middle, that is taken.
    fn planes(
        &mut self,
        source: &I420,
        target: &mut I420,
        seen: (f64, f64),
    ) -> Result<(), VideoError> {
        source.check()?;
        target.check()?;
        let luma = (source.width, source.height, target.width, target.height);
        let chroma = (
            source.chroma_width(),
            source.chroma_height(),
            target.chroma_width(),
            target.chroma_height(),
        );
        let (sy, su, sv) = source.planes();
        let (ty, tu, tv) = target.planes_mut();
        for (from, to, size) in [(sy, ty, luma), (su, tu, chroma), (sv, tv, chroma)] {
            if seen == WHOLE {
                self.plane(from, to, size)?;
            } else {
                self.resize(from, to, size, seen)?;
            }
        }
        Ok(())
    }

    fn plane(
        &mut self,
        source: &[u8],
        target: &mut [u8],
        size: (u32, u32, u32, u32),
    ) -> Result<(), VideoError> {
        let (width, height, new_width, new_height) = size;
        if (width, height) == (new_width, new_height) {
            target.copy_from_slice(source);
            return Ok(());
        }
        if (width, height) == (new_width * 2, new_height * 2) {
            halve(source, target, width as usize);
            return Ok(());
        }
        self.resize(source, target, size, WHOLE)
    }

    fn resize(
        &mut self,
        source: &[u8],
        target: &mut [u8],
        (width, height, new_width, new_height): (u32, u32, u32, u32),
        seen: (f64, f64),
    ) -> Result<(), VideoError> {
        let codec = |error: &dyn std::fmt::Display| VideoError::Codec(error.to_string());
        let from = ImageRef::new(width, height, source, PixelType::U8).map_err(|e| codec(&e))?;
        let mut to = Image::from_slice_u8(new_width, new_height, target, PixelType::U8)
            .map_err(|e| codec(&e))?;
        let (w, h) = (f64::from(width), f64::from(height));
        let (part_w, part_h) = (w * seen.0, h * seen.1);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop((w - part_w) / 2.0, (h - part_h) / 2.0, part_w, part_h);
        self.resizer
            .resize(&from, &mut to, &options)
            .map_err(|e| codec(&e))
    }
}

impl std::fmt::Debug for Scaler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scaler").finish_non_exhaustive()
    }
}

/// Averages squares of four samples. The most frequent ratio (720p to 360p), and many times
/// cheaper than the general filter.
fn halve(source: &[u8], target: &mut [u8], width: usize) {
    let rows = source.chunks_exact(width * 2);
    for (pair, out) in rows.zip(target.chunks_exact_mut(width / 2)) {
        let (above, below) = pair.split_at(width);
        let squares = above.chunks_exact(2).zip(below.chunks_exact(2));
        for (sample, (a, b)) in out.iter_mut().zip(squares) {
            let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
            *sample = ((sum + 2) >> 2) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shape_is_kept() {
        assert_eq!(fit(1280, 720, 640, 360), (640, 360));
        assert_eq!(fit(1280, 720, 640, 640), (640, 360));
        assert_eq!(fit(640, 480, 1280, 720), (640, 480));
        assert_eq!(fit(640, 480, 640, 360), (480, 360));
        assert_eq!(fit(720, 1280, 640, 360), (202, 360));
        assert_eq!(fit(333, 125, 333, 125), (333, 125));
        assert_eq!(fit(4096, 1, 10, 10), (10, 2));
        assert_eq!(fit(100, 100, 0, 0), (2, 2));
    }

    #[test]
    fn halving_averages_squares() {
        let source = I420::from_planes(
            4,
            4,
            [
                [0, 4, 8, 8, 4, 8, 8, 8].as_slice(),
                &[100; 8],
                &[1, 3, 5, 7],
                &[9; 4],
            ]
            .concat(),
        )
        .unwrap();
        let mut target = I420::black(2, 2).unwrap();
        Scaler::default().scale(&source, &mut target).unwrap();
        assert_eq!(target.data, [4, 8, 100, 100, 4, 9]);
    }

    #[test]
    fn flat_colour_stays_flat_at_any_ratio() {
        let mut source = I420::black(1280, 720).unwrap();
        source.data.fill(77);
        for (width, height) in [(960, 540), (480, 270), (320, 180), (201, 113), (1, 1)] {
            let mut target = I420::black(width, height).unwrap();
            Scaler::default().scale(&source, &mut target).unwrap();
            assert!(target.data.iter().all(|&s| s == 77), "{width}x{height}");
        }
    }

    #[test]
    fn an_inconsistent_picture_is_refused() {
        let source = I420 {
            width: 8,
            height: 8,
            data: vec![0; 3],
        };
        let mut target = I420::black(4, 4).unwrap();
        assert!(Scaler::default().scale(&source, &mut target).is_err());
    }

    proptest! {
        #[test]
        fn fitting_stays_in_the_box(
            w in 1u32..4097, h in 1u32..4097, bw in 0u32..5000, bh in 0u32..5000,
        ) {
            let (fw, fh) = fit(w, h, bw, bh);
            prop_assert!(fw >= 1 && fh >= 1);
            prop_assert!(fw <= bw.max(2) && fh <= bh.max(2));
            let shrunk = (fw, fh) != (w, h);
            prop_assert!(!shrunk || (fw % 2 == 0 && fh % 2 == 0));
        }

        #[test]
        fn any_sizes_scale(w in 1u32..80, h in 1u32..80, tw in 1u32..80, th in 1u32..80) {
            let source = I420::black(w, h).unwrap();
            let mut target = I420::black(tw, th).unwrap();
            target.data.fill(0);
            Scaler::default().scale(&source, &mut target).unwrap();
            prop_assert!(target.y().iter().all(|&s| s == 16));
        }
    }
}
