//! The register of lawful disclosures: what was asked for, who approved it, what was given. Append-only,
//! each event signed by an officer and linked to the one before. Two officers must approve, and what
//! is given is a list of fields, never a dump.
//!
//! - here: events and cases, without I/O;
//! - [`request`]: what must be known before something can be approved;
//! - [`desk`]: the operator's commands;
//! - [`fields`]: what can be given at all.

pub(crate) mod desk;
mod fields;
mod request;

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jasmin_consent::{chain::canonical, moment};
use jasmin_protocol::{Base64, DisclosedField};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use request::{Notice, Request};
use request::{check, day_ms};

pub use desk::{DeskError, DisclosureOrder, disclose};

const WORDS: &[u8] = b"jasmin-disclosure-v1";
/// So many different officers must approve.
const APPROVALS: usize = 2;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    Enrolled {
        officer: String,
        key: Base64,
    },
    Filed {
        case: Uuid,
        request: Request,
    },
    Approved {
        case: Uuid,
    },
    Refused {
        case: Uuid,
        why: String,
    },
    Given {
        case: Uuid,
        fields: Vec<String>,
        file: Base64,
    },
}

/// One line of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) sequence: u64,
    pub(crate) at: String,
    /// The officer.
    pub(crate) by: String,
    /// SHA-256 of the event before, with its signature; empty for the first.
    pub(crate) prev: Base64,
    pub(crate) what: What,
    /// By the officer's key over `"jasmin-disclosure-v1" || SHA-256(JCS(event without signature))`.
    pub(crate) signature: Base64,
}

impl Event {
    fn words(&self) -> Vec<u8> {
        let unsigned = Self {
            signature: Base64::default(),
            ..self.clone()
        };
        [WORDS, Sha256::digest(canonical(&unsigned)).as_slice()].concat()
    }

    fn sign(&mut self, key: &SigningKey) {
        self.signature = Base64(key.sign(&self.words()).to_bytes().to_vec());
    }

    fn is_signed_by(&self, key: &Base64) -> bool {
        let key = key.0.as_slice().try_into().ok();
        let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok());
        let signature = Signature::from_slice(&self.signature.0).ok();
        match (key, signature) {
            (Some(key), Some(signature)) => key.verify_strict(&self.words(), &signature).is_ok(),
            (None, _) | (_, None) => false,
        }
    }

    /// What the next event links to.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(canonical(self)).into()
    }
}

/// Why an event cannot be added, or why the register is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The register is not what was written.
    #[error("the register is damaged at event {0}: nothing can be added until that is explained")]
    Damaged(u64),
    /// The key is no officer's.
    #[error("this key belongs to no officer: enrol first")]
    Stranger,
    /// There are two officers already, and none of them vouches.
    #[error("with two officers enrolled, the next one needs --key of one of them, too")]
    NotVouched,
    /// Two officers of one name or key.
    #[error("there is an officer with this name or key already")]
    KnownOfficer,
    /// No such case.
    #[error("there is no such case")]
    NoCase,
    /// Not possible in this state.
    #[error("{0}")]
    NotNow(&'static str),
    /// The request is not as it must be.
    #[error("the request was not filed: {0}")]
    Request(String),
}

/// A case, after all its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) filed_at: String,
    pub(crate) approved_by: BTreeSet<String>,
    pub(crate) refused: Option<String>,
    pub(crate) given: Option<Given>,
}

/// A field with its words from the data map.
pub(crate) fn field_words(field: &str) -> DisclosedField {
    DisclosedField {
        field: field.to_owned(),
        // What cannot be given any more was given once: then its name must do.
        what: fields::find(field).map_or_else(|| field.to_owned(), |column| column.what.to_owned()),
    }
}

/// What was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) at: String,
    pub(crate) fields: Vec<String>,
    pub(crate) hash: [u8; 32],
}

impl Case {
    fn is_open(&self) -> bool {
        self.refused.is_none() && self.given.is_none()
    }

    /// Whether the person may see it.
    pub(crate) fn may_be_seen(&self, now_ms: i64) -> bool {
        let is_over = |day: &str| day_ms(day).is_some_and(|until| until <= now_ms);
        self.given.is_some()
            && match &self.request.notice {
                Notice::Sent => true,
                Notice::DelayedUntil { day, .. } | Notice::BarredUntil { day, .. } => is_over(day),
            }
    }
}

/// The whole register.
#[derive(Debug, Default)]
pub(crate) struct Register {
    officers: BTreeMap<String, Base64>,
    /// By whose word an officer came in the end: one of the first two.
    origins: BTreeMap<String, String>,
    pub(crate) cases: BTreeMap<Uuid, Case>,
    last: u64,
    head: Base64,
}

impl Register {
    /// Reads the events, oldest first, and checks each link, signature and rule.
    pub(crate) fn read(events: impl IntoIterator<Item = Event>) -> Result<Self, RegisterError> {
        let mut register = Self::default();
        for event in events {
            let place = register.last + 1;
            let is_linked = event.sequence == place && event.prev == register.head;
            if !is_linked || !register.is_signed(&event) || register.apply(&event).is_err() {
                return Err(RegisterError::Damaged(place));
            }
        }
        Ok(register)
    }

