use std::time::{Duration, Instant};

use jasmin_protocol::{CallId, CallKind, UserId};

use crate::Role;

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From placing a call to ringing.
    pub undo: Duration,
    /// From ringing to "no answer", on the caller's side.
    pub ring: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            undo: Duration::from_secs(3),
            ring: Duration::from_secs(45),
        }
    }
}

/// A call as this device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub call_id: CallId,
    /// With whom.
    pub peer: UserId,
    /// What this side takes part with: as placed, as offered while it rings, as answered afterwards.
    pub kind: CallKind,
    /// Who called.
    pub direction: Direction,
    /// How it stands.
    pub state: State,
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This side.
    Outgoing,
    /// The other side.
    Incoming,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Outgoing: can still be undone, and nobody knows of it.
    Preparing {
        /// When it rings.
        rings_at: Instant,
    },
    /// Outgoing: the server is being told.
    Calling,
    /// Outgoing: the other side's devices ring.
    Ringing {
        /// When it counts as not answered.
        until: Instant,
    },
    /// Incoming: rings here, or waits behind another call.
    Incoming {
        /// When it counts as missed.
        until: Instant,
        /// Makes no sound (any more).
        silenced: bool,
    },
    /// Answered; the sessions look for a way.
    Connecting {
        /// Since when.
        since: Instant,
    },
    /// Talking.
    Active {
        /// Since when.
        since: Instant,
    },
    /// The other side cannot be heard for a moment.
    Reconnecting {
        /// When talking began.
        active_since: Instant,
        /// When it was last heard.
        since: Instant,
        /// When the session gives up.
        gives_up_at: Instant,
    },
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
        /// How long people talked.
        talked: Duration,
    },
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Somebody hung up.
    HungUp,
    /// The callee said no.
    Declined,
    /// The callee was in another call.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// Another device of mine answered.
    AnsweredElsewhere,
    /// Another device of mine said no.
    DeclinedElsewhere,
    /// The caller gave up before an answer, or undid the call.
    Cancelled,
    /// No way through the network, or it was lost for too long.
    Network,
    /// The server could not be told.
    Server,
    /// No device could be used.
    MediaPermission,
    /// Consent was taken back.
    ConsentWithdrawn,
    /// The other side's app speaks another version.
    Version,
    /// The other side could not prove who it is.
    Security,
    /// Both called each other, and the other call won.
    Superseded,
    /// The program ends.
    Quit,
}

/// Somebody calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Which call.
    pub call_id: CallId,
    /// Who calls.
    pub peer: UserId,
    /// What it starts with.
    pub kind: CallKind,
    /// How much longer it may ring, by the server's clock. Zero when the offer came too late.
    pub rings_for: Duration,
}

/// Why a call cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// One call at a time.
    #[error("there is a call already")]
    Busy,
    /// A call's name is used once.
    #[error("this call id was used before")]
    Reused,
}

/// What a line wants done. Each names its call; doing one twice does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open devices and make a session. The caller's makes its offer; the callee's is accepted when
    /// [`Effect::AnswerServer`] follows.
    StartSession {
        /// The call.
        call_id: CallId,
        /// With whom.
        peer: UserId,
        /// What this side takes part with.
        kind: CallKind,
        /// Which side.
        role: Role,
    },
    /// Hang the session up, if there is one, and close the devices.
    EndSession {
        /// The call.
        call_id: CallId,
    },
    /// Tell the server to ring the other side, once the offer is there. Then
    /// [`Line::placed`](super::Line::placed) or [`Line::fail`](super::Line::fail).
    RingServer {
        /// The call.
        call_id: CallId,
        /// Whom.
        peer: UserId,
        /// What it starts with.
        kind: CallKind,
    },
    /// Accept in the session and bring its answer to the server. On "gone":
    /// [`Line::taken_elsewhere`](super::Line::taken_elsewhere) or [`Line::over`](super::Line::over).
    AnswerServer {
        /// The call.
        call_id: CallId,
    },
    /// Tell the server no.
    DeclineServer {
        /// The call.
        call_id: CallId,
        /// Because of another call, and not because of a person's no.
        busy: bool,
    },
    /// Tell the server that the call is given up before an answer.
    CancelServer {
        /// The call.
        call_id: CallId,
    },
    /// Tell the server that an answered call is over.
    HangUpServer {
        /// The call.
        call_id: CallId,
    },
    /// Make the sound of an incoming call.
    StartRing {
        /// The call.
        call_id: CallId,
    },
    /// Stop it.
    StopRing {
        /// The call.
        call_id: CallId,
    },
    /// Note a missed call. Once for each call.
    LogMissed {
        /// The call.
        call_id: CallId,
        /// Who called.
        peer: UserId,
        /// What it would have started with.
        kind: CallKind,
    },
}
