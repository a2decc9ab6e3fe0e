//! One call's media and its negotiation.

mod flow;
mod setup;

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    AudioTarget, CandidateError, EncodedAudio, EncodedVideo, Offer, OfferError, Output, SafetyWord,
    SessionEnd, SetupError, Signal, SignalError, VideoTarget, congestion::Congestion,
    control::Control, crypto::Certificate, engine::Engine, keyframe::KeyframeWish,
    liveness::Liveness, quality::QualityMeter, safety::Party,
};

/// Which side of a call a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes the offer.
    Caller,
    /// Answers it.
    Callee,
}

/// What a session must know.
#[derive(Clone)]
pub struct SessionConfig {
    /// The call, as the signalling names it.
    pub call_id: [u8; 16],
    /// This side's identity key (Ed25519, RFC 8032).
    pub own_identity_key: [u8; 32],
    /// The other side's identity key, as pinned.
    pub peer_identity_key: [u8; 32],
    /// Fresh random bytes, used for nothing else: the nonce, the DTLS key and the ICE credentials
    /// come from them.
    pub entropy: [u8; 32],
    /// The wall clock at the `now` of the constructor, since the Unix epoch.
    pub unix_time: Duration,
    /// The microphone is on from the beginning.
    pub microphone: bool,
    /// The camera is on from the beginning. Video is negotiated in any case, so that either side can
    /// switch its camera on later.
    pub camera: bool,
}

// Entropy becomes keys, which do not belong in logs.
impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("microphone", &self.microphone)
            .field("camera", &self.camera)
            .finish_non_exhaustive()
    }
}

/// One call between two devices: negotiation, media transport, quality, liveness and safety words.
///
/// After every input, [`poll`](Self::poll) until it returns [`Output::Timeout`].
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use jasmin_call::{Output, Session, SessionConfig};
/// # fn example(now: Instant, entropy: [u8; 32]) -> Result<(), Box<dyn std::error::Error>> {
/// let config = SessionConfig {
///     call_id: [1; 16],
///     own_identity_key: [2; 32],
///     peer_identity_key: [3; 32],
///     entropy,
///     unix_time: Duration::from_secs(1_795_000_000),
///     microphone: true,
///     camera: true,
/// };
/// let mut session = Session::caller(config, now)?;
/// session.add_local_candidate("192.0.2.7:40000".parse()?, now)?;
/// session.make_offer(now);
/// let wake_at = loop {
///     match session.poll(now) {
///         Output::Signal(signal) => println!("seal and send: {signal:?}"),
///         Output::Transmit(datagram) => println!("send: {datagram:?}"),
///         Output::Event(event) => println!("{event:?}"),
///         Output::Timeout(at) => break at,
///     }
/// };
/// # Ok(())
/// # }
/// ```
pub struct Session {
    role: Role,
    config: SessionConfig,
    own: Party,
    engine: Engine,
    stage: Stage,
    now: Instant,
    outputs: VecDeque<Output>,

    // The other side.
    peer_fingerprint: Option<[u8; 32]>,
    peer_nonce: Option<[u8; 32]>,
    commitment: Option<[u8; 32]>,
    words: Option<[SafetyWord; 4]>,
    remote_media: Option<(bool, bool)>,

    // Candidates that cannot go out, or be used, yet.
    early_local: Vec<String>,
    early_remote: Vec<String>,

    // This side.
    microphone: bool,
    camera: bool,
    channel_open: bool,
    told: Option<Control>,

    congestion: Congestion,
    liveness: Liveness,
    quality: QualityMeter,
    /// Our encoder should make a keyframe.
    own_keyframe: KeyframeWish,
    /// The other side's encoder should.
    remote_keyframe: KeyframeWish,
    /// Every frame since our last keyframe was sent.
    sent_chain: bool,
    /// Every frame since the last keyframe from there arrived.
    received_chain: bool,
    video_target: VideoTarget,
    audio_target: AudioTarget,
    red: bool,
    wish: Option<u32>,
    hushed: bool,
    camera_off_since: Option<Instant>,
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Caller: no offer yet.
    Fresh,
    /// Caller: waits for the answer.
    Offered,
    /// Callee: waits for the person.
    Invited(Offer),
    /// Both know each other; a way is looked for.
    Connecting {
        gives_up_at: Instant,
    },
    Connected,
    Ended,
}

