//! A world for tests: the real router over a fresh database, with a clock that stands still.

mod decisions;
pub(crate) mod people;
mod policies;
pub(crate) mod postgres;

use std::{net::SocketAddr, path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, header},
};
use jasmin_protocol::{
    AnswerCall, Base64, CallId, ErrorCode, Event, LoginChallenge, LoginFinish, LoginStart,
    PlaceCall, Problem, PublishDevice, RegisterChallenge, Session, VerifyEmail,
};
use opaque_ke::ClientLogin;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;

pub(crate) use people::{Applicant, PASSWORD, Profile, SignedInPerson, Suite, ke1, sealed};
pub(crate) use policies::{draft, publish};

use crate::{
    Clock, Config, DatabaseUrl, Limits, ManualClock, Rate,
    app::{App, Shared},
    http, serve, server,
    store::Address,
};

/// 2026-11-22, noon.
const NOW_MS: i64 = 1_795_348_800_000;

pub(crate) struct World {
    pub(crate) app: Shared,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Makes a world after a change to it.
    pub(crate) async fn with(change: impl FnOnce(&mut App)) -> Self {
        Self::on(None, change).await
    }

    /// Makes a world on PostgreSQL or, without a URL, on a fresh SQLite file.
    pub(crate) async fn on(db: Option<DatabaseUrl>, change: impl FnOnce(&mut App)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let config = Config {
            clock: clock.clone(),
            db,
            ..Config::at(folder.path())
        };
        let mut app = server::open(config, Some("http://127.0.0.1:0/dev/mailbox".into()))
            .await
            .unwrap();
        change(&mut app);
        let app = Arc::new(app);
        let router = http::router(&app);
        Self {
            app,
            clock,
            router,
            _folder: folder,
        }
    }

    /// Listens on a free port, for what needs a connection.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.app.tasks.spawn(serve::accept(
            self.app.clone(),
            listener,
            self.router.clone(),
        ));
        address
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Asking<'_> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let builder = Request::builder().method(method).uri(path);
        Asking {
            world: self,
            builder,
            headers: vec![("host".into(), "127.0.0.1:8420".into())],
            peer,
            body: None,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub(crate) async fn get_as(&self, person: &SignedInPerson, path: &str) -> Answer {
        self.request("GET", path).by(person).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.request("POST", path).json(body).send().await
    }

    /// Signs up as far as the mailed code.
    pub(crate) async fn sign_up(&self, name: &str, email: &str) -> Base64 {
        self.apply(&Applicant::new(name, email)).await
    }

    async fn apply(&self, applicant: &Applicant) -> Base64 {
        let challenge: RegisterChallenge = self
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .ok();
        let finish = applicant.finish(&challenge);
        assert_eq!(
            self.post("/v1/auth/register/finish", &finish)
                .await
                .status(),
            202
        );
        challenge.attempt
    }

    /// Returns the newest code mailed to an address.
    pub(crate) async fn code_for(&self, email: &str) -> String {
        let mails = self.app.outbox().await.unwrap();
        let mail = mails
            .into_iter()
            .find(|mail| mail.to.eq_ignore_ascii_case(email) && mail.code.is_some());
        mail.unwrap().code.unwrap()
    }

    pub(crate) async fn login_challenge(
        &self,
        email: &str,
        password: &str,
    ) -> (LoginChallenge, ClientLogin<Suite>) {
        let (state, opaque) = ke1(password);
        let body = LoginStart {
            email: email.to_owned(),
            opaque,
        };
        (self.post("/v1/auth/login/start", &body).await.ok(), state)
    }

    pub(crate) async fn login_finish(
        &self,
        email: &str,
        password: &str,
        profile: &Profile,
    ) -> Option<LoginFinish> {
        let (challenge, state) = self.login_challenge(email, password).await;
        people::ke3(state, password, &challenge, profile)
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        profile: &Profile,
    ) -> Option<Session> {
        let finish = self.login_finish(email, password, profile).await?;
        Some(self.post("/v1/auth/login/finish", &finish).await.ok())
    }

    /// Signs up and in.
    pub(crate) async fn join(&self, name: &str, email: &str) -> SignedInPerson {
        self.join_as(Applicant::new(name, email)).await
    }

    pub(crate) async fn join_as(&self, applicant: Applicant) -> SignedInPerson {
        let email = applicant.email.as_str();
        let attempt = self.apply(&applicant).await;
        let code = self.code_for(email).await;
        let verified = self
            .post("/v1/auth/email/verify", &VerifyEmail { attempt, code })
            .await;
        assert_eq!(verified.status(), 204);
        let profile = Profile::new();
        let session = self.sign_in(email, PASSWORD, &profile).await.unwrap();
        SignedInPerson {
            identity: applicant.identity,
            profile,
            session,
        }
    }

    /// The same person on the same device with a fresh token: the clock has moved on.
    pub(crate) async fn signed_in_again(&self, person: &SignedInPerson) -> SignedInPerson {
        let profile = person.profile.clone();
        let session = self
            .sign_in(&person.session.email, PASSWORD, &profile)
            .await
            .unwrap();
        SignedInPerson {
            identity: person.identity.clone(),
            profile,
            session,
        }
    }

    pub(crate) async fn another_device(&self, person: &SignedInPerson) -> SignedInPerson {
        let profile = Profile::new();
        let session = self
            .sign_in(&person.session.email, PASSWORD, &profile)
            .await
            .unwrap();
        SignedInPerson {
            identity: person.identity.clone(),
            profile,
            session,
        }
    }

    pub(crate) async fn publish(&self, person: &SignedInPerson) {
        let body = PublishDevice {
            certificate: person.certificate(),
        };
        let answer = self
            .request("PUT", "/v1/devices/self/keys")
            .by(person)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.status(), 204);
    }

    /// Two people who are contacts, each with one device that can be called.
    pub(crate) async fn two_friends(&self) -> (SignedInPerson, SignedInPerson) {
        let ada = self.join("Ada", "ada@example.org").await;
        let bob = self.join("Bob", "bob@example.org").await;
        for (person, email) in [(&ada, "bob@example.org"), (&bob, "ada@example.org")] {
            self.publish(person).await;
            let body = json!({ "email": email });
            self.request("POST", "/v1/contacts")
                .by(person)
                .json(&body)
                .send()
                .await;
        }
        (ada, bob)
    }

    pub(crate) fn offer(&self, from: &SignedInPerson, to: &SignedInPerson) -> PlaceCall {
        from.offer(to, self.clock.now_ms())
    }

    pub(crate) async fn place(&self, from: &SignedInPerson, to: &SignedInPerson) -> CallId {
        let body = self.offer(from, to);
        let answer = self
            .request("POST", "/v1/calls")
            .by(from)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.status(), 201);
        body.call_id
    }

    pub(crate) async fn answer(&self, person: &SignedInPerson, call: CallId) -> Answer {
        let body = AnswerCall { sealed: sealed(3) };
        self.request("POST", &format!("/v1/calls/{call}/answer"))
            .by(person)
            .json(&body)
            .send()
            .await
    }

    /// What lies in the mailbox of a person's device.
    pub(crate) async fn events(&self, person: &SignedInPerson) -> Vec<Event> {
        let at = Address {
            user: person.session.user_id,
            device: person.session.device_id,
        };
        let mut conn = self.app.store.read().await.unwrap();
        let mails = conn
            .mailbox_after(at, 0, self.app.now_ms(), 1000)
            .await
            .unwrap();
        mails
            .iter()
            .map(|mail| self.app.open_mail(mail.msg_id, &mail.event_box).unwrap())
            .collect()
    }

    pub(crate) async fn rows(&self, table: &str) -> usize {
        let counts = self.row_counts().await;
        counts
            .into_iter()
            .find(|(name, _)| name == table)
            .unwrap()
            .1
    }

    /// How many rows each table has.
    pub(crate) async fn row_counts(&self) -> Vec<(String, usize)> {
        self.app.store.read().await.unwrap().row_counts().await
    }
}

