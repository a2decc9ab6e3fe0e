//! Accounts: sign-up, sign-in, and what a signed-in person can ask the server.
//!
//! The password never leaves this machine (OPAQUE, RFC 9807). The export key of that protocol wraps
//! the identity's seed, so that the server keeps it without being able to read it.

mod error;
mod form;
mod opaque;
mod sign_in;
mod sign_up;
mod wrap;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jasmin_protocol::{
    Address, AnswerCall, Base64, Call, CallId, Calls, Consents, Contacts, DeclineCall,
    DeviceCertificate, Disclosures, ErrorCode, Me, Partners, PlaceCall, PublishDevice, Refresh,
    RequestContact, RootProof, SessionId, Shares, SignedRecord, TellConsents, UserId, UserKeys,
};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex as TurnMutex;

use crate::{
    api::{Api, ApiError, Ask, Repeat},
    keys::{DeviceKeys, IdentityKey},
    redact::Secret,
    socket::TokenSource,
    vault::{StoredAccount, StoredTokens, Vault, VaultData, VaultError},
};

pub use error::AccountError;
pub use form::SignUpForm;
pub use sign_in::sign_in;
pub use sign_up::{resend_code, sign_up, verify_email};

/// A token is refreshed this long before it is over.
const SPARE_MS: i64 = 30_000;

/// A signed-in account: the API with its access token, refreshed when it runs out. Copies are the
/// same sign-in. New tokens are in the vault before they are used.
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

struct Inner {
    api: Api,
    vault: Vault,
    me: Address,
    session: SessionId,
    identity: IdentityKey,
    keys: DeviceKeys,
    /// Held during a refresh: the refresh token is good for one.
    tokens: TurnMutex<StoredTokens>,
    revoked: AtomicBool,
}

impl Account {
    /// The account in the vault, if somebody is signed in and the server has not ended it. Nothing is
    /// sent.
    pub fn resume(api: Api, vault: Vault) -> Option<Self> {
        let inner = vault.read(|data| {
            let stored = data.account.as_ref().filter(|stored| !stored.revoked)?;
            Some(Inner {
                api,
                vault: vault.clone(),
                me: stored.address(),
                session: stored.session_id,
                identity: IdentityKey::from_seed(&stored.identity),
                keys: DeviceKeys::from_seeds(&stored.device),
                tokens: TurnMutex::new(stored.tokens.clone()),
                revoked: AtomicBool::new(false),
            })
        })?;
        Some(Self {
            inner: Arc::new(inner),
        })
    }

    /// This device of this person.
    pub fn me(&self) -> Address {
        self.inner.me
    }

    /// Its private keys, for the [`Sealer`](crate::sealing::Sealer).
    pub fn device_keys(&self) -> &DeviceKeys {
        &self.inner.keys
    }

    /// The account's identity, for the safety words.
    pub fn identity(&self) -> &IdentityKey {
        &self.inner.identity
    }

    /// The API that needs no account.
    pub fn api(&self) -> &Api {
        &self.inner.api
    }

    /// The server ended this sign-in; only a new one helps.
    pub fn is_revoked(&self) -> bool {
        self.inner.revoked.load(Ordering::Relaxed)
    }

    /// Makes sure that the server has this device's certificate, so that it can be called. Does
    /// nothing when it has. To be called after each connection until it works.
    ///
    /// # Errors
    /// As every request.
    pub async fn publish(&self) -> Result<(), AccountError> {
        let inner = &self.inner;
        if inner
            .vault
            .read(|data| data.account.as_ref().is_some_and(|stored| stored.published))
        {
            return Ok(());
        }
        let now_ms = inner.api.clock().now_ms();
        let certificate = inner.identity.certify(inner.me, &inner.keys, now_ms);
        self.tell(Ask::put(
            "/v1/devices/self/keys",
            &PublishDevice { certificate },
        )?)
        .await?;
        self.keep(|stored| stored.published = true).await?;
        Ok(())
    }

    /// Tells the server (as far as it can be reached) and erases the account from the vault.
    ///
    /// # Errors
    /// The vault cannot be written.
    pub async fn sign_out(&self) -> Result<(), AccountError> {
        let told = self
            .tell(Ask::post_empty("/v1/auth/logout", Repeat::Freely))
            .await;
        if let Err(error) = told {
            tracing::warn!(%error, "the server was not told of the sign-out");
        }
        self.inner.revoked.store(true, Ordering::Relaxed);
        let session = self.inner.session;
        let erase =
            |data: &mut VaultData| data.account.take_if(|stored| stored.session_id == session);
        self.inner.vault.save(erase).await?;
        Ok(())
    }

    /// `GET /v1/me`.
    ///
    /// # Errors
    /// As every request: [`ApiError`], with [`ApiError::Revoked`] once the sign-in is over.
    pub async fn profile(&self) -> Result<Me, ApiError> {
        self.ask(Ask::get("/v1/me")).await
    }

