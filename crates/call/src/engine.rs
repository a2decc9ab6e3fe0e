//! The one owner of `str0m`'s `Rtc`. Every change is followed by a full drain, as `str0m` demands, and
//! what comes out is put into our own words.

mod happening;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, CandidateKind, IceCreds, Input, Output, Rtc, RtcConfig, RtcError,
    bwe::Bitrate,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    channel::ChannelId,
    config::DtlsCert,
    format::Codec,
    media::{Direction, Frequency, KeyframeRequestKind, MediaKind, MediaTime, Mid, Pt},
    net::{Protocol, Receive},
};

pub(crate) use happening::{Failure, Happening, Measured};

use crate::{EncodedAudio, EncodedVideo, Path, congestion::START_BPS, control::LABEL, crypto};

/// STUN: first repeat after, then never later than. The second is also how often a working way is
/// checked, and so how soon a way that works again is found.
const STUN_FIRST: Duration = Duration::from_millis(100);
const STUN_MAX: Duration = Duration::from_millis(500);
/// A way is kept for about a minute without an answer, as long as the call is. More than 119 would
/// shift `is`'s back-off out of its integer.
const STUN_REPEATS: usize = 110;
/// A keyframe of 720p can have more packets than the default of 30.
const VIDEO_REORDER: usize = 250;
/// Packets of video that can be repeated, how old they may be, and which share of the traffic may be
/// repeats. The default of 0.15 gives up repeating where one packet in ten is lost or late.
const REPEATS: usize = 1024;
const REPEATS_AGE: Duration = Duration::from_secs(3);
const REPEATS_SHARE: f32 = 0.35;
const STATS_EVERY: Duration = Duration::from_millis(100);
const RTCP_EVERY: Duration = Duration::from_secs(1);
/// What is due so soon is done at once: `str0m` sends one packet a microsecond, and a runtime's timers
/// count milliseconds.
const AHEAD: Duration = Duration::from_millis(1);
/// A driver that is late finds its timers run as if it had come on time, as far back as this.
const CATCH_UP: Duration = Duration::from_millis(200);
/// More rounds than any input needs: a guard against spinning inside one call.
const MAX_ROUNDS: usize = 512;

/// A negotiated stream: sent and received under this name, with this payload type.
#[derive(Clone, Copy, Debug)]
struct Track {
    mid: Mid,
    pt: Option<Pt>,
}

pub(crate) struct Engine {
    rtc: Rtc,
    now: Instant,
    /// What `str0m` takes for now: behind while it catches up, and [`AHEAD`] at most.
    clock: Instant,
    next: Option<Instant>,
    out: VecDeque<Happening>,
    audio: Option<Track>,
    video: Option<Track>,
    channel: Option<ChannelId>,
    pending: Option<SdpPendingOffer>,
    locals: Vec<SocketAddr>,
    /// What the other side said of its addresses.
    remotes: Vec<(SocketAddr, CandidateKind)>,
    /// The streams that the other side's signed SDP names.
    ssrcs: Vec<u32>,
    errors: usize,
}

