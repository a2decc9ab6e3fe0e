//! Pictures for a screen: cut, scaled and turned into the screen's own pixels.

use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_bgra, yuv420_to_rgba};

use super::{Scaler, VideoError};
use crate::frame::I420;

/// How much of the other side's picture may be cut off to fill its tile.
pub const MOST_CROP: f64 = 0.2;

/// A rectangle in pixels of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

/// Where in a tile a picture of `width`x`height` lies: it fills the tile as far as no more than
/// `most_crop` of it is cut off, and is never stretched. The page places its pictures the same way.
#[must_use]
pub fn place(width: u32, height: u32, tile: Area, most_crop: f64) -> Area {
    let scale = scale(width, height, tile, most_crop);
    let shown = |side: u32, tile: u32| {
        let scaled = (f64::from(side) * scale).round() as u32;
        scaled.clamp(1, tile.max(1))
    };
    let (shown_width, shown_height) = (shown(width, tile.width), shown(height, tile.height));
    let middle = |tile: u32, shown: u32| tile.saturating_sub(shown).div_ceil(2) as i32;
    Area {
        x: tile.x + middle(tile.width, shown_width),
        y: tile.y + middle(tile.height, shown_height),
        width: shown_width,
        height: shown_height,
    }
}

fn scale(width: u32, height: u32, tile: Area, most_crop: f64) -> f64 {
    let across = f64::from(tile.width) / f64::from(width.max(1));
    let down = f64::from(tile.height) / f64::from(height.max(1));
    let (contain, cover) = (across.min(down), across.max(down));
    if most_crop < 1.0 {
        cover.min(contain / (1.0 - most_crop))
    } else {
        cover
    }
}

/// The bytes of a pixel, each with 255 as the fourth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// Blue, green, red: what a window takes.
    Bgra,
    /// Red, green, blue: what a page takes.
    Rgba,
}

/// Paints pictures; keeps its working memory between them.
#[derive(Debug)]
pub struct Painter {
    order: Pixels,
    scaler: Scaler,
    scaled: Option<I420>,
}

impl Painter {
    /// A painter of such pixels.
    #[must_use]
    pub fn new(order: Pixels) -> Self {
        Self {
            order,
            scaler: Scaler::default(),
            scaled: None,
        }
    }

    /// Forgets the last picture.
    pub fn forget(&mut self) {
        self.scaled = None;
    }

    /// Paints the middle of `picture` that has the shape of `width`x`height`, at that size, as rows
    /// of `4 * width` bytes into the beginning of `pixels`.
    ///
    /// # Errors
    /// [`VideoError`] when the picture is inconsistent, a size is out of bounds or `pixels` is too
    /// short.
    pub fn paint(
        &mut self,
        picture: &I420,
        (width, height): (u32, u32),
        mirrored: bool,
        pixels: &mut [u8],
    ) -> Result<(), VideoError> {
        picture.check()?;
        let needed = width as usize * height as usize * 4;
        let pixels = pixels
            .get_mut(..needed)
            .filter(|pixels| !pixels.is_empty())
            .ok_or_else(|| VideoError::Codec("no room to paint on".to_owned()))?;
        let (scale, source) = (cover(picture, width, height), picture);
        if (scale - 1.0).abs() < 1e-3 && width <= source.width && height <= source.height {
            // Chroma samples lie on even places.
            let left = ((source.width - width) / 2) & !1;
            let top = ((source.height - height) / 2) & !1;
            self.order
                .convert(source, (left, top), (width, height), pixels)?;
        } else {
            let scaled = match &mut self.scaled {
                Some(scaled) => {
                    scaled.reshape(width, height)?;
                    scaled
                }
                none => none.insert(I420::black(width, height)?),
            };
            self.scaler.scale_middle(source, scaled)?;
            self.order
                .convert(scaled, (0, 0), (width, height), pixels)?;
        }
        if mirrored {
            for row in pixels.chunks_exact_mut(width as usize * 4) {
                row.as_chunks_mut::<4>().0.reverse();
            }
        }
        Ok(())
    }
}

fn cover(picture: &I420, width: u32, height: u32) -> f64 {
    let across = f64::from(width) / f64::from(picture.width);
    across.max(f64::from(height) / f64::from(picture.height))
}