    /// An officer enrols with the first two keys by themselves, later by the word of another officer.
    fn is_signed(&self, event: &Event) -> bool {
        let key = match &event.what {
            What::Enrolled { officer, key } if *officer == event.by => {
                (self.officers.len() < APPROVALS).then_some(key)
            }
            What::Enrolled { .. }
            | What::Filed { .. }
            | What::Approved { .. }
            | What::Refused { .. }
            | What::Given { .. } => self.officers.get(&event.by),
        };
        key.is_some_and(|key| event.is_signed_by(key))
    }

    /// The officer with this key.
    fn officer(&self, key: &SigningKey) -> Option<&str> {
        let public = key.verifying_key().to_bytes();
        let mut all = self.officers.iter();
        all.find(|(_, key)| key.0 == public)
            .map(|(name, _)| name.as_str())
    }

    /// The next event, if the rules allow it.
    pub(crate) fn add(
        &mut self,
        what: What,
        key: &SigningKey,
        now_ms: i64,
    ) -> Result<Event, RegisterError> {
        let by = match (&what, self.officer(key)) {
            (_, Some(officer)) => officer.to_owned(),
            (What::Enrolled { officer, .. }, None) if self.officers.len() < APPROVALS => {
                officer.clone()
            }
            (What::Enrolled { .. }, None) => return Err(RegisterError::NotVouched),
            (_, None) => return Err(RegisterError::Stranger),
        };
        if let What::Filed { request, .. } = &what {
            check(request, now_ms).map_err(RegisterError::Request)?;
        }
        let at =
            moment::write(now_ms).ok_or(RegisterError::NotNow("this machine's clock is off"))?;
        let mut event = Event {
            sequence: self.last + 1,
            at,
            by,
            prev: self.head.clone(),
            what,
            signature: Base64::default(),
        };
        event.sign(key);
        self.apply(&event)?;
        Ok(event)
    }

    fn apply(&mut self, event: &Event) -> Result<(), RegisterError> {
        match &event.what {
            What::Enrolled { officer, key } => {
                let is_known = self.officers.contains_key(officer)
                    || self.officers.values().any(|known| known == key);
                if is_known || officer.trim().is_empty() {
                    return Err(RegisterError::KnownOfficer);
                }
                self.officers.insert(officer.clone(), key.clone());
                let origin = self.origins.get(&event.by).unwrap_or(officer).clone();
                self.origins.insert(officer.clone(), origin);
            }
            What::Filed { case, request } => {
                let fresh = Case {
                    request: request.clone(),
                    filed_at: event.at.clone(),
                    approved_by: BTreeSet::new(),
                    refused: None,
                    given: None,
                };
                if self.cases.insert(*case, fresh).is_some() {
                    return Err(RegisterError::NotNow("there is a case with this number"));
                }
            }
            What::Approved { case } => {
                let case = self.open_case(case)?;
                if !case.approved_by.insert(event.by.clone()) {
                    return Err(RegisterError::NotNow(
                        "this officer has approved it already",
                    ));
                }
            }
            What::Refused { case, why } => self.open_case(case)?.refused = Some(why.clone()),
            What::Given { case, fields, .. } => {
                // Whom an officer brought in approves nothing that they could not alone.
                let origins = self.origins.clone();
                let case = self.open_case(case)?;
                let sides: BTreeSet<_> = case
                    .approved_by
                    .iter()
                    .filter_map(|officer| origins.get(officer))
                    .collect();
                if sides.len() < APPROVALS {
                    return Err(RegisterError::NotNow(
                        "two different officers must approve it first, and not both by the word of one",
                    ));
                }
                if !fields
                    .iter()
                    .all(|field| case.request.scope.contains(field))
                {
                    return Err(RegisterError::NotNow("more than what was approved"));
                }
                case.given = Some(Given {
                    at: event.at.clone(),
                    fields: fields.clone(),
                    hash: event.hash(),
                });
            }
        }
        self.last = event.sequence;
        self.head = Base64(event.hash().to_vec());
        Ok(())
    }

    fn open_case(&mut self, case: &Uuid) -> Result<&mut Case, RegisterError> {
        let case = self.cases.get_mut(case).ok_or(RegisterError::NoCase)?;
        if !case.is_open() {
            return Err(RegisterError::NotNow("the case is closed"));
        }
        Ok(case)
    }
}

#[cfg(test)]
mod tests {
    use super::{request::tests::request, *};

    /// 2026-11-22, noon.
    const NOW: i64 = 1_795_348_800_000;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn enrol(name: &str, seed: u8) -> What {
        What::Enrolled {
            officer: name.to_owned(),
            key: Base64(key(seed).verifying_key().to_bytes().to_vec()),
        }
    }

    const CASE: Uuid = Uuid::from_u128(1);

    fn filed() -> What {
        What::Filed {
            case: CASE,
            request: request(),
        }
    }

    fn given(fields: &[&str]) -> What {
        What::Given {
            case: CASE,
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            file: Base64(vec![1; 32]),
        }
    }

