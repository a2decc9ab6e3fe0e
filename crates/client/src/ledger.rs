//! The person's consent ledger, as this device knows it: entries that the server gave, each checked,
//! and records that it has yet to hear of. The server can neither change, drop nor move anything
//! without it being seen here.

mod committed;

use std::collections::BTreeMap;

use jasmin_consent::{
    chain::{self, Fault, Keys},
    export, moment, notice, purpose as purposes, standing,
};
use jasmin_protocol::{
    AskedIn, Base64, CONSENT_SCHEMA, ConsentRecord, Consents, DailyRoot, DeviceCertificate,
    DeviceId, ExportHeader, Gesture, LedgerDecision, LedgerDuration, LedgerEntry, MOST_RECORDS,
    NoticeRef, Partner, PolicySetRef, RecordDevice, RecordId, ShareField, SignedRecord, UserId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    AccountPurpose, LedgerFault, LedgerRecord, LedgerTrouble, Purpose, PurposeKind, ShareView,
    gate::{Decision, Verdict},
    keys::{DeviceKeys, PublicIdentity},
    platform,
};

/// Texts are asked in this language; there is no other yet.
const LOCALE: &str = "en";
/// So many records are shown.
const SHOWN: usize = 200;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// The server's, pinned when it was first seen.
    key: Option<Base64>,
    entries: Vec<LedgerEntry>,
    waiting: Vec<SignedRecord>,
    /// What the server gave once and has no more, until it has it again.
    lost: Vec<LedgerEntry>,
    trouble: Option<LedgerTrouble>,
    /// The newest daily root that this ledger was found in.
    checked: Option<DailyRoot>,
    /// The server's daily roots do not have it.
    uncommitted: Option<LedgerTrouble>,
    /// After the entries; made when it is needed.
    #[serde(skip)]
    chain: Cached,
}

/// What follows from the rest, and so makes no difference.
#[derive(Clone, Debug, Default)]
struct Cached(Option<chain::Ledger>);

impl PartialEq for Cached {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Who decides, and on what.
#[derive(Debug)]
pub(crate) struct Signer<'a> {
    pub(crate) subject: UserId,
    pub(crate) identity: PublicIdentity,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) keys: &'a DeviceKeys,
    /// The server's time, less this machine's.
    pub(crate) offset_ms: i64,
    /// The server's time.
    pub(crate) now_ms: i64,
}

/// A decision, before its device has signed it.
#[derive(Debug)]
pub(crate) struct NewRecord {
    pub(crate) purpose: String,
    pub(crate) scope: Option<String>,
    pub(crate) decision: LedgerDecision,
    pub(crate) duration: Option<LedgerDuration>,
    pub(crate) policy_set: Option<PolicySetRef>,
    pub(crate) notice: Option<NoticeRef>,
    pub(crate) asked_in: AskedIn,
    pub(crate) gesture: Option<Gesture>,
    /// By this machine's clock.
    pub(crate) at_ms: i64,
}

/// What counts about each purpose of the whole account, by its code.
pub(crate) type AccountWords = BTreeMap<String, AccountWord>;

/// The word that counts about a purpose of the whole account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountWord {
    pub(crate) decision: LedgerDecision,
    /// By the server's clock.
    pub(crate) at_ms: i64,
    /// The version of the policies that it was given under.
    pub(crate) policy: Option<String>,
    /// The server has it.
    pub(crate) told: bool,
}

impl Signer<'_> {
    /// Whether this device signed it, with the keys that it has.
    fn made(&self, signed: &SignedRecord) -> bool {
        let certificate = &signed.record.device.certificate;
        certificate.device_id == self.certificate.device_id
            && certificate.signing_key == self.certificate.signing_key
    }
}

impl Ledger {
    /// Whether the server has yet to hear of something.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many records the server has yet to hear of.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What does not fit.
    pub fn trouble(&self) -> Option<LedgerTrouble> {
        let missing = self.lost.first().map(|entry| LedgerTrouble {
            fault: LedgerFault::Missing,
            sequence: entry.sequence,
        });
        self.trouble.or(missing).or(self.uncommitted)
    }

