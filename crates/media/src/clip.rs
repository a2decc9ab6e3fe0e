//! The short recording of the device check: what others will see and hear.
//!
//! Pictures are encoded by `vpx-encode`: a fixed rate and nothing to ask for on the way is what a
//! clip needs. The sound stays as it is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::frame::{I420, Picture, PictureFormat, VideoFrame};
use crate::video::{Rung, Scaler, VideoError};

/// How long a clip is.
pub const CLIP_LENGTH: Duration = Duration::from_secs(6);
/// Samples per second of its sound, mono.
pub const CLIP_SAMPLE_RATE: u32 = 48_000;

/// Pictures are made this large at most.
const SIZE: Rung = Rung {
    lines: 360,
    fps: 30,
    enough: 1_000_000,
};
/// Kilobits per second: there is no network to spare.
const KILOBITS: u32 = 1500;
/// Ticks per second of picture times.
const CLOCK: i32 = 1000;

/// Takes pictures and sound until the clip is full.
///
/// The first picture or sample starts the clock.
pub struct ClipRecorder {
    started: Option<Instant>,
    encoder: Option<Encoder>,
    scaler: Scaler,
    frames: Vec<Picture>,
    samples: Vec<i16>,
}

struct Encoder {
    inner: vpx_encode::Encoder,
    /// Size of the camera's pictures; another one starts a new stream.
    source: (u32, u32),
    scaled: I420,
    last_tick: i64,
}

/// A finished recording, to be played as often as one likes.
#[derive(Clone)]
pub struct Clip {
    frames: Arc<[Picture]>,
    samples: Arc<[i16]>,
    length: Duration,
}

impl Default for ClipRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl ClipRecorder {
    /// Returns an empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: None,
            encoder: None,
            scaler: Scaler::default(),
            frames: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Adds a picture; one taken after the end of the clip is left out.
    ///
    /// # Errors
    /// [`VideoError`] when the picture is inconsistent or the encoder refuses it.
    pub fn push_picture(&mut self, frame: &VideoFrame) -> Result<(), VideoError> {
        let started = *self.started.get_or_insert(frame.captured_at);
        let time = frame.captured_at.saturating_duration_since(started);
        if time >= CLIP_LENGTH {
            return Ok(());
        }
        let source = &frame.picture;
        source.check()?;
        let size = (source.width, source.height);
        let mut encoder = match self.encoder.take() {
            Some(encoder) if encoder.source == size => encoder,
            _ => Encoder::new(size)?,
        };
        self.scaler.scale(source, &mut encoder.scaled)?;
        encoder.encode(time, &mut self.frames)?;
        self.encoder = Some(encoder);
        Ok(())
    }

    /// Adds sound: 48 kHz, mono, of which the first sample was recorded at `at`.
    ///
    /// Gaps are filled with silence so that sound and picture stay together.
    pub fn push_samples(&mut self, samples: &[i16], at: Instant) {
        let started = *self.started.get_or_insert(at);
        let most = samples_in(CLIP_LENGTH);
        let position = samples_in(at.saturating_duration_since(started)).min(most);
        // Sound cards deliver in blocks; less than a block is not a gap.
        if position > self.samples.len() + samples_in(Duration::from_millis(40)) {
            self.samples.resize(position, 0);
        }
        let room = most.saturating_sub(self.samples.len());
        self.samples
            .extend_from_slice(&samples[..samples.len().min(room)]);
    }

    /// How much of the clip there is, from 0 to 1.
    #[must_use]
    pub fn progress(&self, now: Instant) -> f32 {
        let time = self
            .started
            .map_or(Duration::ZERO, |s| now.saturating_duration_since(s));
        (time.as_secs_f32() / CLIP_LENGTH.as_secs_f32()).min(1.0)
    }

