//! The echo peer's media side: everything comes back after a second.

use std::time::Duration;

use jasmin_call::{
    AudioTarget, EncodedAudio, EncodedVideo, ReceivedAudio, ReceivedVideo, VideoTarget,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::driver::{Outgoing, Plane};

const DELAY: Duration = Duration::from_secs(1);
/// A second of sound and pictures, and as much again.
const WAITING: usize = 256;

/// Sends back what comes in, without decoding it.
pub(super) struct EchoPlane {
    later: mpsc::Sender<(Instant, Outgoing)>,
    call: mpsc::Sender<Outgoing>,
    paused: bool,
    /// Deltas make no sense to the other side before it has a keyframe again.
    needs_keyframe: bool,
}

impl EchoPlane {
    pub(super) fn new(call: mpsc::Sender<Outgoing>) -> Self {
        let (later, mut waiting) = mpsc::channel::<(Instant, Outgoing)>(WAITING);
        let out = call.clone();
        tokio::spawn(async move {
            while let Some((due, outgoing)) = waiting.recv().await {
                sleep_until(due).await;
                if out.send(outgoing).await.is_err() {
                    return;
                }
            }
        });
        Self {
            later,
            call,
            paused: true,
            needs_keyframe: true,
        }
    }

    fn send_later(&self, outgoing: Outgoing) -> bool {
        self.later
            .try_send((Instant::now() + DELAY, outgoing))
            .is_ok()
    }
}

impl Plane for EchoPlane {
    fn video(&mut self, video: ReceivedVideo) -> bool {
        if self.paused || !(video.contiguous || video.keyframe) {
            self.needs_keyframe = true;
        }
        if self.paused {
            return false;
        }
        if self.needs_keyframe && !video.keyframe {
            return true;
        }
        let echoed = EncodedVideo {
            data: video.data,
            rtp_time: video.rtp_time,
            captured_at: (Instant::now() + DELAY).into_std(),
        };
        self.needs_keyframe = !self.send_later(Outgoing::Video(echoed));
        self.needs_keyframe
    }

    fn audio(&mut self, audio: ReceivedAudio) {
        let echoed = EncodedAudio {
            data: audio.data,
            rtp_time: audio.rtp_time,
            captured_at: (Instant::now() + DELAY).into_std(),
            starts_talkspurt: audio.starts_talkspurt,
        };
        self.send_later(Outgoing::Audio(echoed));
    }

    fn keyframe_wanted(&mut self) {
        // Only the other side's own encoder can make one. Its keyframe comes back a second later.
        if self.call.try_send(Outgoing::NeedKeyframe).is_err() {
            tracing::debug!("a keyframe request was left out");
        }
    }

    fn set_video_target(&mut self, target: VideoTarget) {
        self.paused = target.paused;
    }

    fn set_audio_target(&mut self, _: AudioTarget) {}
}
