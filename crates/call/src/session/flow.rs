//! What flows while a call runs: events of the engine in, events for the driver out.

use std::time::{Duration, Instant};

use super::{Session, Stage};
use crate::{
    AudioTarget, EncodedVideo, Event, Output, ReceivedVideo, SessionEnd, Transmit, VideoTarget,
    congestion::{HUSH_BPS, START_BPS},
    control::Control,
    engine::{Failure, Happening, Measured},
    liveness::{Heard, Liveness, Silence},
};

/// A camera that was off for so long starts anew.
const LONG_OFF: Duration = Duration::from_secs(1);

impl Session {
    /// Time never goes back here, whatever the clock says.
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn end(&mut self, end: SessionEnd) {
        if self.stage == Stage::Ended {
            return;
        }
        self.stage = Stage::Ended;
        if end == SessionEnd::RemoteHungUp {
            self.event(Event::RemoteHungUp);
        }
        self.event(Event::Ended(end));
    }

    /// Media goes out: connected, and the other side is heard.
    pub(super) fn is_flowing(&self) -> bool {
        self.stage == Stage::Connected && !self.liveness.is_reconnecting()
    }

    /// Takes what the engine has put out, and draws the consequences.
    pub(super) fn collect(&mut self) {
        while let Some(happening) = self.engine.poll() {
            self.on(happening);
        }
        if self.stage == Stage::Connected {
            self.adjust();
            // Asking for a keyframe made new output.
            while let Some(happening) = self.engine.poll() {
                self.on(happening);
            }
        }
    }

    fn on(&mut self, happening: Happening) {
        match happening {
            Happening::Transmit(transmit) => self.transmit(transmit),
            Happening::Connected => self.connected(),
            Happening::ChannelOpen => {
                self.channel_open = true;
                self.tell_media();
            }
            Happening::ChannelMessage(data) => self.on_control(&data),
            Happening::Video(video) => self.on_video(video),
            Happening::Audio(audio) => self.event(Event::Audio(audio)),
            Happening::KeyframeRequested => self.own_keyframe.want(),
            Happening::Measured(measured) => self.on_measured(measured),
            Happening::Closed => self.end(SessionEnd::RemoteHungUp),
            Happening::Failed(Failure::Certificate) => self.end(SessionEnd::Security),
            Happening::Failed(Failure::Transport) => self.end(SessionEnd::Network),
        }
    }

    fn transmit(&mut self, transmit: str0m::net::Transmit) {
        if self.stage == Stage::Ended && !self.says_goodbye(&transmit) {
            return;
        }
        let kind = Datagram::of(&transmit.contents);
        // Nobody hears it: only what finds a way goes out.
        if kind == Datagram::Rtp && self.liveness.is_reconnecting() {
            return;
        }
        if kind == Datagram::Rtp {
            let path = self.engine.path(transmit.source, transmit.destination);
            if self.quality.on_path(path) {
                self.event(Event::PathChanged(path));
            }
            self.congestion.on_sent(transmit.contents.len(), self.now);
        }
        self.quality.sent(transmit.contents.len());
        self.outputs.push_back(Output::Transmit(Transmit {
            source: transmit.source,
            destination: transmit.destination,
            bytes: transmit.contents.to_vec(),
        }));
    }

    // After the end nothing but what belongs to it.
    fn says_goodbye(&self, transmit: &str0m::net::Transmit) -> bool {
        matches!(
            Datagram::of(&transmit.contents),
            Datagram::Dtls | Datagram::Rtcp
        )
    }

    fn connected(&mut self) {
        if !matches!(self.stage, Stage::Connecting { .. }) {
            return;
        }
        // str0m has compared it already. This is the promise of the whole product: look again.
        let seen = self.engine.remote_fingerprint();
        if self.peer_fingerprint.is_none()
            || seen.as_deref() != self.peer_fingerprint.as_ref().map(|f| &f[..])
        {
            return self.end(SessionEnd::Security);
        }
        self.stage = Stage::Connected;
        self.liveness = Liveness::new(self.now);
        self.say_wish();
        self.event(Event::Connected);
        self.own_keyframe.insist();
    }

    // ---- hearing

    pub(super) fn heard(&mut self, bytes: usize) {
        self.quality.received(bytes);
        if self.stage != Stage::Connected {
            return;
        }
        match self.liveness.hear(self.now) {
            Heard::Usual => {}
            Heard::AfterGap => self.start_afresh(),
            Heard::Recovered => {
                self.event(Event::Recovered);
                self.start_afresh();
            }
        }
    }