impl Engine {
    pub(crate) fn new(cert: DtlsCert, creds: IceCreds, now: Instant) -> Self {
        let mut config = RtcConfig::new()
            .set_crypto_provider(crypto::provider())
            .set_dtls_cert(cert)
            .set_local_ice_credentials(creds)
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, true)
            .enable_bwe(Some(Bitrate::bps(START_BPS.into())))
            .set_stats_interval(Some(STATS_EVERY))
            .set_rtcp_report_interval_audio(RTCP_EVERY)
            .set_rtcp_report_interval_video(RTCP_EVERY)
            .set_reordering_size_audio(0)
            .set_reordering_size_video(VIDEO_REORDER);
        config.set_initial_stun_rto(STUN_FIRST);
        config.set_max_stun_rto(STUN_MAX);
        config.set_max_stun_retransmits(STUN_REPEATS);
        Self {
            rtc: config.build(now),
            now,
            clock: now,
            next: None,
            out: VecDeque::new(),
            audio: None,
            video: None,
            channel: None,
            pending: None,
            locals: Vec::new(),
            remotes: Vec::new(),
            ssrcs: Vec::new(),
            errors: 0,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Happening> {
        self.out.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    // ---- negotiation

    /// Makes the first offer: sound, picture, and the channel "jasmin".
    pub(crate) fn offer(&mut self) -> Option<String> {
        let mut api = self.rtc.sdp_api();
        let stream = Some(LABEL.to_owned());
        let audio = api.add_media(
            MediaKind::Audio,
            Direction::SendRecv,
            stream.clone(),
            None,
            None,
        );
        let video = api.add_media(MediaKind::Video, Direction::SendRecv, stream, None, None);
        let channel = api.add_channel(LABEL.to_owned());
        let (offer, pending) = api.apply()?;
        // `MediaAdded` comes only for what the other side offers.
        self.audio = Some(Track {
            mid: audio,
            pt: None,
        });
        self.video = Some(Track {
            mid: video,
            pt: None,
        });
        self.channel = Some(channel);
        self.pending = Some(pending);
        self.drain();
        Some(offer.to_sdp_string())
    }

    /// Makes an offer with new ICE credentials.
    pub(crate) fn restart_offer(&mut self) -> Option<String> {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply()?;
        self.pending = Some(pending);
        self.drain();
        Some(offer.to_sdp_string())
    }

    pub(crate) fn has_pending_offer(&self) -> bool {
        self.pending.is_some()
    }

    /// Answers an offer, the first one or a restart.
    pub(crate) fn answer(&mut self, sdp: &str, now: Instant) -> Result<String, String> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| error.to_string())?;
        // An offer of our own under way is rolled back by `str0m`.
        self.pending = None;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        self.remember_remotes(candidates_in(sdp));
        self.remember_ssrcs(sdp);
        self.drain();
        let answer = answer.map_err(|error| error.to_string())?;
        for (track, kind) in [
            (&mut self.audio, MediaKind::Audio),
            (&mut self.video, MediaKind::Video),
        ] {
            // One of each is agreed on; further ones are left alone.
            *track = track.or_else(|| {
                Some(Track {
                    mid: first_mid(sdp, kind)?,
                    pt: None,
                })
            });
        }
        self.look_up_payload_types();
        self.advance(now);
        Ok(answer.to_sdp_string())
    }

