use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use jasmin_protocol::{ClientMessage, ServerMessage, close_code};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::{
    app::Shared,
    bus::{Line, Note},
    extract::Caller,
    keys::random,
    limits::Bucket,
    problem::Failure,
    routes::place::check_sealed,
};

/// How often the app says that it is there.
const HEARTBEAT_MS: u64 = 45_000;
/// How many events are read from the mailbox at once.
const BATCH: i64 = 50;
/// Largest number that a page's JSON can hold exactly.
const LARGEST_SEQ: i64 = (1 << 53) - 1;
/// Policy violation (RFC 6455, section 7.4.1).
const POLICY: u16 = 1008;
const TOO_LARGE: u16 = 1009;

/// Why a socket is closed: a code for the other side, or nothing when it is gone.
type Closed = Option<u16>;

/// One socket from hello to goodbye.
pub(super) async fn run(app: Shared, mut socket: WebSocket) {
    app.metrics.sockets.fetch_add(1, Relaxed);
    let closed = match greet(&app, &mut socket).await {
        Ok((caller, resume_seq)) => {
            let id = Uuid::new_v4();
            let line = app.bus.subscribe(caller.address(), id);
            let bucket = Bucket::full(app.config.limits.socket_messages, app.now_ms());
            Session {
                app: &app,
                socket: &mut socket,
                caller,
                id,
                line,
                bucket,
                sent: resume_seq,
                more: true,
            }
            .converse(resume_seq)
            .await
        }
        Err(closed) => closed,
    };
    if let Some(code) = closed {
        let reason = Utf8Bytes::from_static("");
        let goodbye = Message::Close(Some(CloseFrame { code, reason }));
        // A slow reader may not take even this: then the connection just ends.
        let _ = timeout(Duration::from_secs(1), socket.send(goodbye)).await;
        // Wait for the other side's close, so that ours is not lost with unread input.
        let _ = timeout(Duration::from_secs(1), async {
            while let Some(Ok(_)) = socket.recv().await {}
        })
        .await;
        tracing::debug!(code, "a socket was closed");
    }
    app.metrics.sockets.fetch_sub(1, Relaxed);
}

/// Waits for the hello.
async fn greet(app: &Shared, socket: &mut WebSocket) -> Result<(Caller, i64), Closed> {
    let message = tokio::select! {
        message = timeout(app.config.patience.hello, first_text(socket)) => message,
        () = app.draining.cancelled() => return Err(Some(close_code::RESTART)),
    };
    let text = message.map_err(|_| Some(close_code::BAD_HELLO))??;
    match serde_json::from_str(&text) {
        Ok(ClientMessage::Hello { token, resume_seq })
            if (0..=LARGEST_SEQ).contains(&resume_seq) =>
        {
            match Caller::from_token(app, &token).await {
                Ok(caller) => Ok((caller, resume_seq)),
                Err(failure) => {
                    // So that the app can tell a token to refresh from a sign-in that is over.
                    let _ = timeout(app.config.patience.write, socket.send(error(&failure))).await;
                    let is_ours = failure.status >= 500;
                    Err(Some(if is_ours {
                        close_code::RESTART
                    } else {
                        close_code::BAD_HELLO
                    }))
                }
            }
        }
        _ => Err(Some(close_code::BAD_HELLO)),
    }
}

async fn first_text(socket: &mut WebSocket) -> Result<Utf8Bytes, Closed> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some(close_code::BAD_HELLO)),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(broken(&error)),
        }
    }
}

struct Session<'a> {
    app: &'a Shared,
    socket: &'a mut WebSocket,
    caller: Caller,
    id: Uuid,
    line: Line,
    bucket: Bucket,
    /// The last event that went out.
    sent: i64,
    /// The mailbox may hold more than went out.
    more: bool,
}