impl Session {
    /// Makes the calling side. Add the candidates that are known, then
    /// [`make_offer`](Self::make_offer).
    pub fn caller(config: SessionConfig, now: Instant) -> Result<Self, SetupError> {
        let certificate = Certificate::from_entropy(&config.entropy, config.unix_time)
            .map_err(|error| SetupError::Certificate(error.to_string()))?;
        Ok(Self::new(
            Role::Caller,
            Stage::Fresh,
            config,
            certificate,
            now,
        ))
    }

    /// Makes the called side. Sends nothing until [`accept`](Self::accept).
    pub fn callee(config: SessionConfig, offer: Offer, now: Instant) -> Result<Self, OfferError> {
        let certificate = Certificate::from_entropy(&config.entropy, config.unix_time)
            .map_err(|error| OfferError::Certificate(error.to_string()))?;
        let fingerprint = setup::check_offer(&offer, &certificate, &config, now)?;
        let commitment = offer.commitment;
        let mut session = Self::new(
            Role::Callee,
            Stage::Invited(offer),
            config,
            certificate,
            now,
        );
        session.peer_fingerprint = Some(fingerprint);
        session.commitment = Some(commitment);
        Ok(session)
    }

    /// Returns which side this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the safety words, once both nonces are open.
    pub fn safety_words(&self) -> Option<[SafetyWord; 4]> {
        self.words
    }

    /// Returns what the video encoder may use at this moment.
    pub fn video_target(&self) -> VideoTarget {
        self.video_target
    }

    /// Returns what the audio encoder should reckon with at this moment.
    pub fn audio_target(&self) -> AudioTarget {
        self.audio_target
    }

    /// Adds an address of this machine, one per interface and never an unspecified one: datagrams
    /// must carry it as their destination. After the offer or answer it is trickled.
    pub fn add_local_candidate(
        &mut self,
        address: SocketAddr,
        now: Instant,
    ) -> Result<(), CandidateError> {
        self.tick(now);
        let added = self
            .engine
            .add_local(address, self.now)
            .map_err(CandidateError)?;
        if let Some(text) = added {
            match self.stage {
                Stage::Fresh | Stage::Invited(_) | Stage::Ended => {}
                // Nobody to tell before the answer says which device it is.
                Stage::Offered => self.early_local.push(text),
                Stage::Connecting { .. } | Stage::Connected => {
                    self.signal(Signal::Candidates(vec![text]));
                }
            }
        }
        self.collect();
        Ok(())
    }

    /// Removes an address that is gone. Follow with [`restart_ice`](Self::restart_ice) when it may
    /// have been in use.
    pub fn remove_local_candidate(&mut self, address: SocketAddr, now: Instant) {
        self.tick(now);
        self.engine.remove_local(address, self.now);
        self.collect();
    }

    /// Makes the offer, as [`Signal::Offer`]. For the caller, once.
    pub fn make_offer(&mut self, now: Instant) {
        self.tick(now);
        if self.stage != Stage::Fresh {
            return;
        }
        let Some(sdp) = self.engine.offer() else {
            return self.end(SessionEnd::Protocol);
        };
        self.stage = Stage::Offered;
        self.signal(Signal::Offer(Offer {
            sdp,
            commitment: self.own.commitment(),
        }));
        self.collect();
    }

