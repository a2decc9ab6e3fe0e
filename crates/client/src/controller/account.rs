//! Server, sign-up, sign-in, sign-out.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    actor::{Actor, Input, Reply, SignedIn, answer, failure},
    ledger::{keep_untold, tell_last},
};
use crate::{
    AccountView, Failure, FailureCode, LinkView,
    account::{self, Account, SignUpForm},
    api::ServerUrl,
    clock::local_ms,
    gate::Gate,
    redact::{Personal, Secret},
    sealing::Sealer,
    socket::{Socket, SocketOptions},
};

/// Where the app goes unless it is told otherwise.
const DEFAULT_SERVER: &str = "https://api.jasmin.chat";

impl Actor {
    /// The vault is open: take up what lies in it.
    pub(super) fn load(&mut self) {
        let data = self.vault.read(Clone::clone);
        self.gate = Gate::new(data.consents, local_ms());
        self.consents_of = data.consents_of;
        self.choices = data.devices;
        if let Some(processing) = data.processing {
            self.processing = processing;
            self.studio.set_processing(processing);
        }
        self.studio.set_speaker(self.choices.speaker.clone());
        let signed_in = data.account.as_ref().filter(|account| !account.revoked);
        let stored = if signed_in.is_some() {
            data.server.clone()
        } else {
            None
        };
        let server = stored
            .or_else(|| self.configured_server.clone())
            .or(data.server)
            .unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        match ServerUrl::parse(&server) {
            Ok(server) => self.server = Some(server),
            Err(failure) => {
                tracing::error!(%failure, "the configured server address is not valid");
                self.server = ServerUrl::parse(DEFAULT_SERVER).ok();
            }
        }
        self.look_at_server();
        if let Some(server) = &self.server {
            self.policies = data.policies.of(&server.to_string());
        }
        self.policies_take_effect();
        self.look_at_policies();
        if let Some(pending) = data.pending {
            self.account = AccountView::AwaitingCode {
                email: pending.email.into_revealed(),
            };
        }
        if let Some(account) = data.account {
            if account.revoked {
                self.account = AccountView::Revoked {
                    email: account.email.into_revealed(),
                };
            } else if let Some(api) = self.api().ok()
                && let Some(account) = Account::resume(api, self.vault.clone())
            {
                self.signed_in(account);
            }
        }
    }

    /// Learns the server's time, and where it shows its mail when it runs on this machine.
    fn look_at_server(&mut self) {
        let Ok(api) = self.api() else { return };
        self.background(async move { api.meta().await }, |actor, meta| match meta {
            Ok(meta) => actor.outbox_url = meta.outbox_url,
            Err(error) => tracing::info!(%error, "the server was not met"),
        });
    }

    pub(super) fn set_server(&mut self, url: &str, reply: Reply) {
        if self.signed_in.is_some() {
            let refused = failure(FailureCode::NotNow, "sign out before changing the server");
            return answer(reply, Err(refused));
        }
        let server = match ServerUrl::parse(url) {
            Ok(server) => server,
            Err(failure) => return answer(reply, Err(failure)),
        };
        let api = match crate::api::Api::new(server.clone(), self.clock.clone()) {
            Ok(api) => api,
            Err(error) => return answer(reply, Err(error.into())),
        };
        self.background(async move { api.meta().await }, |actor, meta| match meta {
            Ok(meta) => {
                actor.server = Some(server);
                actor.outbox_url = meta.outbox_url;
                actor.dirty = true;
                actor.look_at_policies();
                answer(reply, Ok(()));
            }
            Err(error) => {
                let mut failure = Failure::from(error);
                failure.field = Some("url".to_owned());
                answer(reply, Err(failure));
            }
        });
    }

