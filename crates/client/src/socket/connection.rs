use std::{ops::ControlFlow, sync::atomic::Ordering, time::Duration};

use futures_util::{SinkExt, StreamExt};
use jasmin_protocol::{ClientMessage, ErrorCode, MessageId, Problem, ServerMessage, close_code};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{
    Error as WsError, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    SocketEvent,
    dial::{Dial, Wire},
    task::{Over, Task},
};
use crate::{api::fraction_of, redact::Secret};

const HELLO_PATIENCE: Duration = Duration::from_secs(10);
const SEND_PATIENCE: Duration = Duration::from_secs(10);
const ALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// After [`Socket::wake`](super::Socket::wake) a person waits.
const WOKEN_PATIENCE: Duration = Duration::from_secs(4);
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);
const HEARTBEATS: std::ops::RangeInclusive<u64> = 1_000..=300_000;

/// When the next heartbeat is due, and until when an answer to the last one.
struct Pulse {
    every: Duration,
    next: Instant,
    answer_by: Option<Instant>,
}

impl Pulse {
    fn new(heartbeat_ms: u64) -> Self {
        let every = heartbeat_ms.clamp(*HEARTBEATS.start(), *HEARTBEATS.end());
        let mut pulse = Self {
            every: Duration::from_millis(every),
            next: Instant::now(),
            answer_by: None,
        };
        pulse.plan();
        pulse
    }

    /// A tenth more or less, so that the clients of a server do not beat as one.
    fn plan(&mut self) {
        self.next = Instant::now() + self.every.mul_f64(0.9) + fraction_of(self.every / 5);
    }

    fn beat(&mut self, patience: Duration) {
        self.plan();
        let answer_by = Instant::now() + patience;
        self.answer_by = Some(
            self.answer_by
                .map_or(answer_by, |earlier| earlier.min(answer_by)),
        );
    }

    /// Whatever came in shows that the other side lives.
    fn heard(&mut self) {
        self.answer_by = None;
    }
}

impl<D: Dial> Task<D> {
    /// Says hello, then carries messages both ways until the connection is over.
    pub(super) async fn serve(&mut self, mut wire: Wire, token: Secret, resumed: bool) -> Over {
        let cancel = self.cancel.clone();
        let over = tokio::select! {
            biased;
            () = cancel.cancelled() => Over::Cancelled,
            over = self.greet_and_carry(&mut wire, token, resumed) => over,
        };
        let code = match over {
            Over::Cancelled | Over::Deaf => CloseCode::Away,
            Over::Revoked
            | Over::Refused { .. }
            | Over::TokenRejected { .. }
            | Over::MailboxRestarted
            | Over::Lost { .. } => CloseCode::Normal,
        };
        let goodbye = wire.close(Some(CloseFrame {
            code,
            reason: "".into(),
        }));
        // The connection may be gone already: then there is nobody to say goodbye to.
        timeout(GOODBYE_PATIENCE, goodbye).await.ok();
        over
    }

    async fn greet_and_carry(&mut self, wire: &mut Wire, token: Secret, resumed: bool) -> Over {
        let heartbeat_ms = match timeout(HELLO_PATIENCE, self.greet(wire, &token)).await {
            Ok(Ok(heartbeat_ms)) => heartbeat_ms,
            Ok(Err(over)) => return over,
            Err(_) => return Over::lost("the server did not answer the hello"),
        };
        // What was meant for an earlier connection is too old for this one.
        while self.relays.try_recv().is_ok() {}
        self.online.store(true, Ordering::Relaxed);
        if self
            .events
            .send(SocketEvent::Online { resumed })
            .await
            .is_err()
        {
            return Over::Deaf;
        }
        self.carry(wire, Pulse::new(heartbeat_ms)).await
    }