    /// Whether the clip has its full length.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.started
            .is_some_and(|started| now.saturating_duration_since(started) >= CLIP_LENGTH)
    }

    /// Ends the recording. A clip may be shorter than its full length, and empty.
    #[must_use]
    pub fn finish(self) -> Clip {
        let last = self.frames.last().map_or(0, |frame| frame.time_us);
        let pictures = Duration::from_micros(last);
        let sound =
            Duration::from_secs_f64(self.samples.len() as f64 / f64::from(CLIP_SAMPLE_RATE));
        Clip {
            frames: self.frames.into(),
            samples: self.samples.into(),
            length: pictures.max(sound).min(CLIP_LENGTH),
        }
    }
}

impl Clip {
    /// VP8 frames in order; their times count from the start of the clip.
    #[must_use]
    pub fn frames(&self) -> &[Picture] {
        &self.frames
    }

    /// 48 kHz mono from the start of the clip.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Starts playing at `now`; the caller pulls pictures and samples as time goes by.
    #[must_use]
    pub fn play(&self, now: Instant) -> ClipPlayer {
        ClipPlayer {
            started: now,
            frames: self.frames.iter().cloned().collect(),
            samples: self.samples.clone(),
            played: 0,
            length: self.length,
        }
    }
}

/// A clip being played. Pure: the clock is an argument.
#[derive(Clone)]
pub struct ClipPlayer {
    started: Instant,
    frames: VecDeque<Picture>,
    samples: Arc<[i16]>,
    played: usize,
    length: Duration,
}

impl ClipPlayer {
    /// Returns the pictures that have become due since the last call.
    pub fn pictures(&mut self, now: Instant) -> Vec<Picture> {
        let time = now.saturating_duration_since(self.started).as_micros();
        let due = self
            .frames
            .iter()
            .take_while(|frame| u128::from(frame.time_us) <= time)
            .count();
        self.frames.drain(..due).collect()
    }

    /// Fills `out` with the next samples and the rest with silence; tells how many there were.
    pub fn samples(&mut self, out: &mut [i16]) -> usize {
        let rest = self.samples.get(self.played..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        out[count..].fill(0);
        self.played += count;
        count
    }

    /// When the next picture is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.frames
            .front()
            .map(|frame| self.started + Duration::from_micros(frame.time_us))
    }

    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) >= self.length
    }
}

impl Encoder {
    fn new(source: (u32, u32)) -> Result<Self, VideoError> {
        let (width, height) = SIZE.size(source.0, source.1);
        // The encoder takes even sizes only.
        let (width, height) = ((width & !1).max(2), (height & !1).max(2));
        let inner = vpx_encode::Encoder::new(vpx_encode::Config {
            width,
            height,
            timebase: [1, CLOCK],
            bitrate: KILOBITS,
            codec: vpx_encode::VideoCodecId::VP8,
        })
        .map_err(|error| VideoError::Codec(error.to_string()))?;
        Ok(Self {
            inner,
            source,
            scaled: I420::black(width, height)?,
            last_tick: -1,
        })
    }

    fn encode(&mut self, time: Duration, frames: &mut Vec<Picture>) -> Result<(), VideoError> {
        let tick = i64::try_from(time.as_millis())
            .unwrap_or(i64::MAX)
            .max(self.last_tick + 1);
        self.last_tick = tick;
        let packets = self
            .inner
            .encode(tick, &self.scaled.data)
            .map_err(|error| VideoError::Codec(error.to_string()))?;
        for packet in packets {
            frames.push(Picture {
                format: PictureFormat::Vp8,
                keyframe: packet.key,
                width: self.scaled.width,
                height: self.scaled.height,
                sequence: u32::try_from(frames.len()).unwrap_or(u32::MAX),
                time_us: u64::try_from(packet.pts).unwrap_or(0) * 1_000_000 / CLOCK as u64,
                data: packet.data.to_vec(),
            });
        }
        Ok(())
    }
}

fn samples_in(time: Duration) -> usize {
    usize::try_from(time.as_micros() * u128::from(CLIP_SAMPLE_RATE) / 1_000_000).unwrap_or(0)
}

