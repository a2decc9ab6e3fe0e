//! Partners, and the gate between them and what is known about a person. Nothing goes to a partner
//! unless it has signed an undertaking that is in date, and the person has said yes to this partner and
//! this field.
//!
//! - here: the book of partners, without I/O;
//! - [`gate`]: what may pass;
//! - [`post`]: how it is delivered, and deleted again;
//! - [`desk`]: the operator's commands.

pub(crate) mod desk;
pub(crate) mod gate;
pub(crate) mod post;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr};

use jasmin_consent::{chain::canonical, moment};
use jasmin_protocol::{Base64, Partner, PartnerStatus, ShareField, Undertaking};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use desk::{PartnerDeskError, PartnerOrder, partner};

const LONGEST_TEXT: usize = 400;

/// What a partner is, as the operator writes it down. It never changes: a partner that wants more is
/// another partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) legal_entity: String,
    pub(crate) country: String,
    pub(crate) purpose: String,
    pub(crate) retention: String,
    pub(crate) fields: Vec<ShareField>,
    /// Where data go. `https`, or `http` on this machine.
    pub(crate) give_url: String,
    /// Where it is told to delete.
    pub(crate) delete_url: String,
}

/// What happened to a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    Proposed { record: Record },
    UndertakingSigned { undertaking: Undertaking },
    Activated,
    Suspended { why: String },
    Ended { why: String },
}

/// One line of the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) sequence: u64,
    pub(crate) at: String,
    pub(crate) partner: String,
    pub(crate) what: What,
    /// SHA-256 of the event before as JCS (RFC 8785); empty for the first.
    pub(crate) prev: Base64,
}

impl Event {
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(canonical(self)).into()
    }
}

/// Why nothing was written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartnerError {
    /// The book is not what was written.
    #[error(
        "the book of partners is damaged at event {0}: nothing can be added until that is explained"
    )]
    Damaged(u64),
    /// No such partner.
    #[error("there is no such partner")]
    NoPartner,
    /// Not possible in this state.
    #[error("{0}")]
    NotNow(&'static str),
    /// Something in it is not as it must be.
    #[error("{0}")]
    Wrong(String),
}

/// A partner, after all its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) record: Record,
    pub(crate) status: PartnerStatus,
    pub(crate) undertaking: Option<Undertaking>,
}

impl Known {
    /// Whether anything can go to it: active, and what it signed counts on this day.
    pub(crate) fn is_open(&self, now_ms: i64) -> bool {
        let today = moment::day(now_ms).unwrap_or_default();
        let in_date = |undertaking: &Undertaking| {
            !today.is_empty() && undertaking.signed_on <= today && today <= undertaking.review_by
        };
        self.status == PartnerStatus::Active && self.undertaking.as_ref().is_some_and(in_date)
    }

    /// As everybody sees it.
    pub(crate) fn shown(&self, now_ms: i64) -> Partner {
        let Record {
            id,
            name,
            legal_entity,
            country,
            purpose,
            retention,
            fields,
            ..
        } = self.record.clone();
        Partner {
            id,
            name,
            legal_entity,
            country,
            purpose,
            retention,
            fields,
            status: self.status,
            undertaking: self.undertaking.clone(),
            open: self.is_open(now_ms),
        }
    }
}

/// The whole book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) partners: BTreeMap<String, Known>,
    last: u64,
    head: Base64,
}

impl Book {
    /// Reads the events, oldest first, and checks each link and rule.
    pub(crate) fn read(events: impl IntoIterator<Item = Event>) -> Result<Self, PartnerError> {
        let mut book = Self::default();
        for event in events {
            let place = book.last + 1;
            let is_linked = event.sequence == place && event.prev == book.head;
            if !is_linked || book.apply(&event).is_err() {
                return Err(PartnerError::Damaged(place));
            }
        }
        Ok(book)
    }

