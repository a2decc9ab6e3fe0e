//! From the camera to the network: one thread that scales and encodes.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use super::{EncodedPicture, Ladder, Preview, Rung, Scaler, VideoEncoder, VideoError};
use crate::frame::{EncodedVideo, FramePool, I420, VideoFrame};
use crate::stages::{Stage, StageClock};
use crate::vp8::Vp8Encoder;

/// Target until somebody sets one, in bits per second.
const FIRST_TARGET: u32 = 500_000;

/// Sends pictures: picks size and rate, encodes, hands frames to a sink.
///
/// The newest picture wins: one that comes while another is being encoded waits in a box of one
/// place. Dropping this ends the thread.
pub struct VideoSend {
    shared: Arc<Shared>,
    preview: Preview,
}

struct Shared {
    frames: Mailbox<VideoFrame>,
    target: AtomicU32,
    keyframe: AtomicBool,
    paused: AtomicBool,
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    frames_in: u64,
    encoded: u64,
    dropped: u64,
    errors: u64,
    bytes: u64,
    keyframes: u64,
    sent: Option<(u32, u32, Rung)>,
}

/// How the sending of video goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendStats {
    /// Pictures that came from the camera while not paused.
    pub frames_in: u64,
    pub encoded: u64,
    /// Pictures not sent: replaced by a newer one, above the frame rate, or left out by the rate
    /// control.
    pub dropped: u64,
    pub errors: u64,
    pub bytes: u64,
    pub keyframes: u64,
    /// Size of the last frame sent.
    pub width: u32,
    pub height: u32,
    /// Frames a second that are aimed at.
    pub fps: u32,
}

impl VideoSend {
    /// Starts the encoder's thread; `sink` runs on it and gets each frame as soon as it is made.
    ///
    /// # Errors
    /// [`VideoError::Thread`] when the system gives no thread.
    pub fn start(sink: impl FnMut(EncodedVideo) + Send + 'static) -> Result<Self, VideoError> {
        Self::start_with(Box::new(Vp8Encoder::new()), sink)
    }

    /// Like [`VideoSend::start`] with another encoder.
    ///
    /// # Errors
    /// [`VideoError::Thread`] when the system gives no thread.
    pub fn start_with(
        encoder: Box<dyn VideoEncoder>,
        sink: impl FnMut(EncodedVideo) + Send + 'static,
    ) -> Result<Self, VideoError> {
        let shared = Arc::new(Shared {
            frames: Mailbox::default(),
            target: AtomicU32::new(FIRST_TARGET),
            keyframe: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            counters: Mutex::default(),
        });
        let work = Work {
            shared: shared.clone(),
            encoder,
            sink,
            ladder: Ladder::new(),
            scaler: Scaler::default(),
            pool: FramePool::default(),
            pace: Pace::default(),
            started: None,
            awaiting: StageClock::new(Stage::AwaitEncoder),
            scaling: StageClock::new(Stage::Scale),
            encoding: StageClock::new(Stage::Encode),
        };
        thread::Builder::new()
            .name("video-encode".to_owned())
            .spawn(move || work.run())
            .map_err(|_| VideoError::Thread)?;
        Ok(Self {
            shared,
            preview: Preview::new(),
        })
    }

    /// Gives a picture to be sent; never blocks.
    pub fn push(&self, frame: VideoFrame) {
        self.preview.push(frame.clone());
        if self.shared.paused.load(Ordering::Acquire) {
            return;
        }
        let replaced = self.shared.frames.put(frame);
        let mut counters = self.shared.counters();
        counters.frames_in += 1;
        counters.dropped += u64::from(replaced.is_some());
    }

    /// Sets what the path carries, in bits per second of VP8.
    pub fn set_target(&self, bits_per_second: u32) {
        self.shared.target.store(bits_per_second, Ordering::Relaxed);
    }

    /// Makes the next frame a keyframe.
    pub fn request_keyframe(&self) {
        self.shared.keyframe.store(true, Ordering::Release);
    }

    /// Stops sending, or goes on with a keyframe.
    pub fn set_paused(&self, paused: bool) {
        let before = self.shared.paused.swap(paused, Ordering::AcqRel);
        if paused {
            self.shared.frames.clear();
        } else if before {
            self.request_keyframe();
        }
    }

    /// The newest picture pushed, for the self-view.
    #[must_use]
    pub fn preview(&self) -> Preview {
        self.preview.clone()
    }

