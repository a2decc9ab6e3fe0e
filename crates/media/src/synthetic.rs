//! A camera that needs no device: a ball that bounces once a second before a swaying backdrop.
//!
//! The ball touches the floor at every whole second of the scene; the synthetic microphone beeps
//! at the same moments. Sixteen blocks in the upper left corner show the number of the picture.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::camera::{CameraBackend, CameraProblem, CameraStream, Opened, PixelFormat, Want};
use crate::frame::{FramePool, I420, PictureError, VideoFrame};

/// Time from one touch of the floor to the next.
pub const BOUNCE: Duration = Duration::from_secs(1);

/// How far the backdrop sways to each side, in pixels.
const SWAY: u32 = 12;
/// Time for one sway there and back.
const SWAY_PERIOD: f64 = 5.0;
/// Time for the ball to cross and come back.
const CROSSING: f64 = 4.0;
/// Bits of the picture's number that are drawn.
const COUNTER_BITS: u32 = 16;

/// Draws the pictures, one after the other.
#[derive(Debug)]
pub struct Scene {
    width: u32,
    height: u32,
    fps: u32,
    backdrop: I420,
    noise: Vec<u8>,
    pool: FramePool,
    next: u32,
}

impl Scene {
    /// Prepares a scene. Takes some tens of milliseconds at 720p, for the backdrop.
    ///
    /// # Errors
    /// [`PictureError::Size`] when the size is out of bounds.
    pub fn new(width: u32, height: u32, fps: u32) -> Result<Self, PictureError> {
        I420::length(width, height)?;
        let backdrop = backdrop(width + 2 * SWAY, height)?;
        let mut random = Random(0x9e37_79b9);
        let noise = (0..width as usize * 2 + 4096)
            .map(|_| (random.next() >> 31) as u8 * 2)
            .collect();
        let fps = fps.clamp(1, 120);
        Ok(Self {
            width,
            height,
            fps,
            backdrop,
            noise,
            pool: FramePool::default(),
            next: 0,
        })
    }

    /// Draws the next picture; the time counts from the first one.
    pub fn next_picture(&mut self) -> (Arc<I420>, Duration) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let time = Duration::from_secs(1) * number / self.fps;
        let (width, height) = (self.width, self.height);
        let Self {
            backdrop,
            noise,
            pool,
            ..
        } = self;
        let drawn = pool.fill::<PictureError>(width, height, |picture| {
            draw_backdrop(picture, backdrop, noise, number, time);
            draw_ball(picture, time);
            draw_counter(picture, number);
            Ok(())
        });
        // The size was checked in `new`; a picture that cannot be made is the backdrop itself.
        (
            drawn.unwrap_or_else(|_| Arc::new(self.backdrop.clone())),
            time,
        )
    }

    /// Reads the number of a picture of a scene back, also after scaling and coding.
    ///
    /// Only the lower 16 bits are drawn. `None` when the picture is too small for the blocks.
    #[must_use]
    pub fn read_counter(picture: &I420) -> Option<u16> {
        let block = picture.width / (2 * COUNTER_BITS);
        if block < 4 || picture.height < block {
            return None;
        }
        let y = picture.y();
        let row = (block / 2) as usize * picture.width as usize;
        (0..COUNTER_BITS).try_fold(0u16, |number, bit| {
            let sample = *y.get(row + (bit * block + block / 2) as usize)?;
            Some(number << 1 | u16::from(sample > 125))
        })
    }
}

fn draw_backdrop(picture: &mut I420, backdrop: &I420, noise: &[u8], number: u32, time: Duration) {
    let phase = (time.as_secs_f64() * std::f64::consts::TAU / SWAY_PERIOD).sin();
    // Even, so that luma and chroma move together.
    let shift = ((f64::from(SWAY) * (1.0 + phase)) as usize / 2) * 2;
    let (width, chroma) = (picture.width as usize, picture.chroma_width() as usize);
    let (wide, wide_chroma) = (backdrop.width as usize, backdrop.chroma_width() as usize);
    let (sy, su, sv) = backdrop.planes();
    let (ty, tu, tv) = picture.planes_mut();
    let mut random = Random(number.wrapping_mul(2_654_435_761) | 1);
    for (row, source) in ty.chunks_exact_mut(width).zip(sy.chunks_exact(wide)) {
        let grain = &noise[(random.next() % 4096) as usize..];
        let source = &source[shift..shift + width];
        for ((target, &sample), &grain) in row.iter_mut().zip(source).zip(grain) {
            *target = sample + grain;
        }
    }
    for (target, source) in [(tu, su), (tv, sv)] {
        let rows = target
            .chunks_exact_mut(chroma)
            .zip(source.chunks_exact(wide_chroma));
        for (row, source) in rows {
            row.copy_from_slice(&source[shift / 2..shift / 2 + chroma]);
        }
    }
}