    /// Accepts the offer: makes the answer, as [`Signal::Answer`], and starts to look for a way. For
    /// the callee, once; a second time does nothing.
    pub fn accept(&mut self, now: Instant) -> Result<(), OfferError> {
        self.tick(now);
        let Stage::Invited(offer) = &self.stage else {
            return Ok(());
        };
        let sdp = self
            .engine
            .answer(&offer.sdp, self.now)
            .map_err(OfferError::Sdp)?;
        self.stage = setup::connecting(self.now);
        self.signal(Signal::Answer {
            sdp,
            nonce: self.own.nonce,
        });
        let early = std::mem::take(&mut self.early_remote);
        self.engine.add_remotes(&early, self.now);
        self.collect();
        Ok(())
    }

    /// Takes a message from the other device, opened and verified by the client.
    pub fn handle_signal(&mut self, signal: Signal, now: Instant) -> Result<(), SignalError> {
        self.tick(now);
        let taken = self.take_signal(signal);
        self.collect();
        taken
    }

    /// Takes a datagram. Whatever a stranger sends is ignored.
    pub fn handle_datagram(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        self.tick(now);
        let expected = match self.stage {
            // Checks of a callee that has answered may overtake its answer.
            Stage::Offered | Stage::Connecting { .. } | Stage::Connected => true,
            Stage::Fresh | Stage::Invited(_) | Stage::Ended => false,
        };
        if !expected || !self.engine.has_local(destination) {
            return;
        }
        if self.engine.receive(source, destination, bytes, self.now) {
            self.heard(bytes.len());
        }
        self.collect();
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        match self.stage {
            // Nothing is sent before the person has accepted, and nothing after the end.
            Stage::Fresh | Stage::Invited(_) | Stage::Ended => return,
            Stage::Offered | Stage::Connecting { .. } | Stage::Connected => {}
        }
        self.engine.advance(self.now);
        self.collect();
        self.watch();
        self.collect();
    }

    /// Sends a picture. Dropped unless the call is connected, the camera on and video not paused;
    /// then a keyframe is wanted before anything else is sent.
    pub fn send_video(&mut self, video: EncodedVideo, now: Instant) {
        self.tick(now);
        self.put_video(video);
        self.collect();
    }

    /// Sends sound. Dropped unless the call is connected and the microphone is on.
    pub fn send_audio(&mut self, audio: EncodedAudio, now: Instant) {
        self.tick(now);
        if self.is_flowing() && self.microphone {
            self.engine.write_audio(audio, self.now);
        }
        self.collect();
    }

    /// Says what of this side is on. Told to the other side end to end.
    pub fn set_local_media(&mut self, microphone: bool, camera: bool, now: Instant) {
        self.tick(now);
        let camera_came_on = camera && !self.camera;
        self.microphone = microphone;
        self.camera = camera;
        if camera_came_on {
            self.sent_chain = false;
            self.own_keyframe.insist();
        }
        self.tell_media();
        self.collect();
    }

    /// Says that the decoder needs a keyframe. Asks the other side at most once a second, until one
    /// comes.
    pub fn request_keyframe(&mut self, now: Instant) {
        self.tick(now);
        self.received_chain = false;
        self.remote_keyframe.want();
        self.collect();
    }

    /// The machine slept, or its interfaces changed: looks for a way anew.
    pub fn restart_ice(&mut self, now: Instant) {
        self.tick(now);
        if self.stage == Stage::Connected {
            self.offer_restart();
        }
        self.collect();
    }

    /// Tells the other side and ends. Poll until [`Event::Ended`](crate::Event::Ended).
    pub fn hang_up(&mut self, now: Instant) {
        self.tick(now);
        if self.stage == Stage::Ended {
            return;
        }
        if self.stage == Stage::Connected {
            self.engine.write_channel(&Control::Bye.to_json(), self.now);
            self.engine.close(self.now);
            self.collect();
        }
        self.end(SessionEnd::HungUp);
    }

    /// Returns what to do next. Call until [`Output::Timeout`].
    pub fn poll(&mut self, now: Instant) -> Output {
        self.tick(now);
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        Output::Timeout(self.deadline())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
