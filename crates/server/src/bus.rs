//! Who is connected, and how to reach them. The bus carries wake-ups and what may be lost; whatever
//! must arrive lies in a mailbox first.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jasmin_protocol::{CallId, DeviceId, Sealed, SessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::store::Address;

/// What the bus says to the sockets of one device. It can travel between processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Note {
    /// There is something new in the mailbox.
    Wake,
    /// A message from the other device in a call.
    Relay {
        call_id: CallId,
        from: DeviceId,
        sealed: Sealed,
    },
    /// This sign-in is over.
    Revoked(SessionId),
    /// The device has a newer socket: every other one is to close.
    Replaced { by: Uuid },
}

/// The way between the node that knows something and the node that holds the socket.
pub(crate) trait Bus: fmt::Debug + Send + Sync {
    /// Tells every socket of the device, wherever it is. Returns false when there surely is none.
    fn publish(&self, to: Address, note: Note) -> bool;

    /// Listens for one socket of a device; older sockets of it are told to close.
    fn subscribe(&self, at: Address, socket: Uuid) -> Line;
}

/// One socket's end of the bus. Dropping it hangs up.
pub(crate) struct Line {
    notes: mpsc::Receiver<Note>,
    wake: Arc<Notify>,
    _hang_up: HangUp,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(…)")
    }
}

impl Line {
    /// Waits for what comes next; nothing once the socket was too slow to take it. Wake-ups that
    /// nobody waited for come as one.
    pub(crate) async fn next(&mut self) -> Option<Note> {
        tokio::select! {
            // What lies in the mailbox first: an answer before the candidates that follow it.
            biased;
            () = self.wake.notified() => Some(Note::Wake),
            note = self.notes.recv() => note,
        }
    }
}

struct HangUp(Arc<LocalBus>, Address, Uuid);

impl Drop for HangUp {
    fn drop(&mut self) {
        let mut lines = self.0.lines(self.1);
        if let Some(at) = lines.get_mut(&self.1) {
            at.retain(|line| line.socket != self.2);
            if at.is_empty() {
                lines.remove(&self.1);
            }
        }
    }
}

/// The bus of a server that is one process.
#[derive(Debug)]
pub(crate) struct InProcess(Arc<LocalBus>);

struct LocalBus([Mutex<HashMap<Address, Vec<Sender>>>; SHARDS]);

struct Sender {
    socket: Uuid,
    notes: mpsc::Sender<Note>,
    wake: Arc<Notify>,
}

const SHARDS: usize = 64;
/// How many notes wait for one socket before it counts as too slow.
const WAITING: usize = 32;

impl fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalBus(…)")
    }
}

impl LocalBus {
    fn lines(&self, at: Address) -> std::sync::MutexGuard<'_, HashMap<Address, Vec<Sender>>> {
        let shard = usize::from(at.user.0.as_bytes()[15]) % SHARDS;
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InProcess {
    pub(crate) fn new() -> Self {
        Self(Arc::new(LocalBus(std::array::from_fn(|_| {
            Mutex::default()
        }))))
    }
}

impl Bus for InProcess {
    fn publish(&self, to: Address, note: Note) -> bool {
        let mut lines = self.0.lines(to);
        let Some(at) = lines.get_mut(&to) else {
            return false;
        };
        if note == Note::Wake {
            at.iter().for_each(|line| line.wake.notify_one());
            return true;
        }
        // Whoever has no room left loses the line, which closes the socket.
        at.retain(|line| line.notes.try_send(note.clone()).is_ok());
        !at.is_empty()
    }

    fn subscribe(&self, at: Address, socket: Uuid) -> Line {
        self.publish(at, Note::Replaced { by: socket });
        let (sender, notes) = mpsc::channel(WAITING);
        let wake = Arc::new(Notify::new());
        self.0.lines(at).entry(at).or_default().push(Sender {
            socket,
            notes: sender,
            wake: wake.clone(),
        });
        Line {
            notes,
            wake,
            _hang_up: HangUp(self.0.clone(), at, socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::UserId;

    use super::*;

    fn address(n: u128) -> Address {
        Address {
            user: UserId(Uuid::from_u128(n)),
            device: DeviceId(Uuid::from_u128(n)),
        }
    }

    fn revoked(n: u128) -> Note {
        Note::Revoked(SessionId(Uuid::from_u128(n)))
    }

    #[tokio::test]
    async fn many_wake_ups_are_one_and_none_is_lost() {
        let bus = InProcess::new();
        let mut line = bus.subscribe(address(1), Uuid::from_u128(1));
        for _ in 0..1000 {
            assert!(bus.publish(address(1), Note::Wake));
        }
        assert_eq!(line.next().await, Some(Note::Wake));
        bus.publish(address(1), revoked(7));
        assert_eq!(
            line.next().await,
            Some(revoked(7)),
            "no second wake-up was waiting"
        );
    }

    #[tokio::test]
    async fn who_does_not_take_its_notes_loses_the_line() {
        let bus = InProcess::new();
        let mut line = bus.subscribe(address(1), Uuid::from_u128(1));
        for n in 0..WAITING {
            assert!(bus.publish(address(1), revoked(n as u128)));
        }
        assert!(
            !bus.publish(address(1), revoked(99)),
            "there is no room and so no line"
        );
        for n in 0..WAITING {
            assert_eq!(line.next().await, Some(revoked(n as u128)));
        }
        assert_eq!(line.next().await, None);
    }

    #[tokio::test]
    async fn a_second_socket_replaces_the_first() {
        let bus = InProcess::new();
        let mut first = bus.subscribe(address(1), Uuid::from_u128(1));
        let second = bus.subscribe(address(1), Uuid::from_u128(2));
        assert_eq!(
            first.next().await,
            Some(Note::Replaced {
                by: Uuid::from_u128(2)
            })
        );
        drop(first);
        assert!(bus.publish(address(1), Note::Wake), "the second one stays");
        drop(second);
        assert!(!bus.publish(address(1), Note::Wake), "nobody is left");
    }
}