    /// Whether what the server gave does not fit, or not all of it is there.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some() || !self.lost.is_empty()
    }

    /// Takes what the server has yet to hear of out, as for a sign-out.
    pub fn take_waiting(&mut self) -> Vec<SignedRecord> {
        std::mem::take(&mut self.waiting)
    }

    /// Puts back what an earlier sign-in could not tell.
    pub fn put_back(&mut self, untold: Vec<SignedRecord>) {
        self.waiting.retain(|signed| !untold.contains(signed));
        self.waiting.splice(0..0, untold);
    }

    /// The server's ledger key, once seen.
    pub fn key(&self) -> Option<&Base64> {
        self.key.as_ref()
    }

    /// Pins the server's ledger key.
    pub fn pin(&mut self, key: Base64) {
        self.key.get_or_insert(key);
    }

    /// Writes a decision about a device down.
    pub(crate) fn add(&mut self, decision: &Decision, signer: &Signer<'_>) {
        let (decided, duration) = words(decision);
        let new = NewRecord {
            purpose: code(decision.purpose).to_owned(),
            scope: decision.call.map(|call| format!("call:{call}")),
            decision: decided,
            duration,
            policy_set: decision.policy_set.clone(),
            notice: decision.notice.clone(),
            asked_in: decision.asked_in,
            gesture: decision.gesture,
            at_ms: decision.at_ms,
        };
        self.add_record(new, signer);
    }

    /// Writes down what was decided.
    pub(crate) fn add_record(&mut self, new: NewRecord, signer: &Signer<'_>) {
        let mut at_ms = new.at_ms.saturating_add(signer.offset_ms);
        // A word about the whole account comes after the one that it answers, whatever the clocks of the
        // devices say: else it would not count.
        if let Some(known) = self.account_words().get(&new.purpose) {
            at_ms = at_ms.max(known.at_ms.saturating_add(1));
        }
        let Some(at_client) = moment::write(at_ms) else {
            tracing::error!("a decision has no time that can be written");
            return;
        };
        let record = ConsentRecord {
            schema: CONSENT_SCHEMA.to_owned(),
            id: RecordId(Uuid::now_v7()),
            subject: signer.subject,
            purpose: new.purpose,
            scope: new.scope,
            decision: new.decision,
            duration: new.duration,
            policy_set: new.policy_set,
            notice: new.notice,
            asked_in: new.asked_in,
            gesture: new.gesture,
            device: RecordDevice {
                certificate: signer.certificate.clone(),
                name: platform::device_name(),
                platform: platform::NAME.to_owned(),
                app: env!("CARGO_PKG_VERSION").to_owned(),
            },
            at_client,
            number: 0,
            prev: Base64::default(),
        };
        self.link_and_sign(record, signer);
    }

    /// Links what waits of this device anew, after the server refused it: to what its ledger has of
    /// this device, and none of it in the future.
    pub(crate) fn relink(&mut self, signer: &Signer<'_>) {
        for signed in std::mem::take(&mut self.waiting) {
            if !signer.made(&signed) {
                self.waiting.push(signed);
                continue;
            }
            let mut record = signed.record;
            let late = moment::read(&record.at_client).is_none_or(|at| at > signer.now_ms);
            if late && let Some(now) = moment::write(signer.now_ms) {
                record.at_client = now;
            }
            record.device.certificate = signer.certificate.clone();
            self.link_and_sign(record, signer);
        }
    }

    fn link_and_sign(&mut self, mut record: ConsentRecord, signer: &Signer<'_>) {
        let last = self.waiting.iter().rev().find(|signed| signer.made(signed));
        let link = match last {
            Some(last) => chain::Link::to(&last.record),
            None => self.chain().link(&signer.certificate),
        };
        record.number = link.number + 1;
        record.prev = link.hash;
        let signature = signer.keys.sign(&chain::record_words(&record));
        self.waiting.push(SignedRecord { record, signature });
    }

    fn chain(&mut self) -> &chain::Ledger {
        let entries = &self.entries;
        self.chain
            .0
            .get_or_insert_with(|| chain::Ledger::after(entries))
    }

    /// What to tell the server next: records of one chain, this device's newest first of all, so that
    /// one which the server refuses for good keeps no other back.
    pub fn next_batch(&self) -> Vec<SignedRecord> {
        let key = |signed: &SignedRecord| signed.record.device.certificate.signing_key.clone();
        let newest = self.waiting.last().map(key);
        let same = |signed: &&SignedRecord| Some(key(signed)) == newest;
        let batch = self.waiting.iter().filter(same).take(MOST_RECORDS);
        batch.cloned().collect()
    }

    /// From where on to ask for entries: the last one known is asked for again, to see that it is
    /// still the same.
    pub fn after(&self) -> u64 {
        self.last().saturating_sub(1)
    }

    fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.sequence)
    }

    /// Whether entries begin where the known ones end: an answer to what was told may come after
    /// somebody else's entry, which is to be read first.
    pub(crate) fn follows(&self, consents: &Consents) -> bool {
        let first = consents.entries.first().map(|entry| entry.sequence);
        first.is_none_or(|first| first <= self.last() + 1)
    }

    /// Takes entries over that begin after [`after`](Self::after), and says whether there are more to
    /// ask for. What does not fit stays outside, and is told until it fits. What the server has lost
    /// of this device is told again.
    pub(crate) fn take(&mut self, consents: Consents, keys: &Keys, signer: &Signer<'_>) -> bool {
        let Consents { entries, last } = consents;
        if last < self.last() {
            self.lose(last, signer);
        }
        let before = self.last();
        match self.check(&entries, last, keys) {
            Ok(fresh) => {
                self.trouble = None;
                self.entries.extend(fresh);
            }
            Err(trouble) => {
                tracing::warn!(?trouble, "the server's ledger does not fit");
                self.trouble = Some(trouble);
                return false;
            }
        }
        let entries = &self.entries;
        let is_there = |id| {
            entries
                .iter()
                .rev()
                .any(|entry| entry.signed.record.id == id)
        };
        self.waiting.retain(|signed| !is_there(signed.record.id));
        self.lost.retain(|entry| !is_there(entry.signed.record.id));
        self.last() > before && self.last() < last
    }

    /// The server has no more than `last` entries: it was set back, or leaves some out.
    fn lose(&mut self, last: u64, signer: &Signer<'_>) {
        tracing::warn!(last, known = self.last(), "the server has lost entries");
        let kept = self
            .entries
            .iter()
            .filter(|entry| entry.sequence <= last)
            .count();
        let lost = self.entries.split_off(kept);
        let own = lost
            .iter()
            .map(|entry| &entry.signed)
            .filter(|signed| signer.made(signed));
        let own: Vec<SignedRecord> = own.cloned().collect();
        self.waiting.splice(0..0, own);
        self.lost.extend(lost);
        self.chain = Cached::default();
    }

    /// The entries that are new, each checked.
    fn check(
        &mut self,
        entries: &[LedgerEntry],
        last: u64,
        keys: &Keys,
    ) -> Result<Vec<LedgerEntry>, LedgerTrouble> {
        let trouble = |fault, sequence| Err(LedgerTrouble { fault, sequence });
        let known = self.last();
        let mut chain = self.chain().clone();
        let mut fresh = Vec::new();
        for entry in entries {
            if entry.sequence <= known {
                let same = |known: &LedgerEntry| known.sequence == entry.sequence && known == entry;
                if !self.entries.iter().rev().any(same) {
                    return trouble(LedgerFault::Changed, entry.sequence);
                }
                continue;
            }
            if let Err(fault) = chain.follow(entry, keys) {
                return trouble(kind(fault, entry.sequence, chain.sequence), entry.sequence);
            }
            fresh.push(entry.clone());
        }
        if fresh.is_empty() && last > known {
            return trouble(LedgerFault::Missing, known + 1);
        }
        self.chain = Cached(Some(chain));
        Ok(fresh)
    }

    /// What counts about each purpose of the whole account, by its code: of all devices, with what the
    /// server has yet to hear of.
    pub(crate) fn account_words(&self) -> AccountWords {
        let told = self.entries.iter().map(|entry| &entry.signed.record);
        let waiting = self.waiting.iter().map(|signed| &signed.record);
        let is_waiting = |id| self.waiting.iter().any(|signed| signed.record.id == id);
        standing::last(told.chain(waiting))
            .into_iter()
            .filter(|((_, device), _)| device.is_none())
            .map(|((code, _), record)| {
                let word = AccountWord {
                    decision: record.decision,
                    at_ms: moment::read(&record.at_client).unwrap_or_default(),
                    policy: record.policy_set.as_ref().map(|set| set.version.clone()),
                    told: !is_waiting(record.id),
                };
                (code.to_owned(), word)
            })
            .collect()
    }

    /// The last records of the ledger, the last first. Not by their times: clocks are set, and what
    /// followed what is known without them.
    ///
    /// `partner` finds a partner by its id: its record never changes, so that a text is shown with what
    /// it was asked with.
    pub fn views(
        &self,
        here: DeviceId,
        partner: impl Fn(&str) -> Option<Partner>,
    ) -> Vec<LedgerRecord> {
        let waiting = self.waiting.iter().rev().map(|signed| (signed, false));
        let told = self.entries.iter().rev().map(|entry| (&entry.signed, true));
        waiting
            .chain(told)
            .filter_map(|(signed, told)| view(&signed.record, told, here, &partner))
            .take(SHOWN)
            .collect()
    }

    /// The ledger as a file; `None` before the server's key is known. Says how many records it has.
    pub(crate) fn export(&self, server: &str, signer: &Signer<'_>) -> Option<(Vec<u8>, usize)> {
        let header = ExportHeader {
            format: export::FORMAT.to_owned(),
            subject: signer.subject,
            server: server.to_owned(),
            ledger_key: self.key.clone()?,
            identity_key: signer.identity.to_base64(),
            entries: self.entries.len() as u64,
            waiting: self.waiting.len() as u64,
            exported_at: moment::write(signer.now_ms)?,
        };
        let seal = |words: &[u8]| signer.keys.sign(words);
        let file = export::write(
            &header,
            &self.entries,
            &self.waiting,
            &signer.certificate,
            seal,
        );
        Some((file, self.entries.len() + self.waiting.len()))
    }
}

