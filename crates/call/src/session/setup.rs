//! From nothing to knowing each other: offer, answer, candidates, reveal, restart.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::{IceCreds, change::SdpOffer};

use super::{Role, Session, SessionConfig, Stage};
use crate::{
    AudioTarget, Event, Offer, OfferError, Output, SessionEnd, Signal, SignalError, VideoTarget,
    congestion::Congestion,
    crypto::{Certificate, derive},
    engine::Engine,
    keyframe::KeyframeWish,
    liveness::Liveness,
    negotiation::{MAX_CANDIDATES, MAX_SDP, fingerprint},
    quality::QualityMeter,
    safety::{self, Party},
};

/// From knowing each other to the first way.
const CONNECT: Duration = Duration::from_secs(30);

pub(super) fn connecting(now: Instant) -> Stage {
    Stage::Connecting {
        gives_up_at: now + CONNECT,
    }
}

/// Tries an offer out, so that what cannot be answered is known before it rings. Returns the
/// fingerprint that it names.
pub(super) fn check_offer(
    offer: &Offer,
    certificate: &Certificate,
    config: &SessionConfig,
    now: Instant,
) -> Result<[u8; 32], OfferError> {
    if offer.sdp.len() > MAX_SDP {
        return Err(OfferError::TooLarge(offer.sdp.len()));
    }
    // Before the fingerprint, so that what is no SDP at all is called that.
    SdpOffer::from_sdp_string(&offer.sdp).map_err(|error| OfferError::Sdp(error.to_string()))?;
    let fingerprint = fingerprint(&offer.sdp).ok_or(OfferError::NoFingerprint)?;
    let mut trial = Engine::new(certificate.dtls.clone(), ice_credentials(config), now);
    trial.answer(&offer.sdp, now).map_err(OfferError::Sdp)?;
    if trial.has_audio() {
        Ok(fingerprint)
    } else {
        Err(OfferError::NoAudio)
    }
}

// `str0m` would take them from a random source that is not made for secrets.
fn ice_credentials(config: &SessionConfig) -> IceCreds {
    let bytes: [u8; 20] = derive(&[&config.entropy], b"", "jasmin-ice-v1");
    // "ice-char" (RFC 8839, section 5.4) contains the hex digits.
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (ufrag, pass) = hex.split_at(8);
    IceCreds {
        ufrag: ufrag.to_owned(),
        pass: pass.to_owned(),
    }
}

