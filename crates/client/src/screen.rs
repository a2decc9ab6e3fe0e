//! What can be pulled at this moment, shared between the controller and whoever pulls.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jasmin_media::{
    clip::ClipPlayer,
    frame::{Picture, VideoFrame},
    video::{Preview, VideoDecode},
};
use tokio::{
    select,
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};

use crate::{
    driver::Outgoing,
    frames::{FrameRequest, PictureMode},
    remote::{PATIENCE, RemotePicture},
};

/// How long one pull waits for the decoder.
const DECODE_PATIENCE: Duration = Duration::from_millis(50);

/// The streams that a page can pull.
#[derive(Default)]
pub(crate) struct Screens {
    remote: Mutex<Option<Remote>>,
    own: Mutex<Own>,
    clip: Mutex<Option<ClipPlayer>>,
    changed: Arc<Notify>,
    /// Another call can be seen, or none.
    call_changed: Notify,
    /// Somebody paints the other side's pictures: the page gets what was decoded for that.
    painters: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Remote {
    pictures: Arc<RemotePicture>,
    call: mpsc::Sender<Outgoing>,
    /// For pages that cannot decode VP8 themselves.
    decoded: Arc<Decoded>,
}

#[derive(Debug, Default)]
struct Decoded {
    decoder: Mutex<Option<VideoDecode>>,
    seen: Mutex<Option<u32>>,
    ready: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Own {
    preview: Option<Preview>,
    seen: Option<u32>,
}

impl Screens {
    /// The call that can be seen; `None` when there is none.
    pub(crate) fn show_remote(&self, call: Option<(Arc<RemotePicture>, mpsc::Sender<Outgoing>)>) {
        *lock(&self.remote) = call.map(|(pictures, call)| Remote {
            pictures,
            call,
            decoded: Arc::default(),
        });
        self.call_changed.notify_waiters();
    }

    /// Where the self-view comes from.
    pub(crate) fn show_own(&self, preview: Preview) {
        let changed = Arc::clone(&self.changed);
        preview.set_waker(move || changed.notify_waiters());
        *lock(&self.own) = Own {
            preview: Some(preview),
            seen: None,
        };
    }

    pub(crate) async fn remote(&self, request: &FrameRequest) -> Vec<Picture> {
        let Some(remote) = lock(&self.remote).clone() else {
            tokio::time::sleep(PATIENCE).await;
            return Vec::new();
        };
        if request.mode == PictureMode::Rgba && self.painters.load(Ordering::Relaxed) > 0 {
            return remote.newest(request).await;
        }
        if request.need_key && remote.pictures.restart() {
            remote.ask_for_keyframe();
        }
        let pictures = remote.pictures.pull().await;
        match request.mode {
            PictureMode::Vp8 => pictures,
            PictureMode::Rgba => remote.decode(pictures, request).await,
        }
    }

    pub(crate) async fn own(&self, request: &FrameRequest) -> Vec<Picture> {
        let until = Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (preview, seen) = {
                let own = lock(&self.own);
                (own.preview.clone(), own.seen)
            };
            let picture =
                preview.and_then(|preview| preview.pull(seen, request.width, request.height));
            if let Some(picture) = picture {
                lock(&self.own).seen = Some(picture.sequence);
                return vec![picture];
            }
            if timeout_at(until, changed).await.is_err() {
                return Vec::new();
            }
        }
    }

