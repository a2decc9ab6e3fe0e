//! Calls: what a person wants of them, what the line decides, and the sessions.

mod signals;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jasmin_call::{
    Effect, EndReason, Offer, Path, Quality, Role, SafetyWord, Session, SessionConfig, State,
};
use jasmin_protocol::{CallId, CallKind, SignalBody, UserId};
use uuid::Uuid;

use super::{
    actor::{Actor, Input, Reply, answer, failure},
    chores::Chore,
    people::Peer,
    prompts::Wanted,
};
use crate::{
    Failure, FailureCode, PromptContext, WordsVerdict,
    driver::{Driver, Order, Update},
    gate::Scope,
    keys::CertifiedDevice,
    net::Bound,
    remote::RemotePicture,
};

/// What is known of a call beside what the line knows.
pub(super) struct Ongoing {
    pub(super) peer_id: UserId,
    pub(super) peer: Peer,
    /// The device that is talked to, once it is known.
    to: Option<CertifiedDevice>,
    driver: Option<Driver>,
    /// Ours, until the server rings; theirs, until it is answered.
    offer: Option<Offer>,
    ring_wanted: bool,
    /// The callee's devices changed while it was rung; tried once more with the new ones.
    rung_again: bool,
    /// For the other device, before that is known.
    held: Vec<SignalBody>,
    reveal: Option<SignalBody>,
    sent_media: Option<(bool, bool)>,
    pub(super) microphone: bool,
    pub(super) camera: bool,
    pub(super) words: Vec<SafetyWord>,
    pub(super) verdict: WordsVerdict,
    pub(super) quality: Option<Quality>,
    pub(super) path: Option<Path>,
    /// This computer's addresses changed, and the other side may not know.
    moved: bool,
    pub(super) pictures: Arc<RemotePicture>,
}

impl Ongoing {
    fn new(peer_id: UserId, peer: Peer) -> Self {
        Self {
            peer_id,
            peer,
            to: None,
            driver: None,
            offer: None,
            ring_wanted: false,
            rung_again: false,
            held: Vec::new(),
            reveal: None,
            sent_media: None,
            microphone: false,
            camera: false,
            words: Vec::new(),
            verdict: WordsVerdict::Open,
            quality: None,
            path: None,
            moved: false,
            pictures: Arc::default(),
        }
    }

    fn order(&self, order: Order) {
        if let Some(driver) = &self.driver {
            driver.order(order);
        }
    }
}

impl Actor {
    pub(super) fn place_call(&mut self, user_id: UserId, kind: CallKind, reply: Reply) {
        if self.wanted.is_some()
            || self
                .line
                .current()
                .is_some_and(|call| !is_over(&call.state))
        {
            return self.refuse_second_call(reply);
        }
        if !self.people.is_contact(user_id) {
            let refused = failure(
                FailureCode::NotAContact,
                "only accepted contacts can be called",
            );
            return answer(reply, Err(refused));
        }
        self.with_keys(user_id, true, move |actor, peer| {
            let peer = match peer {
                Ok(peer) if peer.devices.is_empty() => {
                    let refused = failure(
                        FailureCode::NoDevice,
                        "this person has no device that can be called",
                    );
                    return answer(reply, Err(refused));
                }
                Ok(peer) => peer,
                Err(failure) => return answer(reply, Err(failure)),
            };
            let call_id = CallId(Uuid::now_v7());
            answer(reply, actor.stop_check());
            actor.ask_then_place(Wanted {
                call_id,
                peer_id: user_id,
                kind,
                peer,
            });
        });
    }

    pub(super) fn place(&mut self, wanted: Wanted) {
        let Wanted {
            call_id,
            peer_id,
            kind,
            peer,
        } = wanted;
        self.calls.insert(call_id, Ongoing::new(peer_id, peer));
        if let Err(error) = self.line.place(call_id, peer_id, kind, Instant::now()) {
            tracing::info!(%error, "a call could not be placed");
            self.calls.remove(&call_id);
        }
    }