    /// Returns how it went so far.
    #[must_use]
    pub fn stats(&self) -> SendStats {
        let counters = self.shared.counters();
        let (width, height, fps) = counters
            .sent
            .map_or((0, 0, 0), |(width, height, rung)| (width, height, rung.fps));
        SendStats {
            frames_in: counters.frames_in,
            encoded: counters.encoded,
            dropped: counters.dropped,
            errors: counters.errors,
            bytes: counters.bytes,
            keyframes: counters.keyframes,
            width,
            height,
            fps,
        }
    }
}

impl Drop for VideoSend {
    fn drop(&mut self) {
        self.shared.frames.close();
    }
}

impl fmt::Debug for VideoSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoSend")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the encoder's thread owns.
struct Work<S> {
    shared: Arc<Shared>,
    encoder: Box<dyn VideoEncoder>,
    sink: S,
    ladder: Ladder,
    scaler: Scaler,
    pool: FramePool,
    pace: Pace,
    started: Option<Instant>,
    awaiting: StageClock,
    scaling: StageClock,
    encoding: StageClock,
}

impl<S: FnMut(EncodedVideo)> Work<S> {
    fn run(mut self) {
        while let Some(frame) = self.shared.frames.take() {
            match self.handle(&frame) {
                Ok(Some(encoded)) => (self.sink)(encoded),
                Ok(None) => self.shared.counters().dropped += 1,
                Err(error) => {
                    let mut counters = self.shared.counters();
                    counters.errors += 1;
                    // A broken camera would otherwise write thirty lines a second.
                    if counters.errors.is_power_of_two() {
                        tracing::warn!(%error, count = counters.errors, "a picture was not encoded");
                    }
                    drop(counters);
                    self.shared.keyframe.store(true, Ordering::Release);
                }
            }
        }
    }

    fn handle(&mut self, frame: &VideoFrame) -> Result<Option<EncodedVideo>, VideoError> {
        let begun = Instant::now();
        let target = self.shared.target.load(Ordering::Relaxed);
        let rung = self.ladder.decide(begun, target);
        if !self.pace.take(frame.captured_at, rung.fps) {
            return Ok(None);
        }
        let source = &frame.picture;
        source.check()?;
        let (width, height) = rung.size(source.width, source.height);
        self.awaiting
            .note(begun.saturating_duration_since(frame.captured_at));
        let scaling = self.scaling.begin();
        let picture: Arc<I420> = if (width, height) == (source.width, source.height) {
            source.clone()
        } else {
            let scaler = &mut self.scaler;
            self.pool
                .fill(width, height, |target| scaler.scale(source, target))?
        };
        self.scaling.end(scaling);
        let encoding = self.encoding.begin();
        self.encoder.set_bitrate(target.min(rung.enough))?;
        self.encoder.set_frame_rate(rung.fps);
        let started = *self.started.get_or_insert(frame.captured_at);
        let time = frame.captured_at.saturating_duration_since(started);
        let keyframe = self.shared.keyframe.swap(false, Ordering::AcqRel);
        let encoded = self.encoder.encode(&picture, time, keyframe)?;
        self.encoding.end(encoding);
        let ended = Instant::now();
        self.ladder.note_work(ended, ended - begun);
        if encoded.is_none() && keyframe {
            self.shared.keyframe.store(true, Ordering::Release);
        }
        let mut counters = self.shared.counters();
        Ok(encoded.map(|EncodedPicture { data, keyframe }| {
            counters.encoded += 1;
            counters.bytes += data.len() as u64;
            counters.keyframes += u64::from(keyframe);
            counters.sent = Some((width, height, rung));
            EncodedVideo {
                data,
                keyframe,
                captured_at: frame.captured_at,
                width,
                height,
            }
        }))
    }
}

/// Leaves pictures out when the camera is faster than the rung.
#[derive(Debug, Default)]
struct Pace {
    due: Option<Instant>,
}