fn draw_ball(picture: &mut I420, time: Duration) {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let radius = height / 9.0;
    let seconds = time.as_secs_f64();
    let fall = seconds.fract();
    let lift = 4.0 * fall * (1.0 - fall) * (height * 0.55);
    let across = (seconds / CROSSING).fract();
    let across = if across < 0.5 {
        across * 2.0
    } else {
        2.0 - across * 2.0
    };
    let x = radius + across * (width - 2.0 * radius);
    let y = height - radius - lift;
    let (columns, chroma) = (picture.width as usize, picture.chroma_width() as usize);
    let (luma, u, v) = picture.planes_mut();
    disc(luma, columns, x, y, radius, |edge| {
        (90.0 + 110.0 * edge) as u8
    });
    disc(u, chroma, x / 2.0, y / 2.0, radius / 2.0, |_| 100);
    disc(v, chroma, x / 2.0, y / 2.0, radius / 2.0, |_| 170);
}

/// Fills a disc; `shade` gets 1 in the middle and 0 at the edge.
fn disc(plane: &mut [u8], width: usize, x: f64, y: f64, radius: f64, shade: impl Fn(f64) -> u8) {
    let first = (y - radius).max(0.0) as usize;
    for (row, line) in plane.chunks_exact_mut(width).enumerate().skip(first) {
        let dy = row as f64 + 0.5 - y;
        if dy > radius {
            return;
        }
        let half = (radius * radius - dy * dy).max(0.0).sqrt();
        let from = ((x - half).max(0.0) as usize).min(width);
        let to = ((x + half).max(0.0) as usize).clamp(from, width);
        for (column, sample) in line[from..to].iter_mut().enumerate() {
            let dx = (from + column) as f64 + 0.5 - x;
            *sample = shade(1.0 - (dx * dx + dy * dy).sqrt() / radius);
        }
    }
}

fn draw_counter(picture: &mut I420, number: u32) {
    let block = picture.width / (2 * COUNTER_BITS);
    if block < 4 || picture.height < block {
        return;
    }
    let block = block as usize;
    let (width, chroma) = (picture.width as usize, picture.chroma_width() as usize);
    let (y, u, v) = picture.planes_mut();
    for line in y.chunks_exact_mut(width).take(block) {
        for (bit, cell) in line
            .chunks_exact_mut(block)
            .take(COUNTER_BITS as usize)
            .enumerate()
        {
            let one = number >> (COUNTER_BITS as usize - 1 - bit) & 1 == 1;
            cell.fill(if one { 220 } else { 30 });
        }
    }
    let reach = (block * COUNTER_BITS as usize).div_ceil(2).min(chroma);
    for plane in [u, v] {
        for line in plane.chunks_exact_mut(chroma).take(block.div_ceil(2)) {
            line[..reach].fill(128);
        }
    }
}

/// A still picture with soft shapes, some edges and fine texture, like a room behind a person.
fn backdrop(width: u32, height: u32) -> Result<I420, PictureError> {
    let mut picture = I420::black(width, height)?;
    let (columns, chroma) = (picture.width as usize, picture.chroma_width() as usize);
    let (y, u, v) = picture.planes_mut();
    for (row, line) in y.chunks_exact_mut(columns).enumerate() {
        for (column, sample) in line.iter_mut().enumerate() {
            let (x, y) = (column as f32, row as f32);
            let soft = 34.0 * value_noise(x / 190.0, y / 190.0, 1)
                + 22.0 * value_noise(x / 70.0, y / 70.0, 2)
                + 10.0 * value_noise(x / 23.0, y / 23.0, 3)
                + 5.0 * value_noise(x / 6.0, y / 6.0, 4);
            *sample = (116.0 + soft).clamp(20.0, 230.0) as u8;
        }
    }
    for (plane, seed, strength) in [(u, 7, 14.0), (v, 8, 12.0)] {
        for (row, line) in plane.chunks_exact_mut(chroma).enumerate() {
            for (column, sample) in line.iter_mut().enumerate() {
                let (x, y) = (column as f32 / 80.0, row as f32 / 80.0);
                *sample = (128.0 + strength * value_noise(x, y, seed)) as u8;
            }
        }
    }
    Ok(picture)
}