    pub(super) fn sign_up(&mut self, form: SignUpForm, policy: Option<String>, reply: Reply) {
        let api = match self.api_for_sign_in() {
            Ok(api) => api,
            Err(failure) => return answer(reply, Err(failure)),
        };
        let in_force = self.policies.in_force(self.clock.now_ms());
        let accepted = in_force.filter(|set| policy.as_ref() == Some(&set.version));
        if accepted.is_none() && policy.is_some() {
            let mut refused = failure(FailureCode::Invalid, "other policies are in force now");
            refused.field = Some("policy_set".to_owned());
            return answer(reply, Err(refused));
        }
        let password = form.password.clone();
        let vault = self.vault.clone();
        self.background(
            async move { account::sign_up(&api, &vault, form, accepted).await },
            move |actor, result| match result {
                Ok(pending) => {
                    actor.sign_up_password = Some(password);
                    actor.account = AccountView::AwaitingCode {
                        email: pending.email.into_revealed(),
                    };
                    actor.look_at_server();
                    if let Some(policy) = policy {
                        actor.dirty |= actor.policies.open(&policy);
                    }
                    answer(reply, Ok(()));
                }
                Err(error) => {
                    // It may have been about policies that are not known here.
                    actor.look_at_policies();
                    answer(reply, Err(error.into()));
                }
            },
        );
    }

    pub(super) fn verify_email(&mut self, code: String, reply: Reply) {
        let (api, pending) = match (self.api(), self.vault.read(|data| data.pending.clone())) {
            (Ok(api), Some(pending)) => (api, pending),
            (Err(failure), _) => return answer(reply, Err(failure)),
            (_, None) => {
                let refused = failure(FailureCode::NotNow, "no sign-up waits for a code");
                return answer(reply, Err(refused));
            }
        };
        let vault = self.vault.clone();
        let code = Secret::from(code);
        let password = self.sign_up_password.clone();
        let work = async move {
            account::verify_email(&api, &vault, &pending, &code).await?;
            match password {
                Some(password) => account::sign_in(&api, &vault, &pending.email, &password)
                    .await
                    .map(Some),
                // The program was restarted since: the password is asked for again.
                None => Ok(None),
            }
        };
        self.background(work, |actor, result| match result {
            Ok(account) => {
                actor.sign_up_password = None;
                actor.account = AccountView::SignedOut;
                if let Some(account) = account {
                    actor.signed_in(account);
                }
                answer(reply, Ok(()));
            }
            Err(error) => answer(reply, Err(error.into())),
        });
    }

    pub(super) fn resend_code(&mut self, reply: Reply) {
        let (Ok(api), Some(pending)) = (self.api(), self.vault.read(|data| data.pending.clone()))
        else {
            let refused = failure(FailureCode::NotNow, "no sign-up waits for a code");
            return answer(reply, Err(refused));
        };
        self.background(
            async move { account::resend_code(&api, &pending).await },
            |_, result| answer(reply, result.map_err(Into::into)),
        );
    }

    pub(super) fn abandon_sign_up(&mut self, reply: Reply) {
        let vault = self.vault.clone();
        self.background(
            async move { vault.save(|data| data.pending = None).await },
            |actor, result| {
                if result.is_ok() && matches!(actor.account, AccountView::AwaitingCode { .. }) {
                    actor.account = AccountView::SignedOut;
                    actor.sign_up_password = None;
                }
                answer(reply, result.map_err(Into::into));
            },
        );
    }

    pub(super) fn sign_in(&mut self, email: String, password: String, reply: Reply) {
        let api = match self.api_for_sign_in() {
            Ok(api) => api,
            Err(failure) => return answer(reply, Err(failure)),
        };
        let vault = self.vault.clone();
        let (email, password) = (Personal::new(email), Secret::from(password));
        self.background(
            async move { account::sign_in(&api, &vault, &email, &password).await },
            |actor, result| match result {
                Ok(account) => {
                    actor.signed_in(account);
                    answer(reply, Ok(()));
                }
                Err(error) => answer(reply, Err(error.into())),
            },
        );
    }