/// The text that a question for this purpose shows.
pub(crate) fn asked_with(purpose: Purpose, place: AskedIn) -> Option<NoticeRef> {
    notice::notice(code(purpose), place, LOCALE).map(|notice| notice.reference)
}

/// The text that a question about the whole account shows, in the settings.
pub(crate) fn account_asked_with(purpose: &AccountPurpose) -> Option<NoticeRef> {
    let notice = notice::notice(&account_code(purpose), AskedIn::Settings, LOCALE);
    notice.map(|notice| notice.reference)
}

/// The purpose's code in the catalogue.
pub(crate) fn code(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Camera => purposes::CAMERA.code,
        Purpose::Microphone => purposes::MICROPHONE.code,
    }
}

/// The code of a purpose of the whole account.
pub(crate) fn account_code(purpose: &AccountPurpose) -> String {
    match purpose {
        AccountPurpose::Share { partner, field } => format!("share:{partner}:{}", field.word()),
        AccountPurpose::Statistics => purposes::STATISTICS.code.to_owned(),
        AccountPurpose::PolicyNews => purposes::POLICY_NEWS.code.to_owned(),
    }
}

/// The kind of the purpose of a code, with a `<…>` in it or not, where this app uses it.
pub(crate) fn kind_of(code: &str) -> Option<PurposeKind> {
    [
        (purposes::CAMERA, PurposeKind::Camera),
        (purposes::MICROPHONE, PurposeKind::Microphone),
        (purposes::SHARE, PurposeKind::Share),
        (purposes::STATISTICS, PurposeKind::Statistics),
        (purposes::POLICY_NEWS, PurposeKind::PolicyNews),
    ]
    .into_iter()
    .find(|(purpose, _)| code == purpose.code || purposes::covers(purpose.code, code))
    .map(|(_, kind)| kind)
}

