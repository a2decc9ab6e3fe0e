use std::{net::SocketAddr, time::Duration};

use futures_util::SinkExt;
use jasmin_protocol::{
    Base64, CallId, CallKind, CallState, ClientMessage, ErrorCode, Event, MessageId, Sealed,
    ServerMessage, close_code,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use uuid::Uuid;

use crate::{
    app::Letter,
    store::Address,
    testing::{SignedInPerson, World, sealed},
};

/// A client's end of the socket.
struct Phone(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Phone {
    async fn dial(at: SocketAddr) -> Self {
        let mut request = format!("ws://{at}/v1/ws").into_client_request().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "jasmin.v1".parse().unwrap());
        Self(connect_async(request).await.unwrap().0)
    }

    /// Dials and says hello; returns the newest event's number.
    async fn ready(at: SocketAddr, person: &SignedInPerson, resume_seq: i64) -> (Self, i64) {
        let mut phone = Self::dial(at).await;
        phone.hello(&person.session.tokens.access, resume_seq).await;
        match phone.hear().await {
            ServerMessage::Ready { head_seq, .. } => (phone, head_seq),
            other => panic!("no ready but {other:?}"),
        }
    }

    async fn hello(&mut self, token: &str, resume_seq: i64) {
        self.say(&ClientMessage::Hello {
            token: token.to_owned(),
            resume_seq,
        })
        .await;
    }

    async fn say(&mut self, message: &ClientMessage) {
        self.send(Message::text(serde_json::to_string(message).unwrap()))
            .await;
    }

    async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message, or the code that the server closed with.
    async fn next(&mut self) -> Result<ServerMessage, Option<u16>> {
        use futures_util::StreamExt;
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
            match next.expect("the server says something or closes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))) | None => {
                    return Err(None);
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    async fn hear(&mut self) -> ServerMessage {
        self.next().await.expect("a message, not a close")
    }

    async fn event(&mut self) -> (i64, MessageId, Event) {
        match self.hear().await {
            ServerMessage::Event { seq, msg_id, event } => (seq, msg_id, event),
            other => panic!("no event but {other:?}"),
        }
    }

    /// The next error, whatever events come before it.
    async fn problem(&mut self) -> ErrorCode {
        loop {
            match self.hear().await {
                ServerMessage::Error { problem } => return problem.code,
                ServerMessage::Event { .. } => {}
                other => panic!("no error but {other:?}"),
            }
        }
    }

    /// Reads until the server closes.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Everything before this was taken care of once it is answered.
    async fn settle(&mut self) -> i64 {
        self.say(&ClientMessage::Alive).await;
        loop {
            if let ServerMessage::Alive { head_seq, .. } = self.hear().await {
                return head_seq;
            }
        }
    }
}

fn address(person: &SignedInPerson) -> Address {
    Address {
        user: person.session.user_id,
        device: person.session.device_id,
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen in ten seconds");
}

fn sockets(world: &World) -> i64 {
    world
        .app
        .metrics
        .sockets
        .load(std::sync::atomic::Ordering::Relaxed)
}

#[tokio::test]
async fn events_come_until_they_are_acknowledged() {
    let world = World::new().await;
    let at = world.listen().await;
    let (ada, bob) = world.two_friends().await;
    let (mut phone, head) = Phone::ready(at, &bob, 0).await;
    let mut seen = Vec::new();
    for _ in 0..head {
        seen.push(phone.event().await);
    }
    let call = world.place(&ada, &bob).await;
    let ring = phone.event().await;
    assert!(
        matches!(&ring.2, Event::CallRing { call_id, .. } if *call_id == call),
        "{ring:?}"
    );
    seen.push(ring);
    drop(phone);

    let (mut phone, _) = Phone::ready(at, &bob, 0).await;
    for expected in &seen {
        assert_eq!(
            phone.event().await,
            *expected,
            "the same again, under the same id"
        );
    }
    let last = seen.last().unwrap().0;
    phone.say(&ClientMessage::Ack { seq: last }).await;
    assert_eq!(phone.settle().await, last);
    assert_eq!(world.events(&bob).await, []);
    drop(phone);

    let (mut phone, _) = Phone::ready(at, &bob, last).await;
    world
        .request("POST", &format!("/v1/calls/{call}/cancel"))
        .by(&ada)
        .send()
        .await;
    let (seq, _, over) = phone.event().await;
    assert!(seq > last);
    assert!(
        matches!(
            over,
            Event::CallOver {
                state: CallState::Cancelled,
                ..
            }
        ),
        "{over:?}"
    );
}

#[tokio::test]
async fn resuming_acknowledges_what_the_device_has() {
    let world = World::new().await;
    let at = world.listen().await;
    let (_, bob) = world.two_friends().await;
    let (phone, head) = Phone::ready(at, &bob, 0).await;
    drop(phone);
    let (mut phone, _) = Phone::ready(at, &bob, head).await;
    phone.settle().await;
    assert_eq!(world.events(&bob).await, []);
}

#[tokio::test]
async fn a_device_that_saw_more_than_the_server_remembers_misses_nothing() {
    let world = World::new().await;
    let at = world.listen().await;
    let (ada, bob) = world.two_friends().await;
    let before = world.events(&bob).await;
    let (mut phone, head) = Phone::ready(at, &bob, 1000).await;
    assert!(head > 1000);
    for expected in before {
        let (seq, _, event) = phone.event().await;
        assert!(seq > 1000, "{seq} is new to the device");
        assert_eq!(event, expected);
    }
    let call = world.place(&ada, &bob).await;
    let (seq, _, ring) = phone.event().await;
    assert!(seq > 1000, "{seq} is new to the device");
    assert!(matches!(ring, Event::CallRing { call_id, .. } if call_id == call));
}

#[tokio::test]
async fn who_does_not_say_hello_is_shown_the_door() {
    let world = World::with(|app| app.config.patience.hello = Duration::from_millis(100)).await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let token = ada.session.tokens.access.clone();
    let hello = |resume_seq: i64| {
        json!({"t": "hello", "token": token, "resume_seq": resume_seq}).to_string()
    };
    for message in [
        Message::text("hello"),
        Message::text("{}"),
        Message::text(json!({"t": "alive"}).to_string()),
        Message::text(hello(-1)),
        Message::text(hello(i64::MAX)),
        Message::text(
            json!({"t": "hello", "token": token, "resume_seq": 0, "more": 1}).to_string(),
        ),
        Message::binary(hello(0)),
    ] {
        let mut phone = Phone::dial(at).await;
        phone.send(message.clone()).await;
        assert_eq!(
            phone.closed().await,
            Some(close_code::BAD_HELLO),
            "{message:?}"
        );
    }
    let mut silent = Phone::dial(at).await;
    assert_eq!(silent.closed().await, Some(close_code::BAD_HELLO));
}

#[tokio::test]
async fn a_token_that_is_no_good_is_explained() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let mut phone = Phone::dial(at).await;
    phone.hello("v4.public.AAAA", 0).await;
    assert_eq!(phone.problem().await, ErrorCode::Unauthenticated);
    assert_eq!(phone.closed().await, Some(close_code::BAD_HELLO));

    world.clock.advance(601_000);
    let mut phone = Phone::dial(at).await;
    phone.hello(&ada.session.tokens.access, 0).await;
    assert_eq!(phone.problem().await, ErrorCode::TokenExpired);
    assert_eq!(phone.closed().await, Some(close_code::BAD_HELLO));
}

#[tokio::test]
async fn ending_a_sign_in_closes_its_socket_and_no_other() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let other = world.another_device(&ada).await;
    let (mut here, _) = Phone::ready(at, &ada, 0).await;
    let (mut there, _) = Phone::ready(at, &other, 0).await;
    let path = format!("/v1/sessions/{}", other.session.session_id);
    world.request("DELETE", &path).by(&ada).send().await;
    assert_eq!(there.closed().await, Some(close_code::SESSION_REVOKED));
    here.settle().await;
    world
        .request("POST", "/v1/auth/logout")
        .by(&ada)
        .send()
        .await;
    assert_eq!(here.closed().await, Some(close_code::SESSION_REVOKED));
}

#[tokio::test]
async fn a_second_socket_of_a_device_replaces_the_first() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut first, _) = Phone::ready(at, &ada, 0).await;
    let (mut second, _) = Phone::ready(at, &ada, 0).await;
    assert_eq!(first.closed().await, Some(close_code::REPLACED));
    second.settle().await;
}