    pub(super) fn sign_out(&mut self, reply: Reply) {
        self.stop_everything();
        // What has just ended is this person's, too.
        self.record_decisions();
        let Some(signed_in) = self.signed_in.take() else {
            let work = {
                let vault = self.vault.clone();
                async move { vault.save(|data| data.account = None).await }
            };
            return self.background(work, |actor, result| {
                actor.account = AccountView::SignedOut;
                answer(reply, result.map_err(Into::into));
            });
        };
        let untold = self.ledger.take_waiting();
        self.forget_account();
        self.dirty = true;
        signed_in.cancel.cancel();
        let vault = self.vault.clone();
        let work = async move {
            let account = signed_in.account;
            signed_in.socket.close().await;
            let untold = match signed_in.link {
                LinkView::Online => tell_last(&account, untold).await,
                LinkView::Idle
                | LinkView::Connecting
                | LinkView::Offline { .. }
                | LinkView::Refused { .. } => untold,
            };
            keep_untold(&vault, account.me().user_id, untold).await?;
            account.sign_out().await
        };
        self.background(work, |actor, result| {
            actor.account = AccountView::SignedOut;
            answer(reply, result.map_err(Into::into));
        });
    }

    /// The server ended the sign-in.
    pub(super) fn revoked(&mut self) {
        self.stop_everything();
        self.record_decisions();
        let Some(signed_in) = self.signed_in.take() else {
            return;
        };
        self.account = AccountView::Revoked {
            email: signed_in.email.clone(),
        };
        // The account stays in the vault without what has just ended.
        let (vault, me) = (self.vault.clone(), signed_in.account.me().user_id);
        let untold = self.ledger.take_waiting();
        self.background(
            async move { keep_untold(&vault, me, untold).await },
            |_, kept| {
                if let Err(error) = kept {
                    tracing::error!(%error, "decisions that the server has not heard are lost");
                }
            },
        );
        self.forget_account();
    }

    fn forget_account(&mut self) {
        self.people = Default::default();
        self.log = Default::default();
        self.pins = Default::default();
        self.chores = Default::default();
        self.disclosures = Default::default();
        self.partners = Default::default();
        self.seen_disclosures = Default::default();
        self.ledger = Default::default();
        self.ledger_state = Default::default();
    }

    fn api_for_sign_in(&self) -> Result<crate::api::Api, Failure> {
        if self.signed_in.is_some() {
            return Err(failure(
                FailureCode::NotNow,
                "somebody is signed in already",
            ));
        }
        if !self.vault.is_open() {
            return Err(failure(FailureCode::Vault, "the vault is not open"));
        }
        self.api()
    }

    /// Somebody is signed in: take up the account and connect.
    fn signed_in(&mut self, account: Account) {
        let Some(stored) = self.vault.read(|data| data.account.clone()) else {
            return;
        };
        self.people = stored.people;
        self.log = stored.log;
        self.pins = stored.pins;
        self.chores = stored.chores;
        self.seen_disclosures = stored.seen_disclosures;
        self.ledger = stored.ledger;
        let me = stored.user_id;
        if self.consents_of.is_some_and(|other| other != me) {
            // Somebody else's yes is no yes of this person.
            self.gate = Gate::default();
            self.policies_take_effect();
        }
        self.consents_of = Some(me);
        self.sign_ins += 1;
        let number = self.sign_ins;
        let cancel = CancellationToken::new();
        let (socket, mut events) = Socket::open(SocketOptions {
            server: account.api().server().clone(),
            clock: self.clock.clone(),
            tokens: Arc::new(account.clone()),
            resume_seq: stored.mailbox_seq,
            cancel: cancel.clone(),
        });
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if inputs.send(Input::Socket(number, event)).await.is_err() {
                    return;
                }
            }
        });
        let me = account.me();
        let (name, email) = (stored.name.into_revealed(), stored.email.into_revealed());
        self.account = AccountView::SignedIn {
            user_id: me.user_id,
            name,
            email: email.clone(),
        };
        self.signed_in = Some(SignedIn {
            sealer: Sealer::new(me, account.device_keys().clone()),
            account,
            email,
            socket,
            number,
            link: LinkView::Connecting,
            keys: Default::default(),
            mailbox_seq: stored.mailbox_seq,
            ack: None,
            cancel,
        });
        self.refresh_people();
        // What was decided before is this person's.
        self.dirty = true;
    }
}
