//! The person's consent ledger, as this device knows it: entries that the server gave, each checked,
//! and records that it has yet to hear of. The server can neither change, drop nor move anything
//! without it being seen here.

use jasmin_consent::{
    chain::{self, Fault, Keys},
    export, moment, notice,
};
use jasmin_protocol::{
    Base64, CONSENT_SCHEMA, ConsentRecord, Consents, DeviceCertificate, DeviceId, ExportHeader,
    LedgerDecision, LedgerDuration, LedgerEntry, MOST_RECORDS, NoticeRef, RecordDevice, RecordId,
    SignedRecord, UserId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    LedgerFault, LedgerRecord, LedgerTrouble, Purpose,
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
    trouble: Option<LedgerTrouble>,
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
        self.trouble
    }

    /// The server's ledger key, once seen.
    pub fn key(&self) -> Option<&Base64> {
        self.key.as_ref()
    }

    /// Pins the server's ledger key.
    pub fn pin(&mut self, key: Base64) {
        self.key.get_or_insert(key);
    }

    /// Writes a decision down.
    pub(crate) fn add(&mut self, decision: &Decision, signer: &Signer<'_>) {
        let at_ms = decision.at_ms.saturating_add(signer.offset_ms);
        let Some(at_client) = moment::write(at_ms) else {
            tracing::error!("a decision has no time that can be written");
            return;
        };
        let (decided, duration) = words(decision);
        let code = code(decision.purpose);
        let asked = matches!(
            decision.verdict,
            Verdict::Allowed | Verdict::AllowedOnce | Verdict::Denied
        );
        let notice = notice::notice(code, decision.asked_in, LOCALE).filter(|_| asked);
        let record = ConsentRecord {
            schema: CONSENT_SCHEMA.to_owned(),
            id: RecordId(Uuid::now_v7()),
            subject: signer.subject,
            purpose: code.to_owned(),
            scope: decision.call.map(|call| format!("call:{call}")),
            decision: decided,
            duration,
            policy_set: None,
            notice: notice.map(|notice| notice.reference),
            asked_in: decision.asked_in,
            gesture: decision.gesture,
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

    /// Links what waits anew, after the server refused it: to what its ledger has of this device, and
    /// none of it in the future.
    pub(crate) fn relink(&mut self, signer: &Signer<'_>) {
        for SignedRecord { mut record, .. } in std::mem::take(&mut self.waiting) {
            let late = moment::read(&record.at_client).is_none_or(|at| at > signer.now_ms);
            if late && let Some(now) = moment::write(signer.now_ms) {
                record.at_client = now;
            }
            record.device.certificate = signer.certificate.clone();
            self.link_and_sign(record, signer);
        }
    }

    fn link_and_sign(&mut self, mut record: ConsentRecord, signer: &Signer<'_>) {
        let link = match self.waiting.last() {
            Some(last) => chain::Link::to(&last.record),
            None => chain::Ledger::after(&self.entries).link(&signer.certificate),
        };
        record.number = link.number + 1;
        record.prev = link.hash;
        let signature = signer.keys.sign(&chain::record_words(&record));
        self.waiting.push(SignedRecord { record, signature });
    }

    /// What to tell the server next.
    pub fn next_batch(&self) -> Vec<SignedRecord> {
        self.waiting.iter().take(MOST_RECORDS).cloned().collect()
    }

    /// From where on to ask for entries: the last one known is asked for again, to see that it is
    /// still the same.
    pub fn after(&self) -> u64 {
        self.last().saturating_sub(1)
    }

    fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.sequence)
    }

    /// Takes entries over that begin after [`after`](Self::after), and says whether there are more to
    /// ask for. What does not fit stays outside, and is told until it fits.
    pub(crate) fn take(&mut self, consents: Consents, keys: &Keys) -> bool {
        let Consents { entries, last } = consents;
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
        let told = |id| {
            entries
                .iter()
                .rev()
                .any(|entry| entry.signed.record.id == id)
        };
        self.waiting.retain(|signed| !told(signed.record.id));
        self.last() > before && self.last() < last
    }

    /// The entries that are new, each checked.
    fn check(
        &self,
        entries: &[LedgerEntry],
        last: u64,
        keys: &Keys,
    ) -> Result<Vec<LedgerEntry>, LedgerTrouble> {
        let trouble = |fault, sequence| Err(LedgerTrouble { fault, sequence });
        if last < self.last() {
            return trouble(LedgerFault::Missing, last + 1);
        }
        let mut chain = chain::Ledger::after(&self.entries);
        let mut fresh = Vec::new();
        for entry in entries {
            if let Some(known) = self
                .entries
                .iter()
                .rev()
                .find(|known| known.sequence == entry.sequence)
            {
                if known != entry {
                    return trouble(LedgerFault::Changed, entry.sequence);
                }
                continue;
            }
            if let Err(fault) = chain.follow(entry, keys) {
                return trouble(kind(fault, entry.sequence, chain.sequence), entry.sequence);
            }
            fresh.push(entry.clone());
        }
        if fresh.is_empty() && last > self.last() {
            return trouble(LedgerFault::Missing, self.last() + 1);
        }
        Ok(fresh)
    }

    /// The newest records first.
    pub fn views(&self, here: DeviceId) -> Vec<LedgerRecord> {
        let waiting = self.waiting.iter().rev().map(|signed| (signed, false));
        let told = self.entries.iter().rev().map(|entry| (&entry.signed, true));
        let mut views: Vec<LedgerRecord> = waiting
            .chain(told)
            .filter_map(|(signed, told)| view(&signed.record, told, here))
            .collect();
        // Devices decide side by side; a stable order keeps each one's own.
        views.sort_by(|a, b| b.at_ms.total_cmp(&a.at_ms));
        views.truncate(SHOWN);
        views
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

/// The purpose's code in the catalogue.
pub(crate) fn code(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Camera => jasmin_consent::purpose::CAMERA.code,
        Purpose::Microphone => jasmin_consent::purpose::MICROPHONE.code,
    }
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
fn view(record: &ConsentRecord, told: bool, here: DeviceId) -> Option<LedgerRecord> {
    let purpose = [Purpose::Camera, Purpose::Microphone]
        .into_iter()
        .find(|purpose| code(*purpose) == record.purpose)?;
    let lines = |reference: &NoticeRef| notice::find(&record.purpose, reference);
    #[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
    let at_ms = moment::read(&record.at_client)? as f64;
    Some(LedgerRecord {
        id: record.id.to_string(),
        purpose,
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
            .map(|notice| {
                notice
                    .lines
                    .iter()
                    .map(|line| without_names(line))
                    .collect()
            })
            .unwrap_or_default(),
    })
}

/// Names are not part of a record.
fn without_names(line: &str) -> String {
    line.replace("{first}", "…").replace("{name}", "…")
}

#[cfg(test)]
mod tests;