fn words(decision: &Decision) -> (LedgerDecision, Option<LedgerDuration>) {
    match decision.verdict {
        Verdict::Allowed => (
            LedgerDecision::Granted,
            Some(LedgerDuration::UntilWithdrawn),
        ),
        Verdict::AllowedOnce if decision.call.is_some() => {
            (LedgerDecision::Granted, Some(LedgerDuration::ThisCall))
        }
        Verdict::AllowedOnce => (LedgerDecision::Granted, Some(LedgerDuration::Once)),
        Verdict::Denied => (LedgerDecision::Denied, None),
        Verdict::Withdrawn => (LedgerDecision::Withdrawn, None),
        Verdict::Expired => (LedgerDecision::Expired, None),
        Verdict::Superseded => (LedgerDecision::Superseded, None),
    }
}

fn kind(fault: Fault, sequence: u64, known: u64) -> LedgerFault {
    match fault {
        Fault::Certificate | Fault::ServerSignature => LedgerFault::Unsigned,
        Fault::Field(_) | Fault::Subject | Fault::DeviceSignature => LedgerFault::Changed,
        Fault::Sequence if sequence > known + 1 => LedgerFault::Missing,
        Fault::Sequence | Fault::Replayed => LedgerFault::Reordered,
        Fault::DeviceSequence => LedgerFault::Missing,
    }
}