    pub(super) fn call_now(&mut self) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        self.line.ring_now(call_id, Instant::now());
        Ok(())
    }

    pub(super) fn accept(&mut self, kind: CallKind) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        self.line.answer(call_id, kind, Instant::now());
        Ok(())
    }

    pub(super) fn accept_waiting(&mut self, kind: CallKind) -> Result<(), Failure> {
        let call_id = self.waiting_call()?;
        self.line.answer(call_id, kind, Instant::now());
        Ok(())
    }

    pub(super) fn decline(&mut self) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        self.line.decline(call_id, Instant::now());
        Ok(())
    }

    pub(super) fn decline_waiting(&mut self) -> Result<(), Failure> {
        let call_id = self.waiting_call()?;
        self.line.decline(call_id, Instant::now());
        Ok(())
    }

    pub(super) fn silence_ring(&mut self) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        self.line.silence(call_id);
        Ok(())
    }

    pub(super) fn hang_up(&mut self) -> Result<(), Failure> {
        if self.abandon_wanted() {
            return Ok(());
        }
        let call_id = self.current_call()?;
        self.line.hang_up(call_id, Instant::now());
        Ok(())
    }

    pub(super) fn dismiss_ended(&mut self) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        self.line.dismiss(call_id, Instant::now());
        Ok(())
    }

    pub(super) fn safety_words(&mut self, matched: bool) -> Result<(), Failure> {
        let call_id = self.current_call()?;
        let Some(call) = self
            .calls
            .get_mut(&call_id)
            .filter(|call| !call.words.is_empty())
        else {
            return Err(failure(
                FailureCode::NotNow,
                "there are no safety words yet",
            ));
        };
        call.verdict = if matched {
            WordsVerdict::Matched
        } else {
            WordsVerdict::Differ
        };
        self.pins
            .set_verified(call.peer_id, call.peer.identity, matched);
        self.dirty = true;
        Ok(())
    }

    fn current_call(&self) -> Result<CallId, Failure> {
        let call = self.line.current().map(|call| call.call_id);
        call.ok_or_else(|| failure(FailureCode::NotNow, "there is no call"))
    }

    fn waiting_call(&self) -> Result<CallId, Failure> {
        let call = self.line.waiting().map(|call| call.call_id);
        call.ok_or_else(|| failure(FailureCode::NotNow, "no second call waits"))
    }

    /// Does what the line wants.
    pub(super) fn carry_out(&mut self) {
        while let Some(effect) = self.line.poll() {
            tracing::debug!(?effect, "the line wants");
            match effect {
                Effect::StartSession {
                    call_id,
                    kind,
                    role,
                    ..
                } => {
                    self.start_session(call_id, kind, role);
                }
                Effect::EndSession { call_id } => self.end_session(call_id),
                Effect::RingServer { call_id, kind, .. } => {
                    if let Some(call) = self.calls.get_mut(&call_id) {
                        call.ring_wanted = true;
                    }
                    self.ring_if_ready(call_id, kind);
                }
                Effect::AnswerServer { call_id } => {
                    if let Some(call) = self.calls.get(&call_id) {
                        call.order(Order::Accept);
                    }
                }
                Effect::DeclineServer { call_id, busy } => {
                    self.tell_server(Chore::Decline { call_id, busy });
                }
                Effect::CancelServer { call_id } => self.tell_server(Chore::Cancel { call_id }),
                Effect::HangUpServer { call_id } => self.tell_server(Chore::HangUp { call_id }),
                Effect::StartRing { .. } => self.start_ring(),
                Effect::StopRing { .. } => self.stop_ring(),
                // The log comes from the server's book, which has the call as missed.
                Effect::LogMissed { .. } => self.refresh_log(),
            }
        }
        let (current, waiting) = (self.line.current(), self.line.waiting());
        let shown = [current, waiting].map(|call| call.map(|call| call.call_id));
        self.calls
            .retain(|call_id, call| call.driver.is_some() || shown.contains(&Some(*call_id)));
    }

    fn start_session(&mut self, call_id: CallId, kind: CallKind, role: Role) {
        if let Err(reason) = self.try_start_session(call_id, kind, role) {
            self.line.fail(call_id, reason, Instant::now());
        }
    }

    fn try_start_session(
        &mut self,
        call_id: CallId,
        kind: CallKind,
        role: Role,
    ) -> Result<(), EndReason> {
        let now = Instant::now();
        let own_identity_key = self
            .signed_in
            .as_ref()
            .map(|signed_in| *signed_in.account.identity().public().as_bytes());
        let call = self.calls.get_mut(&call_id).ok_or(EndReason::Server)?;
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).map_err(|error| {
            tracing::error!(%error, "the system gives no random bytes");
            EndReason::Security
        })?;
        let config = SessionConfig {
            call_id: *call_id.0.as_bytes(),
            own_identity_key: own_identity_key.ok_or(EndReason::Server)?,
            peer_identity_key: *call.peer.identity.as_bytes(),
            entropy,
            unix_time: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO),
            microphone: false,
            camera: false,
        };
        let mut session = match role {
            Role::Caller => Session::caller(config, now).map_err(|error| {
                tracing::error!(%error, "no session can be made");
                EndReason::Security
            })?,
            Role::Callee => {
                let offer = call.offer.take().ok_or(EndReason::Version)?;
                Session::callee(config, offer, now).map_err(|error| {
                    tracing::warn!(%error, "the offer cannot be answered");
                    EndReason::Version
                })?
            }
        };
        let net = Bound::open().map_err(|error| {
            tracing::warn!(%error, "there is no network");
            EndReason::Network
        })?;
        for address in net.addresses() {
            if let Err(error) = session.add_local_candidate(address, now) {
                tracing::warn!(%error, "an address is left out");
            }
        }
        let pictures = Arc::clone(&call.pictures);
        let peer_id = call.peer_id;
        self.check = None;
        let (plane, sender, receiver) =
            self.studio.join(Arc::clone(&pictures)).map_err(|error| {
                tracing::error!(%error, "sound cannot be set up");
                EndReason::MediaPermission
            })?;
        let inputs = self.inputs.clone();
        let driver = Driver::start(
            call_id,
            session,
            net,
            plane,
            receiver,
            move |call_id, update| {
                if inputs.try_send(Input::Session(call_id, update)).is_err() {
                    tracing::error!("a session's word was lost");
                }
            },
        )
        .map_err(|error| {
            tracing::error!(%error, "the call cannot be driven");
            EndReason::Network
        })?;
        if role == Role::Caller {
            driver.order(Order::Offer);
        }
        if let Some(call) = self.calls.get_mut(&call_id) {
            call.driver = Some(driver);
        }
        self.screens.show_remote(Some((pictures, sender)));
        let context = PromptContext::Call {
            name: self.people.name(peer_id).to_owned(),
        };
        self.use_devices(
            Scope::Call(call_id),
            &context,
            true,
            kind == CallKind::Video,
            false,
        );
        self.tell_media();
        Ok(())
    }

    fn end_session(&mut self, call_id: CallId) {
        if let Some(call) = self.calls.get(&call_id) {
            call.order(Order::HangUp);
        }
        self.screens.show_remote(None);
        self.release_devices(Scope::Call(call_id));
    }

    /// Tells the other side which of my devices are on.
    pub(super) fn tell_media(&mut self) {
        let Some(Scope::Call(call_id)) = self.own.scope else {
            return;
        };
        let media = (self.own.sends_sound(), self.own.sends_picture());
        if let Some(call) = self.calls.get_mut(&call_id)
            && call.sent_media != Some(media)
        {
            call.sent_media = Some(media);
            call.order(Order::LocalMedia {
                microphone: media.0,
                camera: media.1,
            });
        }
    }

    pub(super) fn session_says(&mut self, call_id: CallId, update: Update) {
        let now = Instant::now();
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        match update {
            Update::Signal(signal) => self.send_signal(call_id, signal),
            Update::Connected => self.line.connected(call_id, now),
            Update::RemoteMedia { microphone, camera } => {
                (call.microphone, call.camera) = (microphone, camera);
            }
            Update::SafetyWords(words) => {
                call.words = words.into();
                let known =
                    self.pins.is_verified(call.peer_id) && !self.pins.is_changed(call.peer_id);
                call.verdict = if known {
                    WordsVerdict::Matched
                } else {
                    WordsVerdict::Open
                };
            }
            Update::Quality(quality) => {
                call.path = quality.path.or(call.path);
                call.quality = Some(quality);
            }
            Update::Reconnecting { gives_up_at } => {
                self.line.reconnecting(call_id, gives_up_at, now);
            }
            Update::Recovered => self.line.recovered(call_id, now),
            Update::PathChanged(path) => call.path = Some(path),
            Update::AddressesChanged => {
                call.moved = true;
                // The way to the server is as old as the call's was.
                if let Some(signed_in) = &self.signed_in {
                    signed_in.socket.wake();
                }
            }
            Update::CannotAnswer(error) => {
                tracing::warn!(%error, "the offer cannot be answered");
                self.line.fail(call_id, EndReason::Version, now);
            }
            Update::Ended(end) => {
                call.driver = None;
                self.line.session_ended(call_id, end, now);
            }
        }
    }

    /// Before sign-out and quitting: whatever runs ends.
    pub(super) fn stop_everything(&mut self) {
        self.abandon_wanted();
        let now = Instant::now();
        let calls = [self.line.waiting(), self.line.current()].map(|call| call.map(|c| c.call_id));
        for call_id in calls.into_iter().flatten() {
            self.line.fail(call_id, EndReason::Quit, now);
        }
        self.check = None;
        self.carry_out();
        if self.own.scope == Some(Scope::Check) {
            self.release_devices(Scope::Check);
        }
    }

    /// Sessions have said goodbye.
    pub(super) fn is_quiet(&self) -> bool {
        self.calls.values().all(|call| call.driver.is_none())
    }
}

fn is_over(state: &State) -> bool {
    matches!(state, State::Ended { .. })
}
