//! Packets waiting to be decoded, in the order of their time.

use std::collections::{BTreeMap, VecDeque};

/// More than the buffer ever aims at; what exceeds it is a stalled sender's backlog.
const MOST_PACKETS: usize = 128;

/// Times of packets already taken, to tell a repetition from a late packet.
const REMEMBERED: usize = 64;

/// A packet and the samples it stands for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) data: Vec<u8>,
    pub(super) samples: i64,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    Kept,
    Duplicate,
    Late,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<i64, Waiting>,
    taken: VecDeque<i64>,
}

impl Queue {
    /// Keeps a packet unless it is known or ends before `next`.
    pub(super) fn insert(&mut self, time: i64, packet: Waiting, next: Option<i64>) -> Inserted {
        if self.waiting.contains_key(&time) || self.taken.contains(&time) {
            return Inserted::Duplicate;
        }
        if next.is_some_and(|next| time + packet.samples <= next) {
            return Inserted::Late;
        }
        self.waiting.insert(time, packet);
        if self.waiting.len() > MOST_PACKETS {
            self.waiting.pop_first();
        }
        Inserted::Kept
    }

    /// Takes the packet that holds the sample at `next`, with its time.
    pub(super) fn take(&mut self, next: i64) -> Option<(i64, Waiting)> {
        self.forget_before(next);
        let entry = self.waiting.first_entry()?;
        if *entry.key() > next {
            return None;
        }
        let taken = entry.remove_entry();
        if self.taken.len() == REMEMBERED {
            self.taken.pop_front();
        }
        self.taken.push_back(taken.0);
        Some(taken)
    }

    /// The earliest packet that does not end before `next`.
    pub(super) fn first(&mut self, next: i64) -> Option<(i64, &Waiting)> {
        self.forget_before(next);
        self.earliest()
    }

    pub(super) fn earliest(&self) -> Option<(i64, &Waiting)> {
        let (time, packet) = self.waiting.first_key_value()?;
        Some((*time, packet))
    }

    pub(super) fn latest_time(&self) -> Option<i64> {
        self.waiting.last_key_value().map(|(time, _)| *time)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.taken.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn forget_before(&mut self, next: i64) {
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key() + entry.get().samples > next {
                break;
            }
            entry.remove();
        }
    }
}
