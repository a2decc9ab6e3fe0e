//! Which calls one device has, and what follows from what happens to them.
use std::time::Instant;

use jasmin_protocol::{CallId, CallKind, CallState, UserId};

mod state;

pub use state::{Call, Direction, Effect, EndReason, Incoming, PlaceError, State, Timing};

/// The calls of one device: at most one on the screen and one that waits.
///
/// Commands and events go in as methods; effects come out of [`poll`](Self::poll). Methods that name
/// a call which is not there (any more) change nothing: messages may come late, twice and in any
/// order.
#[derive(Debug)]
pub struct Line {}

impl Line {
    /// Makes a line without calls.
    pub fn new(timing: Timing) -> Self {
        todo!("{timing:?}")
    }

    /// Returns the call on the screen: outgoing, incoming, running, or just ended.
    pub fn current(&self) -> Option<&Call> {
        todo!()
    }

    /// Returns the second call, that comes in while one runs.
    pub fn waiting(&self) -> Option<&Call> {
        todo!()
    }

    /// Calls somebody. Rings after the undo window.
    pub fn place(
        &mut self,
        call_id: CallId,
        peer: UserId,
        kind: CallKind,
        now: Instant,
    ) -> Result<(), PlaceError> {
        todo!("{call_id} {peer} {kind:?} {now:?}")
    }

    /// Ends the undo window now.
    pub fn ring_now(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// Answers an incoming call with this side's choice of sound or sound and picture. Hangs up the
    /// call on the screen when the waiting one is answered.
    pub fn answer(&mut self, call_id: CallId, kind: CallKind, now: Instant) {
        todo!("{call_id} {kind:?} {now:?}")
    }

    /// Says no to an incoming call.
    pub fn decline(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// Stops the sound of an incoming call and leaves it on the screen.
    pub fn silence(&mut self, call_id: CallId) {
        todo!("{call_id}")
    }

    /// Ends a call in whatever state it is: undoes, cancels, declines or hangs up.
    pub fn hang_up(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// Ends a call for a reason that the controller found: devices, keys, version, quitting.
    pub fn fail(&mut self, call_id: CallId, reason: EndReason, now: Instant) {
        todo!("{call_id} {reason:?} {now:?}")
    }

    /// Takes an ended call off the screen.
    pub fn dismiss(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// The server took the call: the other side's devices ring.
    pub fn placed(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// A device of the other side answered.
    pub fn answered(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// Somebody calls.
    pub fn incoming(&mut self, incoming: Incoming, now: Instant) {
        todo!("{incoming:?} {now:?}")
    }

    /// Another device of mine took the call or said no.
    pub fn taken_elsewhere(&mut self, call_id: CallId, state: CallState, now: Instant) {
        todo!("{call_id} {state:?} {now:?}")
    }

    /// The call is over, in the server's book.
    pub fn over(&mut self, call_id: CallId, state: CallState, now: Instant) {
        todo!("{call_id} {state:?} {now:?}")
    }

    /// The session found a way.
    pub fn connected(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// The session hears nothing.
    pub fn reconnecting(&mut self, call_id: CallId, gives_up_at: Instant, now: Instant) {
        todo!("{call_id} {gives_up_at:?} {now:?}")
    }

    /// The session hears again.
    pub fn recovered(&mut self, call_id: CallId, now: Instant) {
        todo!("{call_id} {now:?}")
    }

    /// The session ended by itself.
    pub fn session_ended(&mut self, call_id: CallId, end: crate::SessionEnd, now: Instant) {
        todo!("{call_id} {end:?} {now:?}")
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Returns what to do next, in order; `None` when all is done.
    pub fn poll(&mut self) -> Option<Effect> {
        todo!()
    }
}
