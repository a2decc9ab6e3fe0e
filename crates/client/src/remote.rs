//! The other side's pictures between the call and the page.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jasmin_media::{
    frame::Picture,
    stages::{Stage, StageClock},
    video::{ArrivedFrame, AudioAnchor, PictureQueue, ReceiveStats},
};
use tokio::{
    sync::Notify,
    time::{Instant as TokioInstant, timeout_at},
};

/// How long a pull waits for a picture.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// A queue that the call fills and the page empties.
#[derive(Debug)]
pub(crate) struct RemotePicture {
    queue: Mutex<PictureQueue>,
    filled: Notify,
    waiting: Mutex<StageClock>,
}

impl Default for RemotePicture {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            filled: Notify::default(),
            waiting: Mutex::new(StageClock::new(Stage::Buffer)),
        }
    }
}

impl RemotePicture {
    /// Takes a frame from the call. Returns whether the other side should be asked for a keyframe.
    pub(crate) fn push(&self, frame: ArrivedFrame, sound: Option<AudioAnchor>) -> bool {
        let now = Instant::now();
        let mut queue = self.queue();
        queue.set_audio_offset(sound);
        queue.push(frame, now);
        let needs_keyframe = queue.poll_keyframe_request(now);
        drop(queue);
        self.filled.notify_one();
        needs_keyframe
    }

    /// The page's decoder lost track. Returns whether the other side should be asked for a keyframe.
    pub(crate) fn restart(&self) -> bool {
        let mut queue = self.queue();
        queue.restart();
        queue.poll_keyframe_request(Instant::now())
    }

    /// Waits up to a second for pictures that are due, and returns all of them, oldest first.
    pub(crate) async fn pull(&self) -> Vec<Picture> {
        let until = TokioInstant::now() + PATIENCE;
        loop {
            let due = {
                let mut queue = self.queue();
                let now = Instant::now();
                let pictures = queue.pull(now);
                if !pictures.is_empty() {
                    let held = queue.stats(now).held;
                    lock(&self.waiting).note(held);
                    return pictures;
                }
                queue.next_due()
            };
            let wake = due.map_or(until, |due| TokioInstant::from_std(due).min(until));
            if timeout_at(wake, self.filled.notified()).await.is_err() && wake == until {
                return Vec::new();
            }
        }
    }

    /// How it goes.
    pub(crate) fn stats(&self) -> ReceiveStats {
        self.queue().stats(Instant::now())
    }

    fn queue(&self) -> MutexGuard<'_, PictureQueue> {
        lock(&self.queue)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
