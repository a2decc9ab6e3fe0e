//! Looks at a virtual screen, as a person in front of it would: reads the barcode of the picture
//! that is on it right now, from Xvfb's memory. The program neither knows nor pays for it.

use std::{fs::File, os::unix::fs::FileExt as _, path::Path};

use anyhow::{Context, Result, ensure};
use jasmin_vcam::barcode::{self, Stamp};
use serde_json::json;

use crate::{Desk, Page, until};

/// Lines above and below the middle of a cell that are read.
const REACH: usize = 2;

/// Where a whole camera picture would lie on the screen, in pixels; part of it may be cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Place {
    /// From the part that is shown: the picture has 16 to 9 and was cut at two opposite edges.
    pub fn of_shown(x: f64, y: f64, width: f64, height: f64) -> Self {
        const ASPECT: f64 = 16.0 / 9.0;
        let whole = (width.max(height * ASPECT), height.max(width / ASPECT));
        Self {
            x: x - (whole.0 - width) / 2.0,
            y: y - (whole.1 - height) / 2.0,
            width: whole.0,
            height: whole.1,
        }
    }
}

/// A look at one place of one screen.
#[derive(Debug)]
pub struct Lens {
    file: File,
    /// Where the pixels begin, and bytes from one line to the next.
    head: u64,
    stride: u64,
    place: Place,
    /// Lines of the two rows of cells.
    rows: [Vec<u8>; 2],
}

impl Lens {
    pub fn new(pixels: &Path, place: Place) -> Result<Self> {
        let file = File::open(pixels).context("the screen keeps no pixels")?;
        let mut words = [0; 100];
        file.read_exact_at(&mut words, 0)?;
        // A window dump (XWD, version 7): big-endian words.
        let word = |at: usize| {
            let bytes: [u8; 4] = words[4 * at..4 * at + 4].try_into().unwrap_or_default();
            u64::from(u32::from_be_bytes(bytes))
        };
        let (width, height, stride) = (word(4), word(5), word(12));
        let inside = place.x >= 0.0
            && place.x + place.width <= width as f64
            && place.y + place.height <= height as f64;
        ensure!(
            inside,
            "the picture reaches beyond the screen of {width} × {height}: {place:?}"
        );
        let lens = Self {
            file,
            head: word(0) + 12 * word(19),
            stride,
            place,
            rows: [0, 1].map(|_| vec![0; stride as usize * (2 * REACH + 1)]),
        };
        ensure!(lens.top(0) >= 0, "the barcode is cut off: {place:?}");
        Ok(lens)
    }

    /// The first line that is read of a row of cells.
    fn top(&self, row: u32) -> i64 {
        let middle = self.place.y + (f64::from(row) + 0.5) * self.place.height / 16.0;
        middle as i64 - REACH as i64
    }

    /// What the barcode says now.
    pub fn read(&mut self) -> Result<Option<Stamp>> {
        for row in 0..2 {
            let top = u64::try_from(self.top(row))?;
            let at = self.head + top * self.stride;
            self.file.read_exact_at(&mut self.rows[row as usize], at)?;
        }
        // A picture whose cells are single pixels around each middle: as wide as it is read.
        let (width, height) = (self.place.width as u32, self.place.height as u32);
        let middle = |row: u32| (2 * row + 1) * height / 32;
        let brightness = |x: u32, y: u32| {
            let row = usize::from(y > middle(0) + REACH as u32);
            let line = (y + REACH as u32).saturating_sub(middle(row as u32)) as usize;
            let at = line * self.stride as usize + 4 * (self.place.x as usize + x as usize);
            match self.rows[row].get(at..at + 3) {
                Some([b, g, r]) => ((u32::from(*b) + 2 * u32::from(*g) + u32::from(*r)) / 4) as u8,
                _ => 128,
            }
        };
        Ok(barcode::read(width, height, brightness))
    }
}

/// A colour that nothing else has.
const MARK: [u8; 4] = [255, 0, 254, 255];

