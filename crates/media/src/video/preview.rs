//! The newest picture, scaled when somebody looks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::fit;
use super::paint::{Painter, Pixels};
use crate::frame::{Picture, PictureFormat, VideoFrame};

/// A latest-wins box of raw pictures for the page: the self-view and the fallback decoder.
///
/// Clones are handles to the same box. Pushing costs nothing worth measuring; scaling and copying
/// happen in [`pull`](Self::pull), on the caller's thread.
#[derive(Clone)]
pub struct Preview {
    inner: Arc<Inner>,
}

struct Inner {
    started: Instant,
    latest: Mutex<Latest>,
    painter: Mutex<Painter>,
    waker: Mutex<Option<Waker>>,
}

type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Latest {
    frame: Option<VideoFrame>,
    sequence: u32,
}

impl Preview {
    /// Returns an empty box.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                started: Instant::now(),
                latest: Mutex::default(),
                painter: Mutex::new(Painter::new(Pixels::Rgba)),
                waker: Mutex::default(),
            }),
        }
    }

    /// The moment that [`Picture::time_us`] counts from.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.inner.started
    }

    /// Has `waker` called after each push and after [`clear`](Self::clear), on the pusher's thread.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        *lock(&self.inner.waker) = Some(Arc::new(waker));
    }

    /// Replaces the picture.
    pub fn push(&self, frame: VideoFrame) {
        let mut latest = lock(&self.inner.latest);
        latest.sequence = latest.sequence.wrapping_add(1);
        let replaced = latest.frame.replace(frame);
        drop(latest);
        drop(replaced);
        self.wake();
    }

    /// Takes the picture away, as when the camera is switched off.
    pub fn clear(&self) {
        lock(&self.inner.latest).frame = None;
        lock(&self.inner.painter).forget();
        self.wake();
    }

    /// Whether there is no picture.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.inner.latest).frame.is_none()
    }

    /// Returns the newest picture as it is, unless its sequence is `after`.
    #[must_use]
    pub fn newest(&self, after: Option<u32>) -> Option<(VideoFrame, u32)> {
        let latest = lock(&self.inner.latest);
        if after == Some(latest.sequence) {
            return None;
        }
        Some((latest.frame.clone()?, latest.sequence))
    }

    /// Returns the newest picture scaled to fit `width`x`height`, unless its sequence is `after`.
    ///
    /// The shape is kept and nothing is made larger. `None` when there is nothing new.
    #[must_use]
    pub fn pull(&self, after: Option<u32>, width: u32, height: u32) -> Option<Picture> {
        let (frame, sequence) = self.newest(after)?;
        let source = &frame.picture;
        let (width, height) = fit(source.width, source.height, width, height);
        let mut data = vec![0; 4 * width as usize * height as usize];
        let painted = lock(&self.inner.painter).paint(source, (width, height), false, &mut data);
        if let Err(error) = painted {
            tracing::debug!(%error, "a preview picture was left out");
            return None;
        }
        let time = frame
            .captured_at
            .saturating_duration_since(self.inner.started);
        Some(Picture {
            format: PictureFormat::Rgba,
            keyframe: true,
            width,
            height,
            sequence,
            time_us: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
            data,
        })
    }

    fn wake(&self) {
        let waker = lock(&self.inner.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}

impl Default for Preview {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preview").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::I420;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn frame(preview: &Preview, shade: u8, ms: u64) -> VideoFrame {
        let mut picture = I420::black(64, 36).unwrap();
        picture.planes_mut().0.fill(shade);
        VideoFrame {
            picture: Arc::new(picture),
            captured_at: preview.started() + Duration::from_millis(ms),
        }
    }

    #[test]
    fn only_the_newest_picture_is_seen_and_only_once() {
        let preview = Preview::new();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        preview.set_waker(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(preview.pull(None, 32, 32), None);
        preview.push(frame(&preview, 200, 10));
        preview.push(frame(&preview, 100, 43));
        let seen = preview.pull(None, 32, 32).unwrap();
        assert_eq!((seen.width, seen.height, seen.time_us), (32, 18, 43_000));
        assert_eq!(seen.data.len(), 32 * 18 * 4);
        let grey = seen.data[0];
        assert!((95..100).contains(&grey), "{grey} for a brightness of 100");
        let pixels = seen.data.as_chunks::<4>().0;
        assert!(pixels.iter().all(|&pixel| pixel == [grey, grey, grey, 255]));
        assert_eq!(preview.pull(Some(seen.sequence), 32, 32), None);
        assert!(!preview.is_empty());
        preview.clear();
        assert!(preview.is_empty());
        assert_eq!(preview.pull(None, 32, 32), None);
        assert_eq!(woken.load(Ordering::Relaxed), 3);
    }
}
