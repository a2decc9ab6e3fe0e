//! The server's REST API, from this side: one method per endpoint.
//!
//! [`Api`] is what anybody can ask; what a signed-in person can ask is in
//! [`Account`](crate::account::Account).

mod address;
mod error;
mod request;

use std::time::Duration;

use jasmin_protocol::{
    LoginChallenge, LoginFinish, LoginStart, Meta, PolicySets, PolicyTexts, Refresh,
    RegisterChallenge, RegisterFinish, RegisterStart, ResendCode, Session, Tokens, Transparency,
    VerifyEmail,
};
use serde::de::DeserializeOwned;

use crate::{
    clock::{ServerClock, local_ms},
    redact::Secret,
    tls,
};

pub use address::ServerUrl;
pub use error::ApiError;
pub(crate) use request::{Ask, Repeat, fraction_of};

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

/// A server's API. Copies share connections. No method takes longer than about 50 s, tries included.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    server: ServerUrl,
    clock: ServerClock,
}

impl Api {
    /// Nothing is sent yet. What the server says of its time goes to `clock`.
    ///
    /// # Errors
    /// [`ApiError::Tls`] when the system's trusted roots cannot be read.
    pub fn new(server: ServerUrl, clock: ServerClock) -> Result<Self, ApiError> {
        let tls = if server.is_encrypted() {
            tls::system_roots()
        } else {
            tls::no_roots()
        };
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.map_err(|error| ApiError::Tls(error.to_string()))?)
            .https_only(server.is_encrypted())
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("jasmin/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(ANSWER_PATIENCE)
            .pool_idle_timeout(Duration::from_secs(30));
        if server.is_loopback() {
            http = http.no_proxy();
        }
        let http = http
            .build()
            .map_err(|error| ApiError::Tls(error.to_string()))?;
        Ok(Self {
            http,
            server,
            clock,
        })
    }

    /// The server.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Its time.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// `GET /v1/meta`: finds out whether this is a server that this app can talk to, and its time.
    ///
    /// # Errors
    /// [`ApiError::NotAServer`], [`ApiError::AppTooOld`], and what every method can fail with.
    pub async fn meta(&self) -> Result<Meta, ApiError> {
        let asked_ms = local_ms();
        let meta: Meta = match self.ask(&Ask::get("/v1/meta"), None).await {
            Ok(meta) => meta,
            Err(error @ ApiError::Unexpected { .. }) if !error.is_temporary() => {
                return Err(ApiError::NotAServer);
            }
            Err(ApiError::Refused(problem)) if problem.code.status() < 500 => {
                return Err(ApiError::NotAServer);
            }
            Err(error) => return Err(error),
        };
        self.clock
            .learn_between(asked_ms, local_ms(), meta.server_ms);
        if is_older(env!("CARGO_PKG_VERSION"), &meta.min_app_version) {
            return Err(ApiError::AppTooOld {
                needed: meta.min_app_version,
            });
        }
        Ok(meta)
    }

    /// `GET /v1/transparency`: with which key the server signs ledgers.
    ///
    /// # Errors
    /// As every request.
    pub async fn transparency(&self) -> Result<Transparency, ApiError> {
        self.ask(&Ask::get("/v1/transparency"), None).await
    }

    /// `GET /v1/policies`: all policy sets that were published.
    ///
    /// # Errors
    /// As every request.
    pub async fn policies(&self) -> Result<PolicySets, ApiError> {
        self.ask(&Ask::get("/v1/policies"), None).await
    }

    /// `GET /v1/policies/{version}`: the texts of one set.
    ///
    /// # Errors
    /// `not-found` where there is no such set.
    pub async fn policy_texts(&self, version: &str) -> Result<PolicyTexts, ApiError> {
        self.ask(&Ask::get(&format!("/v1/policies/{version}")), None)
            .await
    }

    /// `POST /v1/auth/register/start`.
    ///
    /// # Errors
    /// `age-restricted`, `invalid-body`.
    pub async fn register_start(
        &self,
        body: &RegisterStart,
    ) -> Result<RegisterChallenge, ApiError> {
        self.ask(
            &Ask::post("/v1/auth/register/start", body, Repeat::Freely)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/register/finish`.
    ///
    /// # Errors
    /// `gone` when the attempt is too old, `invalid-body`.
    pub async fn register_finish(&self, body: &RegisterFinish) -> Result<(), ApiError> {
        self.tell(
            &Ask::post("/v1/auth/register/finish", body, Repeat::UnlessSent)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/email/verify`.
    ///
    /// # Errors
    /// `gone` for a wrong or old code.
    pub async fn verify_email(&self, body: &VerifyEmail) -> Result<(), ApiError> {
        self.tell(
            &Ask::post("/v1/auth/email/verify", body, Repeat::UnlessSent)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/email/resend`.
    ///
    /// # Errors
    /// `rate-limited`.
    pub async fn resend_code(&self, body: &ResendCode) -> Result<(), ApiError> {
        self.tell(
            &Ask::post("/v1/auth/email/resend", body, Repeat::UnlessSent)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/login/start`.
    ///
    /// # Errors
    /// `rate-limited`, `invalid-body`.
    pub async fn login_start(&self, body: &LoginStart) -> Result<LoginChallenge, ApiError> {
        self.ask(
            &Ask::post("/v1/auth/login/start", body, Repeat::Freely)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/login/finish`.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn login_finish(&self, body: &LoginFinish) -> Result<Session, ApiError> {
        self.ask(
            &Ask::post("/v1/auth/login/finish", body, Repeat::UnlessSent)?,
            None,
        )
        .await
    }

    /// `POST /v1/auth/refresh`. Asking twice within 30 s gives the same tokens.
    ///
    /// # Errors
    /// `unauthenticated`: the sign-in is over.
    pub async fn refresh(&self, body: &Refresh) -> Result<Tokens, ApiError> {
        self.ask(&Ask::post("/v1/auth/refresh", body, Repeat::Freely)?, None)
            .await
    }

    /// For answers with a body.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        token: Option<&Secret>,
    ) -> Result<T, ApiError> {
        let body = request::send(&self.http, &self.server, ask, token).await?;
        serde_json::from_slice(&body).map_err(|_| ApiError::Unexpected { status: 200 })
    }

    /// For answers without one.
    pub(crate) async fn tell(&self, ask: &Ask, token: Option<&Secret>) -> Result<(), ApiError> {
        request::send(&self.http, &self.server, ask, token).await?;
        Ok(())
    }
}

/// Compares `major.minor.patch`; what is not of that form is never older.
fn is_older(own: &str, needed: &str) -> bool {
    let parse = |text: &str| -> Option<Vec<u64>> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|part| part.parse().ok()).collect()
    };
    match (parse(own), parse(needed)) {
        (Some(own), Some(needed)) => own < needed,
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests;