#[tokio::test]
async fn too_many_messages_close_the_socket() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut phone, _) = Phone::ready(at, &ada, 0).await;
    for _ in 0..61 {
        phone.say(&ClientMessage::Alive).await;
    }
    for _ in 0..60 {
        assert!(matches!(phone.hear().await, ServerMessage::Alive { .. }));
    }
    assert_eq!(phone.closed().await, Some(close_code::RATE_LIMITED));
}

#[tokio::test]
async fn the_two_devices_of_a_call_talk_to_each_other() {
    let world = World::new().await;
    let at = world.listen().await;
    let (ada, bob) = world.two_friends().await;
    let bobs_other = world.another_device(&bob).await;
    let eve = world.join("Eve", "eve@example.org").await;
    let (mut ada_phone, _) = Phone::ready(at, &ada, 0).await;
    let (mut bob_phone, _) = Phone::ready(at, &bob, 0).await;
    let (mut eve_phone, _) = Phone::ready(at, &eve, 0).await;
    let call = world.place(&ada, &bob).await;
    let relay = |to: &SignedInPerson, n: u8| ClientMessage::Relay {
        call_id: call,
        to: to.session.device_id,
        sealed: sealed(n),
    };
    let relayed = async |phone: &mut Phone| loop {
        match phone.hear().await {
            ServerMessage::Relay {
                call_id,
                from,
                sealed,
            } => return (call_id, from, sealed),
            ServerMessage::Event { .. } => {}
            other => panic!("{other:?}"),
        }
    };

    ada_phone.say(&relay(&bob, 1)).await;
    assert_eq!(
        relayed(&mut bob_phone).await,
        (call, ada.session.device_id, sealed(1))
    );
    bob_phone.say(&relay(&ada, 2)).await;
    assert_eq!(
        relayed(&mut ada_phone).await,
        (call, bob.session.device_id, sealed(2))
    );

    world.answer(&bob, call).await;
    ada_phone.say(&relay(&bob, 3)).await;
    assert_eq!(
        relayed(&mut bob_phone).await,
        (call, ada.session.device_id, sealed(3))
    );

    eve_phone.say(&relay(&bob, 4)).await;
    assert_eq!(
        eve_phone.problem().await,
        ErrorCode::NotFound,
        "a stranger is not in the call"
    );
    let (mut other_phone, _) = Phone::ready(at, &bobs_other, 0).await;
    other_phone.say(&relay(&ada, 5)).await;
    assert_eq!(
        other_phone.problem().await,
        ErrorCode::NotFound,
        "nor is the device that did not answer"
    );

    drop(bob_phone);
    until("bob's socket closing", || sockets(&world) == 3).await;
    ada_phone.say(&relay(&bob, 6)).await;
    ada_phone.settle().await;

    world
        .request("POST", &format!("/v1/calls/{call}/hangup"))
        .by(&ada)
        .send()
        .await;
    assert!(matches!(ada_phone.event().await.2, Event::CallOver { .. }));
    ada_phone.say(&relay(&bob, 7)).await;
    assert_eq!(ada_phone.problem().await, ErrorCode::Gone);
    let short = Sealed {
        enc: Base64(vec![1]),
        ..sealed(1)
    };
    ada_phone
        .say(&ClientMessage::Relay {
            call_id: call,
            to: bob.session.device_id,
            sealed: short,
        })
        .await;
    assert_eq!(ada_phone.problem().await, ErrorCode::InvalidBody);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_dropped_and_loses_nothing() {
    const EVENTS: usize = 150;
    let world = World::with(|app| app.config.patience.write = Duration::from_millis(200)).await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let bulk = Sealed {
        enc: Base64(vec![0; 32]),
        ciphertext: Base64(vec![0; 30_000]),
    };
    let letters = (0..EVENTS as u128).map(|n| Letter {
        to: address(&ada),
        event: Event::CallAnswered {
            call_id: CallId(Uuid::from_u128(n)),
            device_id: ada.session.device_id,
            sealed: bulk.clone(),
        },
    });
    let mut tx = world.app.store.begin().await.unwrap();
    let woken = world.app.post(&mut tx, letters.collect()).await.unwrap();
    tx.commit().await.unwrap();
    world.app.wake(woken);

    let mut slow = Phone::dial(at).await;
    slow.hello(&ada.session.tokens.access, 0).await;
    until("the socket being opened", || sockets(&world) == 1).await;
    until("the socket being given up", || sockets(&world) == 0).await;
    assert_eq!(
        world.rows("mailbox").await,
        EVENTS,
        "the mailbox keeps everything"
    );

    let (mut phone, head) = Phone::ready(at, &ada, 0).await;
    assert_eq!(head, i64::try_from(EVENTS).unwrap());
    assert_eq!(phone.event().await.0, 1);
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_dropped() {
    let world = World::with(|app| app.config.patience.ping = Duration::from_millis(50)).await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut alive, _) = Phone::ready(at, &ada, 0).await;
    let other = world.another_device(&ada).await;
    // Nobody reads from this one, so nobody answers its pings.
    let (_dead, _) = Phone::ready(at, &other, 0).await;
    assert_eq!(sockets(&world), 2);
    let reading = tokio::spawn(async move { alive.closed().await });
    until("the dead socket being dropped", || sockets(&world) == 1).await;
    assert!(
        !reading.is_finished(),
        "the other one answers its pings and stays"
    );
    reading.abort();
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut phone, _) = Phone::ready(at, &ada, 0).await;
    let mut stranger = Phone::dial(at).await;
    world.app.draining.cancel();
    assert!(matches!(phone.hear().await, ServerMessage::Goaway { after_ms } if after_ms >= 200));
    assert_eq!(phone.closed().await, Some(close_code::RESTART));
    assert_eq!(stranger.closed().await, Some(close_code::RESTART));
    drop((phone, stranger));
    world.app.tasks.close();
    world.app.tasks.wait().await;
    assert_eq!(sockets(&world), 0);
}