impl Session {
    pub(super) fn new(
        role: Role,
        stage: Stage,
        config: SessionConfig,
        certificate: Certificate,
        now: Instant,
    ) -> Self {
        let own = Party {
            nonce: derive(&[&config.entropy], b"", "jasmin-safety-nonce-v1"),
            fingerprint: certificate.fingerprint,
            identity_key: config.own_identity_key,
        };
        let engine = Engine::new(certificate.dtls, ice_credentials(&config), now);
        let mut congestion = Congestion::new();
        let video_target = VideoTarget {
            paused: true,
            ..congestion.video_target(now)
        };
        let audio_target: AudioTarget = congestion.audio_target();
        Self {
            role,
            own,
            engine,
            stage,
            now,
            outputs: VecDeque::new(),
            peer_fingerprint: None,
            peer_nonce: None,
            commitment: None,
            words: None,
            remote_media: None,
            early_local: Vec::new(),
            early_remote: Vec::new(),
            microphone: config.microphone,
            camera: config.camera,
            channel_open: false,
            told: None,
            congestion,
            liveness: Liveness::new(now),
            quality: QualityMeter::new(now),
            own_keyframe: KeyframeWish::default(),
            remote_keyframe: KeyframeWish::default(),
            sent_chain: false,
            received_chain: false,
            video_target,
            audio_target,
            red: true,
            wish: None,
            hushed: false,
            camera_off_since: None,
            config,
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.outputs.push_back(Output::Signal(signal));
    }

    pub(super) fn take_signal(&mut self, signal: Signal) -> Result<(), SignalError> {
        let kind = signal.kind();
        if self.stage == Stage::Ended {
            return Err(SignalError::Unexpected(kind));
        }
        match signal {
            Signal::Offer(_) => Err(SignalError::Unexpected(kind)),
            Signal::Answer { sdp, nonce } => self.take_answer(&sdp, nonce),
            Signal::Reveal { nonce } => self.take_reveal(nonce),
            Signal::Candidates(candidates) => self.take_candidates(candidates),
            Signal::RestartOffer { sdp } => self.take_restart_offer(&sdp),
            Signal::RestartAnswer { sdp } => self.take_restart_answer(&sdp),
        }
    }

    fn take_answer(&mut self, sdp: &str, nonce: [u8; 32]) -> Result<(), SignalError> {
        if self.stage != Stage::Offered {
            return Err(SignalError::Unexpected("answer"));
        }
        // There is no second answer: one that cannot be used ends the call.
        let Some(fingerprint) = self.checked(sdp) else {
            self.end(SessionEnd::Protocol);
            return Err(bad_sdp(
                "answer",
                "too large, or without one SHA-256 fingerprint",
            ));
        };
        if let Err(reason) = self.engine.accept_answer(sdp, self.now) {
            self.end(SessionEnd::Protocol);
            return Err(bad_sdp("answer", &reason));
        }
        self.stage = connecting(self.now);
        self.peer_fingerprint = Some(fingerprint);
        self.peer_nonce = Some(nonce);
        self.signal(Signal::Reveal {
            nonce: self.own.nonce,
        });
        let late = std::mem::take(&mut self.early_local);
        if !late.is_empty() {
            self.signal(Signal::Candidates(late));
        }
        let early = std::mem::take(&mut self.early_remote);
        self.engine.add_remotes(&early, self.now);
        self.say_words();
        Ok(())
    }

    fn take_reveal(&mut self, nonce: [u8; 32]) -> Result<(), SignalError> {
        let (Role::Callee, Some(commitment), Some(fingerprint), None) = (
            self.role,
            self.commitment,
            self.peer_fingerprint,
            self.peer_nonce,
        ) else {
            return Err(SignalError::Unexpected("reveal"));
        };
        // Before our own nonce is out there is nothing to reveal: somebody guesses.
        if matches!(self.stage, Stage::Invited(_)) {
            return Err(SignalError::Unexpected("reveal"));
        }
        let identity_key = self.config.peer_identity_key;
        if !(Party {
            nonce,
            fingerprint,
            identity_key,
        })
        .keeps(&commitment)
        {
            self.end(SessionEnd::Security);
            return Err(SignalError::BrokenCommitment);
        }
        self.peer_nonce = Some(nonce);
        self.say_words();
        Ok(())
    }

    fn say_words(&mut self) {
        let (Some(nonce), Some(fingerprint)) = (self.peer_nonce, self.peer_fingerprint) else {
            return;
        };
        let peer = Party {
            nonce,
            fingerprint,
            identity_key: self.config.peer_identity_key,
        };
        let (caller, callee) = match self.role {
            Role::Caller => (&self.own, &peer),
            Role::Callee => (&peer, &self.own),
        };
        let words = safety::words(caller, callee, &self.config.call_id);
        self.words = Some(words);
        self.outputs
            .push_back(Output::Event(Event::SafetyWords(words)));
    }

    fn take_candidates(&mut self, candidates: Vec<String>) -> Result<(), SignalError> {
        if self.early_remote.len() + candidates.len() > MAX_CANDIDATES
            || candidates.iter().any(|candidate| candidate.len() > 1024)
        {
            return Err(SignalError::TooLarge("candidates"));
        }
        match self.stage {
            Stage::Fresh | Stage::Ended => Err(SignalError::Unexpected("candidates")),
            Stage::Offered | Stage::Invited(_) => {
                self.early_remote.extend(candidates);
                Ok(())
            }
            Stage::Connecting { .. } | Stage::Connected => {
                self.engine.add_remotes(&candidates, self.now);
                Ok(())
            }
        }
    }

    // ---- another way in a running call

    pub(super) fn offer_restart(&mut self) {
        self.liveness.restarted(self.now);
        if let Some(sdp) = self.engine.restart_offer() {
            self.signal(Signal::RestartOffer { sdp });
        }
    }

    fn take_restart_offer(&mut self, sdp: &str) -> Result<(), SignalError> {
        // Both offered at once: the caller's stands, the callee's is rolled back.
        let crossed = self.role == Role::Caller && self.engine.has_pending_offer();
        if self.stage != Stage::Connected || crossed {
            return Err(SignalError::Unexpected("restart offer"));
        }
        self.check_same_peer("restart offer", sdp)?;
        let answer = self
            .engine
            .answer(sdp, self.now)
            .map_err(|reason| bad_sdp("restart offer", &reason))?;
        self.liveness.restarted(self.now);
        self.signal(Signal::RestartAnswer { sdp: answer });
        Ok(())
    }

    fn take_restart_answer(&mut self, sdp: &str) -> Result<(), SignalError> {
        if self.stage != Stage::Connected || !self.engine.has_pending_offer() {
            return Err(SignalError::Unexpected("restart answer"));
        }
        self.check_same_peer("restart answer", sdp)?;
        self.engine
            .accept_answer(sdp, self.now)
            .map_err(|reason| bad_sdp("restart answer", &reason))
    }

    // The certificate stays the same for the whole call.
    fn check_same_peer(&self, kind: &'static str, sdp: &str) -> Result<(), SignalError> {
        match self.checked(sdp) {
            Some(fingerprint) if Some(fingerprint) == self.peer_fingerprint => Ok(()),
            Some(_) => Err(bad_sdp(kind, "it names another certificate")),
            None => Err(bad_sdp(
                kind,
                "too large, or without one SHA-256 fingerprint",
            )),
        }
    }

    fn checked(&self, sdp: &str) -> Option<[u8; 32]> {
        if sdp.len() > MAX_SDP {
            None
        } else {
            fingerprint(sdp)
        }
    }
}

fn bad_sdp(kind: &'static str, reason: &str) -> SignalError {
    SignalError::Sdp {
        kind,
        reason: reason.to_owned(),
    }
}
