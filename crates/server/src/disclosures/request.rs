//! What somebody asks for under the law, and what must be known of it before it can be approved.

use std::collections::BTreeSet;

use jasmin_consent::moment;
use jasmin_protocol::{DisclosureGround, UserId};
use serde::{Deserialize, Serialize};

use super::fields;

const MOST_FIELDS: usize = 20;
/// A reason shorter than this is none (grounds d and e).
const SHORTEST_REASON: usize = 40;
const LONGEST_TEXT: usize = 1_000;
/// A bar by order ends after five years at the latest, …
const LONGEST_BAR_MS: i64 = 5 * 366 * 86_400_000;
/// … a delay that the operator decides after ninety days.
const LONGEST_DELAY_MS: i64 = 90 * 86_400_000;

/// Whether and when the person is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Notice {
    /// At once.
    Sent,
    /// Later, by the operator's decision; the day is the first on which they see it.
    DelayedUntil { day: String, reason: String },
    /// An order forbids it until this day.
    BarredUntil { day: String, order: String },
}

/// What somebody asked for, as an officer writes it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) subject: UserId,
    pub(crate) ground: DisclosureGround,
    pub(crate) authority: String,
    pub(crate) reference: String,
    pub(crate) legal_basis: String,
    /// `YYYY-MM-DD`.
    pub(crate) received: String,
    /// `table.column` of the data map.
    pub(crate) scope: Vec<String>,
    pub(crate) notice: Notice,
}

/// When a day begins, UTC.
pub(super) fn day_ms(day: &str) -> Option<i64> {
    moment::read(&format!("{day}T00:00:00.000Z"))
}

/// What is wrong with a request, in words.
pub(super) fn check(request: &Request, now_ms: i64) -> Result<(), String> {
    let Request {
        subject: _,
        ground,
        authority,
        reference,
        legal_basis,
        received,
        scope,
        notice,
    } = request;
    for (name, text) in [
        ("authority", authority),
        ("reference", reference),
        ("legal_basis", legal_basis),
    ] {
        let length = text.trim().chars().count();
        if length == 0 || length > LONGEST_TEXT {
            return Err(format!("{name} needs 1 to {LONGEST_TEXT} characters"));
        }
    }
    match ground {
        DisclosureGround::PublicInterest | DisclosureGround::OperatorsRights
            if legal_basis.trim().chars().count() < SHORTEST_REASON =>
        {
            return Err(format!(
                "this ground needs a reason of {SHORTEST_REASON} characters or more in legal_basis"
            ));
        }
        DisclosureGround::Authorised => {
            return Err(
                "what a person authorises goes to a partner, and through its gate (see `partner`)"
                    .to_owned(),
            );
        }
        DisclosureGround::Law
        | DisclosureGround::Authority
        | DisclosureGround::PublicInterest
        | DisclosureGround::OperatorsRights
        | DisclosureGround::LegalProcess => {}
    }
    if day_ms(received).is_none_or(|received| received > now_ms) {
        return Err("received is no day of the past (YYYY-MM-DD)".to_owned());
    }
    if scope.is_empty() || scope.len() > MOST_FIELDS {
        return Err(format!(
            "scope needs 1 to {MOST_FIELDS} fields, each by its name"
        ));
    }
    let different: BTreeSet<&String> = scope.iter().collect();
    if different.len() < scope.len() {
        return Err("scope names a field twice".to_owned());
    }
    for field in scope {
        if fields::find(field).is_none() {
            return Err(format!(
                "{field} is no field that can be given; `jasmin-server data-map` lists them"
            ));
        }
    }
    match notice {
        Notice::Sent => Ok(()),
        Notice::DelayedUntil { day, reason } => check_end(
            day,
            reason,
            now_ms,
            LONGEST_DELAY_MS,
            "a delay ends after 90 days",
        ),
        Notice::BarredUntil { day, order } => check_end(
            day,
            order,
            now_ms,
            LONGEST_BAR_MS,
            "a bar ends after five years",
        ),
    }
}

fn check_end(
    day: &str,
    why: &str,
    now_ms: i64,
    longest_ms: i64,
    too_long: &str,
) -> Result<(), String> {
    if why.trim().is_empty() {
        return Err("a delay needs its reason, and a bar its order".to_owned());
    }
    match day_ms(day).filter(|until| *until > now_ms) {
        Some(until) if until <= now_ms + longest_ms => Ok(()),
        Some(_) => Err(format!("{too_long} at the latest")),
        None => Err("a delay or bar ends on a day to come (YYYY-MM-DD)".to_owned()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;

    /// 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    pub(crate) fn request() -> Request {
        Request {
            subject: UserId(Uuid::from_u128(7)),
            ground: DisclosureGround::LegalProcess,
            authority: "District court of X".to_owned(),
            reference: "12 C 345/26".to_owned(),
            legal_basis: "Section 1 of an act".to_owned(),
            received: "2026-11-20".to_owned(),
            scope: vec!["account.created_ms".to_owned()],
            notice: Notice::Sent,
        }
    }

    #[test]
    fn a_request_says_who_why_what_and_when_the_person_is_told() {
        let refused = |change: &dyn Fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            check(&request, NOW).unwrap_err()
        };
        assert_eq!(check(&request(), NOW), Ok(()));
        let ground = |ground| refused(&|request: &mut Request| request.ground = ground);
        assert!(ground(DisclosureGround::PublicInterest).contains("40 characters"));
        assert!(ground(DisclosureGround::Authorised).contains("through its gate"));
        for (change, fault) in [
            (
                &(|request: &mut Request| request.authority.clear()) as &dyn Fn(&mut Request),
                "authority",
            ),
            (
                &|request| request.received = "2027-01-01".into(),
                "received",
            ),
            (&|request| request.scope.clear(), "scope"),
            (
                &|request| request.scope = vec!["account".into()],
                "account is no field",
            ),
            (&|request| request.scope = vec!["*".into()], "* is no field"),
            (
                &|request| request.scope = vec!["account.password_record".into()],
                "no field that can be given",
            ),
            (
                &|request| request.scope = vec!["account.created_ms".into(); 2],
                "twice",
            ),
            (
                &|request| {
                    request.notice = Notice::DelayedUntil {
                        day: "2026-12-01".into(),
                        reason: " ".into(),
                    }
                },
                "reason",
            ),
            (
                &|request| {
                    request.notice = Notice::BarredUntil {
                        day: "2026-11-01".into(),
                        order: "O".into(),
                    }
                },
                "a day to come",
            ),
            (
                &|request| {
                    request.notice = Notice::BarredUntil {
                        day: "2099-11-01".into(),
                        order: "O".into(),
                    }
                },
                "five years",
            ),
            (
                &|request| {
                    request.notice = Notice::DelayedUntil {
                        day: "2027-11-01".into(),
                        reason: "R".into(),
                    }
                },
                "90 days",
            ),
        ] {
            let said = refused(change);
            assert!(said.contains(fault), "{said}");
        }
    }
}
