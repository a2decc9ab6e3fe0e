use futures_util::{SinkExt, StreamExt};
use jasmin_protocol::{
    Base64, ClientMessage, LoginStart, Outbox, PublishDevice, RegisterChallenge, SUBPROTOCOL,
    ServerMessage, Session, VerifyEmail,
};
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::people::{Applicant, PASSWORD, Profile, SignedInPerson, ke1, ke3};

/// Speaks to a server over the network.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    pub(crate) url: String,
}

/// Built with the whole workspace, reqwest has no TLS of its own: it wants to be told which.
fn client() -> Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::builder().no_proxy().build().unwrap()
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            client: client(),
            url: url.to_owned(),
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        by: Option<&SignedInPerson>,
        body: Option<&impl Serialize>,
    ) -> Result<Response, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(person) = by {
            request = request.bearer_auth(&person.session.tokens.access);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Response {
        let answer = self
            .send(Method::POST, path, None, Some(body))
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
        answer
    }

    pub(crate) async fn outbox(&self) -> Outbox {
        let none = None::<&()>;
        self.send(Method::GET, "/dev/mailbox", None, none)
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Signs up and in, and publishes the device.
    pub(crate) async fn join(&self, name: &str, email: &str) -> SignedInPerson {
        let applicant = Applicant::new(name, email);
        let challenge: RegisterChallenge = self
            .post("/v1/auth/register/start", &applicant.start())
            .await
            .json()
            .await
            .unwrap();
        self.post("/v1/auth/register/finish", &applicant.finish(&challenge))
            .await;
        let mails = self.outbox().await.mails;
        let code = mails
            .into_iter()
            .find(|mail| mail.to == email)
            .unwrap()
            .code
            .unwrap();
        self.post(
            "/v1/auth/email/verify",
            &VerifyEmail {
                attempt: challenge.attempt,
                code,
            },
        )
        .await;

        let profile = Profile::new();
        let session = self.sign_in(email, &profile).await;
        let person = SignedInPerson {
            identity: applicant.identity,
            profile,
            session,
        };
        let body = PublishDevice {
            certificate: person.certificate(),
        };
        let answer = self
            .send(
                Method::PUT,
                "/v1/devices/self/keys",
                Some(&person),
                Some(&body),
            )
            .await;
        assert_eq!(answer.unwrap().status(), 204);
        person
    }

    pub(crate) async fn sign_in(&self, email: &str, profile: &Profile) -> Session {
        let (state, opaque) = ke1(PASSWORD);
        let body = LoginStart {
            email: email.to_owned(),
            opaque,
        };
        let challenge = self
            .post("/v1/auth/login/start", &body)
            .await
            .json()
            .await
            .unwrap();
        let finish = ke3(state, PASSWORD, &challenge, profile).unwrap();
        self.post("/v1/auth/login/finish", &finish)
            .await
            .json()
            .await
            .unwrap()
    }

    pub(crate) async fn befriend(&self, a: &SignedInPerson, b: &SignedInPerson) {
        for (from, to) in [(a, b), (b, a)] {
            let body = json!({ "email": to.session.email });
            let answer = self
                .send(Method::POST, "/v1/contacts", Some(from), Some(&body))
                .await;
            assert_eq!(answer.unwrap().status(), 202);
        }
    }

    pub(crate) async fn refresh(
        &self,
        person: &SignedInPerson,
        token: &Base64,
        now_ms: i64,
    ) -> Response {
        let body = person.refresh(token, now_ms);
        self.post("/v1/auth/refresh", &body).await
    }

    /// Opens a socket and says hello.
    pub(crate) async fn phone(&self, person: &SignedInPerson) -> Phone {
        let url = self.url.replace("http://", "ws://") + "/v1/ws";
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        let mut phone = Phone(connect_async(request).await.unwrap().0);
        let token = person.session.tokens.access.clone();
        phone
            .say(&ClientMessage::Hello {
                token,
                resume_seq: 0,
            })
            .await;
        assert!(matches!(
            phone.hear().await,
            Ok(ServerMessage::Ready { .. })
        ));
        phone
    }
}

pub(crate) struct Phone(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Phone {
    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.0
            .send(Message::text(serde_json::to_string(message).unwrap()))
            .await
            .unwrap();
    }

    /// The next message, or the close code.
    pub(crate) async fn hear(&mut self) -> Result<ServerMessage, Option<u16>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Waits for an event.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&jasmin_protocol::Event) -> bool) {
        loop {
            match self.hear().await.expect("an event, not a close") {
                ServerMessage::Event { event, .. } if is_it(&event) => return,
                _ => {}
            }
        }
    }
}

/// The machine's time.
#[expect(clippy::disallowed_methods, reason = "a client has its own clock")]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