#[tokio::test]
async fn nonsense_is_answered_and_the_socket_stays() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut phone, head) = Phone::ready(at, &ada, 0).await;
    let token = &ada.session.tokens.access;
    for message in [
        Message::text(""),
        Message::text("[1,2"),
        Message::text(json!({"t": "sing"}).to_string()),
        Message::text(json!({"t": "ack"}).to_string()),
        Message::text(json!({"t": "ack", "seq": "1"}).to_string()),
        Message::text(json!({"t": "ack", "seq": -1}).to_string()),
        Message::text(json!({"t": "ack", "seq": head + 1}).to_string()),
        Message::text(json!({"t": "hello", "token": token, "resume_seq": 0}).to_string()),
        Message::binary(vec![0, 159, 146, 150]),
    ] {
        phone.send(message.clone()).await;
        assert_eq!(phone.problem().await, ErrorCode::InvalidBody, "{message:?}");
    }
    phone.settle().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_the_socket() {
    let world = World::new().await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let (mut phone, _) = Phone::ready(at, &ada, 0).await;
    phone.send(Message::text("x".repeat(64 * 1024 + 1))).await;
    assert_eq!(phone.closed().await, Some(1009));
}

#[tokio::test]
async fn only_the_known_subprotocol_is_spoken() {
    let world = World::new().await;
    let at = world.listen().await;
    for offered in [None, Some("jasmin.v2"), Some("chat")] {
        let mut request = format!("ws://{at}/v1/ws").into_client_request().unwrap();
        if let Some(offered) = offered {
            request
                .headers_mut()
                .insert("sec-websocket-protocol", offered.parse().unwrap());
        }
        let refused = connect_async(request).await.unwrap_err();
        assert!(
            matches!(refused, Error::Http(answer) if answer.status() == 400),
            "{offered:?}"
        );
    }
}