    /// Takes the answer to the offer under way.
    pub(crate) fn accept_answer(&mut self, sdp: &str, now: Instant) -> Result<(), String> {
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|error| error.to_string())?;
        let pending = self.pending.take().ok_or("there is no offer under way")?;
        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
        self.remember_remotes(candidates_in(sdp));
        self.remember_ssrcs(sdp);
        self.drain();
        accepted.map_err(|error| error.to_string())?;
        self.look_up_payload_types();
        self.advance(now);
        Ok(())
    }

    pub(crate) fn has_audio(&self) -> bool {
        self.audio.is_some_and(|track| track.pt.is_some())
    }

    // The payload type of each stream is settled by the negotiation: looked up once, not per write.
    fn look_up_payload_types(&mut self) {
        for (track, codec) in [
            (&mut self.audio, Codec::Opus),
            (&mut self.video, Codec::Vp8),
        ] {
            let Some(track) = track else { continue };
            let Some(writer) = self.rtc.writer(track.mid) else {
                continue;
            };
            // Borrows the writer: the result must be bound before the writer goes.
            let pt = writer
                .payload_params()
                .find(|p| p.spec().codec == codec)
                .map(|p| p.pt());
            track.pt = pt;
        }
        self.drain();
        if let Some(track) = self.video
            && let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(track.mid, None)
        {
            stream.set_rtx_cache(REPEATS, REPEATS_AGE, Some(REPEATS_SHARE));
        }
        self.drain();
    }

    // ---- candidates

    /// Adds an address of this machine. Returns the candidate's text, or `None` when it adds nothing.
    pub(crate) fn add_local(
        &mut self,
        address: SocketAddr,
        now: Instant,
    ) -> Result<Option<String>, String> {
        // `destination` of a datagram must be a candidate's address, which this never is.
        if address.ip().is_unspecified() || address.port() == 0 {
            return Err("an address of one interface is needed".to_owned());
        }
        let candidate =
            Candidate::host(address, Protocol::Udp).map_err(|error| error.to_string())?;
        if !self.locals.contains(&address) {
            self.locals.push(address);
        }
        let text = self
            .rtc
            .add_local_candidate(candidate)
            .map(Candidate::to_sdp_string);
        self.drain();
        self.advance(now);
        Ok(text)
    }

    /// Forgets an address of this machine.
    pub(crate) fn remove_local(&mut self, address: SocketAddr, now: Instant) {
        self.locals.retain(|local| *local != address);
        if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
            self.rtc.direct_api().invalidate_candidate(&candidate);
            self.drain();
        }
        self.advance(now);
    }

    pub(crate) fn has_local(&self, address: SocketAddr) -> bool {
        self.locals.contains(&address)
    }

    /// Adds the other side's candidates. What cannot be used is skipped: a name under `.local`
    /// (mDNS) needs no resolving, since its owner reaches us.
    pub(crate) fn add_remotes(&mut self, texts: &[String], now: Instant) {
        for text in texts {
            let Some(candidate) = parse_candidate(text) else {
                tracing::debug!("a candidate of the other side is of no use here");
                continue;
            };
            self.remember_remotes([(candidate.addr(), candidate.kind())]);
            self.rtc.add_remote_candidate(candidate);
            self.drain();
        }
        self.advance(now);
    }

    fn remember_remotes(&mut self, remotes: impl IntoIterator<Item = (SocketAddr, CandidateKind)>) {
        self.remotes.extend(remotes);
        let surplus = self.remotes.len().saturating_sub(256);
        self.remotes.drain(..surplus);
    }

    fn remember_ssrcs(&mut self, sdp: &str) {
        for ssrc in ssrcs_in(sdp) {
            if !self.ssrcs.contains(&ssrc) && self.ssrcs.len() < 64 {
                self.ssrcs.push(ssrc);
            }
        }
    }

    // `str0m` would move a stream over to whatever SSRC a packet names beside the stream's MID, before
    // it has looked at the packet's tag: one flipped bit, and the stream is lost.
    fn is_of_another_stream(&self, bytes: &[u8]) -> bool {
        let (Some(128..=191), Some(0..=191 | 224..)) = (bytes.first(), bytes.get(1)) else {
            return false;
        };
        let ssrc = bytes.get(8..12).and_then(|ssrc| ssrc.try_into().ok());
        let ssrc = ssrc.map_or(0, u32::from_be_bytes);
        // 0 is a probe, from before there is media.
        ssrc != 0 && !self.ssrcs.is_empty() && !self.ssrcs.contains(&ssrc)
    }

    /// Returns what kind of way a datagram takes.
    pub(crate) fn path(&self, source: SocketAddr, destination: SocketAddr) -> Path {
        if !self.has_local(source) {
            return Path::Relay;
        }
        let kind = self
            .remotes
            .iter()
            .rev()
            .find(|(address, _)| *address == destination);
        match kind.map(|(_, kind)| kind) {
            Some(CandidateKind::Host) => Path::Host,
            Some(CandidateKind::Relayed) => Path::Relay,
            Some(CandidateKind::ServerReflexive | CandidateKind::PeerReflexive) | None => {
                Path::ServerReflexive
            }
        }
    }

    // ---- the network and time

    /// Takes a datagram. Returns whether it was from the other side.
    pub(crate) fn receive(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            return false;
        };
        let input = Input::Receive(self.now.max(now), receive);
        // `Rtc` would take media and DTLS from anywhere.
        if self.is_of_another_stream(bytes) || !self.rtc.accepts(&input) {
            return false;
        }
        self.catch_up(now);
        if let Err(error) = self.rtc.handle_input(input) {
            self.on_error(&error);
        }
        self.drain();
        self.advance(now);
        true
    }

    /// Lets time pass, until nothing more is due.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for _ in 0..MAX_ROUNDS {
            // One deadline after the other, each at its own time: a probe whose packets all went out
            // when the driver came would measure the driver.
            let due = self.next.filter(|next| *next <= self.now + AHEAD);
            let missed = self.now.checked_sub(CATCH_UP).unwrap_or(self.now);
            let at = due.map_or(self.now, |due| due.max(missed)).max(self.clock);
            self.clock = at;
            if let Err(error) = self.rtc.handle_input(Input::Timeout(at)) {
                self.on_error(&error);
            }
            self.drain();
            if at >= self.now && self.next.is_none_or(|next| next > self.now + AHEAD) {
                return;
            }
        }
        // Let the driver come back a little later instead of spinning here.
        self.next = self
            .next
            .map(|next| next.max(self.now + Duration::from_millis(1)));
    }

    /// Does what was due before something new comes in.
    fn catch_up(&mut self, now: Instant) {
        if self.next.is_some_and(|next| next < now) {
            self.advance(now);
        }
        self.now = self.now.max(now);
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.next = self.rtc.is_alive().then_some(at);
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.out.push_back(Happening::Transmit(transmit)),
                Ok(Output::Event(event)) => self.translate(event),
                Err(error) => self.on_error(&error),
            }
        }
    }

    fn on_error(&mut self, error: &RtcError) {
        tracing::debug!(%error, "the engine reports an error");
        self.errors += 1;
        if self.rtc.is_alive() && self.errors < 1000 {
            return;
        }
        // str0m ends by itself for two reasons: the wrong certificate, and a broken DTLS.
        let failure = if matches!(error, RtcError::RemoteSdp(_)) {
            Failure::Certificate
        } else {
            Failure::Transport
        };
        self.rtc.disconnect();
        self.out.push_back(Happening::Failed(failure));
    }

    // ---- media

    pub(crate) fn write_audio(&mut self, audio: EncodedAudio, now: Instant) {
        let time = MediaTime::new(audio.rtp_time, Frequency::FORTY_EIGHT_KHZ);
        let talkspurt = audio.starts_talkspurt;
        self.write(
            self.audio,
            audio.captured_at,
            time,
            audio.data,
            talkspurt,
            now,
        );
    }

    pub(crate) fn write_video(&mut self, video: EncodedVideo, now: Instant) {
        let time = MediaTime::new(video.rtp_time, Frequency::NINETY_KHZ);
        self.write(self.video, video.captured_at, time, video.data, false, now);
    }

    fn write(
        &mut self,
        track: Option<Track>,
        captured_at: Instant,
        time: MediaTime,
        data: Arc<[u8]>,
        starts_talkspurt: bool,
        now: Instant,
    ) {
        let Some(Track { mid, pt: Some(pt) }) = track else {
            return;
        };
        self.catch_up(now);
        let Some(mut writer) = self.rtc.writer(mid) else {
            return;
        };
        if starts_talkspurt {
            writer = writer.start_of_talkspurt(true);
        }
        if let Err(error) = writer.write(pt, captured_at, time, data) {
            tracing::debug!(%error, "a frame could not be written");
        }
        self.drain();
        self.advance(now);
    }

    /// Asks the other side for a keyframe (PLI).
    pub(crate) fn request_keyframe(&mut self, now: Instant) {
        let Some(track) = self.video else { return };
        if let Some(mut writer) = self.rtc.writer(track.mid) {
            // Fails before the first packet, when there is nothing to decode either.
            if let Err(error) = writer.request_keyframe(None, KeyframeRequestKind::Pli) {
                tracing::debug!(%error, "a keyframe cannot be asked for yet");
            }
        }
        self.drain();
        self.advance(now);
    }

    pub(crate) fn set_red(&mut self, enabled: bool) {
        if let Some(track) = self.audio {
            self.rtc.direct_api().set_red_send(track.mid, enabled);
            self.drain();
        }
    }

    /// Returns since when the oldest unsent packet of video waits, and how many bytes wait.
    pub(crate) fn video_queue(&mut self) -> Option<(Duration, usize)> {
        let mid = self.video?.mid;
        let now = self.now;
        let queue = {
            let mut api = self.rtc.direct_api();
            let info = api.stream_tx_by_mid(mid, None)?.queue_info()?;
            let waited = info
                .first_unsent()
                .map(|since| now.saturating_duration_since(since));
            (waited.unwrap_or_default(), info.byte_size())
        };
        self.drain();
        Some(queue)
    }

    // ---- bandwidth

    pub(crate) fn wish(&mut self, bps: u32, now: Instant) {
        self.rtc
            .bwe()
            .set_bitrate(Bitrate::ZERO, Bitrate::bps(bps.into()));
        self.drain();
        self.advance(now);
    }

    /// Starts to estimate anew. The first probes come at once, for up to twice what is wished.
    pub(crate) fn restart_estimate(&mut self, bps: u32, wish: u32, now: Instant) {
        self.rtc.bwe().reset(Bitrate::bps(bps.into()));
        self.drain();
        self.wish(wish, now);
    }

    // ---- the channel

    /// Sends a message on the channel. Returns whether it was taken.
    pub(crate) fn write_channel(&mut self, text: &str, now: Instant) -> bool {
        let written = self
            .channel
            .and_then(|id| self.rtc.channel(id))
            .is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap_or(false));
        self.drain();
        self.advance(now);
        written
    }

    /// Says goodbye: RTCP BYE, SCTP and DTLS shutdown.
    pub(crate) fn close(&mut self, now: Instant) {
        if let Err(error) = self.rtc.close() {
            tracing::debug!(%error, "closing was not orderly");
        }
        self.drain();
        self.advance(now);
    }

    pub(crate) fn remote_fingerprint(&mut self) -> Option<Vec<u8>> {
        let fingerprint = self
            .rtc
            .direct_api()
            .remote_dtls_fingerprint()
            .map(|found| found.bytes.clone());
        self.drain();
        fingerprint
    }
}

fn parse_candidate(text: &str) -> Option<Candidate> {
    Candidate::from_sdp_string(text)
        .ok()
        .filter(|candidate| candidate.proto() == Protocol::Udp)
}

// The name of the first section of a kind (RFC 9143, section 7).
fn first_mid(sdp: &str, kind: MediaKind) -> Option<Mid> {
    let start = if kind.is_audio() {
        "m=audio "
    } else {
        "m=video "
    };
    sdp.lines()
        .skip_while(|line| !line.starts_with(start))
        .skip(1)
        .take_while(|line| !line.starts_with("m="))
        .find_map(|line| line.trim_end().strip_prefix("a=mid:"))
        .map(Mid::from)
}

// The streams and their repeats (RFC 5576, section 4.1).
fn ssrcs_in(sdp: &str) -> impl Iterator<Item = u32> + '_ {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=ssrc:"))
        .filter_map(|value| value.split(' ').next()?.trim_end().parse().ok())
}

fn candidates_in(sdp: &str) -> Vec<(SocketAddr, CandidateKind)> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a="))
        .filter(|value| value.starts_with("candidate:"))
        .filter_map(parse_candidate)
        .map(|candidate| (candidate.addr(), candidate.kind()))
        .collect()
}