impl Pixels {
    fn convert(
        self,
        picture: &I420,
        (left, top): (u32, u32),
        (width, height): (u32, u32),
        pixels: &mut [u8],
    ) -> Result<(), VideoError> {
        let (y, u, v) = picture.planes();
        let (stride, half) = (picture.width, picture.chroma_width());
        let from = |plane: &'_ [u8], at: usize| plane.len().min(at);
        let luma = top as usize * stride as usize + left as usize;
        let chroma = (top / 2) as usize * half as usize + (left / 2) as usize;
        let image = YuvPlanarImage {
            y_plane: &y[from(y, luma)..],
            y_stride: stride,
            u_plane: &u[from(u, chroma)..],
            u_stride: half,
            v_plane: &v[from(v, chroma)..],
            v_stride: half,
            width,
            height,
        };
        let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
        let convert = match self {
            Self::Bgra => yuv420_to_bgra,
            Self::Rgba => yuv420_to_rgba,
        };
        convert(&image, pixels, width * 4, range, matrix)
            .map_err(|error| VideoError::Codec(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TILE: Area = Area {
        x: 10,
        y: 20,
        width: 800,
        height: 500,
    };

    /// Left half of one shade, right half of another.
    fn halves(width: u32, height: u32, left: u8, right: u8) -> I420 {
        let mut picture = I420::black(width, height).unwrap();
        for row in picture.planes_mut().0.chunks_mut(width as usize) {
            let (a, b) = row.split_at_mut(width as usize / 2);
            a.fill(left);
            b.fill(right);
        }
        picture
    }

    fn painted(picture: &I420, size: (u32, u32), mirrored: bool) -> Vec<[u8; 4]> {
        let mut pixels = vec![7; size.0 as usize * size.1 as usize * 4];
        Painter::new(Pixels::Bgra)
            .paint(picture, size, mirrored, &mut pixels)
            .unwrap();
        pixels.as_chunks::<4>().0.to_vec()
    }

    #[test]
    fn a_tile_of_almost_the_same_shape_is_filled() {
        assert_eq!(place(1280, 720, TILE, MOST_CROP), TILE);
    }

    #[test]
    fn no_more_than_a_fifth_is_cut_off() {
        let tall = Area {
            width: 300,
            height: 900,
            ..TILE
        };
        let placed = place(1280, 720, tall, MOST_CROP);
        assert_eq!((placed.x, placed.width), (10, 300));
        assert_eq!(placed.height, 211);
        assert_eq!(placed.y, 20 + (900_i32 - 211).div_euclid(2) + 1);
        assert_eq!(place(1280, 720, tall, 1.0), tall);
    }

    #[test]
    fn black_is_black_and_white_is_white() {
        for size in [(64, 36), (32, 18), (128, 72), (60, 36)] {
            let pixels = painted(&halves(64, 36, 16, 235), size, false);
            let row = size.0 as usize;
            assert_eq!(pixels[0], [0, 0, 0, 255], "{size:?}");
            assert_eq!(pixels[row - 1], [255, 255, 255, 255], "{size:?}");
        }
    }

    #[test]
    fn a_mirror_changes_sides() {
        let pixels = painted(&halves(64, 36, 16, 235), (64, 36), true);
        assert_eq!((pixels[0][0], pixels[63][0]), (255, 0));
    }

    #[test]
    fn colours_are_those_of_bt_601() {
        let mut picture = I420::black(16, 16).unwrap();
        let (y, u, v) = picture.planes_mut();
        y.fill(81);
        u.fill(90);
        v.fill(240);
        let [blue, green, red, _] = painted(&picture, (16, 16), false)[20];
        assert!(red > 250 && green < 5 && blue < 5, "{red}, {green}, {blue}");
        let mut pixels = [0; 16 * 16 * 4];
        Painter::new(Pixels::Rgba)
            .paint(&picture, (16, 16), false, &mut pixels)
            .unwrap();
        let [red, green, blue, opaque] = pixels.as_chunks::<4>().0[20];
        assert!(red > 250 && green < 5 && blue < 5, "{red}, {green}, {blue}");
        assert_eq!(opaque, 255);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let mut painter = Painter::new(Pixels::Bgra);
        let picture = I420::black(8, 8).unwrap();
        assert!(
            painter
                .paint(&picture, (8, 8), false, &mut [0; 10])
                .is_err()
        );
        assert!(
            painter
                .paint(&picture, (0, 8), false, &mut [0; 10])
                .is_err()
        );
        let broken = I420 {
            width: 8,
            height: 8,
            data: vec![0; 70],
        };
        assert!(painter.paint(&broken, (4, 4), false, &mut [0; 64]).is_err());
    }

    proptest! {
        #[test]
        fn any_size_is_painted_whole(
            from in (1_u32..200, 1_u32..200),
            to in (1_u32..200, 1_u32..200),
            mirrored: bool,
        ) {
            let mut picture = I420::black(from.0, from.1).unwrap();
            picture.planes_mut().0.fill(235);
            let pixels = painted(&picture, to, mirrored);
            prop_assert!(pixels.iter().all(|pixel| *pixel == [255; 4]));
        }

        #[test]
        fn a_picture_never_leaves_its_tile(
            picture in (1_u32..5000, 1_u32..5000),
            tile in (1_u32..5000, 1_u32..5000),
            most_crop in 0.0..=1.0,
        ) {
            let tile = Area { x: -3, y: 7, width: tile.0, height: tile.1 };
            let placed = place(picture.0, picture.1, tile, most_crop);
            prop_assert!(placed.x >= tile.x && placed.y >= tile.y);
            prop_assert!(placed.x + placed.width as i32 <= tile.x + tile.width as i32);
            prop_assert!(placed.y + placed.height as i32 <= tile.y + tile.height as i32);
        }
    }
}