#[tokio::test]
async fn a_call_rings_a_socket_at_once() {
    let world = World::new().await;
    let at = world.listen().await;
    let (ada, bob) = world.two_friends().await;
    let (mut phone, _) = Phone::ready(at, &bob, 0).await;
    phone.settle().await;
    let call = world.place(&ada, &bob).await;
    let event = phone.event().await.2;
    let Event::CallRing {
        call_id,
        kind,
        caller,
        ..
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(
        (call_id, kind, caller),
        (call, CallKind::Video, ada.session.user_id)
    );
}

/// Random messages: whatever comes, the server answers the next person.
#[tokio::test]
async fn random_messages_do_no_harm() {
    let world = World::with(|app| app.config.limits = crate::testing::no_limits()).await;
    let at = world.listen().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let near = r#"\{"t":"(hello|ack|alive|relay)","(seq|token|to|call_id)":("[a-z0-9-]{0,40}"|-?[0-9]{1,20}|\[\]|null)\}"#;
    let message = prop_oneof![
        bytes.prop_map(Message::binary),
        "\\PC{0,100}".prop_map(Message::text),
        near.prop_map(Message::text),
        proptest::collection::vec(any::<u8>(), 0..125)
            .prop_map(|bytes| Message::Ping(bytes.into())),
    ];
    let (mut phone, _) = Phone::ready(at, &ada, 0).await;
    for _ in 0..500 {
        phone
            .send(message.new_tree(&mut runner).unwrap().current())
            .await;
    }
    phone.settle().await;

    for _ in 0..50 {
        let mut phone = Phone::dial(at).await;
        phone
            .send(message.new_tree(&mut runner).unwrap().current())
            .await;
        drop(phone);
    }
    Phone::ready(at, &ada, 0).await.0.settle().await;
}
