//! Contacts, requests, keys of other people.

use jasmin_protocol::{UserId, UserKeys};

use super::actor::{Actor, Reply, answer, failure};
use crate::{
    Failure, FailureCode,
    api::ApiError,
    keys::{CertifiedDevice, PublicIdentity, Seen, certified_devices},
};

/// Whom a call is made with: the identity that vouches for the devices, and those.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) identity: PublicIdentity,
    pub(super) devices: Vec<CertifiedDevice>,
}

impl Actor {
    pub(super) fn refresh_people(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        self.background(
            async move { account.contacts().await },
            move |actor, contacts| match contacts {
                Ok(contacts) if actor.is_sign_in(number) => {
                    actor.people.replace(contacts);
                    actor.dirty = true;
                }
                Ok(_) => {}
                Err(error) => actor.request_failed(&error, "the list of people"),
            },
        );
    }

    pub(super) fn refresh_log(&mut self) {
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let (account, number) = (signed_in.account.clone(), signed_in.number);
        let since_ms = self.log.since_ms();
        self.background(
            async move { account.calls(since_ms).await },
            move |actor, calls| match calls {
                Ok(calls) if actor.is_sign_in(number) => {
                    actor.log.merge(calls);
                    actor.dirty = true;
                }
                Ok(_) => {}
                Err(error) => actor.request_failed(&error, "the call log"),
            },
        );
    }

    pub(super) fn is_sign_in(&self, number: u64) -> bool {
        self.signed_in
            .as_ref()
            .is_some_and(|signed_in| signed_in.number == number)
    }

    pub(super) fn request_failed(&mut self, error: &ApiError, what: &str) {
        tracing::info!(%error, what, "the server could not be asked");
        if matches!(error, ApiError::Revoked) {
            self.revoked();
        }
    }

    pub(super) fn add_person(&mut self, email: String, reply: Reply) {
        let Some(signed_in) = &self.signed_in else {
            return answer(reply, Err(signed_out()));
        };
        let account = signed_in.account.clone();
        let asked = email.trim().to_owned();
        self.background(
            async move { account.request_contact(email.trim()).await },
            move |actor, result| {
                if result.is_ok() {
                    let now_ms = actor.clock.now_ms();
                    actor.people.ask(&asked, now_ms);
                    actor.dirty = true;
                }
                answer(reply, result.map_err(Into::into));
            },
        );
    }

    pub(super) fn accept_person(&mut self, user_id: UserId, reply: Reply) {
        let Some(signed_in) = &self.signed_in else {
            return answer(reply, Err(signed_out()));
        };
        let account = signed_in.account.clone();
        self.background(
            async move { account.accept_contact(user_id).await },
            move |actor, result| match result {
                Ok(()) => {
                    actor.people.accept(user_id);
                    actor.dirty = true;
                    answer(reply, Ok(()));
                }
                Err(error) => answer(reply, Err(error.into())),
            },
        );
    }

    pub(super) fn remove_person(&mut self, user_id: UserId, reply: Reply) {
        let Some(signed_in) = &self.signed_in else {
            return answer(reply, Err(signed_out()));
        };
        let account = signed_in.account.clone();
        self.background(
            async move { account.remove_contact(user_id).await },
            move |actor, result| {
                if result.is_ok() {
                    actor.people.remove(user_id);
                    actor.pins.forget(user_id);
                    actor.dirty = true;
                }
                answer(reply, result.map_err(Into::into));
            },
        );
    }

    pub(super) fn accept_new_key(&mut self, user_id: UserId) -> Result<(), Failure> {
        let now_ms = self.clock.now_ms();
        self.pins.accept_change(user_id, now_ms);
        self.dirty = true;
        Ok(())
    }

    /// Gets somebody's keys, from the server when `fresh` or when they are not known yet, and goes
    /// on with them.
    pub(super) fn with_keys(
        &mut self,
        user_id: UserId,
        fresh: bool,
        then: impl FnOnce(&mut Actor, Result<Peer, Failure>) + Send + 'static,
    ) {
        let Some(signed_in) = &self.signed_in else {
            return then(self, Err(signed_out()));
        };
        if !fresh && let Some(keys) = signed_in.keys.get(&user_id).cloned() {
            let peer = self.peer(keys);
            return then(self, peer);
        }
        let account = signed_in.account.clone();
        self.background(
            async move { account.user_keys(user_id).await },
            move |actor, keys| {
                let peer = match keys {
                    Ok(keys) if keys.user_id == user_id => actor.peer(keys),
                    Ok(_) => Err(failure(
                        FailureCode::Server,
                        "the server answered for somebody else",
                    )),
                    Err(error) => Err(error.into()),
                };
                then(actor, peer);
            },
        );
    }

    /// Checks keys against what is pinned, and remembers both.
    fn peer(&mut self, keys: UserKeys) -> Result<Peer, Failure> {
        let identity = PublicIdentity::try_from(&keys.identity_key).map_err(|_| {
            failure(
                FailureCode::Server,
                "the server has no valid key for this person",
            )
        })?;
        let now_ms = self.clock.now_ms();
        match self.pins.see(keys.user_id, identity, now_ms) {
            Seen::Same => {}
            Seen::First | Seen::Changed => self.dirty = true,
        }
        self.pins
            .key_for_call(keys.user_id)
            .map_err(|changed| failure(FailureCode::KeyChanged, &changed.to_string()))?;
        let devices = certified_devices(&identity, &keys);
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.keys.insert(keys.user_id, keys);
        }
        Ok(Peer { identity, devices })
    }
}

pub(super) fn signed_out() -> Failure {
    failure(FailureCode::NotNow, "nobody is signed in")
}