    /// The next event, if the rules allow it.
    pub(crate) fn add(
        &mut self,
        partner: &str,
        what: What,
        now_ms: i64,
    ) -> Result<Event, PartnerError> {
        let at =
            moment::write(now_ms).ok_or(PartnerError::NotNow("this machine's clock is off"))?;
        match &what {
            What::Proposed { record } => check(record).map_err(PartnerError::Wrong)?,
            What::UndertakingSigned { undertaking } => {
                check_undertaking(undertaking, now_ms).map_err(PartnerError::Wrong)?;
            }
            What::Suspended { why } | What::Ended { why } if why.trim().is_empty() => {
                return Err(PartnerError::NotNow("say why, with --why"));
            }
            What::Activated | What::Suspended { .. } | What::Ended { .. } => {}
        }
        let event = Event {
            sequence: self.last + 1,
            at,
            partner: partner.to_owned(),
            what,
            prev: self.head.clone(),
        };
        self.apply(&event)?;
        Ok(event)
    }

    fn apply(&mut self, event: &Event) -> Result<(), PartnerError> {
        use PartnerStatus::{Active, Ended, Proposed, Suspended, UndertakingSigned};
        if let What::Proposed { record } = &event.what {
            if record.id != event.partner || self.partners.contains_key(&event.partner) {
                return Err(PartnerError::NotNow(
                    "there is a partner of this id: one that wants something else needs another id",
                ));
            }
            let fresh = Known {
                record: record.clone(),
                status: Proposed,
                undertaking: None,
            };
            self.partners.insert(event.partner.clone(), fresh);
        } else {
            let known = self
                .partners
                .get_mut(&event.partner)
                .ok_or(PartnerError::NoPartner)?;
            if known.status == Ended {
                return Err(PartnerError::NotNow("this partner has ended"));
            }
            match &event.what {
                What::Proposed { .. } => {}
                What::UndertakingSigned { undertaking } => {
                    known.undertaking = Some(undertaking.clone());
                    if known.status == Proposed {
                        known.status = UndertakingSigned;
                    }
                }
                What::Activated if known.undertaking.is_none() => {
                    return Err(PartnerError::NotNow(
                        "it has signed no undertaking: nothing can be shared with it",
                    ));
                }
                What::Activated => known.status = Active,
                What::Suspended { .. } => known.status = Suspended,
                What::Ended { .. } => known.status = Ended,
            }
        }
        self.last = event.sequence;
        self.head = Base64(event.hash().to_vec());
        Ok(())
    }
}

/// What is wrong with a record, in words.
fn check(record: &Record) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if record.id.is_empty() || record.id.len() > 32 || !record.id.chars().all(plain) {
        return Err("id takes 1 to 32 lower-case letters, digits and -".to_owned());
    }
    for (name, text) in [
        ("name", &record.name),
        ("legal_entity", &record.legal_entity),
        ("country", &record.country),
        ("purpose", &record.purpose),
        ("retention", &record.retention),
    ] {
        let length = text.trim().chars().count();
        if length == 0 || length > LONGEST_TEXT || text.chars().any(char::is_control) {
            return Err(format!(
                "{name} needs 1 to {LONGEST_TEXT} characters, without line breaks"
            ));
        }
    }
    let mut fields = record.fields.clone();
    fields.sort_unstable();
    fields.dedup();
    if fields.is_empty() || fields.len() < record.fields.len() {
        return Err("fields names each field once, and at least one".to_owned());
    }
    for (name, url) in [
        ("give_url", &record.give_url),
        ("delete_url", &record.delete_url),
    ] {
        if !may_be_sent_to(url) {
            return Err(format!(
                "{name} must begin with https:// (http:// on this machine only)"
            ));
        }
    }
    Ok(())
}

/// Data travel encrypted, or not at all beyond this machine.
fn may_be_sent_to(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let is_plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_plain && url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && is_here)
}

fn check_undertaking(undertaking: &Undertaking, now_ms: i64) -> Result<(), String> {
    let today = moment::day(now_ms).unwrap_or_default();
    let is_day = |day: &str| moment::read(&format!("{day}T00:00:00.000Z")).is_some();
    if !is_day(&undertaking.signed_on) || undertaking.signed_on > today {
        return Err("--signed-on is no day of the past (YYYY-MM-DD)".to_owned());
    }
    if !is_day(&undertaking.review_by) || undertaking.review_by < today {
        return Err("--review-by is no day to come (YYYY-MM-DD)".to_owned());
    }
    let latest = moment::day(now_ms + 3 * 366 * 86_400_000).unwrap_or_default();
    if undertaking.review_by > latest {
        return Err("--review-by lies more than three years ahead".to_owned());
    }
    if undertaking.hash.0.len() != 32 {
        return Err("the document has no hash".to_owned());
    }
    Ok(())
}