/// Where on the screen the page begins: found by a mark in its corner, so that no border or title
/// bar has to be known.
pub fn origin(desk: &Desk, page: &Page) -> Result<(f64, f64)> {
    let put = "const mark = document.createElement('div'); mark.id = 'bench-mark';\
        Object.assign(mark.style, { position: 'fixed', left: 0, top: 0, width: '24px',\
        height: '6px', zIndex: 2147483647, background: 'rgb(255, 0, 254)' });\
        document.body.append(mark);";
    page.session().script(put, &[])?;
    let found = until("the page's corner on the screen", || {
        let screen = desk.screen().picture()?;
        let is_mark = |&at: &usize| screen.rgba[4 * at..4 * at + 4] == MARK;
        let at = (0..screen.width * screen.height).find(is_mark);
        Ok(at.map(|at| ((at % screen.width) as f64, (at / screen.width) as f64)))
    });
    let take = "document.getElementById('bench-mark')?.remove();";
    page.session().script(take, &[])?;
    found
}

/// The other's picture in the page: left, top, width, height, in CSS pixels, of which `scale` of the
/// screen's make one.
pub fn shown(page: &Page, picture: &str) -> Result<(f64, f64, f64, f64)> {
    let read = "const found = document.querySelector(arguments[0]);\
        if (!found) return null; const rect = found.getBoundingClientRect();\
        return [rect.x, rect.y, rect.width, rect.height].map((n) => n * devicePixelRatio);";
    let found = page.session().script(read, &[json!(picture)])?;
    let number = |at: usize| found[at].as_f64().context("the page shows no picture");
    Ok((number(0)?, number(1)?, number(2)?, number(3)?))
}

/// A lens on the other's picture, as it is laid out now.
pub fn lens(desk: &Desk, page: &Page, picture: &str) -> Result<Lens> {
    let (left, top) = origin(desk, page)?;
    let (x, y, width, height) = shown(page, picture)?;
    let place = Place::of_shown(left + x, top + y, width, height);
    Lens::new(desk.screen().pixels(), place)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A dump with a picture of the given place on it.
    fn screen(folder: &Path, place: Place, stamp: Stamp) -> std::path::PathBuf {
        let (width, height) = (1400_usize, 900_usize);
        let mut words = [0_u32; 25];
        (words[0], words[4], words[5], words[12]) = (100, 1400, 900, 5600);
        let mut pixels = vec![60_u8; width * height * 4];
        let (w, h) = (place.width as usize, place.height as usize);
        let mut luma = vec![120; w * h];
        barcode::write(&mut luma, w as u32, h as u32, 1, stamp);
        for (y, line) in luma.chunks(w).enumerate() {
            for (x, shade) in line.iter().enumerate() {
                let row = y as i64 + place.y as i64;
                let Ok(row) = usize::try_from(row) else {
                    continue;
                };
                let at = 4 * (row * width + place.x as usize + x);
                pixels[at..at + 3].fill(*shade);
            }
        }
        let path = folder.join("screen");
        let mut file = File::create(&path).unwrap();
        for word in words {
            file.write_all(&word.to_be_bytes()).unwrap();
        }
        file.write_all(&pixels).unwrap();
        path
    }

    #[test]
    fn reads_a_picture_on_the_screen_also_when_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = Stamp {
            millis: 123_456_789,
            camera: 1,
        };
        for place in [
            Place::of_shown(16.0, 61.0, 1280.0, 720.0),
            Place::of_shown(16.0, 61.0, 1280.0, 712.0),
            Place::of_shown(40.0, 0.0, 1100.0, 640.0),
        ] {
            let pixels = screen(folder.path(), place, stamp);
            let seen = Lens::new(&pixels, place).unwrap().read().unwrap();
            assert_eq!(seen, Some(stamp), "{place:?}");
        }
    }

    #[test]
    fn refuses_a_place_outside_of_the_screen() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = Stamp {
            millis: 1,
            camera: 0,
        };
        let pixels = screen(
            folder.path(),
            Place::of_shown(0.0, 0.0, 1280.0, 720.0),
            stamp,
        );
        let beyond = Place::of_shown(200.0, 0.0, 1280.0, 720.0);
        assert!(Lens::new(&pixels, beyond).is_err());
    }
}