impl Pace {
    fn take(&mut self, captured_at: Instant, fps: u32) -> bool {
        let interval = Duration::from_secs(1) / fps.max(1);
        // Cameras are not punctual: a picture may come this much early.
        let early = interval / 4;
        let due = *self.due.get_or_insert(captured_at);
        if captured_at + early < due && due <= captured_at + interval * 2 {
            return false;
        }
        // Kept on the grid unless the camera has fallen behind it.
        let late = captured_at.saturating_duration_since(due) > interval;
        self.due = Some(if late { captured_at } else { due } + interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::synthetic::Scene;
    use crate::vp8::FrameHeader;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn frame(scene: &mut Scene, start: Instant) -> VideoFrame {
        let (picture, time) = scene.next_picture();
        VideoFrame {
            picture,
            captured_at: start + time,
        }
    }

    /// Pushes one picture after the other, each when the one before has come out.
    fn send(
        send: &VideoSend,
        out: &mpsc::Receiver<EncodedVideo>,
        scene: &mut Scene,
        start: Instant,
    ) -> EncodedVideo {
        loop {
            let dropped = send.stats().dropped;
            send.push(frame(scene, start));
            loop {
                if let Ok(frame) = out.recv_timeout(Duration::from_millis(5)) {
                    return frame;
                }
                if send.stats().dropped > dropped {
                    break;
                }
            }
        }
    }

    #[test]
    fn frames_come_out_at_the_size_of_the_target() {
        let (sink, out) = mpsc::channel();
        let video = VideoSend::start(move |frame| sink.send(frame).unwrap()).unwrap();
        let (mut scene, start) = (Scene::new(1280, 720, 30).unwrap(), Instant::now());
        video.set_target(400_000);
        let first = send(&video, &out, &mut scene, start);
        assert!(first.keyframe);
        assert_eq!((first.width, first.height), (640, 360));
        assert_eq!(
            FrameHeader::parse(&first.data).unwrap().size,
            Some((640, 360))
        );
        assert_eq!(first.captured_at, start);
        video.set_target(100_000);
        let smaller = send(&video, &out, &mut scene, start);
        assert_eq!((smaller.width, smaller.height), (320, 180));
        assert!(smaller.keyframe, "another size starts anew");
    }

    #[test]
    fn a_keyframe_is_made_on_request_and_after_a_pause() {
        let (sink, out) = mpsc::channel();
        let video = VideoSend::start(move |frame| sink.send(frame).unwrap()).unwrap();
        let (mut scene, start) = (Scene::new(320, 180, 30).unwrap(), Instant::now());
        assert!(send(&video, &out, &mut scene, start).keyframe);
        assert!(!send(&video, &out, &mut scene, start).keyframe);
        video.request_keyframe();
        assert!(send(&video, &out, &mut scene, start).keyframe);
        video.set_paused(true);
        let frames_in = video.stats().frames_in;
        video.push(frame(&mut scene, start));
        assert_eq!(video.stats().frames_in, frames_in, "paused");
        assert!(
            video.preview().pull(None, 100, 100).is_some(),
            "the self-view goes on"
        );
        video.set_paused(false);
        assert!(send(&video, &out, &mut scene, start).keyframe);
        assert_eq!(video.stats().keyframes, 3);
    }

    #[test]
    fn the_newest_picture_wins_while_the_encoder_is_busy() {
        let (sink, out) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let video = VideoSend::start(move |frame| {
            sink.send(frame).unwrap();
            gate.recv().unwrap();
        })
        .unwrap();
        let (mut scene, start) = (Scene::new(320, 180, 30).unwrap(), Instant::now());
        video.push(frame(&mut scene, start));
        out.recv_timeout(PATIENCE).unwrap();
        for _ in 0..5 {
            video.push(frame(&mut scene, start));
        }
        go.send(()).unwrap();
        let last = out.recv_timeout(PATIENCE).unwrap();
        assert_eq!(last.captured_at, start + Duration::from_secs(1) * 5 / 30);
        let stats = video.stats();
        assert_eq!((stats.frames_in, stats.dropped), (6, 4));
        drop(go);
    }

    #[test]
    fn a_broken_picture_is_counted_and_the_next_one_is_sent() {
        let (sink, out) = mpsc::channel();
        let video = VideoSend::start(move |frame| sink.send(frame).unwrap()).unwrap();
        let (mut scene, start) = (Scene::new(320, 180, 30).unwrap(), Instant::now());
        let broken = I420 {
            width: 320,
            height: 180,
            data: vec![0; 17],
        };
        video.push(VideoFrame {
            picture: Arc::new(broken),
            captured_at: start,
        });
        while video.stats().errors == 0 {
            thread::yield_now();
        }
        assert!(send(&video, &out, &mut scene, start).keyframe);
    }

    #[test]
    fn the_pace_halves_the_rate_of_an_unpunctual_camera() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let jitter = [0, 6, 3, 8, 1, 5, 2, 7, 4, 0];
        let taken = (0..300u64)
            .filter(|&n| {
                let at = start + Duration::from_millis(n * 100 / 3 + jitter[n as usize % 10]);
                pace.take(at, 15)
            })
            .count();
        assert!((149..=151).contains(&taken), "{taken}");
        let mut pace = Pace::default();
        let taken = (0..300u64)
            .filter(|&n| {
                let at = start + Duration::from_millis(n * 100 / 3 + jitter[n as usize % 10]);
                pace.take(at, 30)
            })
            .count();
        assert!(taken >= 298, "{taken}");
    }
}
