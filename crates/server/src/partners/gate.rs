//! What may pass to a partner.

use jasmin_consent::purpose;
use jasmin_protocol::{LedgerEntry, PolicySet, RecordId, ShareField, UserId};

use super::Known;
use crate::{
    allowed::{self, Yes},
    rules::Birthday,
};

/// Nothing of anybody younger goes to a partner.
const GROWN_UP: u16 = 18;

/// What is known about a person that the gate looks at.
#[derive(Debug)]
pub(crate) struct Person<'a> {
    pub(crate) user: UserId,
    pub(crate) birthday: Option<Birthday>,
    /// Their whole ledger.
    pub(crate) ledger: &'a [LedgerEntry],
}

impl Person<'_> {
    /// Whether they are of an age at which anything can be shared.
    pub(crate) fn may_share(&self, now_ms: i64) -> bool {
        self.birthday
            .is_some_and(|birthday| birthday.age(now_ms) >= GROWN_UP)
    }
}

/// The fields that may pass at this moment, each by its yes. Only [`pass`] makes one, and
/// nothing else is ever delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    granted: Vec<(ShareField, Yes)>,
}

impl Pass {
    /// The fields.
    pub(crate) fn fields(&self) -> Vec<ShareField> {
        self.granted.iter().map(|(field, _)| *field).collect()
    }

    /// The records behind some of the fields.
    pub(crate) fn basis(&self, fields: &[ShareField]) -> Vec<RecordId> {
        let of = self
            .granted
            .iter()
            .filter(|(field, _)| fields.contains(field));
        of.map(|(_, yes)| yes.record()).collect()
    }
}

/// What may pass to a partner now: it is open and wants the field, the person is of age, and has said yes
/// to this partner and this field under policies that do no more since.
pub(crate) fn pass(
    partner: &Known,
    person: &Person<'_>,
    policies: &[PolicySet],
    now_ms: i64,
) -> Pass {
    if !partner.is_open(now_ms) || !person.may_share(now_ms) {
        return Pass::default();
    }
    let scope = purpose::scope_of(&partner.shown(now_ms));
    let granted = |field: &ShareField| {
        let code = format!("share:{}:{}", partner.record.id, field.word());
        let yes = allowed::yes(person.user, person.ledger, policies, &code, now_ms)?;
        // The yes is to what this partner said of itself, not to whatever stands in the book now.
        (yes.scope() == Some(scope.as_str())).then_some((*field, yes))
    };
    Pass {
        granted: partner.record.fields.iter().filter_map(granted).collect(),
    }
}