/// `None` for a purpose that this version does not know.
fn view(
    record: &ConsentRecord,
    told: bool,
    here: DeviceId,
    partner: &impl Fn(&str) -> Option<Partner>,
) -> Option<LedgerRecord> {
    let purpose = kind_of(&record.purpose)?;
    let shared = purposes::shared_with(&record.purpose).map(|(id, field)| (id, field, partner(id)));
    let was_asked_about =
        |partner: &Partner| record.scope.as_deref() == Some(&purposes::scope_of(partner));
    let filled = |line: &str| match &shared {
        Some((_, field, Some(partner))) if was_asked_about(partner) => {
            without_names(&with_partner(line, partner, *field))
        }
        Some(_) | None => without_names(line),
    };
    let lines = |reference: &NoticeRef| notice::find(&record.purpose, reference);
    #[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
    let at_ms = moment::read(&record.at_client)? as f64;
    Some(LedgerRecord {
        id: record.id.to_string(),
        purpose,
        share: shared.as_ref().map(|(id, field, partner)| ShareView {
            partner: (*id).to_owned(),
            name: partner
                .as_ref()
                .map_or_else(|| (*id).to_owned(), |partner| partner.name.clone()),
            field: *field,
        }),
        decision: record.decision,
        duration: record.duration,
        asked_in: record.asked_in,
        at_ms,
        device: record.device.name.clone(),
        here: record.device.certificate.device_id == here,
        told,
        notice: record
            .notice
            .as_ref()
            .and_then(lines)
            .map(|notice| notice.lines.iter().map(|line| filled(line)).collect())
            .unwrap_or_default(),
        policy: record.policy_set.as_ref().map(|set| set.version.clone()),
    })
}

/// A text about sharing as it was shown.
fn with_partner(line: &str, partner: &Partner, field: ShareField) -> String {
    let field = match field {
        ShareField::Name => "name",
        ShareField::Email => "e-mail address",
        ShareField::Birthday => "birthday",
    };
    [
        ("{partner}", partner.name.as_str()),
        ("{entity}", &partner.legal_entity),
        ("{country}", &partner.country),
        ("{purpose}", &partner.purpose),
        ("{kept}", &partner.retention),
        ("{field}", field),
    ]
    .iter()
    .fold(line.to_owned(), |line, (place, words)| {
        line.replace(place, words)
    })
}

/// Names are not part of a record.
fn without_names(line: &str) -> String {
    let mut parts = line.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('…');
        text.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests;
