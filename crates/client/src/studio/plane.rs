//! Frames between the devices and a call.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use jasmin_call::{AudioTarget, ReceivedAudio, ReceivedVideo, SenderClock, VideoTarget};
use jasmin_media::{
    audio::{self, SenderReport, Voice},
    frame::EncodedVideo,
    stages::{Stage, StageClock},
    video::{ArrivedFrame, AudioAnchor, VideoSend},
};

use super::Tap;
use crate::{
    driver::{Outgoing, Plane},
    remote::RemotePicture,
};

const VIDEO_CLOCK: u64 = 90_000;

/// Real devices.
pub(super) struct DevicePlane {
    voice: Arc<Voice>,
    video: Arc<VideoSend>,
    tap: Arc<Tap>,
    remote: Arc<RemotePicture>,
    reassembling: StageClock,
}

impl DevicePlane {
    pub(super) fn new(
        voice: Arc<Voice>,
        video: Arc<VideoSend>,
        tap: Arc<Tap>,
        remote: Arc<RemotePicture>,
    ) -> Self {
        Self {
            voice,
            video,
            tap,
            remote,
            reassembling: StageClock::new(Stage::Reassemble),
        }
    }
}

impl Plane for DevicePlane {
    fn video(&mut self, video: ReceivedVideo) -> bool {
        self.reassembling.note(video.network_time.elapsed());
        let sound = self.voice.playout_offset().map(|playing| AudioAnchor {
            sender_time: playing.sender_ntp,
            heard_at: playing.at,
        });
        let frame = ArrivedFrame {
            data: video.data.to_vec(),
            contiguous: video.contiguous,
            media_time: media_time(video.rtp_time, VIDEO_CLOCK),
            sender_time: video
                .sender_clock
                .and_then(|clock| sender_time(clock, video.rtp_time, VIDEO_CLOCK)),
        };
        self.remote.push(frame, sound)
    }

    fn audio(&mut self, audio: ReceivedAudio) {
        self.voice.receive(audio::ReceivedAudio {
            data: audio.data.to_vec(),
            rtp_time: truncate(audio.rtp_time),
            seq: Some(audio.seq),
            arrived: audio.network_time,
            sender_report: audio.sender_clock.map(|clock| SenderReport {
                rtp_time: truncate(clock.rtp_time),
                ntp: clock.ntp,
            }),
        });
    }

    fn keyframe_wanted(&mut self) {
        self.video.request_keyframe();
    }

    fn set_video_target(&mut self, target: VideoTarget) {
        self.tap.hold.store(target.hold, Ordering::Relaxed);
        self.video.set_paused(target.paused);
        self.video.set_target(target.bitrate_bps);
    }

    fn set_audio_target(&mut self, target: AudioTarget) {
        self.voice.set_network(target.loss, target.bitrate_bps);
    }
}

/// The clock of a stream, as time since its zero.
fn media_time(rtp_time: u64, clock: u64) -> Duration {
    let seconds = Duration::from_secs(rtp_time / clock);
    seconds + Duration::from_nanos(rtp_time % clock * 1_000_000_000 / clock)
}

/// The sender's wall clock at `rtp_time`. `None` where the two are absurdly far apart.
fn sender_time(report: SenderClock, rtp_time: u64, clock: u64) -> Option<Duration> {
    if rtp_time >= report.rtp_time {
        report
            .ntp
            .checked_add(media_time(rtp_time - report.rtp_time, clock))
    } else {
        report
            .ntp
            .checked_sub(media_time(report.rtp_time - rtp_time, clock))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "RTP time is 32 bits and wraps (RFC 3550, 5.1)"
)]
fn truncate(rtp_time: u64) -> u32 {
    rtp_time as u32
}

pub(super) fn outgoing_video(frame: EncodedVideo, started: Instant) -> Outgoing {
    let age = frame.captured_at.saturating_duration_since(started);
    let micros = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
    Outgoing::Video(jasmin_call::EncodedVideo {
        data: frame.data.into(),
        rtp_time: micros.saturating_mul(VIDEO_CLOCK) / 1_000_000,
        captured_at: frame.captured_at,
    })
}

pub(super) fn outgoing_audio(audio: audio::EncodedAudio, clock: &mut Unwrap) -> Outgoing {
    let rtp_time = clock.unwrap(audio.rtp_time);
    let starts_talkspurt = clock.follows_a_pause(rtp_time);
    Outgoing::Audio(jasmin_call::EncodedAudio {
        data: audio.data.into(),
        rtp_time,
        captured_at: audio.captured_at,
        starts_talkspurt,
    })
}

/// Counts a 32-bit RTP time on beyond its end.
#[derive(Debug, Default)]
pub(super) struct Unwrap {
    last: Option<u64>,
}

impl Unwrap {
    fn unwrap(&self, rtp_time: u32) -> u64 {
        let Some(last) = self.last else {
            return u64::from(rtp_time);
        };
        let step = rtp_time.wrapping_sub(truncate(last));
        last + u64::from(step)
    }

    fn follows_a_pause(&mut self, rtp_time: u64) -> bool {
        let packet = audio::PACKET as u64;
        let pause = self.last.is_none_or(|last| rtp_time > last + packet);
        self.last = Some(rtp_time);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_time_goes_on_beyond_32_bits() {
        let mut clock = Unwrap::default();
        let first = u32::MAX - 959;
        assert_eq!(clock.unwrap(first), u64::from(first));
        assert!(
            clock.follows_a_pause(u64::from(first)),
            "the first packet starts a talkspurt"
        );
        let second = clock.unwrap(0);
        assert_eq!(second, 1 << 32);
        assert!(!clock.follows_a_pause(second));
        let later = clock.unwrap(4_800);
        assert!(clock.follows_a_pause(later), "a gap is a pause");
    }

    #[test]
    fn the_senders_clock_is_carried_over_to_a_frame() {
        let report = SenderClock {
            ntp: Duration::from_secs(100),
            rtp_time: 90_000,
        };
        let at = |rtp_time| sender_time(report, rtp_time, VIDEO_CLOCK);
        assert_eq!(at(135_000), Some(Duration::from_millis(100_500)));
        assert_eq!(at(45_000), Some(Duration::from_millis(99_500)));
        assert_eq!(
            media_time(90_001, VIDEO_CLOCK),
            Duration::from_nanos(1_000_011_111)
        );
    }
}