    /// The hello and its answer: how often to send a heartbeat.
    async fn greet(&mut self, wire: &mut Wire, token: &Secret) -> Result<u64, Over> {
        if self.acked.has_changed().unwrap_or(false) {
            self.resume_seq = *self.acked.borrow_and_update();
        }
        let hello = ClientMessage::Hello {
            token: token.reveal().to_owned(),
            resume_seq: self.resume_seq,
        };
        send(wire, &hello).await?;
        loop {
            let message = match incoming(wire.next().await) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(Over::TokenRejected { .. }) => {
                    return Err(Over::TokenRejected {
                        token: token.clone(),
                    });
                }
                Err(over) => return Err(over),
            };
            match message {
                Incoming::Message(ServerMessage::Ready {
                    server_ms,
                    head_seq,
                    heartbeat_ms,
                }) => {
                    self.clock.learn(server_ms);
                    if head_seq < self.seen.newest() {
                        return Err(Over::MailboxRestarted);
                    }
                    return Ok(heartbeat_ms);
                }
                Incoming::Message(ServerMessage::Error { problem }) => {
                    return Err(hello_refused(&problem, token));
                }
                Incoming::Message(ServerMessage::Goaway { after_ms }) => {
                    return Err(goaway(after_ms));
                }
                Incoming::Message(
                    ServerMessage::Event { .. }
                    | ServerMessage::Alive { .. }
                    | ServerMessage::Relay { .. },
                )
                | Incoming::Strange { .. } => {}
            }
        }
    }

    async fn carry(&mut self, wire: &mut Wire, mut pulse: Pulse) -> Over {
        loop {
            let answer_by = pulse.answer_by;
            let step = tokio::select! {
                biased;
                message = wire.next() => {
                    pulse.heard();
                    match incoming(message) {
                        Ok(Some(message)) => self.take(message).await,
                        Ok(None) => ControlFlow::Continue(()),
                        Err(over) => ControlFlow::Break(over),
                    }
                }
                () = sleep_until(answer_by.unwrap_or(pulse.next)), if answer_by.is_some() => {
                    ControlFlow::Break(Over::lost("the server does not answer any more"))
                }
                acked = self.acked.changed() => match acked {
                    Ok(()) => {
                        self.resume_seq = *self.acked.borrow_and_update();
                        sent(send(wire, &ClientMessage::Ack { seq: self.resume_seq }).await)
                    }
                    Err(_) => ControlFlow::Break(Over::Cancelled),
                },
                relay = self.relays.recv() => match relay {
                    Some(relay) => sent(send(wire, &relay).await),
                    None => ControlFlow::Break(Over::Cancelled),
                },
                () = self.wake.notified() => {
                    pulse.beat(WOKEN_PATIENCE);
                    sent(send(wire, &ClientMessage::Alive).await)
                }
                () = sleep_until(pulse.next) => {
                    pulse.beat(ALIVE_PATIENCE);
                    sent(send(wire, &ClientMessage::Alive).await)
                }
            };
            if let ControlFlow::Break(over) = step {
                return over;
            }
        }
    }

    async fn take(&mut self, incoming: Incoming) -> ControlFlow<Over> {
        let event = match incoming {
            Incoming::Message(ServerMessage::Event { seq, msg_id, event }) => {
                if !self.seen.is_new(seq, msg_id) {
                    return ControlFlow::Continue(());
                }
                SocketEvent::Event { seq, msg_id, event }
            }
            Incoming::Message(ServerMessage::Relay {
                call_id,
                from,
                sealed,
            }) => SocketEvent::Relay {
                call_id,
                from,
                sealed,
            },
            Incoming::Message(ServerMessage::Error { problem }) => SocketEvent::Problem(problem),
            Incoming::Message(
                ServerMessage::Ready { server_ms, .. } | ServerMessage::Alive { server_ms, .. },
            ) => {
                self.clock.learn(server_ms);
                return ControlFlow::Continue(());
            }
            Incoming::Message(ServerMessage::Goaway { after_ms }) => {
                return ControlFlow::Break(goaway(after_ms));
            }
            Incoming::Strange { event } => {
                tracing::warn!("a message of the server is not understood");
                if let Some((seq, msg_id)) = event {
                    self.seen.is_new(seq, msg_id);
                }
                return ControlFlow::Continue(());
            }
        };
        match self.events.send(event).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(Over::Deaf),
        }
    }
}

/// What came in.
#[derive(Debug)]
enum Incoming {
    Message(ServerMessage),
    /// Not of this version. An event among these has a place in the mailbox all the same.
    Strange {
        event: Option<(i64, MessageId)>,
    },
}

fn incoming(message: Option<Result<Message, WsError>>) -> Result<Option<Incoming>, Over> {
    match message {
        None => Err(Over::lost("the connection ended")),
        Some(Err(error)) => Err(Over::lost(error.to_string())),
        Some(Ok(Message::Text(text))) => Ok(Some(parse(&text))),
        Some(Ok(Message::Close(frame))) => Err(closed(frame)),
        Some(Ok(Message::Binary(_))) => Ok(Some(Incoming::Strange { event: None })),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
    }
}

fn parse(text: &str) -> Incoming {
    #[derive(Deserialize)]
    struct Place {
        seq: i64,
        msg_id: MessageId,
    }
    match serde_json::from_str(text) {
        Ok(message) => Incoming::Message(message),
        Err(_) => {
            let place: Option<Place> = serde_json::from_str(text).ok();
            Incoming::Strange {
                event: place.map(|place| (place.seq, place.msg_id)),
            }
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> Over {
    let Some(frame) = frame else {
        return Over::lost("the server closed the connection");
    };
    match u16::from(frame.code) {
        close_code::SESSION_REVOKED => Over::Revoked,
        close_code::BAD_HELLO => Over::TokenRejected {
            token: Secret::default(),
        },
        close_code::REPLACED => {
            let detail = "this device is connected from another copy of the app".to_owned();
            Over::Refused { detail }
        }
        close_code::RATE_LIMITED => Over::rate_limited(),
        close_code::RESTART => Over::lost("the server restarts"),
        close_code::SLOW_CONSUMER => Over::lost("this app was too slow"),
        code => Over::lost(format!("the server closed the connection ({code})")),
    }
}

fn hello_refused(problem: &Problem, token: &Secret) -> Over {
    match problem.code {
        ErrorCode::Unauthenticated | ErrorCode::TokenExpired => Over::TokenRejected {
            token: token.clone(),
        },
        ErrorCode::RateLimited => Over::rate_limited(),
        ErrorCode::InvalidBody
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::NotAContact
        | ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Conflict
        | ErrorCode::Gone
        | ErrorCode::IdempotencyMismatch
        | ErrorCode::AgeRestricted
        | ErrorCode::DbUnavailable
        | ErrorCode::Draining
        | ErrorCode::Internal => Over::Lost {
            reason: problem.title.clone(),
            after: problem.retry_after_ms.map(Duration::from_millis),
        },
    }
}

fn goaway(after_ms: u64) -> Over {
    let reason = "the server restarts".to_owned();
    Over::Lost {
        reason,
        after: Some(Duration::from_millis(after_ms)),
    }
}

async fn send(wire: &mut Wire, message: &ClientMessage) -> Result<(), Over> {
    let text = serde_json::to_string(message).map_err(|error| Over::lost(error.to_string()))?;
    match timeout(SEND_PATIENCE, wire.send(Message::text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Over::lost(error.to_string())),
        Err(_) => Err(Over::lost("the connection takes no more")),
    }
}

fn sent(result: Result<(), Over>) -> ControlFlow<Over> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(over) => ControlFlow::Break(over),
    }
}
