//! The transport against a server that fails in every way it can.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use jasmin_protocol::{ErrorCode, FieldError, Problem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{Failure, FailureCode};

const META: &str = r#"{"server_version":"0.1.0","min_app_version":"0.1.0","server_ms":1800000000000,"outbox_url":null}"#;

#[tokio::test]
async fn meta_tells_the_time() {
    let server = FakeServer::start(vec![ok(META)]).await;
    let api = server.api();
    api.meta().await.unwrap();
    assert!((api.clock().now_ms() - 1_800_000_000_000).abs() < 5_000);
    assert!(server.heard()[0].starts_with("GET /v1/meta "));
}

#[tokio::test]
async fn something_else_that_answers_is_no_server() {
    for answer in [
        ok("<html>It works!</html>"),
        ok("{}"),
        http(404, "text/html", "not here"),
        http(302, "text/html", "elsewhere"),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
    ] {
        let words = answer.clone();
        let server = FakeServer::start(vec![answer]).await;
        let error = server.api().meta().await.unwrap_err();
        let failure = Failure::from(error.clone());
        let expected = [FailureCode::NotAServer, FailureCode::Unreachable];
        assert!(expected.contains(&failure.code), "{words}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_for_newer_apps_says_so() {
    let meta = META.replace(
        r#""min_app_version":"0.1.0""#,
        r#""min_app_version":"9.0.0""#,
    );
    let server = FakeServer::start(vec![ok(&meta)]).await;
    let error = server.api().meta().await.unwrap_err();
    assert_eq!(
        error,
        ApiError::AppTooOld {
            needed: "9.0.0".to_owned()
        }
    );
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = api(address).meta().await.unwrap_err();
    assert_eq!(Failure::from(error).code, FailureCode::Unreachable);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let server = FakeServer::start(vec![cut(), cut(), http(204, "", "")]).await;
    let ask = Ask::post_empty("/v1/auth/logout", Repeat::Freely);
    server.api().tell(&ask, None).await.unwrap();
    let keys: Vec<String> = server
        .heard()
        .iter()
        .map(|request| header(request, "idempotency-key"))
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter().all(|key| *key == keys[0] && !key.is_empty()),
        "{keys:?}"
    );
}

#[tokio::test]
async fn a_step_that_counts_once_is_not_repeated() {
    let server = FakeServer::start(vec![cut(), http(204, "", "")]).await;
    let ask = Ask::post_empty("/v1/auth/login/finish", Repeat::UnlessSent);
    let error = server.api().tell(&ask, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_server_that_restarts_is_asked_again() {
    let server = FakeServer::start(vec![
        refusal(ErrorCode::Draining, Some(10), vec![]),
        http(502, "text/html", "bad gateway"),
        ok(META),
    ])
    .await;
    server.api().meta().await.unwrap();
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn a_server_that_wants_a_long_pause_is_not_waited_for() {
    let server = FakeServer::start(vec![refusal(ErrorCode::Draining, Some(60_000), vec![])]).await;
    let failure = Failure::from(server.api().meta().await.unwrap_err());
    assert_eq!(
        (failure.code, failure.retry_after_ms),
        (FailureCode::Server, Some(60_000))
    );
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_refusal_names_the_field() {
    let field = FieldError {
        pointer: "#/email".to_owned(),
        code: "format".to_owned(),
    };
    let server = FakeServer::start(vec![refusal(ErrorCode::InvalidBody, None, vec![field])]).await;
    let ask = Ask::post_empty("/v1/contacts", Repeat::Freely);
    let failure = Failure::from(server.api().tell(&ask, None).await.unwrap_err());
    assert_eq!(failure.code, FailureCode::Invalid);
    assert_eq!(failure.field.as_deref(), Some("email"));
    assert_eq!(server.heard().len(), 1, "asking again does not help");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\"{}",
        "x".repeat(5 * 1024 * 1024)
    );
    let server = FakeServer::start(vec![endless]).await;
    let error = server
        .api()
        .ask::<String>(&Ask::get("/v1/me"), None)
        .await
        .unwrap_err();
    assert_eq!(error, ApiError::Unexpected { status: 200 });
}

#[tokio::test]
async fn the_token_travels_in_its_header() {
    let server = FakeServer::start(vec![http(204, "", "")]).await;
    let token = Secret::from("v4.public.abc");
    server
        .api()
        .tell(&Ask::delete("/v1/contacts/1"), Some(&token))
        .await
        .unwrap();
    let heard = server.heard();
    assert!(heard[0].starts_with("DELETE /v1/contacts/1 "));
    assert_eq!(header(&heard[0], "authorization"), "Bearer v4.public.abc");
}

#[tokio::test]
async fn an_encrypted_server_must_speak_tls() {
    let server = FakeServer::start(vec![ok(META); 3]).await;
    let url = ServerUrl::parse(&format!("https://{}", server.address)).unwrap();
    let api = Api::new(url, ServerClock::new()).unwrap();
    let error = api.meta().await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
    assert!(
        !server.heard().iter().any(|heard| heard.contains("v1")),
        "nothing in the open"
    );
}

#[test]
fn versions_are_compared_by_number() {
    assert!(is_older("0.9.0", "0.10.0"));
    assert!(is_older("0.1.0", "0.1.1"));
    assert!(!is_older("0.1.0", "0.1.0"));
    assert!(!is_older("1.0.0", "0.9.9"));
    assert!(!is_older("0.1.0", "whatever"), "left to the server");
}

struct FakeServer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// Answers one connection with each text, in order.
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                // A client that has heard enough hangs up.
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        });
        Self { address, heard }
    }

    fn api(&self) -> Api {
        api(self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn api(address: SocketAddr) -> Api {
    Api::new(
        ServerUrl::parse(&address.to_string()).unwrap(),
        ServerClock::new(),
    )
    .unwrap()
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn header(request: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    let line = request.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_default().to_owned()
}

fn ok(body: &str) -> String {
    http(200, "application/json", body)
}

fn http(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// The connection ends before a word is said.
fn cut() -> String {
    String::new()
}

fn refusal(code: ErrorCode, retry_after_ms: Option<u64>, errors: Vec<FieldError>) -> String {
    let problem = Problem {
        r#type: String::new(),
        title: code.title().to_owned(),
        status: code.status(),
        detail: String::new(),
        instance: String::new(),
        code,
        errors,
        retry_after_ms,
    };
    http(
        code.status(),
        "application/problem+json",
        &serde_json::to_string(&problem).unwrap(),
    )
}
