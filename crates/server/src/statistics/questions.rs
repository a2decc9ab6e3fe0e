//! The questions: closed. Each puts a person into exactly one group.

use jasmin_protocol::{CallState, UserId};

/// What is looked at of one person.
#[derive(Debug)]
pub(super) struct Week {
    pub(super) user: UserId,
    /// The calls of the week, those of both sides.
    pub(super) calls: Vec<CallSeen>,
    /// Accepted contacts, now.
    pub(super) contacts: usize,
    /// Devices that are signed in, now.
    pub(super) devices: usize,
}

/// What is looked at of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallSeen {
    pub(crate) caller: UserId,
    pub(crate) state: CallState,
    pub(crate) answered_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
}

impl CallSeen {
    fn minutes(&self) -> Option<i64> {
        let length = self.ended_ms?.saturating_sub(self.answered_ms?);
        Some(length / 60_000)
    }
}

/// One question.
pub(super) struct Question {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) groups: &'static [&'static str],
    /// The place of the person's group.
    pub(super) group: fn(&Week) -> usize,
}

pub(super) const QUESTIONS: [Question; 5] = [
    Question {
        code: "calls",
        title: "Calls with an answer in the week",
        groups: &["none", "1 or 2", "3 to 9", "10 or more"],
        group: |week| {
            let answered = week.calls.iter().filter(|call| call.answered_ms.is_some());
            place(answered.count(), &[1, 3, 10])
        },
    },
    Question {
        code: "longest_call",
        title: "The longest call of the week",
        groups: &[
            "none",
            "under 5 minutes",
            "5 to 29 minutes",
            "30 minutes or more",
        ],
        group: |week| {
            let longest = week.calls.iter().filter_map(CallSeen::minutes).max();
            longest.map_or(0, |minutes| {
                1 + place(usize::try_from(minutes).unwrap_or(0), &[5, 30])
            })
        },
    },
    Question {
        code: "last_call_placed",
        title: "How the last call that one placed in the week ended",
        groups: &[
            "placed none",
            "answered",
            "not answered",
            "declined or busy",
            "cancelled",
        ],
        group: |week| {
            let own = week
                .calls
                .iter()
                .rev()
                .find(|call| call.caller == week.user);
            match own.map(|call| call.state) {
                None | Some(CallState::Ringing) => 0,
                Some(CallState::Answered | CallState::Ended) => 1,
                Some(CallState::Missed) => 2,
                Some(CallState::Declined | CallState::Busy) => 3,
                Some(CallState::Cancelled) => 4,
            }
        },
    },
    Question {
        code: "contacts",
        title: "Contacts",
        groups: &["none", "1 to 4", "5 to 19", "20 or more"],
        group: |week| place(week.contacts, &[1, 5, 20]),
    },
    Question {
        code: "devices",
        title: "Devices that are signed in",
        groups: &["none", "one", "two", "three or more"],
        group: |week| place(week.devices, &[1, 2, 3]),
    },
];

/// How many of the steps a number has reached.
fn place(number: usize, steps: &[usize]) -> usize {
    steps.iter().filter(|step| number >= **step).count()
}