    /// Decodes the other side's pictures and hands each on, call after call; `None` when a call is
    /// over.
    pub(crate) async fn paint_remote(&self, show: impl Fn(Option<VideoFrame>)) {
        let _painter = Counted::new(&self.painters);
        loop {
            let mut changed = pin!(self.call_changed.notified());
            changed.as_mut().enable();
            let remote = lock(&self.remote).clone();
            show(None);
            match remote {
                Some(remote) => select! {
                    () = remote.feed_all() => {}
                    () = remote.show_all(&show) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Hands on the pictures of the own camera; `None` when it was closed.
    pub(crate) async fn paint_own(&self, show: impl Fn(Option<VideoFrame>)) {
        let mut seen = None;
        let mut shown = false;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let preview = lock(&self.own).preview.clone();
            let newest = preview.as_ref().and_then(|preview| preview.newest(seen));
            if let Some((frame, sequence)) = newest {
                (seen, shown) = (Some(sequence), true);
                show(Some(frame));
                continue;
            }
            if shown && preview.is_none_or(|preview| preview.is_empty()) {
                shown = false;
                show(None);
            }
            changed.await;
        }
    }

    /// The clip that plays; `None` when none does.
    pub(crate) fn show_clip(&self, player: Option<ClipPlayer>) {
        *lock(&self.clip) = player;
        self.changed.notify_waiters();
    }

    pub(crate) async fn clip(&self) -> Vec<Picture> {
        let until = Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let due = {
                let mut clip = lock(&self.clip);
                let now = std::time::Instant::now();
                let pictures = clip.as_mut().map(|player| player.pictures(now));
                if let Some(pictures) = pictures.filter(|pictures| !pictures.is_empty()) {
                    return pictures;
                }
                clip.as_ref().and_then(ClipPlayer::next_due)
            };
            let wake = due.map_or(until, |due| Instant::from_std(due).min(until));
            if timeout_at(wake, changed).await.is_err() && wake == until {
                return Vec::new();
            }
        }
    }
}

impl Remote {
    fn ask_for_keyframe(&self) {
        if self.call.try_send(Outgoing::NeedKeyframe).is_err() {
            tracing::debug!("the call takes no keyframe request");
        }
    }

    /// Decodes here, and returns the newest picture at the size of the tile.
    async fn decode(&self, pictures: Vec<Picture>, request: &FrameRequest) -> Vec<Picture> {
        let decoded = &self.decoded;
        let ready = decoded.ready.notified();
        if pictures.is_empty() || !self.feed(pictures) {
            return Vec::new();
        }
        // A picture that takes longer comes with the next pull.
        if timeout_at(Instant::now() + DECODE_PATIENCE, ready)
            .await
            .is_err()
        {
            tracing::trace!("decoding is slow");
        }
        let mut seen = lock(&decoded.seen);
        let picture = lock(&decoded.decoder)
            .as_ref()
            .and_then(|decode| decode.pull(*seen, request.width, request.height));
        if let Some(picture) = &picture {
            *seen = Some(picture.sequence);
        }
        picture.into_iter().collect()
    }

    /// Gives the decoder all that comes.
    async fn feed_all(&self) {
        while self.feed(self.pictures.pull().await) {}
        std::future::pending().await
    }

    /// Hands on all that the decoder makes.
    async fn show_all(&self, show: impl Fn(Option<VideoFrame>)) {
        let mut seen = None;
        loop {
            let mut ready = pin!(self.decoded.ready.notified());
            ready.as_mut().enable();
            let newest = lock(&self.decoded.decoder)
                .as_ref()
                .and_then(|decoder| decoder.newest(seen));
            match newest {
                Some((frame, sequence)) => {
                    seen = Some(sequence);
                    show(Some(frame));
                }
                None => ready.await,
            }
        }
    }

    /// Waits up to a second for the newest picture that was decoded, at the size of the tile.
    async fn newest(&self, request: &FrameRequest) -> Vec<Picture> {
        let until = Instant::now() + PATIENCE;
        let decoded = &self.decoded;
        loop {
            let mut ready = pin!(decoded.ready.notified());
            ready.as_mut().enable();
            {
                let mut seen = lock(&decoded.seen);
                let picture = lock(&decoded.decoder)
                    .as_ref()
                    .and_then(|decode| decode.pull(*seen, request.width, request.height));
                if let Some(picture) = picture {
                    *seen = Some(picture.sequence);
                    return vec![picture];
                }
            }
            if timeout_at(until, ready).await.is_err() {
                return Vec::new();
            }
        }
    }

    fn feed(&self, pictures: Vec<Picture>) -> bool {
        let mut decoder = lock(&self.decoded.decoder);
        if decoder.is_none() {
            let ready = Arc::clone(&self.decoded.ready);
            match VideoDecode::start(move || ready.notify_waiters()) {
                Ok(decode) => *decoder = Some(decode),
                Err(error) => {
                    tracing::error!(%error, "pictures cannot be decoded here");
                    return false;
                }
            }
        }
        let Some(decode) = decoder.as_ref() else {
            return false;
        };
        let mut lost = false;
        for picture in pictures {
            lost |= !decode.push(picture);
        }
        if lost && self.pictures.restart() {
            self.ask_for_keyframe();
        }
        true
    }
}

/// Counts one up for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
