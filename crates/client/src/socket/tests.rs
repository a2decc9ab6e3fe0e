//! The socket against a server of the test's own, over pipes in memory and in virtual time.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test fails on everything that it does not wait for"
)]

use std::{sync::Mutex, time::Duration};

use futures_util::{SinkExt, StreamExt};
use jasmin_protocol::{Contact, ContactState, ErrorCode, ServerMessage, UserId, close_code};
use tokio::{
    io::DuplexStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use uuid::Uuid;

use super::*;
use crate::{
    clock::local_ms,
    socket::dial::{DialError, Io, Wire, handshake},
};

const HEARTBEAT_MS: u64 = 45_000;

#[tokio::test(start_paused = true)]
async fn events_arrive_in_order_and_are_acknowledged_when_stored() {
    let mut world = World::start(7);
    let mut server = world.accept().await;
    assert_eq!(server.hello().await, ("token-1".to_owned(), 7));
    server.ready(9).await;
    assert_eq!(world.next().await, SocketEvent::Online { resumed: true });
    server.event(8, 1).await;
    server.event(9, 2).await;
    assert_eq!(world.next().await, event(8, 1));
    assert_eq!(world.next().await, event(9, 2));
    world.socket.ack(9);
    assert_eq!(server.hear().await, ClientMessage::Ack { seq: 9 });
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_is_shown_once_and_resumed_after_the_last_acknowledged() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(2).await;
    world.online().await;
    server.event(1, 1).await;
    server.event(1, 1).await;
    server.event(2, 2).await;
    assert_eq!(world.next().await, event(1, 1));
    assert_eq!(world.next().await, event(2, 2));
    world.socket.ack(1);
    assert_eq!(server.hear().await, ClientMessage::Ack { seq: 1 });
    drop(server);

    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
    let mut server = world.accept().await;
    assert_eq!(server.hello().await.1, 1, "the second was not acknowledged");
    server.ready(3).await;
    world.online().await;
    server.event(2, 2).await;
    server.event(3, 3).await;
    assert_eq!(
        world.next().await,
        event(3, 3),
        "the second was shown before"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_retry_is_quick_and_later_pauses_grow_to_two_minutes() {
    let mut world = World::start(0);
    let mut longest = Duration::ZERO;
    for attempt in 0..40 {
        let asked = Instant::now();
        world.refuse().await;
        let SocketEvent::Offline {
            retry_at_ms,
            reason,
        } = world.next().await
        else {
            panic!("offline after a refusal")
        };
        assert_eq!(reason, "connection refused");
        assert!(retry_at_ms >= local_ms() - 1_000);
        let pause = asked.elapsed();
        if attempt == 1 {
            assert!(pause <= Duration::from_millis(250), "{pause:?}");
        }
        longest = longest.max(pause);
    }
    assert!(longest <= Duration::from_secs(120), "{longest:?}");
    assert!(longest > Duration::from_secs(16), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn waking_tries_at_once() {
    let mut world = World::start(0);
    for _ in 0..12 {
        world.refuse().await;
        world.next().await;
    }
    let asleep = Instant::now();
    world.socket.wake();
    world.refuse().await;
    assert!(
        asleep.elapsed() < Duration::from_millis(1),
        "{:?}",
        asleep.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_the_connection_and_its_absence_ends_it() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    let start = Instant::now();
    assert_eq!(server.hear().await, ClientMessage::Alive);
    let first = start.elapsed();
    let about = Duration::from_millis(HEARTBEAT_MS);
    assert!(
        first >= about.mul_f64(0.9) && first <= about.mul_f64(1.1),
        "{first:?}"
    );
    server
        .say(&ServerMessage::Alive {
            server_ms: local_ms() + 600_000,
            head_seq: 0,
        })
        .await;
    assert_eq!(server.hear().await, ClientMessage::Alive, "still connected");
    assert!(
        (world.clock.offset_ms() - 600_000).abs() < 5_000,
        "the time was learned"
    );
    match world.next().await {
        SocketEvent::Offline { reason, .. } => assert!(reason.contains("answer"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn waking_checks_a_connection_that_seems_to_stand() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    let start = Instant::now();
    world.socket.wake();
    assert_eq!(server.hear().await, ClientMessage::Alive);
    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn messages_are_relayed_both_ways_and_only_while_connected() {
    let mut world = World::start(0);
    let (call_id, device) = (CallId(Uuid::now_v7()), DeviceId(Uuid::now_v7()));
    assert!(
        !world.socket.relay(call_id, device, sealed()),
        "not connected yet"
    );
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    assert!(world.socket.relay(call_id, device, sealed()));
    let relay = ClientMessage::Relay {
        call_id,
        to: device,
        sealed: sealed(),
    };
    assert_eq!(server.hear().await, relay);
    server
        .say(&ServerMessage::Relay {
            call_id,
            from: device,
            sealed: sealed(),
        })
        .await;
    let relayed = SocketEvent::Relay {
        call_id,
        from: device,
        sealed: sealed(),
    };
    assert_eq!(world.next().await, relayed);
    drop(server);
    world.next().await;
    assert!(
        !world.socket.relay(call_id, device, sealed()),
        "and nothing is kept for later"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_exchanged() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    assert_eq!(server.hello().await.0, "token-1");
    server
        .say(&ServerMessage::Error {
            problem: problem(ErrorCode::TokenExpired),
        })
        .await;
    server.close(close_code::BAD_HELLO).await;
    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
    let mut server = world.accept().await;
    assert_eq!(server.hello().await.0, "token-2");
    server.close(close_code::BAD_HELLO).await;
    world.next().await;
    let mut server = world.accept().await;
    assert_eq!(
        server.hello().await.0,
        "token-3",
        "also by the close code alone"
    );
}

#[tokio::test(start_paused = true)]
async fn an_ended_sign_in_ends_the_socket() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    server.close(close_code::SESSION_REVOKED).await;
    assert_eq!(world.next().await, SocketEvent::Revoked);
    assert!(world.events.recv().await.is_none(), "the socket is over");
    assert!(world.tokens.0.lock().unwrap().revoked);
}

#[tokio::test(start_paused = true)]
async fn another_copy_of_the_same_device_is_not_fought() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    server.close(close_code::REPLACED).await;
    assert!(matches!(world.next().await, SocketEvent::Refused { .. }));
    assert!(world.events.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_is_left_alone_for_as_long_as_it_says() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    server
        .say(&ServerMessage::Goaway { after_ms: 30_000 })
        .await;
    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
    let start = Instant::now();
    let mut server = world.accept().await;
    let pause = start.elapsed();
    assert!(
        pause >= Duration::from_secs(29) && pause < Duration::from_secs(31),
        "{pause:?}"
    );
    server.greet(0).await;
    world.online().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_starts_anew_is_read_from_its_beginning() {
    let mut world = World::start(80);
    let mut server = world.accept().await;
    assert_eq!(server.hello().await.1, 80);
    server.ready(3).await;
    let mut server = world.accept().await;
    assert_eq!(server.hello().await.1, 0, "at once, and without resuming");
    server.ready(3).await;
    assert_eq!(world.next().await, SocketEvent::Online { resumed: false });
    server.event(3, 3).await;
    assert_eq!(world.next().await, event(3, 3));
    world.socket.ack(3);
    assert_eq!(server.hear().await, ClientMessage::Ack { seq: 3 });
}

#[tokio::test(start_paused = true)]
async fn what_is_not_understood_is_passed_over() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(2).await;
    world.online().await;
    let id = Uuid::now_v7();
    for strange in [
        "",
        "{",
        "[]",
        r#"{"t":"party"}"#,
        r#"{"t":"event","seq":"one"}"#,
        &format!(
            r#"{{"t":"event","seq":1,"msg_id":"{id}","event":{{"event":"from_the_future"}}}}"#
        ),
    ] {
        server.wire.send(Message::text(strange)).await.unwrap();
    }
    server
        .wire
        .send(Message::binary(vec![0xff; 64]))
        .await
        .unwrap();
    server.event(2, 2).await;
    assert_eq!(world.next().await, event(2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_costs_the_connection_and_no_memory() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    let huge = Message::text("x".repeat(1024 * 1024));
    let sending = tokio::spawn(async move { server.wire.send(huge).await });
    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
    assert!(
        sending.await.unwrap().is_err(),
        "it was not read to its end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_of_another_protocol_is_refused() {
    let mut world = World::start(0);
    let dialled = world.dialled().await;
    dialled.answer.send(Err(DialError::OtherProtocol)).ok();
    assert!(matches!(world.next().await, SocketEvent::Refused { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let mut world = World::start(0);
    let silent = world.dialled().await;
    match world.next().await {
        SocketEvent::Offline { reason, .. } => assert!(reason.contains("in time"), "{reason}"),
        other => panic!("{other:?}"),
    }
    drop(silent);
    let mut mute = world.accept().await;
    mute.hello().await;
    assert!(matches!(world.next().await, SocketEvent::Offline { .. }));
}

#[tokio::test(start_paused = true)]
async fn closing_says_goodbye() {
    let mut world = World::start(0);
    let mut server = world.accept().await;
    server.greet(0).await;
    world.online().await;
    let goodbye = tokio::spawn(async move { server.wire.next().await });
    world.socket.close().await;
    match goodbye.await.unwrap() {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Away),
        other => panic!("{other:?}"),
    }
    assert!(world.events.recv().await.is_none());
}

#[tokio::test]
async fn an_encrypted_server_must_speak_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 101 x\r\n\r\n")
            .await
            .ok();
        stream
    });
    let dial = ServerDial::new(ServerUrl::parse(&format!("https://{address}")).unwrap());
    assert!(matches!(dial.dial().await, Err(DialError::Failed { .. })));
    plain.await.unwrap();
}

struct World {
    socket: Socket,
    events: mpsc::Receiver<SocketEvent>,
    dials: mpsc::Receiver<Dialled>,
    tokens: Arc<FakeTokens>,
    clock: ServerClock,
}

impl World {
    fn start(resume_seq: i64) -> Self {
        let (dial, dials) = mpsc::channel(1);
        let tokens = Arc::new(FakeTokens::default());
        let clock = ServerClock::new();
        let (socket, events) = Socket::open_by(
            PipeDial(dial),
            SocketOptions {
                server: ServerUrl::parse("localhost:1").unwrap(),
                clock: clock.clone(),
                tokens: tokens.clone(),
                resume_seq,
                cancel: CancellationToken::new(),
            },
        );
        Self {
            socket,
            events,
            dials,
            tokens,
            clock,
        }
    }

    async fn next(&mut self) -> SocketEvent {
        timeout(Duration::from_secs(600), self.events.recv())
            .await
            .expect("an event")
            .unwrap()
    }

    async fn online(&mut self) {
        assert_eq!(self.next().await, SocketEvent::Online { resumed: true });
    }

    async fn dialled(&mut self) -> Dialled {
        timeout(Duration::from_secs(600), self.dials.recv())
            .await
            .expect("a call")
            .unwrap()
    }

    async fn refuse(&mut self) {
        let reason = "connection refused".to_owned();
        let refused = DialError::Failed {
            reason,
            retry_after: None,
        };
        self.dialled().await.answer.send(Err(refused)).ok();
    }

    async fn accept(&mut self) -> FakeServer {
        let dialled = self.dialled().await;
        let (near, far) = tokio::io::duplex(64 * 1024);
        dialled.answer.send(Ok(near)).ok();
        #[expect(clippy::result_large_err, reason = "the library's own type")]
        let choose = |request: &Request, mut response: Response| {
            assert_eq!(request.headers()["sec-websocket-protocol"], "jasmin.v1");
            let protocol = HeaderValue::from_static("jasmin.v1");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        FakeServer {
            wire: accept_hdr_async(far, choose).await.unwrap(),
        }
    }
}

struct FakeServer {
    wire: WebSocketStream<DuplexStream>,
}

impl FakeServer {
    async fn hear(&mut self) -> ClientMessage {
        loop {
            match self.wire.next().await.expect("a message").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    async fn hello(&mut self) -> (String, i64) {
        match self.hear().await {
            ClientMessage::Hello { token, resume_seq } => (token, resume_seq),
            other => panic!("{other:?}"),
        }
    }

    async fn greet(&mut self, head_seq: i64) {
        self.hello().await;
        self.ready(head_seq).await;
    }

    async fn ready(&mut self, head_seq: i64) {
        let server_ms = local_ms();
        self.say(&ServerMessage::Ready {
            server_ms,
            head_seq,
            heartbeat_ms: HEARTBEAT_MS,
        })
        .await;
    }

    async fn event(&mut self, seq: i64, id: u128) {
        let SocketEvent::Event { msg_id, event, .. } = event(seq, id) else {
            unreachable!()
        };
        self.say(&ServerMessage::Event { seq, msg_id, event }).await;
    }

    async fn say(&mut self, message: &ServerMessage) {
        let text = serde_json::to_string(message).unwrap();
        self.wire.send(Message::text(text)).await.unwrap();
    }

    async fn close(&mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.wire.close(Some(frame)).await.unwrap();
    }
}

struct Dialled {
    answer: tokio::sync::oneshot::Sender<Result<DuplexStream, DialError>>,
}

struct PipeDial(mpsc::Sender<Dialled>);

impl Dial for PipeDial {
    async fn dial(&self) -> Result<Wire, DialError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.0.send(Dialled { answer }).await.ok();
        let Ok(answer) = answered.await else {
            return std::future::pending().await;
        };
        let io: Box<dyn Io> = Box::new(answer?);
        handshake("ws://localhost:1/v1/ws".parse().unwrap(), io).await
    }
}

#[derive(Default)]
struct FakeTokens(Mutex<Given>);

#[derive(Default)]
struct Given {
    number: u32,
    revoked: bool,
}

impl TokenSource for FakeTokens {
    fn access_token<'a>(
        &'a self,
        rejected: Option<&'a Secret>,
    ) -> Pin<Box<dyn Future<Output = Result<Secret, ApiError>> + Send + 'a>> {
        let mut given = self.0.lock().unwrap();
        let current = Secret::from(format!("token-{}", given.number));
        if given.number == 0 || rejected == Some(&current) {
            given.number += 1;
        }
        let token = format!("token-{}", given.number).into();
        Box::pin(std::future::ready(Ok(token)))
    }

    fn revoked(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().revoked = true;
        Box::pin(std::future::ready(()))
    }
}

fn event(seq: i64, id: u128) -> SocketEvent {
    let contact = Contact {
        user_id: UserId(Uuid::from_u128(id)),
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        state: ContactState::Incoming,
        since_ms: 1,
    };
    let event = Event::ContactRequested { contact };
    SocketEvent::Event {
        seq,
        msg_id: MessageId(Uuid::from_u128(id)),
        event,
    }
}

fn sealed() -> Sealed {
    Sealed {
        enc: vec![1; 32].into(),
        ciphertext: vec![2; 64].into(),
    }
}

fn problem(code: ErrorCode) -> Problem {
    Problem {
        r#type: String::new(),
        title: code.title().to_owned(),
        status: code.status(),
        detail: String::new(),
        instance: String::new(),
        code,
        errors: vec![],
        retry_after_ms: None,
    }
}
