//! What virtual cameras see: somebody talking in front of a wall.
//!
//! It has to be cheap, because the time it takes is measured as if the program under test had
//! spent it: everything that can be is drawn beforehand, and a picture is a handful of copies. And
//! it has to code like a real camera's picture: soft shapes, fine texture, a moving head and the
//! noise of a sensor, rather than the flat areas and sharp edges of a test card.

mod content;
mod store;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use self::content::{Planes, backdrop, grained, head};
pub use self::store::NAME as MEMORY;
use self::store::Store;
use crate::barcode::{self, Stamp};
use crate::jpeg::Encoded;
use crate::spec::Layout;

/// Pictures of the noise that follow each other.
const GRAINS: usize = 4;
/// Moments of the movement that exist as JPEG.
const JPEG_MOMENTS: u64 = 8;

/// Draws the pictures of one camera in one layout and size.
pub struct Painter {
    layout: Layout,
    width: usize,
    height: usize,
    /// The wall and the head, each with different noise, in the layout of the camera; for MJPEG in
    /// NV12.
    walls: Vec<Store>,
    heads: Vec<Store>,
    head_size: (usize, usize),
    jpegs: Arc<Mutex<Vec<Arc<Encoded>>>>,
}

impl Painter {
    /// Prepares everything; takes some tens of milliseconds at 720p.
    #[must_use]
    pub fn new(layout: Layout, width: u32, height: u32, scene: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let head_size = ((width * 3 / 10) & !1, (height * 6 / 10) & !1);
        let wall = backdrop(width, height, scene);
        let face = head(head_size.0, head_size.1, scene);
        let pack = |planes: &Planes| match layout {
            Layout::Yuyv => planes.yuyv(),
            Layout::Nv12 | Layout::Mjpg => planes.nv12(),
        };
        let variants = |planes: &Planes| {
            let grains = (0..GRAINS).map(|n| Store::keep(pack(&grained(planes, n))));
            grains.collect()
        };
        let painter = Self {
            layout,
            width,
            height,
            walls: variants(&wall),
            heads: variants(&face),
            head_size,
            jpegs: Arc::default(),
        };
        if layout == Layout::Mjpg {
            painter.encode_moments();
        }
        painter
    }

    /// Draws picture `number` into `out` and returns how many bytes it has.
    pub fn draw(&self, number: u64, stamp: Stamp, out: &mut [u8]) -> usize {
        let (width, height) = (self.width as u32, self.height as u32);
        let length = self.layout.length(width, height) as usize;
        let Some(out) = out.get_mut(..length) else {
            return 0;
        };
        match self.layout {
            Layout::Mjpg => {
                let jpegs = self.jpegs.lock().unwrap_or_else(PoisonError::into_inner);
                // Back and forth, so that the movement has no jump.
                let count = jpegs.len() as u64;
                let step = number / 2 % (2 * count).max(1);
                let moment = if step < count {
                    step
                } else {
                    2 * count - 1 - step
                };
                let Some(jpeg) = jpegs.get(moment as usize).cloned() else {
                    return 0;
                };
                drop(jpegs);
                jpeg.write(stamp, out)
            }
            Layout::Yuyv => {
                self.compose(number, out, 2);
                let top = barcode::lines(height) as usize * self.width * 2;
                for chroma in out[..top].iter_mut().skip(1).step_by(2) {
                    *chroma = 128;
                }
                barcode::write(&mut out[..top], width, height, 2, stamp);
                length
            }
            Layout::Nv12 => {
                self.compose(number, out, 1);
                let luma = self.width * self.height;
                let top = barcode::lines(height).div_ceil(2) as usize * self.width;
                out[luma..luma + top].fill(128);
                barcode::write(&mut out[..luma], width, height, 1, stamp);
                length
            }
        }
    }