impl Session<'_> {
    async fn converse(mut self, resume_seq: i64) -> Closed {
        match self.talk(resume_seq).await {
            Ok(never) => match never {},
            Err(closed) => closed,
        }
    }

    async fn talk(&mut self, resume_seq: i64) -> Result<std::convert::Infallible, Closed> {
        self.resume(resume_seq).await?;
        let ping_every = self.app.config.patience.ping;
        let mut ping = tokio::time::interval_at(Instant::now() + ping_every, ping_every);
        let mut heard = Instant::now();
        loop {
            if self.more {
                self.deliver().await?;
            }
            tokio::select! {
                biased;
                () = self.app.draining.cancelled() => return Err(self.go_away().await),
                note = self.line.next() => self.take_note(note).await?,
                message = self.socket.recv() => {
                    heard = Instant::now();
                    self.take_message(message).await?;
                }
                _ = ping.tick() => {
                    if heard.elapsed() > ping_every.mul_f32(2.5) {
                        return Err(None);
                    }
                    self.send(Message::Ping(Default::default())).await?;
                }
                () = std::future::ready(()), if self.more => {}
            }
        }
    }

    /// Forgets what the device has stored, and says where the mailbox stands.
    async fn resume(&mut self, resume_seq: i64) -> Result<(), Closed> {
        let app = self.app;
        let at = self.caller.address();
        let resumed = async {
            // Once more, now that a revocation would reach the line.
            if app
                .store
                .read()
                .await?
                .session(self.caller.session, app.now_ms())
                .await?
                .is_none()
            {
                return Ok(None);
            }
            let mut tx = app.store.begin().await?;
            let mut head = tx.mailbox_head(at).await?;
            if resume_seq <= head {
                tx.ack_mail(at, resume_seq).await?;
            } else {
                // This database was brought back from a backup: its numbers say nothing about what
                // the device has. Everything comes once more, above what it has seen.
                head = tx.shift_mailbox(at, resume_seq).await?;
            }
            tx.commit().await?;
            Ok::<_, Failure>(Some(head))
        };
        match resumed.await {
            Ok(Some(head_seq)) => {
                let server_ms = app.now_ms();
                self.say(&ServerMessage::Ready {
                    server_ms,
                    head_seq,
                    heartbeat_ms: HEARTBEAT_MS,
                })
                .await
            }
            Ok(None) => Err(Some(close_code::SESSION_REVOKED)),
            Err(failure) => Err(self.fail(&failure)),
        }
    }

    /// Sends the next events out of the mailbox.
    async fn deliver(&mut self) -> Result<(), Closed> {
        let app = self.app;
        let at = self.caller.address();
        let read = async {
            let mails = app
                .store
                .read()
                .await?
                .mailbox_after(at, self.sent, app.now_ms(), BATCH)
                .await?;
            mails
                .into_iter()
                .map(|mail| {
                    let event = app.open_mail(mail.msg_id, &mail.event_box)?;
                    Ok(ServerMessage::Event {
                        seq: mail.seq,
                        msg_id: mail.msg_id,
                        event,
                    })
                })
                .collect::<Result<Vec<_>, Failure>>()
        };
        let messages = match read.await {
            Ok(messages) => messages,
            Err(failure) => return Err(self.fail(&failure)),
        };
        self.more = i64::try_from(messages.len()).is_ok_and(|len| len == BATCH);
        for message in messages {
            self.say(&message).await?;
            app.count(|metrics| &metrics.events_delivered);
            if let ServerMessage::Event { seq, .. } = message {
                self.sent = seq;
            }
        }
        Ok(())
    }

    async fn take_note(&mut self, note: Option<Note>) -> Result<(), Closed> {
        match note {
            Some(Note::Wake) => {
                self.more = true;
                Ok(())
            }
            Some(Note::Relay {
                call_id,
                from,
                sealed,
            }) => {
                self.say(&ServerMessage::Relay {
                    call_id,
                    from,
                    sealed,
                })
                .await
            }
            Some(Note::Revoked(session)) if session == self.caller.session => {
                Err(Some(close_code::SESSION_REVOKED))
            }
            Some(Note::Replaced { by }) if by != self.id => Err(Some(close_code::REPLACED)),
            Some(Note::Revoked(_) | Note::Replaced { .. }) => Ok(()),
            None => Err(Some(close_code::SLOW_CONSUMER)),
        }
    }

    async fn take_message(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Closed> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return self.count_message(),
            Some(Ok(Message::Binary(_))) => {
                self.count_message()?;
                return self
                    .refuse(&Failure::malformed("Messages are JSON text."))
                    .await;
            }
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(broken(&error)),
        };
        self.count_message()?;
        let Ok(message) = serde_json::from_str::<ClientMessage>(&text) else {
            return self
                .refuse(&Failure::malformed("This is not a message of jasmin.v1."))
                .await;
        };
        let done = match message {
            ClientMessage::Hello { .. } => Err(Failure::malformed("One hello is enough.")),
            ClientMessage::Ack { seq } => self.ack(seq).await,
            ClientMessage::Alive => match self.head().await {
                Ok(head_seq) => {
                    let server_ms = self.app.now_ms();
                    return self
                        .say(&ServerMessage::Alive {
                            server_ms,
                            head_seq,
                        })
                        .await;
                }
                Err(failure) => Err(failure),
            },
            ClientMessage::Relay {
                call_id,
                to,
                sealed,
            } => self.relay(call_id, to, sealed).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(failure) => self.refuse(&failure).await,
        }
    }

    async fn ack(&mut self, seq: i64) -> Result<(), Failure> {
        if seq < 0 || seq > self.sent {
            return Err(Failure::field("#/seq", "wrong"));
        }
        let mut tx = self.app.store.begin().await?;
        tx.ack_mail(self.caller.address(), seq).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn head(&mut self) -> Result<i64, Failure> {
        let head = self
            .app
            .store
            .read()
            .await?
            .mailbox_head(self.caller.address())
            .await?;
        // The bus may have lost a wake-up: look whenever the device says that it is there.
        self.more = true;
        Ok(head)
    }

    async fn relay(
        &mut self,
        call_id: jasmin_protocol::CallId,
        to: jasmin_protocol::DeviceId,
        sealed: jasmin_protocol::Sealed,
    ) -> Result<(), Failure> {
        check_sealed(&sealed, "#/sealed")?;
        let target = self.app.relay_target(call_id, self.caller, to).await?;
        let note = Note::Relay {
            call_id,
            from: self.caller.device,
            sealed,
        };
        if self.app.bus.publish(target, note) {
            self.app.count(|metrics| &metrics.relays);
        } else {
            self.app.count(|metrics| &metrics.relays_dropped);
        }
        Ok(())
    }

    fn count_message(&mut self) -> Result<(), Closed> {
        self.bucket
            .take(self.app.config.limits.socket_messages, self.app.now_ms())
            .map_err(|_| Some(close_code::RATE_LIMITED))
    }

    async fn go_away(&mut self) -> Closed {
        // Spread, so that not everybody comes back in the same moment.
        let after_ms = 200 + u64::from(u16::from_be_bytes(random())) % 800;
        match self.say(&ServerMessage::Goaway { after_ms }).await {
            Ok(()) => Some(close_code::RESTART),
            Err(closed) => closed,
        }
    }

    /// The server cannot go on with this socket.
    fn fail(&self, failure: &Failure) -> Closed {
        tracing::error!(cause = failure.cause, "a socket failed");
        Some(close_code::RESTART)
    }

    async fn refuse(&mut self, failure: &Failure) -> Result<(), Closed> {
        if failure.status >= 500 {
            tracing::error!(cause = failure.cause, "a socket's message failed");
        }
        self.send(error(failure)).await
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), Closed> {
        match serde_json::to_string(message) {
            Ok(text) => self.send(Message::Text(text.into())).await,
            Err(_) => Err(self.fail(&Failure::internal("a message cannot be written"))),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Closed> {
        match timeout(self.app.config.patience.write, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(close_code::SLOW_CONSUMER)),
        }
    }
}

fn error(failure: &Failure) -> Message {
    let problem = failure.problem(Uuid::new_v4());
    let text = serde_json::to_string(&ServerMessage::Error { problem }).unwrap_or_default();
    Message::Text(text.into())
}

/// What to tell the other side when its bytes are no WebSocket messages of ours.
fn broken(error: &axum::Error) -> Closed {
    use std::error::Error;
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    match words.as_str() {
        words if words.contains("too long") => Some(TOO_LARGE),
        words if words.contains("UTF-8") => Some(1007),
        words if words.contains("protocol error") => Some(POLICY),
        _ => None,
    }
}
