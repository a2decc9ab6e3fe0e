//! The questions: closed. Each puts a person into exactly one group, by what that person did alone: whatever
//! somebody else does, or whether they exist, changes nothing about it.

use jasmin_protocol::CallKind;

const DAY_MS: i64 = 86_400_000;

/// What is looked at of one person.
#[derive(Debug)]
pub(super) struct Week {
    /// The calls that they placed in the week, oldest first.
    pub(super) calls: Vec<CallPlaced>,
    /// The systems of the devices that they are signed in on, the newest device last.
    pub(super) platforms: Vec<String>,
}

/// A call that somebody placed, answered or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallPlaced {
    pub(crate) kind: CallKind,
    pub(crate) at_ms: i64,
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
        code: "calls_placed",
        title: "Calls that one placed in the week",
        groups: &["none", "1 or 2", "3 to 9", "10 or more"],
        group: |week| place(week.calls.len(), &[1, 3, 10]),
    },
    Question {
        code: "days_with_calls",
        title: "Days of the week on which one placed a call",
        groups: &["none", "one", "two or three", "four or more"],
        group: |week| {
            let mut days: Vec<i64> = week.calls.iter().map(|call| call.at_ms / DAY_MS).collect();
            days.dedup();
            place(days.len(), &[1, 2, 4])
        },
    },
    Question {
        code: "last_call_placed",
        title: "The last call that one placed in the week",
        groups: &["placed none", "with picture", "with sound only"],
        group: |week| match week.calls.last().map(|call| call.kind) {
            None => 0,
            Some(CallKind::Video) => 1,
            Some(CallKind::Audio) => 2,
        },
    },
    Question {
        code: "devices",
        title: "Devices that one is signed in on",
        groups: &["none", "one", "two", "three or more"],
        group: |week| place(week.platforms.len(), &[1, 2, 3]),
    },
    Question {
        code: "newest_device",
        title: "System of the newest of them",
        groups: &["none", "Linux", "macOS", "Windows", "another"],
        group: |week| match week.platforms.last().map(String::as_str) {
            None => 0,
            Some("linux") => 1,
            Some("macos") => 2,
            Some("windows") => 3,
            Some(_) => 4,
        },
    },
];

/// How many of the steps a number has reached.
fn place(number: usize, steps: &[usize]) -> usize {
    steps.iter().filter(|step| number >= **step).count()
}