    /// `GET /v1/users/{user_id}/keys`.
    ///
    /// # Errors
    /// `not-a-contact`, and as every request.
    pub async fn user_keys(&self, user_id: UserId) -> Result<UserKeys, ApiError> {
        self.ask(Ask::get(&format!("/v1/users/{user_id}/keys")))
            .await
    }

    /// `GET /v1/contacts`.
    ///
    /// # Errors
    /// As every request.
    pub async fn contacts(&self) -> Result<Contacts, ApiError> {
        self.ask(Ask::get("/v1/contacts")).await
    }

    /// `POST /v1/contacts`: asks somebody for contact. Says nothing about whether they exist.
    ///
    /// # Errors
    /// `invalid-body`, `rate-limited`, and as every request.
    pub async fn request_contact(&self, email: &str) -> Result<(), ApiError> {
        let body = RequestContact {
            email: email.to_owned(),
        };
        self.tell(Ask::post("/v1/contacts", &body, Repeat::Freely)?)
            .await
    }

    /// `POST /v1/contacts/{user_id}/accept`.
    ///
    /// # Errors
    /// `not-found` when nobody asks, and as every request.
    pub async fn accept_contact(&self, user_id: UserId) -> Result<(), ApiError> {
        self.tell(Ask::post_empty(
            &format!("/v1/contacts/{user_id}/accept"),
            Repeat::Freely,
        ))
        .await
    }

    /// `DELETE /v1/contacts/{user_id}`: ends a contact or says no to a request.
    ///
    /// # Errors
    /// As every request.
    pub async fn remove_contact(&self, user_id: UserId) -> Result<(), ApiError> {
        self.tell(Ask::delete(&format!("/v1/contacts/{user_id}")))
            .await
    }

    /// `POST /v1/calls`.
    ///
    /// # Errors
    /// `not-a-contact`, `conflict` when the callee's devices changed, and as every request.
    pub async fn place_call(&self, body: &PlaceCall) -> Result<Call, ApiError> {
        self.ask(Ask::post("/v1/calls", body, Repeat::Freely)?)
            .await
    }

    /// `POST /v1/calls/{id}/answer`.
    ///
    /// # Errors
    /// `gone` when it was answered elsewhere or is over, and as every request.
    pub async fn answer_call(&self, call_id: CallId, body: &AnswerCall) -> Result<Call, ApiError> {
        self.ask(Ask::post(
            &format!("/v1/calls/{call_id}/answer"),
            body,
            Repeat::Freely,
        )?)
        .await
    }

    /// `POST /v1/calls/{id}/decline`.
    ///
    /// # Errors
    /// `gone` when it is over, and as every request.
    pub async fn decline_call(&self, call_id: CallId, busy: bool) -> Result<Call, ApiError> {
        let body = DeclineCall { busy };
        self.ask(Ask::post(
            &format!("/v1/calls/{call_id}/decline"),
            &body,
            Repeat::Freely,
        )?)
        .await
    }

    /// `POST /v1/calls/{id}/cancel`.
    ///
    /// # Errors
    /// `gone` when it is over, and as every request.
    pub async fn cancel_call(&self, call_id: CallId) -> Result<Call, ApiError> {
        self.ask(Ask::post_empty(
            &format!("/v1/calls/{call_id}/cancel"),
            Repeat::Freely,
        ))
        .await
    }

    /// `POST /v1/calls/{id}/hangup`.
    ///
    /// # Errors
    /// `gone` when it is over, and as every request.
    pub async fn hang_up_call(&self, call_id: CallId) -> Result<Call, ApiError> {
        self.ask(Ask::post_empty(
            &format!("/v1/calls/{call_id}/hangup"),
            Repeat::Freely,
        ))
        .await
    }

    /// `GET /v1/calls?since=`: the call log.
    ///
    /// # Errors
    /// As every request.
    pub async fn calls(&self, since_ms: i64) -> Result<Calls, ApiError> {
        self.ask(Ask::get(&format!("/v1/calls?since={since_ms}")))
            .await
    }

    /// `GET /v1/consents?after=`: the own ledger, a page at a time.
    ///
    /// # Errors
    /// As every request.
    pub async fn consents(&self, after: u64) -> Result<Consents, ApiError> {
        self.ask(Ask::get(&format!("/v1/consents?after={after}")))
            .await
    }

