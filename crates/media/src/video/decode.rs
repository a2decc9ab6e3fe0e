//! Decoding for pages that cannot do it themselves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Preview, VideoDecoder, VideoError};
use crate::frame::{FramePool, Picture, PictureFormat, VideoFrame};
use crate::stages::{Stage, StageClock};
use crate::vp8::Vp8Decoder;

/// Frames that may wait for the decoder.
const MOST_WAITING: usize = 15;

/// Decodes VP8 on a thread of its own; the newest picture is pulled scaled, as from a [`Preview`].
///
/// Dropping this ends the thread.
pub struct VideoDecode {
    frames: SyncSender<Job>,
    /// Set when frames are refused until a keyframe comes.
    needs_keyframe: Arc<AtomicBool>,
    preview: Preview,
}

struct Job {
    data: Vec<u8>,
    time: Duration,
    pushed_at: Instant,
}

impl VideoDecode {
    /// Starts a decoder's thread; `on_new` runs on it after each picture.
    ///
    /// # Errors
    /// [`VideoError`] when decoder or thread cannot be started.
    pub fn start(on_new: impl Fn() + Send + Sync + 'static) -> Result<Self, VideoError> {
        Self::start_with(Box::new(Vp8Decoder::new()?), on_new)
    }

    fn start_with(
        decoder: Box<dyn VideoDecoder>,
        on_new: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, VideoError> {
        let (frames, jobs) = sync_channel(MOST_WAITING);
        let preview = Preview::new();
        preview.set_waker(on_new);
        let needs_keyframe = Arc::new(AtomicBool::new(false));
        let work = Work {
            decoder,
            preview: preview.clone(),
            needs_keyframe: needs_keyframe.clone(),
        };
        thread::Builder::new()
            .name("video-decode".to_owned())
            .spawn(move || work.run(&jobs))
            .map_err(|_| VideoError::Thread)?;
        Ok(Self {
            frames,
            needs_keyframe,
            preview,
        })
    }

    /// Gives a VP8 picture of a [`PictureQueue`](super::PictureQueue) to the decoder.
    ///
    /// `false` when a keyframe is needed before more can be shown: the queue is to be
    /// [`restart`](super::PictureQueue::restart)ed.
    #[must_use]
    pub fn push(&self, picture: Picture) -> bool {
        if picture.format != PictureFormat::Vp8 {
            return true;
        }
        if picture.keyframe {
            self.needs_keyframe.store(false, Ordering::Release);
        } else if self.needs_keyframe.load(Ordering::Acquire) {
            return false;
        }
        let job = Job {
            data: picture.data,
            time: Duration::from_micros(picture.time_us),
            pushed_at: Instant::now(),
        };
        match self.frames.try_send(job) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.needs_keyframe.store(true, Ordering::Release);
                false
            }
        }
    }

    /// Returns the newest picture as it is, unless its sequence is `after`.
    #[must_use]
    pub fn newest(&self, after: Option<u32>) -> Option<(VideoFrame, u32)> {
        self.preview.newest(after)
    }

    /// Returns the newest picture scaled to fit, unless its sequence is `after`.
    #[must_use]
    pub fn pull(&self, after: Option<u32>, width: u32, height: u32) -> Option<Picture> {
        self.preview.pull(after, width, height)
    }
}

impl fmt::Debug for VideoDecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoDecode").finish_non_exhaustive()
    }
}

struct Work {
    decoder: Box<dyn VideoDecoder>,
    preview: Preview,
    needs_keyframe: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut pool = FramePool::default();
        let mut awaiting = StageClock::new(Stage::AwaitDecoder);
        let mut decoding = StageClock::new(Stage::Decode);
        while let Ok(job) = jobs.recv() {
            awaiting.note(job.pushed_at.elapsed());
            let lap = decoding.begin();
            let mut shown = false;
            let decoded = pool.fill::<VideoError>(2, 2, |picture| {
                shown = self.decoder.decode(&job.data, picture)?;
                Ok(())
            });
            match decoded {
                Ok(picture) if shown => {
                    decoding.end(lap);
                    let captured_at = self.preview.started() + job.time;
                    self.preview.push(VideoFrame {
                        picture,
                        captured_at,
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "a frame was not decoded");
                    self.needs_keyframe.store(true, Ordering::Release);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::synthetic::Scene;
    use crate::video::VideoEncoder;
    use crate::vp8::Vp8Encoder;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn pictures(count: u32) -> Vec<Picture> {
        let mut scene = Scene::new(640, 360, 30).unwrap();
        let mut encoder = Vp8Encoder::new();
        (0..count)
            .filter_map(|sequence| {
                let (picture, time) = scene.next_picture();
                let frame = encoder.encode(&picture, time, false).unwrap()?;
                Some(Picture {
                    format: PictureFormat::Vp8,
                    keyframe: frame.keyframe,
                    width: 640,
                    height: 360,
                    sequence,
                    time_us: u64::try_from(time.as_micros()).unwrap(),
                    data: frame.data,
                })
            })
            .collect()
    }

    #[test]
    fn pictures_come_out_scaled_with_their_time() {
        let (told, news) = channel();
        let decode = VideoDecode::start(move || told.send(()).unwrap()).unwrap();
        let mut seen = None;
        for picture in pictures(5) {
            let time = picture.time_us;
            assert!(decode.push(picture));
            news.recv_timeout(PATIENCE).unwrap();
            let shown = decode.pull(seen, 320, 320).unwrap();
            assert_eq!((shown.width, shown.height, shown.time_us), (320, 180, time));
            assert_eq!(shown.format, PictureFormat::Rgba);
            seen = Some(shown.sequence);
        }
        assert_eq!(decode.pull(seen, 320, 320), None);
    }

    #[test]
    fn after_damage_a_keyframe_is_asked_for() {
        let (told, news) = channel();
        let decode = VideoDecode::start(move || told.send(()).unwrap()).unwrap();
        let good = pictures(2);
        let mut bad = good[0].clone();
        bad.data.truncate(12);
        assert!(decode.push(bad), "not known yet");
        while decode.push(good[1].clone()) {
            thread::yield_now();
        }
        // Until there is room behind what the loop above put in.
        while !decode.push(good[0].clone()) {
            thread::yield_now();
        }
        news.recv_timeout(PATIENCE).unwrap();
        assert!(decode.pull(None, 640, 640).is_some());
    }
}
