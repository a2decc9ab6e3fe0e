use std::time::{Duration, SystemTime};

use str0m::{
    Event, bwe::Bitrate, channel::ChannelData, format::CodecExtra, media::MediaData, net::Transmit,
    rtp::rtcp::SenderInfo,
};

use super::Engine;
use crate::{ReceivedAudio, ReceivedVideo, SenderClock, control::LABEL};

/// What came out of `str0m`, as far as a call cares.
#[derive(Debug)]
pub(crate) enum Happening {
    Transmit(Transmit),
    /// There is a way, and DTLS is done.
    Connected,
    ChannelOpen,
    ChannelMessage(Vec<u8>),
    Video(ReceivedVideo),
    Audio(ReceivedAudio),
    KeyframeRequested,
    Measured(Measured),
    /// The other side closed DTLS.
    Closed,
    Failed(Failure),
}

/// Why `str0m` gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The certificate is not the one in the SDP.
    Certificate,
    /// DTLS is beyond repair.
    Transport,
}

/// A few times a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    Peer {
        /// What the path is thought to take at this moment. `str0m`'s event of that name tells a mean
        /// over three seconds: too late both ways.
        estimate_bps: Option<u32>,
        /// Of ICE's own checks.
        ping: Option<Duration>,
        /// Of the newest packet that the other side has reported.
        rtt: Option<Duration>,
        loss_in: Option<f32>,
        loss_out: Option<f32>,
    },
    AudioIn {
        jitter: Duration,
    },
    AudioOut {
        loss: Option<f32>,
    },
}

impl Engine {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "str0m's events are open-ended; this is the one place that chooses among them"
    )]
    pub(super) fn translate(&mut self, event: Event) {
        let happening = match event {
            Event::Connected => Happening::Connected,
            Event::MediaData(data) => match self.received(data) {
                Some(happening) => happening,
                None => return,
            },
            Event::ChannelOpen(id, label) if label == LABEL => {
                self.channel = Some(id);
                Happening::ChannelOpen
            }
            Event::ChannelData(ChannelData { id, data, .. }) if Some(id) == self.channel => {
                Happening::ChannelMessage(data)
            }
            Event::KeyframeRequest(_) => Happening::KeyframeRequested,
            Event::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair;
                Happening::Measured(Measured::Peer {
                    estimate_bps: stats.bwe_tx.map(bits),
                    ping: pair.and_then(|pair| pair.current_round_trip_time),
                    rtt: stats.rtt,
                    loss_in: stats.ingress_loss_fraction,
                    loss_out: stats.egress_loss_fraction,
                })
            }
            Event::MediaIngressStats(stats) if self.is_audio(stats.mid) => {
                let jitter = Duration::from_secs_f64(f64::from(stats.jitter) / 48_000.0);
                Happening::Measured(Measured::AudioIn { jitter })
            }
            Event::MediaEgressStats(stats) if self.is_audio(stats.mid) => {
                Happening::Measured(Measured::AudioOut { loss: stats.loss })
            }
            Event::Closed => Happening::Closed,
            _ => return,
        };
        self.out.push_back(happening);
    }

    fn is_audio(&self, mid: str0m::media::Mid) -> bool {
        self.audio.is_some_and(|track| track.mid == mid)
    }

    fn received(&self, data: MediaData) -> Option<Happening> {
        let sender_clock = data.last_sender_info.as_ref().and_then(sender_clock);
        if self.is_audio(data.mid) {
            return Some(Happening::Audio(ReceivedAudio {
                data: data.data,
                seq: **data.seq_range.start(),
                rtp_time: data.time.numer(),
                network_time: data.network_time,
                starts_talkspurt: data.audio_start_of_talk_spurt,
                sender_clock,
            }));
        }
        if self.video.is_none_or(|track| track.mid != data.mid) {
            return None;
        }
        // Padding and corrupt packets can make a frame without a frame.
        let keyframe = matches!(&data.codec_extra, CodecExtra::Vp8(extra) if extra.is_keyframe);
        Some(Happening::Video(ReceivedVideo {
            data: data.data,
            keyframe,
            contiguous: data.contiguous,
            rtp_time: data.time.numer(),
            network_time: data.network_time,
            sender_clock,
        }))
    }
}

fn bits(rate: Bitrate) -> u32 {
    rate.as_u64().try_into().unwrap_or(u32::MAX)
}

fn sender_clock(info: &SenderInfo) -> Option<SenderClock> {
    let ntp = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(SenderClock {
        ntp,
        rtp_time: info.rtp_time.numer(),
    })
}
