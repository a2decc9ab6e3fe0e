//! The time at which a picture was taken, and by which camera, drawn into the picture.
//!
//! Two rows of 24 cells cover the top eighth of the picture; each cell is `width / 24` wide and
//! `height / 16` high, dark for 0 and bright for 1. From left to right, upper row first:
//!
//! | bits | content |
//! |---|---|
//! | 32 | `g = t ^ (t >> 1)`, where `t` is the time in milliseconds of `CLOCK_MONOTONIC`, modulo 2^32 |
//! | 4 | the camera |
//! | 12 | check: the upper 12 bits of `((t ^ camera << 28) * 0x9e3779b1) mod 2^32 ^ 0x5a5a5a5a` |
//!
//! A cell is read as the mean of its middle: at or above 128 is 1, and closer to 128 than 25 means
//! that there is no barcode. In a page, with the pixels of a canvas:
//!
//! ```js
//! function readBarcode({ data, width, height }) {
//!   const bits = [];
//!   for (let row = 0; row < 2; row++)
//!     for (let column = 0; column < 24; column++) {
//!       const x = Math.floor(((column + 0.5) * width) / 24), y = Math.floor(((row + 0.5) * height) / 16);
//!       let sum = 0, n = 0;
//!       for (let dy = -2; dy <= 2; dy++)
//!         for (let dx = -2; dx <= 2; dx++) {
//!           const at = 4 * ((y + dy) * width + x + dx);
//!           sum += data[at] + 2 * data[at + 1] + data[at + 2]; n += 4;
//!         }
//!       if (Math.abs(sum / n - 128) < 25) return null;
//!       bits.push(sum / n >= 128 ? 1 : 0);
//!     }
//!   const number = (from, count) => bits.slice(from, from + count).reduce((n, bit) => n * 2 + bit, 0);
//!   let t = number(0, 32);
//!   for (let shift = 1; shift < 32; shift *= 2) t = (t ^ (t >>> shift)) >>> 0;
//!   const camera = number(32, 4);
//!   const check = (Math.imul(t ^ (camera << 28), 0x9e3779b1) ^ 0x5a5a5a5a) >>> 20;
//!   return check === number(36, 12) ? { millis: t, camera } : null;
//! }
//! ```

/// Cells in a row.
pub const COLUMNS: u32 = 24;
/// Rows of cells.
pub const ROWS: u32 = 2;
/// The height of the picture in cells.
const ROWS_IN_PICTURE: u32 = 16;
/// Luma of the cells, limited range. Less than full contrast, because flipping cells cost bits.
const DARK: u8 = 44;
const BRIGHT: u8 = 206;
/// Smallest distance from the middle at which a cell counts as read.
const CLEAR: u32 = 25;

/// What a barcode says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Milliseconds of `CLOCK_MONOTONIC`, modulo 2^32 (49 days).
    pub millis: u32,
    /// Number of the camera, 0 to 15.
    pub camera: u8,
}

impl Stamp {
    fn bits(self) -> u64 {
        let gray = self.millis ^ (self.millis >> 1);
        let camera = self.camera & 15;
        u64::from(gray) << 16 | u64::from(camera) << 12 | u64::from(self.check())
    }

    fn from_bits(bits: u64) -> Option<Self> {
        let mut millis = (bits >> 16) as u32;
        for shift in [1, 2, 4, 8, 16] {
            millis ^= millis >> shift;
        }
        let stamp = Self {
            millis,
            camera: (bits >> 12 & 15) as u8,
        };
        (u64::from(stamp.check()) == bits & 0xfff).then_some(stamp)
    }

    fn check(self) -> u32 {
        let mixed = (self.millis ^ u32::from(self.camera & 15) << 28).wrapping_mul(0x9e37_79b1);
        // Without the constant an all-black picture would be a valid stamp.
        (mixed ^ 0x5a5a_5a5a) >> 20
    }

    /// How old the picture was at `now`, both in milliseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn age_at(self, now: u32) -> u32 {
        now.wrapping_sub(self.millis)
    }

    /// Whether a cell is bright.
    #[must_use]
    pub fn cell(self, column: u32, row: u32) -> bool {
        let index = row * COLUMNS + column;
        self.bits() >> (ROWS * COLUMNS - 1 - index) & 1 == 1
    }
}

/// The luma that a cell is drawn with.
#[must_use]
pub fn shade(bright: bool) -> u8 {
    if bright { BRIGHT } else { DARK }
}

/// How many lines of a picture the barcode covers.
#[must_use]
pub fn lines(height: u32) -> u32 {
    (height * ROWS).div_ceil(ROWS_IN_PICTURE)
}

/// The column of cells that a pixel column belongs to.
#[must_use]
pub fn column_at(x: u32, width: u32) -> u32 {
    (x * COLUMNS / width.max(1)).min(COLUMNS - 1)
}

/// The row of cells that a line belongs to.
#[must_use]
pub fn row_at(y: u32, height: u32) -> u32 {
    (y * ROWS_IN_PICTURE / height.max(1)).min(ROWS - 1)
}