    /// Copies wall and head together and moves the mouth. `step` is bytes per luma sample.
    fn compose(&self, number: u64, out: &mut [u8], step: usize) {
        let grain = number as usize % GRAINS;
        out.copy_from_slice(&self.walls[grain]);
        let (head_width, head_height) = self.head_size;
        let time = number as f64 / 30.0;
        // A head is never still: a slow sway and a smaller, faster nod.
        let sway = (time * 0.9).sin() * 0.035 + (time * 2.3).sin() * 0.008;
        let nod = (time * 1.7).sin() * 0.012;
        let even = |value: f64, most: usize| (value.max(0.0) as usize).min(most) & !1;
        let left = even(
            (self.width - head_width) as f64 / 2.0 + sway * self.width as f64,
            self.width - head_width,
        );
        let top = even(
            self.height as f64 * 0.24 + nod * self.height as f64,
            self.height - head_height,
        );
        let head = &self.heads[grain];
        let stride = self.width * step;
        for row in 0..head_height {
            let (from, to) = span(row, self.head_size);
            let source = row * head_width;
            let target = (top + row) * stride + left * step;
            out[target + from * step..target + to * step]
                .copy_from_slice(&head[(source + from) * step..(source + to) * step]);
            if step == 1 && row % 2 == 0 {
                let source = head_width * head_height + row / 2 * head_width;
                let target = self.width * self.height + (top + row) / 2 * self.width + left;
                out[target + from..target + to].copy_from_slice(&head[source + from..source + to]);
            }
        }
        let open = 0.35 + 0.65 * ((time * 9.0).sin() * (time * 3.1).sin()).abs();
        let (mouth_width, mouth_height) =
            (head_width / 4, (head_height as f64 * 0.06 * open) as usize);
        let (x, y) = (
            left + (head_width - mouth_width) / 2,
            top + head_height * 3 / 4,
        );
        for row in 0..mouth_height {
            let line = (y + row) * stride + x * step;
            for sample in out[line..line + mouth_width * step]
                .iter_mut()
                .step_by(step)
            {
                *sample = 62;
            }
        }
    }

    /// Encodes the first moment now and the others aside.
    fn encode_moments(&self) {
        let still = |moment: u64| {
            let mut nv12 = vec![0; self.width * self.height * 3 / 2];
            self.compose(moment * 2, &mut nv12, 1);
            nv12
        };
        let (width, height) = (self.width, self.height);
        let first = Encoded::new(&still(0), width, height);
        let jpegs = self.jpegs.clone();
        let keep = move |jpeg| {
            jpegs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Arc::new(jpeg));
        };
        keep(first);
        let rest: Vec<_> = (1..JPEG_MOMENTS).map(still).collect();
        let later = move || {
            rest.iter()
                .for_each(|nv12| keep(Encoded::new(nv12, width, height)))
        };
        // Without the thread the picture stands still.
        let _ = thread::Builder::new()
            .name("vcam-jpeg".to_owned())
            .spawn(later);
    }
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Painter {:?} {}x{}",
            self.layout, self.width, self.height
        )
    }
}

/// The even columns of an ellipse in one of its rows.
fn span(row: usize, (width, height): (usize, usize)) -> (usize, usize) {
    let down = (row as f64 + 0.5) / height as f64 * 2.0 - 1.0;
    let half = (1.0 - down * down).max(0.0).sqrt() * width as f64 / 2.0;
    let from = ((width as f64 / 2.0 - half) as usize)
        .next_multiple_of(2)
        .min(width);
    let to = ((width as f64 / 2.0 + half) as usize & !1).clamp(from, width);
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        millis: 987_654_321,
        camera: 5,
    };

    #[test]
    fn every_layout_carries_the_barcode() {
        for (width, height) in [(1280, 720), (640, 480), (322, 182)] {
            let mut out = vec![0; width as usize * height as usize * 2];
            let painter = Painter::new(Layout::Nv12, width, height, 1);
            assert_eq!(
                painter.draw(7, STAMP, &mut out),
                (width * height * 3 / 2) as usize
            );
            assert_eq!(barcode::read_luma(&out, width, height), Some(STAMP));
            let painter = Painter::new(Layout::Yuyv, width, height, 1);
            assert_eq!(
                painter.draw(7, STAMP, &mut out),
                (width * height * 2) as usize
            );
            let luma: Vec<u8> = out.iter().copied().step_by(2).collect();
            assert_eq!(barcode::read_luma(&luma, width, height), Some(STAMP));
        }
    }

    #[test]
    fn pictures_move_and_scenes_differ() {
        let painter = Painter::new(Layout::Nv12, 320, 180, 1);
        let picture = |painter: &Painter, number| {
            let mut out = vec![0; 320 * 180 * 3 / 2];
            painter.draw(number, STAMP, &mut out);
            out
        };
        assert_ne!(picture(&painter, 0), picture(&painter, 4));
        let other = Painter::new(Layout::Nv12, 320, 180, 2);
        assert_ne!(picture(&painter, 0), picture(&other, 0));
    }

    #[test]
    fn a_buffer_that_is_too_short_stays_empty() {
        let painter = Painter::new(Layout::Yuyv, 64, 64, 1);
        assert_eq!(painter.draw(0, STAMP, &mut [0; 100]), 0);
    }
}