/// Limits that nothing in a test reaches.
pub(crate) fn no_limits() -> Limits {
    let all = Rate {
        burst: 1_000_000,
        refill: std::time::Duration::from_millis(1),
    };
    Limits {
        auth_per_network: all,
        sign_in_per_address: all,
        sign_up_per_address: all,
        contact_requests: all,
        calls: all,
        requests: all,
        socket_messages: all,
    }
}

/// Runs a statement on a SQLite file that nobody has open.
pub(crate) async fn run_sql(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let mut conn = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

pub(crate) struct Asking<'a> {
    world: &'a World,
    builder: axum::http::request::Builder,
    headers: Vec<(String, String)>,
    peer: SocketAddr,
    body: Option<Vec<u8>>,
}

impl Asking<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn by(self, person: &SignedInPerson) -> Self {
        self.header(
            "authorization",
            &format!("Bearer {}", person.session.tokens.access),
        )
    }

    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.peer = peer.parse().unwrap();
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).unwrap());
        self.header("content-type", "application/json")
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut builder = self.builder;
        for (name, value) in &self.headers {
            builder = builder.header(name, value.as_bytes());
        }
        let mut request = builder
            .body(Body::from(self.body.unwrap_or_default()))
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap()
            .to_vec();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}

impl Applicant {
    pub(crate) fn born(mut self, birthday: &str) -> Self {
        birthday.clone_into(&mut self.birthday);
        self
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body of a success.
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> T {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn problem_body(&self) -> Problem {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn problem(&self) -> ErrorCode {
        self.problem_body().code
    }

    /// Where the one thing is that is wrong with the body.
    pub(crate) fn pointer(&self) -> String {
        let problem = self.problem_body();
        assert_eq!(problem.code, ErrorCode::InvalidBody, "{problem:?}");
        problem.errors[0].pointer.clone()
    }
}
