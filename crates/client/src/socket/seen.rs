use std::collections::{HashSet, VecDeque};

use jasmin_protocol::MessageId;

const REMEMBERED: usize = 512;

/// Which events were shown, so that a repetition is not.
#[derive(Debug, Default)]
pub(super) struct Seen {
    newest: i64,
    ids: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Seen {
    /// Everything up to `seq` was shown in an earlier life.
    pub(super) fn up_to(seq: i64) -> Self {
        Self {
            newest: seq,
            ..Self::default()
        }
    }

    /// Whether this is news. It is none the second time.
    pub(super) fn is_new(&mut self, seq: i64, msg_id: MessageId) -> bool {
        if seq <= self.newest || !self.ids.insert(msg_id) {
            return false;
        }
        self.newest = seq;
        self.order.push_back(msg_id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    /// The server's mailbox starts anew, with smaller numbers. What was shown stays known.
    pub(super) fn restart(&mut self) {
        self.newest = 0;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn repetitions_are_known_by_number_and_by_name() {
        let id = || MessageId(Uuid::now_v7());
        let mut seen = Seen::up_to(3);
        assert!(!seen.is_new(3, id()), "from an earlier life");
        let fourth = id();
        assert!(seen.is_new(4, fourth));
        assert!(!seen.is_new(4, fourth));
        assert!(!seen.is_new(9, fourth), "the same under a later number");
        assert!(seen.is_new(9, id()), "gaps are allowed");
        seen.restart();
        assert!(!seen.is_new(1, fourth), "still known after a restart");
        assert!(seen.is_new(1, id()));
        for seq in 2..5_000 {
            assert!(seen.is_new(seq, id()));
        }
        assert_eq!(seen.ids.len(), REMEMBERED, "memory is bounded");
    }
}
