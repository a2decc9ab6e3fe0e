//! One call's media and its negotiation.
use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    CandidateError, EncodedAudio, EncodedVideo, Offer, OfferError, Output, SetupError, Signal,
    SignalError, VideoTarget,
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
#[derive(Debug)]
pub struct Session {}

impl Session {
    /// Makes the calling side. Add the candidates that are known, then
    /// [`make_offer`](Self::make_offer).
    pub fn caller(config: SessionConfig, now: Instant) -> Result<Self, SetupError> {
        todo!("{:?} {now:?}", config.call_id)
    }

    /// Makes the called side. Sends nothing until [`accept`](Self::accept).
    pub fn callee(config: SessionConfig, offer: Offer, now: Instant) -> Result<Self, OfferError> {
        todo!("{:?} {offer:?} {now:?}", config.call_id)
    }

    /// Returns which side this is.
    pub fn role(&self) -> Role {
        todo!()
    }

    /// Adds an address of this machine, one per interface and never an unspecified one: datagrams
    /// must carry it as their destination. After the offer or answer it is trickled.
    pub fn add_local_candidate(
        &mut self,
        address: SocketAddr,
        now: Instant,
    ) -> Result<(), CandidateError> {
        todo!("{address} {now:?}")
    }

    /// Removes an address that is gone. Restarts ICE when it was in use.
    pub fn remove_local_candidate(&mut self, address: SocketAddr, now: Instant) {
        todo!("{address} {now:?}")
    }

    /// Makes the offer, as [`Signal::Offer`]. For the caller, once.
    pub fn make_offer(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Accepts the offer: makes the answer, as [`Signal::Answer`], and starts to look for a way. For
    /// the callee, once.
    pub fn accept(&mut self, now: Instant) -> Result<(), OfferError> {
        todo!("{now:?}")
    }

    /// Takes a message from the other device, opened and verified by the client.
    pub fn handle_signal(&mut self, signal: Signal, now: Instant) -> Result<(), SignalError> {
        todo!("{signal:?} {now:?}")
    }

    /// Takes a datagram. Whatever a stranger sends is ignored.
    pub fn handle_datagram(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        todo!("{source} {destination} {bytes:?} {now:?}")
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Sends a picture. Dropped unless the call is connected and the camera is on.
    pub fn send_video(&mut self, video: EncodedVideo, now: Instant) {
        todo!("{video:?} {now:?}")
    }

    /// Sends sound. Dropped unless the call is connected and the microphone is on.
    pub fn send_audio(&mut self, audio: EncodedAudio, now: Instant) {
        todo!("{audio:?} {now:?}")
    }

    /// Says what of this side is on. Told to the other side end to end.
    pub fn set_local_media(&mut self, microphone: bool, camera: bool, now: Instant) {
        todo!("{microphone} {camera} {now:?}")
    }

    /// Says that the decoder needs a keyframe. Asks the other side at most once a second.
    pub fn request_keyframe(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Returns what the video encoder may use at this moment.
    pub fn video_target(&self) -> VideoTarget {
        todo!()
    }

    /// The machine slept, or its interfaces changed: looks for a way anew.
    pub fn restart_ice(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Tells the other side and ends. Poll until [`Event::Ended`](crate::Event::Ended).
    pub fn hang_up(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Returns what to do next. Call until [`Output::Timeout`].
    pub fn poll(&mut self, now: Instant) -> Output {
        todo!("{now:?}")
    }
}
