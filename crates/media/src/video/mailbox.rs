//! A box for one thing: putting replaces what is in it, taking waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Hands the newest of something to one thread.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    item: Option<T>,
    closed: bool,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(Slot {
                item: None,
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl<T> Mailbox<T> {
    /// Puts an item in and returns the one that nobody took in time.
    pub(crate) fn put(&self, item: T) -> Option<T> {
        let replaced = self.lock().item.replace(item);
        self.filled.notify_one();
        replaced
    }

    /// Waits for an item; `None` once closed.
    pub(crate) fn take(&self) -> Option<T> {
        let mut slot = self.lock();
        loop {
            if slot.closed {
                return None;
            }
            if let Some(item) = slot.item.take() {
                return Some(item);
            }
            slot = self
                .filled
                .wait(slot)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Throws away what is in the box.
    pub(crate) fn clear(&self) {
        self.lock().item = None;
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_closing_ends_the_wait() {
        let mailbox = Mailbox::default();
        assert_eq!(mailbox.put(1), None);
        assert_eq!(mailbox.put(2), Some(1));
        assert_eq!(mailbox.take(), Some(2));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| mailbox.take());
            mailbox.close();
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