/// Draws into a luma plane whose samples are `step` bytes apart (2 for YUYV).
pub fn write(luma: &mut [u8], width: u32, height: u32, step: usize, stamp: Stamp) {
    let stride = width as usize * step;
    for (y, line) in luma
        .chunks_exact_mut(stride)
        .enumerate()
        .take(lines(height) as usize)
    {
        let row = row_at(y as u32, height);
        for column in 0..COLUMNS {
            let from = (column * width).div_ceil(COLUMNS) as usize * step;
            let to = ((column + 1) * width).div_ceil(COLUMNS) as usize * step;
            let shade = shade(stamp.cell(column, row));
            if step == 1 {
                line[from..to].fill(shade);
            } else {
                line[from..to]
                    .iter_mut()
                    .step_by(step)
                    .for_each(|sample| *sample = shade);
            }
        }
    }
}

/// Reads from a picture of which `brightness` gives each pixel.
#[must_use]
pub fn read(width: u32, height: u32, brightness: impl Fn(u32, u32) -> u8) -> Option<Stamp> {
    if width < COLUMNS * 5 || height < ROWS_IN_PICTURE * 5 {
        return None;
    }
    let mut bits = 0;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let x = (2 * column + 1) * width / (2 * COLUMNS);
            let y = (2 * row + 1) * height / (2 * ROWS_IN_PICTURE);
            let around = |at: u32| at - 2..=at + 2;
            let sum: u32 = around(y)
                .flat_map(|y| around(x).map(move |x| (x, y)))
                .map(|(x, y)| u32::from(brightness(x, y)))
                .sum();
            let mean = sum / 25;
            if mean.abs_diff(128) < CLEAR {
                return None;
            }
            bits = bits << 1 | u64::from(mean >= 128);
        }
    }
    Stamp::from_bits(bits)
}

/// Reads from a luma plane without padding.
#[must_use]
pub fn read_luma(luma: &[u8], width: u32, height: u32) -> Option<Stamp> {
    if luma.len() < width as usize * height as usize {
        return None;
    }
    read(width, height, |x, y| {
        luma[y as usize * width as usize + x as usize]
    })
}

/// Reads from pixels of four bytes, as a canvas or a screenshot gives them.
#[must_use]
pub fn read_rgba(pixels: &[u8], width: u32, height: u32) -> Option<Stamp> {
    if pixels.len() < width as usize * height as usize * 4 {
        return None;
    }
    read(width, height, |x, y| {
        let at = 4 * (y as usize * width as usize + x as usize);
        let [r, g, b] = [0, 1, 2].map(|channel| u32::from(pixels[at + channel]));
        ((r + 2 * g + b) / 4) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMPS: [Stamp; 4] = [
        Stamp {
            millis: 0,
            camera: 0,
        },
        Stamp {
            millis: 123_456_789,
            camera: 1,
        },
        Stamp {
            millis: u32::MAX,
            camera: 15,
        },
        Stamp {
            millis: 0x8000_0001,
            camera: 9,
        },
    ];

    #[test]
    fn what_is_written_is_read_at_any_size() {
        for (width, height) in [(1280, 720), (640, 480), (320, 180), (333, 125), (160, 90)] {
            for stamp in STAMPS {
                let mut luma = vec![120; (width * height) as usize];
                write(&mut luma, width, height, 1, stamp);
                assert_eq!(
                    read_luma(&luma, width, height),
                    Some(stamp),
                    "{width}x{height}"
                );
                let rgba: Vec<u8> = luma.iter().flat_map(|&y| [y, y, y, 255]).collect();
                assert_eq!(read_rgba(&rgba, width, height), Some(stamp));
            }
        }
    }

    #[test]
    fn yuyv_keeps_its_chroma() {
        let mut packed = vec![77; 2 * 640 * 360];
        write(&mut packed, 640, 360, 2, STAMPS[1]);
        assert!(packed.iter().skip(1).step_by(2).all(|&chroma| chroma == 77));
        let luma: Vec<u8> = packed.into_iter().step_by(2).collect();
        assert_eq!(read_luma(&luma, 640, 360), Some(STAMPS[1]));
    }

    #[test]
    fn a_picture_without_a_barcode_says_nothing() {
        for shade in [0, 128, 255] {
            assert_eq!(read_luma(&[shade; 320 * 180], 320, 180), None);
        }
        assert_eq!(read_luma(&[0; 100], 320, 180), None);
        assert_eq!(read_luma(&[0; 64], 8, 8), None);
    }

    #[test]
    fn a_wrong_cell_is_noticed() {
        let bits = STAMPS[1].bits();
        for bit in 0..48 {
            assert_eq!(Stamp::from_bits(bits ^ 1 << bit), None, "bit {bit}");
        }
        assert_eq!(Stamp::from_bits(bits), Some(STAMPS[1]));
    }

    #[test]
    fn ages_survive_the_wrap_of_the_clock() {
        assert_eq!(STAMPS[2].age_at(9), 10);
    }
}
