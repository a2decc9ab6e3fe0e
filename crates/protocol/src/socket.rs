//! Messages on the socket, `GET /v1/ws`, subprotocol `jasmin.v1`, JSON text, at most 64 KiB each.

use serde::{Deserialize, Serialize};

use crate::{CallId, CallKind, CallState, Contact, DeviceId, MessageId, Problem, Sealed, UserId};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "jasmin.v1";

/// Why the server closed the socket (WebSocket close codes, RFC 6455 section 7.4.2).
pub mod close_code {
    /// The server restarts: come back soon.
    pub const RESTART: u16 = 1012;
    /// The sign-in was ended from elsewhere.
    pub const SESSION_REVOKED: u16 = 4001;
    /// The first message was not a valid hello.
    pub const BAD_HELLO: u16 = 4003;
    /// The client reads too slowly. Its mailbox keeps everything.
    pub const SLOW_CONSUMER: u16 = 4008;
    /// The same device connected again.
    pub const REPLACED: u16 = 4009;
    /// Too many messages.
    pub const RATE_LIMITED: u16 = 4029;
}

/// Client to server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message on a socket. Whatever lies in the mailbox after `resume_seq` follows.
    Hello {
        /// Access token.
        token: String,
        /// The last event that the client has stored.
        resume_seq: i64,
    },
    /// Everything up to and including `seq` is stored here and may be forgotten there.
    Ack {
        /// Cumulative.
        seq: i64,
    },
    /// I am here. Answered by [`ServerMessage::Alive`].
    Alive,
    /// Passes a message on to one device in a call. Never stored: dropped when the other device is
    /// not connected.
    Relay {
        /// Both devices must be in it.
        call_id: CallId,
        /// To which device.
        to: DeviceId,
        /// The message.
        sealed: Sealed,
    },
}

/// Server to client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to a valid hello.
    Ready {
        /// The server's clock.
        server_ms: i64,
        /// The newest event in the mailbox.
        head_seq: i64,
        /// How often to send [`ClientMessage::Alive`].
        heartbeat_ms: u64,
    },
    /// One event from the mailbox, in order, at least once. Numbers grow, with gaps where an event
    /// ran out (a ring that is over).
    Event {
        /// Its place.
        seq: i64,
        /// The same in every repetition.
        msg_id: MessageId,
        /// What happened.
        event: Event,
    },
    /// Answer to [`ClientMessage::Alive`].
    Alive {
        /// The server's clock.
        server_ms: i64,
        /// The newest event in the mailbox.
        head_seq: i64,
    },
    /// A message from the other device in a call.
    Relay {
        /// The call.
        call_id: CallId,
        /// From which device.
        from: DeviceId,
        /// The message.
        sealed: Sealed,
    },
    /// The last message could not be carried out.
    Error {
        /// Why.
        problem: Problem,
    },
    /// Connect again after so long.
    Goaway {
        /// How long.
        after_ms: u64,
    },
}

/// What a mailbox holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asks for contact.
    ContactRequested {
        /// Who.
        contact: Contact,
    },
    /// Both sides want this now.
    ContactAccepted {
        /// Who.
        contact: Contact,
    },
    /// A contact or a request is no more.
    ContactRemoved {
        /// Who.
        user_id: UserId,
    },
    /// Somebody calls this device.
    CallRing {
        /// Which call.
        call_id: CallId,
        /// Who calls.
        caller: UserId,
        /// From which device.
        caller_device: DeviceId,
        /// What it starts with.
        kind: CallKind,
        /// The offer.
        sealed: Sealed,
        /// When it was placed.
        created_ms: i64,
        /// Not to be shown as ringing after this.
        deadline_ms: i64,
    },
    /// The callee answered. For the caller's device.
    CallAnswered {
        /// Which call.
        call_id: CallId,
        /// By which device.
        device_id: DeviceId,
        /// The answer.
        sealed: Sealed,
    },
    /// Another device of mine took the call or said no.
    CallTakenElsewhere {
        /// Which call.
        call_id: CallId,
        /// Answered, Declined or Busy.
        state: CallState,
    },
    /// The call is over: declined, busy, cancelled, missed or ended. Each device of both sides gets
    /// it once.
    CallOver {
        /// Which call.
        call_id: CallId,
        /// The final state.
        state: CallState,
        /// When.
        ended_ms: i64,
    },
    /// Another device of mine added to my consent ledger.
    ConsentsChanged {
        /// How many entries it has now.
        last: u64,
    },
    /// Something went to a partner, or a partner answered.
    SharesChanged,
    /// A contact's identity key changed.
    KeyChanged {
        /// Whose.
        user_id: UserId,
    },
}
