//! Looks at a virtual screen, as a person in front of it would: reads the barcode of the picture
//! that is on it right now, from Xvfb's memory. Neither program knows or pays for it.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use jasmin_tests::monotonic_ns;
use jasmin_vcam::barcode::{self, Stamp};

/// How often it looks. A picture is seen this much late at most.
const LOOK_EACH: Duration = Duration::from_millis(2);
/// What is older than this was not read right.
const OLDEST_MS: u32 = 10_000;
/// Lines above and below the middle of a cell that are read.
const REACH: usize = 2;

/// Where a whole camera picture would lie on the screen, in pixels; part of it may be cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Place {
    /// From the part that is shown: the picture has 16 to 9 and was cut at two opposite edges.
    pub(crate) fn of_shown(x: f64, y: f64, width: f64, height: f64) -> Self {
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
pub(crate) struct Lens {
    file: File,
    /// Where the pixels begin, and bytes from one line to the next.
    head: u64,
    stride: u64,
    place: Place,
    /// Lines of the two rows of cells.
    rows: [Vec<u8>; 2],
}

impl Lens {
    pub(crate) fn new(pixels: &Path, place: Place) -> Result<Self> {
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
    pub(crate) fn read(&mut self) -> Result<Option<Stamp>> {
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

/// A new picture on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// When it was on the screen, by the clock of the cameras, nanoseconds.
    pub(crate) at_ns: u64,
    /// How old it was, milliseconds.
    pub(crate) age_ms: u32,
}

/// Looks all the time, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Watch {
    /// Looks for pictures of one camera.
    pub(crate) fn start(mut lens: Lens, camera: u32) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let ended = Arc::<AtomicBool>::default();
        let (to, end) = (seen.clone(), ended.clone());
        let thread = thread::spawn(move || {
            let mut last = None;
            while !end.load(Ordering::Relaxed) {
                if let Some(stamp) = lens.read()?
                    && u32::from(stamp.camera) == camera
                    && last != Some(stamp.millis)
                {
                    let at_ns = monotonic_ns()?;
                    let age_ms = stamp.age_at((at_ns / 1_000_000) as u32);
                    if age_ms < OLDEST_MS {
                        last = Some(stamp.millis);
                        to.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(Seen { at_ns, age_ms });
                    }
                }
                thread::sleep(LOOK_EACH);
            }
            Ok(())
        });
        Self {
            seen,
            ended,
            thread: Some(thread),
        }
    }

    /// What was seen so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends it; when it broke meanwhile, with the reason.
    pub(crate) fn end(mut self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it was ended before")?;
        thread
            .join()
            .map_err(|_| anyhow!("the watch on the screen broke"))?
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
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