    /// `GET /v1/transparency/proof?day=`: that the own ledger is in a day's tree; `None` where the
    /// server knows no such day.
    ///
    /// # Errors
    /// As every request.
    pub async fn root_proof(&self, day: &str) -> Result<Option<RootProof>, ApiError> {
        let asked = Ask::get(&format!("/v1/transparency/proof?day={day}"));
        match self.ask(asked).await {
            Ok(proof) => Ok(Some(proof)),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET /v1/disclosures`: what was given about me under the law.
    ///
    /// # Errors
    /// As every request.
    pub async fn disclosures(&self) -> Result<Disclosures, ApiError> {
        self.ask(Ask::get("/v1/disclosures")).await
    }

    /// `GET /v1/partners`: whom something can be shared with.
    ///
    /// # Errors
    /// As every request.
    pub async fn partners(&self) -> Result<Partners, ApiError> {
        self.ask(Ask::get("/v1/partners")).await
    }

    /// `GET /v1/me/shares`: what went to partners about me.
    ///
    /// # Errors
    /// As every request.
    pub async fn shares(&self) -> Result<Shares, ApiError> {
        self.ask(Ask::get("/v1/me/shares")).await
    }

    /// `POST /v1/consents`: tells what was decided on this device.
    ///
    /// # Errors
    /// `conflict` when the records do not follow the device's last one, and as every request.
    pub async fn tell_consents(&self, records: Vec<SignedRecord>) -> Result<Consents, ApiError> {
        let body = TellConsents { records };
        self.ask(Ask::post("/v1/consents", &body, Repeat::Freely)?)
            .await
    }

    /// The identity's word for this device, made now.
    pub fn certificate(&self) -> DeviceCertificate {
        let Inner {
            api,
            me,
            identity,
            keys,
            ..
        } = &*self.inner;
        identity.certify(*me, keys, api.clock().now_ms())
    }

    /// An access token that is still good for a while; `rejected` is one that the server refused.
    /// However many ask at once, one refresh is sent.
    ///
    /// # Errors
    /// [`ApiError::Revoked`], and as every request.
    pub async fn access_token(&self, rejected: Option<&Secret>) -> Result<Secret, ApiError> {
        let mut tokens = self.inner.tokens.lock().await;
        if self.is_revoked() {
            return Err(ApiError::Revoked);
        }
        let left_ms = tokens
            .access_expires_ms
            .saturating_sub(self.inner.api.clock().now_ms());
        if left_ms > SPARE_MS && rejected != Some(&tokens.access) {
            return Ok(tokens.access.clone());
        }
        match self.refresh(&tokens.refresh).await {
            Ok(fresh) => *tokens = fresh,
            Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
                self.revoke().await;
                return Err(ApiError::Revoked);
            }
            Err(error) => return Err(error),
        }
        let stored = tokens.clone();
        if let Err(error) = self.keep(|account| account.tokens = stored).await {
            tracing::error!(%error, "the new tokens live in memory only");
        }
        Ok(tokens.access.clone())
    }

    /// Signed with a wrong time the refresh is refused, so a clock that jumped is set first.
    async fn refresh(&self, refresh: &Base64) -> Result<StoredTokens, ApiError> {
        let Inner { api, keys, .. } = &*self.inner;
        let signed = || {
            let at_ms = api.clock().now_ms();
            let signature = keys.sign_refresh(refresh, at_ms);
            Refresh {
                refresh: refresh.clone(),
                at_ms,
                signature,
            }
        };
        let tokens = match api.refresh(&signed()).await {
            Err(error) if error.code() == Some(ErrorCode::InvalidBody) => {
                api.meta().await?;
                api.refresh(&signed()).await?
            }
            answer => answer?,
        };
        Ok(tokens.into())
    }

    async fn revoke(&self) {
        self.inner.revoked.store(true, Ordering::Relaxed);
        if let Err(error) = self.keep(|stored| stored.revoked = true).await {
            tracing::error!(%error, "that the sign-in was ended is not kept");
        }
    }

    /// Changes what is stored of this sign-in, if it is still the one that is stored.
    async fn keep(&self, change: impl FnOnce(&mut StoredAccount)) -> Result<(), VaultError> {
        let mine = |stored: &&mut StoredAccount| stored.session_id == self.inner.session;
        self.inner
            .vault
            .save(|data| data.account.as_mut().filter(mine).map(change))
            .await?;
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, ApiError> {
        let token = self.access_token(None).await?;
        match self.inner.api.ask(&ask, Some(&token)).await {
            Err(error) if is_about_token(&error) => {
                let token = self.access_token(Some(&token)).await?;
                self.inner.api.ask(&ask, Some(&token)).await
            }
            answer => answer,
        }
    }

    async fn tell(&self, ask: Ask) -> Result<(), ApiError> {
        let token = self.access_token(None).await?;
        match self.inner.api.tell(&ask, Some(&token)).await {
            Err(error) if is_about_token(&error) => {
                let token = self.access_token(Some(&token)).await?;
                self.inner.api.tell(&ask, Some(&token)).await
            }
            answer => answer,
        }
    }
}

impl TokenSource for Account {
    fn access_token<'a>(
        &'a self,
        rejected: Option<&'a Secret>,
    ) -> Pin<Box<dyn Future<Output = Result<Secret, ApiError>> + Send + 'a>> {
        Box::pin(self.access_token(rejected))
    }

    fn revoked(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.revoke())
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Account({}, {})",
            self.inner.me.user_id, self.inner.me.device_id
        )
    }
}

fn is_about_token(error: &ApiError) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated)
    )
}