impl fmt::Debug for ClipRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClipRecorder")
            .field("frames", &self.frames.len())
            .field("samples", &self.samples.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clip")
            .field("frames", &self.frames.len())
            .field("samples", &self.samples.len())
            .field("length", &self.length)
            .finish()
    }
}

impl fmt::Debug for ClipPlayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClipPlayer")
            .field("frames", &self.frames.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::Scene;
    use crate::video::VideoDecoder;
    use crate::vp8::Vp8Decoder;

    fn record(width: u32, height: u32, seconds: u64) -> (Clip, Instant) {
        let start = Instant::now();
        let mut scene = Scene::new(width, height, 30).unwrap();
        let mut recorder = ClipRecorder::new();
        for n in 0..seconds * 30 {
            let (picture, time) = scene.next_picture();
            recorder
                .push_picture(&VideoFrame {
                    picture,
                    captured_at: start + time,
                })
                .unwrap();
            recorder.push_samples(&[n as i16; 1600], start + time);
        }
        assert_eq!(
            recorder.is_full(start + Duration::from_secs(seconds)),
            seconds >= CLIP_LENGTH.as_secs()
        );
        (recorder.finish(), start)
    }

    #[test]
    fn a_clip_is_recorded_and_played_back_in_time() {
        let (clip, _) = record(640, 360, 7);
        assert_eq!(clip.length(), CLIP_LENGTH);
        assert_eq!(clip.samples().len(), 288_000);
        assert!(clip.frames().len() > 170, "{clip:?}");
        assert!(clip.frames()[0].keyframe);

        let start = Instant::now();
        let mut player = clip.play(start);
        let mut decoder = Vp8Decoder::new().unwrap();
        let mut picture = I420::black(2, 2).unwrap();
        let mut numbers = Vec::new();
        for step in 0..120 {
            for frame in player.pictures(start + Duration::from_millis(step * 50)) {
                assert!(decoder.decode(&frame.data, &mut picture).unwrap());
                numbers.extend(Scene::read_counter(&picture));
            }
            let mut block = [0; 2400];
            assert_eq!(player.samples(&mut block), 2400);
        }
        assert_eq!(numbers.first(), Some(&0));
        assert!(numbers.last() >= Some(&177), "{numbers:?}");
        assert!(numbers.is_sorted());
        assert!(player.is_over(start + CLIP_LENGTH));
        let mut block = [1; 10];
        assert_eq!((player.samples(&mut block), block), (0, [0; 10]));
    }

    #[test]
    fn odd_and_large_pictures_are_made_to_fit() {
        let (clip, _) = record(333, 125, 1);
        assert_eq!(
            (clip.frames()[0].width, clip.frames()[0].height),
            (332, 124)
        );
        let (clip, _) = record(1280, 720, 1);
        assert_eq!(
            (clip.frames()[0].width, clip.frames()[0].height),
            (640, 360)
        );
    }

    #[test]
    fn gaps_in_the_sound_become_silence() {
        let start = Instant::now();
        let mut recorder = ClipRecorder::new();
        recorder.push_samples(&[5; 480], start);
        recorder.push_samples(&[6; 480], start + Duration::from_millis(25));
        recorder.push_samples(&[7; 480], start + Duration::from_secs(1));
        let clip = recorder.finish();
        assert_eq!(clip.samples().len(), 48_480);
        assert_eq!(clip.samples()[959..961], [6, 0]);
        assert_eq!(clip.samples()[48_000], 7);
    }

    #[test]
    fn a_broken_picture_is_refused() {
        let broken = I420 {
            width: 64,
            height: 64,
            data: vec![0; 3],
        };
        let frame = VideoFrame {
            picture: Arc::new(broken),
            captured_at: Instant::now(),
        };
        assert!(ClipRecorder::new().push_picture(&frame).is_err());
        let clip = ClipRecorder::new().finish();
        assert_eq!((clip.length(), clip.frames().len()), (Duration::ZERO, 0));
    }
}