/// Smooth noise between -1 and 1.
fn value_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (fx, fy) = (x - column, y - row);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(fx), ease(fy));
    let corner = |dx: u32, dy: u32| {
        let (x, y) = (column as u32 + dx, row as u32 + dy);
        let mut random = Random(
            (x.wrapping_mul(0x8da6_b343)
                ^ y.wrapping_mul(0xd816_3841)
                ^ seed.wrapping_mul(0xcb1a_b31f))
                | 1,
        );
        random.next();
        random.next() as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    let above = corner(0, 0) * (1.0 - fx) + corner(1, 0) * fx;
    let below = corner(0, 1) * (1.0 - fx) + corner(1, 1) * fx;
    above * (1.0 - fy) + below * fy
}

/// A small generator whose only job is to look irregular.
#[derive(Debug)]
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// A camera without a device that shows a [`Scene`], for clients without a window and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyntheticCamera;

impl CameraBackend for SyntheticCamera {
    fn open(&self, _id: Option<&str>, want: Want) -> Result<Box<dyn CameraStream>, CameraProblem> {
        let scene =
            Scene::new(want.width, want.height, want.fps).map_err(|_| CameraProblem::NoFormat)?;
        let opened = Opened {
            name: "Ball".to_owned(),
            width: scene.width,
            height: scene.height,
            fps: scene.fps,
            format: PixelFormat::I420,
        };
        Ok(Box::new(SyntheticStream {
            scene,
            opened,
            started: Instant::now(),
        }))
    }
}

struct SyntheticStream {
    scene: Scene,
    opened: Opened,
    started: Instant,
}

impl CameraStream for SyntheticStream {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn next_frame(&mut self) -> Result<VideoFrame, CameraProblem> {
        let (picture, time) = self.scene.next_picture();
        let due = self.started + time;
        let now = Instant::now();
        if let Some(early) = due.checked_duration_since(now) {
            thread::sleep(early);
        } else if now.duration_since(due) > BOUNCE {
            // After a sleep of the machine the scene goes on from where it is.
            self.started = now - time;
        }
        Ok(VideoFrame {
            picture,
            captured_at: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::Scaler;

    #[test]
    fn pictures_carry_their_number_also_when_scaled() {
        let mut scene = Scene::new(640, 360, 30).unwrap();
        scene.next = 0xa5c3;
        let (picture, _) = scene.next_picture();
        assert_eq!(Scene::read_counter(&picture), Some(0xa5c3));
        let mut small = I420::black(320, 180).unwrap();
        Scaler::default().scale(&picture, &mut small).unwrap();
        assert_eq!(Scene::read_counter(&small), Some(0xa5c3));
    }

    #[test]
    fn the_ball_touches_the_floor_at_whole_seconds() {
        let mut scene = Scene::new(320, 180, 30).unwrap();
        // The ball is the only thing with this much red.
        let lowest = |picture: &I420| {
            let width = picture.chroma_width() as usize;
            picture
                .v()
                .chunks_exact(width)
                .rposition(|row| row.iter().any(|&v| v > 160))
        };
        let rows: Vec<_> = (0..61)
            .map(|_| lowest(&scene.next_picture().0).unwrap())
            .collect();
        let floor = 180 / 2 - 1;
        assert!(rows[0] >= floor - 1 && rows[30] >= floor - 1 && rows[60] >= floor - 1);
        assert!(rows[15] < floor / 2 + 5 && rows[45] < floor / 2 + 5);
    }

    #[test]
    fn any_size_is_drawn() {
        for (width, height) in [(1, 1), (2, 2), (33, 17), (161, 91), (90, 400)] {
            let mut scene = Scene::new(width, height, 30).unwrap();
            for _ in 0..40 {
                let (picture, _) = scene.next_picture();
                assert_eq!((picture.width, picture.height), (width, height));
                picture.check().unwrap();
            }
        }
    }
}