    fn start_afresh(&mut self) {
        let bps = self.congestion.on_blackout_over();
        self.restart_estimate(bps);
        self.sent_chain = false;
        self.own_keyframe.insist();
    }

    /// Looks at what time has brought.
    pub(super) fn watch(&mut self) {
        if let Stage::Connecting { gives_up_at } = self.stage
            && gives_up_at <= self.now
        {
            return self.end(SessionEnd::Network);
        }
        if self.stage != Stage::Connected {
            return;
        }
        while let Some(silence) = self.liveness.advance(self.now) {
            match silence {
                Silence::Reconnecting { gives_up_at } => {
                    self.event(Event::Reconnecting { gives_up_at });
                }
                // The caller is the controlling side, and one restart at a time is enough.
                Silence::Restart if self.role == super::Role::Caller => self.offer_restart(),
                Silence::Restart => {}
                Silence::GaveUp => return self.end(SessionEnd::Network),
            }
        }
        if let Some(quality) = self
            .quality
            .report(self.congestion.estimate_bps(), self.now)
        {
            self.event(Event::Quality(quality));
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Fresh | Stage::Invited(_) => None,
            Stage::Offered => self.engine.deadline(),
            Stage::Connecting { gives_up_at } => {
                earliest([self.engine.deadline(), Some(gives_up_at)])
            }
            Stage::Connected => earliest([
                self.engine.deadline(),
                Some(self.liveness.deadline()),
                Some(self.quality.deadline()),
                self.wants_own_keyframe()
                    .then(|| self.own_keyframe.deadline(self.now))
                    .flatten(),
                self.remote_keyframe.deadline(self.now),
            ]),
            Stage::Ended => None,
        }
    }

    fn on_measured(&mut self, measured: Measured) {
        match measured {
            Measured::Peer {
                estimate_bps,
                ping,
                rtt,
                loss_in,
                loss_out,
            } => {
                if let Some(ping) = ping.or(rtt) {
                    self.quality.on_rtt(ping);
                }
                self.quality.on_loss(loss_in, loss_out);
                if let Some(bps) = estimate_bps {
                    self.on_estimate(bps);
                }
                if self.is_flowing()
                    && let Some(bps) = self
                        .congestion
                        .on_measured(rtt.or(ping), loss_out, self.now)
                {
                    self.restart_estimate(bps);
                }
            }
            Measured::AudioIn { jitter } => self.quality.on_jitter(jitter),
            Measured::AudioOut { loss } => {
                if let Some(loss) = loss {
                    self.congestion.on_audio_loss(loss);
                }
            }
        }
    }

    // ---- pictures

    fn on_video(&mut self, mut video: ReceivedVideo) {
        if video.keyframe {
            self.received_chain = true;
            self.remote_keyframe.fulfilled(self.now);
        } else if !video.contiguous || !self.received_chain {
            // Not decodable, and so is all that follows until the next keyframe.
            self.received_chain = false;
            self.remote_keyframe.want();
        }
        video.contiguous = video.keyframe || self.received_chain;
        self.event(Event::Video(video));
    }

    pub(super) fn put_video(&mut self, video: EncodedVideo) {
        let keyframe = video.data.first().is_some_and(|first| first & 1 == 0);
        if !self.is_flowing() || !self.camera || self.video_target.paused {
            self.sent_chain = false;
            return;
        }
        if keyframe {
            self.sent_chain = true;
            self.own_keyframe.fulfilled(self.now);
        } else if !self.sent_chain {
            self.own_keyframe.want();
            return;
        }
        self.engine.write_video(video, self.now);
    }

    fn wants_own_keyframe(&self) -> bool {
        self.is_flowing() && self.camera && !self.video_target.paused
    }

    // ---- what to send how much of

    fn on_estimate(&mut self, bps: u32) {
        if self.hushed {
            if bps > 2 * HUSH_BPS {
                self.restart_estimate(HUSH_BPS);
            }
            return;
        }
        // What was lost in a blackout says nothing about the way that comes after it.
        if self.is_flowing() {
            self.congestion.on_estimate(bps);
        }
    }

