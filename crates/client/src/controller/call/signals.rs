//! What goes to the other device and comes from it, sealed, through the server.

use std::time::{Duration, Instant};

use jasmin_call::{EndReason, Incoming, Offer, Signal};
use jasmin_protocol::{
    AnswerCall, CallId, CallKind, CallState, DeviceId, ErrorCode, PlaceCall, Sealed, SignalBody,
    UserId,
};

use super::{super::actor::Actor, Ongoing};
use crate::{
    api::ApiError, command::FailureCode, controller::chores::Chore, driver::Order,
    keys::CertifiedDevice,
};

impl Actor {
    /// The session wants something said.
    pub(super) fn send_signal(&mut self, call_id: CallId, signal: Signal) {
        match signal {
            Signal::Offer(offer) => {
                let kind = self.line.current().map(|call| call.kind);
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.offer = Some(offer);
                }
                if let Some(kind) = kind {
                    self.ring_if_ready(call_id, kind);
                }
            }
            Signal::Answer { sdp, nonce } => {
                self.send_answer(
                    call_id,
                    SignalBody::Answer {
                        sdp,
                        nonce: nonce.to_vec().into(),
                    },
                );
            }
            Signal::Reveal { nonce } => {
                let body = SignalBody::Reveal {
                    nonce: nonce.to_vec().into(),
                };
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.reveal = Some(body.clone());
                }
                self.relay(call_id, body);
            }
            Signal::Candidates(candidates) => {
                self.relay(call_id, SignalBody::Candidates { candidates });
            }
            Signal::RestartOffer { sdp } => self.relay(call_id, SignalBody::RestartOffer { sdp }),
            Signal::RestartAnswer { sdp } => self.relay(call_id, SignalBody::RestartAnswer { sdp }),
        }
    }

    /// Rings the callee's devices, once the offer is there and the line wants it.
    pub(super) fn ring_if_ready(&mut self, call_id: CallId, kind: CallKind) {
        let (Some(call), Some(signed_in)) = (self.calls.get_mut(&call_id), &mut self.signed_in)
        else {
            return;
        };
        if !call.ring_wanted {
            return;
        }
        let Some(offer) = &call.offer else { return };
        let body = SignalBody::Offer {
            sdp: offer.sdp.clone(),
            commitment: offer.commitment.to_vec().into(),
        };
        let now_ms = self.clock.now_ms();
        let sealed = match signed_in
            .sealer
            .seal_for_all(call_id, &call.peer.devices, &body, now_ms)
        {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(%error, "the offer cannot be sealed");
                return self.line.fail(call_id, EndReason::Security, Instant::now());
            }
        };
        call.ring_wanted = false;
        let request = PlaceCall {
            call_id,
            to: call.peer_id,
            kind,
            sealed,
        };
        let account = signed_in.account.clone();
        self.background(
            async move { account.place_call(&request).await },
            move |actor, result| actor.rung(call_id, kind, result),
        );
    }

    fn rung(
        &mut self,
        call_id: CallId,
        kind: CallKind,
        result: Result<jasmin_protocol::Call, ApiError>,
    ) {
        let now = Instant::now();
        let error = match result {
            Ok(call) => {
                self.log.put(&call);
                self.dirty = true;
                return self.line.placed(call_id, now);
            }
            Err(error) => error,
        };
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        if error.code() == Some(ErrorCode::Conflict) && !call.rung_again {
            // The callee has other devices than a moment ago.
            call.rung_again = true;
            let peer_id = call.peer_id;
            return self.with_keys(peer_id, true, move |actor, peer| {
                let Some(call) = actor.calls.get_mut(&call_id) else {
                    return;
                };
                match peer {
                    Ok(peer) => {
                        call.peer = peer;
                        call.ring_wanted = true;
                        actor.ring_if_ready(call_id, kind);
                    }
                    Err(failure) => {
                        tracing::info!(%failure, "the callee's keys cannot be used");
                        let reason = if failure.code == FailureCode::KeyChanged {
                            EndReason::Security
                        } else {
                            EndReason::Server
                        };
                        actor.line.fail(call_id, reason, Instant::now());
                    }
                }
            });
        }
        self.request_failed(&error, "a call");
        self.line.fail(call_id, EndReason::Server, now);
    }

    /// A ring has come in.
    pub(in crate::controller) fn call_rings(
        &mut self,
        call_id: CallId,
        caller: UserId,
        caller_device: DeviceId,
        kind: CallKind,
        sealed: Sealed,
        deadline_ms: i64,
    ) {
        let known = |actor: &Self| {
            let device = |keys: &jasmin_protocol::UserKeys| {
                keys.devices
                    .iter()
                    .any(|device| device.device_id == caller_device)
            };
            actor
                .signed_in
                .as_ref()
                .and_then(|s| s.keys.get(&caller))
                .is_some_and(device)
        };
        let fresh = !known(self);
        self.with_keys(caller, fresh, move |actor, peer| {
            if actor.over.contains(&call_id) {
                return;
            }
            let refuse = |actor: &mut Self, why: &str| {
                tracing::warn!(why, "a call was refused");
                actor.tell_server(Chore::Decline {
                    call_id,
                    busy: false,
                });
            };
            let peer = match peer {
                Ok(peer) => peer,
                Err(failure) => return refuse(actor, &failure.detail),
            };
            let Some(device) = device(&peer.devices, caller_device) else {
                return refuse(actor, "the calling device has no valid certificate");
            };
            let offer = match actor.open(call_id, &device, &sealed) {
                Ok(SignalBody::Offer { sdp, commitment }) => {
                    let Ok(commitment) = commitment.as_ref().try_into() else {
                        return refuse(actor, "the commitment has a wrong length");
                    };
                    Offer { sdp, commitment }
                }
                Ok(_) => return refuse(actor, "the ring holds no offer"),
                Err(error) => return refuse(actor, &error.to_string()),
            };
            let mut call = Ongoing::new(caller, peer);
            call.to = Some(device);
            call.offer = Some(offer);
            actor.calls.insert(call_id, call);
            let left_ms = deadline_ms.saturating_sub(actor.clock.now_ms());
            let rings_for = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
            let incoming = Incoming {
                call_id,
                peer: caller,
                kind,
                rings_for,
            };
            actor.line.incoming(incoming, Instant::now());
        });
    }

    /// A device of the callee has answered.
    pub(in crate::controller) fn call_answered(
        &mut self,
        call_id: CallId,
        by: DeviceId,
        sealed: Sealed,
    ) {
        let Some(call) = self.calls.get(&call_id) else {
            return;
        };
        let now = Instant::now();
        let Some(device) = device(&call.peer.devices, by) else {
            tracing::warn!("an unknown device answered");
            return self.line.fail(call_id, EndReason::Security, now);
        };
        let answer = match self.open(call_id, &device, &sealed) {
            Ok(SignalBody::Answer { sdp, nonce }) => match nonce.as_ref().try_into() {
                Ok(nonce) => Signal::Answer { sdp, nonce },
                Err(_) => return self.line.fail(call_id, EndReason::Security, now),
            },
            Ok(_) => return self.line.fail(call_id, EndReason::Version, now),
            Err(error) => {
                tracing::warn!(%error, "the answer was refused");
                return self.line.fail(call_id, EndReason::Security, now);
            }
        };
        self.line.answered(call_id, now);
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        call.to = Some(device);
        call.order(Order::Signal(answer));
        for body in std::mem::take(&mut call.held) {
            self.relay(call_id, body);
        }
    }

    /// A message from the other device.
    pub(in crate::controller) fn relayed(
        &mut self,
        call_id: CallId,
        from: DeviceId,
        sealed: Sealed,
    ) {
        let Some(call) = self.calls.get(&call_id) else {
            return;
        };
        let Some(device) = call.to.clone().filter(|device| device.device_id() == from) else {
            return;
        };
        let signal = match self.open(call_id, &device, &sealed) {
            Ok(SignalBody::Reveal { nonce }) => match nonce.as_ref().try_into() {
                Ok(nonce) => Signal::Reveal { nonce },
                Err(_) => return,
            },
            Ok(SignalBody::Candidates { candidates }) => Signal::Candidates(candidates),
            Ok(SignalBody::RestartOffer { sdp }) => Signal::RestartOffer { sdp },
            Ok(SignalBody::RestartAnswer { sdp }) => Signal::RestartAnswer { sdp },
            Ok(SignalBody::Offer { .. } | SignalBody::Answer { .. }) => return,
            Err(error) => {
                tracing::warn!(%error, "a relayed message was refused");
                return;
            }
        };
        if let Some(call) = self.calls.get(&call_id) {
            call.order(Order::Signal(signal));
        }
    }

    fn send_answer(&mut self, call_id: CallId, body: SignalBody) {
        let Some(sealed) = self.seal(call_id, body) else {
            return self.line.fail(call_id, EndReason::Security, Instant::now());
        };
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let account = signed_in.account.clone();
        let request = AnswerCall { sealed };
        self.background(
            async move { account.answer_call(call_id, &request).await },
            move |actor, result| match result {
                Ok(call) => {
                    actor.log.put(&call);
                    actor.dirty = true;
                }
                Err(error) if error.code() == Some(ErrorCode::Gone) => actor.too_late(call_id),
                Err(error) => {
                    actor.request_failed(&error, "an answer");
                    actor.line.fail(call_id, EndReason::Server, Instant::now());
                }
            },
        );
    }

    /// The call was answered elsewhere, or is over: the server's book says which.
    fn too_late(&mut self, call_id: CallId) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let account = signed_in.account.clone();
        let since_ms = self.log.since_ms();
        self.background(
            async move { account.calls(since_ms).await },
            move |actor, calls| {
                let now = Instant::now();
                let Ok(calls) = calls else {
                    return actor.line.fail(call_id, EndReason::Server, now);
                };
                let state = calls
                    .calls
                    .iter()
                    .find(|call| call.call_id == call_id)
                    .map(|c| c.state);
                actor.log.merge(calls);
                actor.dirty = true;
                match state {
                    Some(CallState::Answered) => {
                        actor
                            .line
                            .taken_elsewhere(call_id, CallState::Answered, now);
                    }
                    Some(state) => actor.line.over(call_id, state, now),
                    None => actor.line.fail(call_id, EndReason::Server, now),
                }
            },
        );
    }

    fn relay(&mut self, call_id: CallId, body: SignalBody) {
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        let Some(to) = call.to.as_ref().map(CertifiedDevice::device_id) else {
            call.held.push(body);
            return;
        };
        let Some(sealed) = self.seal(call_id, body) else {
            return;
        };
        if let Some(signed_in) = &self.signed_in
            && !signed_in.socket.relay(call_id, to, sealed)
        {
            tracing::info!("a message to the other device could not be relayed now");
        }
    }

    /// Connected again: what may have been lost is said once more. Twice does no harm.
    pub(in crate::controller) fn repeat_reveals(&mut self) {
        let reveals: Vec<(CallId, SignalBody)> = self
            .calls
            .iter()
            .filter_map(|(call_id, call)| Some((*call_id, call.reveal.clone()?)))
            .collect();
        for (call_id, reveal) in reveals {
            self.relay(call_id, reveal);
        }
    }

    /// Connected again: calls look once more for a way, where the first time may not have been heard.
    pub(in crate::controller) fn restart_moved(&mut self) {
        for call in self.calls.values_mut() {
            if std::mem::take(&mut call.moved) {
                call.order(Order::RestartIce);
            }
        }
    }

    fn seal(&mut self, call_id: CallId, body: SignalBody) -> Option<Sealed> {
        let to = self.calls.get(&call_id)?.to.as_ref()?;
        let now_ms = self.clock.now_ms();
        let sealed = self
            .signed_in
            .as_mut()?
            .sealer
            .seal(call_id, to, body, now_ms);
        sealed
            .inspect_err(|error| tracing::error!(%error, "a message cannot be sealed"))
            .ok()
    }

    fn open(
        &mut self,
        call_id: CallId,
        from: &CertifiedDevice,
        sealed: &Sealed,
    ) -> Result<SignalBody, crate::sealing::OpenError> {
        let now_ms = self.clock.now_ms();
        match &mut self.signed_in {
            Some(signed_in) => signed_in.sealer.open(call_id, from, sealed, now_ms),
            None => Err(crate::sealing::OpenError::NotForThisDevice),
        }
    }
}

fn device(devices: &[CertifiedDevice], id: DeviceId) -> Option<CertifiedDevice> {
    devices
        .iter()
        .find(|device| device.device_id() == id)
        .cloned()
}