    /// A whole case: enrolments, filing, two approvals, giving.
    fn events() -> Vec<Event> {
        let mut register = Register::default();
        [
            (enrol("ana", 1), 1),
            (enrol("ben", 2), 2),
            (filed(), 1),
            (What::Approved { case: CASE }, 1),
            (What::Approved { case: CASE }, 2),
            (given(&["account.created_ms"]), 2),
        ]
        .map(|(what, by)| register.add(what, &key(by), NOW).unwrap())
        .into()
    }

    #[test]
    fn nothing_is_given_without_two_different_officers() {
        let mut register = Register::read(events().into_iter().take(3)).unwrap();
        let approved = || What::Approved { case: CASE };
        let mut add = |what, by| register.add(what, &key(by), NOW).map(drop);
        let all = || given(&["account.created_ms"]);
        assert!(
            matches!(add(all(), 1), Err(RegisterError::NotNow(_))),
            "nobody approved"
        );
        add(approved(), 1).unwrap();
        assert!(
            matches!(add(approved(), 1), Err(RegisterError::NotNow(_))),
            "the same one"
        );
        assert!(
            matches!(add(all(), 1), Err(RegisterError::NotNow(_))),
            "one approved"
        );
        assert_eq!(add(approved(), 9), Err(RegisterError::Stranger));
        add(approved(), 2).unwrap();
        let more = given(&["account.created_ms", "account.email_box"]);
        assert!(
            matches!(add(more, 1), Err(RegisterError::NotNow(_))),
            "more than approved"
        );
        add(all(), 1).unwrap();
        assert!(
            matches!(add(all(), 1), Err(RegisterError::NotNow(_))),
            "once"
        );
        let other = What::Approved { case: Uuid::nil() };
        assert_eq!(add(other, 1), Err(RegisterError::NoCase));
    }

    #[test]
    fn a_refused_case_is_over() {
        let mut register = Register::read(events().into_iter().take(5)).unwrap();
        let why = "too wide".to_owned();
        let mut add = |what| register.add(what, &key(1), NOW).map(drop);
        add(What::Refused { case: CASE, why }).unwrap();
        assert!(matches!(add(given(&[])), Err(RegisterError::NotNow(_))));
    }

    #[test]
    fn officers_who_came_by_one_word_count_as_one() {
        let mut register = Register::read(events().into_iter().take(3)).unwrap();
        let mut add = |what, by| register.add(what, &key(by), NOW).map(drop);
        add(enrol("eve", 3), 1).unwrap();
        add(enrol("eva", 4), 3).unwrap();
        for officer in [1, 3, 4] {
            add(What::Approved { case: CASE }, officer).unwrap();
        }
        let early = add(given(&["account.created_ms"]), 4);
        assert!(
            matches!(early, Err(RegisterError::NotNow(_))),
            "all by the word of one"
        );
        add(What::Approved { case: CASE }, 2).unwrap();
        add(given(&["account.created_ms"]), 4).unwrap();
    }

    #[test]
    fn a_third_officer_needs_the_word_of_another() {
        let mut register = Register::read(events().into_iter().take(2)).unwrap();
        let mut add = |what, by| register.add(what, &key(by), NOW).map(drop);
        assert_eq!(add(enrol("eve", 3), 3), Err(RegisterError::NotVouched));
        assert_eq!(add(enrol("ana", 3), 1), Err(RegisterError::KnownOfficer));
        assert_eq!(add(enrol("ann", 1), 2), Err(RegisterError::KnownOfficer));
        add(enrol("eve", 3), 1).unwrap();
        add(filed(), 3).unwrap();
    }

    #[test]
    fn any_changed_dropped_moved_or_added_event_is_found() {
        let good = events();
        assert!(Register::read(good.clone()).is_ok());
        for at in 0..good.len() {
            let damaged = |change: &dyn Fn(&mut Vec<Event>)| {
                let mut events = good.clone();
                change(&mut events);
                Register::read(events).is_err()
            };
            assert!(damaged(&|events| events[at].at.push('x')), "time of {at}");
            assert!(
                damaged(&|events| events[at].by = "eve".into()),
                "officer of {at}"
            );
            assert!(
                damaged(&|events| events[at].signature.0[0] ^= 1),
                "signature of {at}"
            );
            assert!(
                damaged(&|events| events.insert(at, events[at].clone())),
                "{at} twice"
            );
            if at + 1 < good.len() {
                assert!(damaged(&|events| drop(events.remove(at))), "without {at}");
                assert!(damaged(&|events| events.swap(at, at + 1)), "{at} moved");
            }
        }
    }

    #[test]
    fn the_person_sees_it_when_the_bar_has_ended_and_not_before_it_was_given() {
        let mut case = Register::read(events())
            .unwrap()
            .cases
            .remove(&CASE)
            .unwrap();
        assert!(case.may_be_seen(NOW));
        case.request.notice = Notice::BarredUntil {
            day: "2026-12-01".into(),
            order: "O".into(),
        };
        assert!(!case.may_be_seen(NOW));
        assert!(case.may_be_seen(day_ms("2026-12-01").unwrap()));
        case.given = None;
        assert!(!case.may_be_seen(i64::MAX));
    }
}