    /// Starts to estimate anew where what is sent changes at one blow.
    fn follow_media(&mut self) {
        // Neither sound nor picture: the estimator's padding would be all that is sent.
        let hushed = !self.microphone && !self.camera;
        let before = std::mem::replace(&mut self.hushed, hushed);
        if self.camera {
            // Probing for sound alone has found no more than sound needs.
            let off_since = self.camera_off_since.take();
            let long_off = off_since.is_some_and(|at| self.now.duration_since(at) >= LONG_OFF);
            if long_off && !before {
                let bps = self.congestion.estimate_bps().max(START_BPS);
                self.restart_estimate(bps);
            }
        } else {
            self.camera_off_since.get_or_insert(self.now);
        }
        if hushed != before {
            let bps = if hushed {
                HUSH_BPS
            } else {
                self.congestion.on_blackout_over()
            };
            self.restart_estimate(bps);
        }
    }

    pub(super) fn restart_estimate(&mut self, bps: u32) {
        let wish = self.wish_bps();
        self.wish = Some(wish);
        self.engine.restart_estimate(bps, wish, self.now);
    }

    fn wish_bps(&mut self) -> u32 {
        if self.hushed {
            // A probe of such a rate would take half a second, and all that follows waits for it.
            0
        } else {
            self.congestion.wish_bps(self.camera)
        }
    }

    fn say_wish(&mut self) {
        let wish = self.wish_bps();
        if self.wish != Some(wish) {
            self.wish = Some(wish);
            self.engine.wish(wish, self.now);
        }
    }

    fn adjust(&mut self) {
        self.follow_media();
        self.say_wish();
        if let Some((waited, bytes)) = self.engine.video_queue() {
            self.congestion.on_queue(waited, bytes);
        }
        let red = self.congestion.wants_red();
        if red != self.red {
            self.red = red;
            self.engine.set_red(red);
        }
        let audio = self.congestion.audio_target();
        if is_news_audio(self.audio_target, audio) {
            self.audio_target = audio;
            self.event(Event::AudioTarget(audio));
        }
        let mut video = self.congestion.video_target(self.now);
        video.paused |= !self.is_flowing();
        if is_news_video(self.video_target, video) {
            if self.video_target.paused && !video.paused {
                self.sent_chain = false;
                self.own_keyframe.insist();
            }
            self.video_target = video;
            self.event(Event::VideoTarget(video));
        }
        if self.wants_own_keyframe() && self.own_keyframe.is_due(self.now) {
            self.event(Event::KeyframeWanted);
        }
        if self.is_flowing() {
            if self.remote_media.is_some_and(|(_, camera)| !camera) {
                self.remote_keyframe.forget();
            }
            if self.remote_keyframe.is_due(self.now) {
                self.engine.request_keyframe(self.now);
            }
        }
    }

    // ---- end to end

    pub(super) fn tell_media(&mut self) {
        let media = Control::Media {
            microphone: self.microphone,
            camera: self.camera,
        };
        if !self.channel_open || self.told == Some(media) {
            return;
        }
        if self.engine.write_channel(&media.to_json(), self.now) {
            self.told = Some(media);
        }
    }

    fn on_control(&mut self, data: &[u8]) {
        match Control::parse(data) {
            Some(Control::Media { microphone, camera }) => {
                let before = self.remote_media.replace((microphone, camera));
                if before != Some((microphone, camera)) {
                    self.event(Event::RemoteMedia { microphone, camera });
                }
            }
            Some(Control::Bye) => self.end(SessionEnd::RemoteHungUp),
            None => tracing::debug!("a message on the channel is not known"),
        }
    }
}

// Estimates move a little all the time. An encoder need not follow each step.
fn is_news_video(before: VideoTarget, now: VideoTarget) -> bool {
    before.paused != now.paused
        || before.hold != now.hold
        || before.bitrate_bps.abs_diff(now.bitrate_bps) > before.bitrate_bps / 50
}

fn is_news_audio(before: AudioTarget, now: AudioTarget) -> bool {
    before.bitrate_bps != now.bitrate_bps || (before.loss - now.loss).abs() >= 0.01
}

fn earliest<const N: usize>(times: [Option<Instant>; N]) -> Option<Instant> {
    times.into_iter().flatten().min()
}

/// What a datagram is, by its first bytes (RFC 7983, RFC 5761).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Datagram {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
}

impl Datagram {
    fn of(bytes: &[u8]) -> Self {
        match (bytes.first(), bytes.get(1)) {
            (Some(128..=191), Some(192..=223)) => Self::Rtcp,
            (Some(128..=191), _) => Self::Rtp,
            (Some(20..=63), _) => Self::Dtls,
            _ => Self::Stun,
        }
    }
}
