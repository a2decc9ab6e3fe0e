//! How a ledger holds together: each device links and signs its records, and the server links and
//! signs all records of a person. Neither can be changed, dropped, moved or added without one of the
//! two chains breaking.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jasmin_protocol::{
    Base64, CONSENT_SCHEMA, ConsentRecord, DailyRoot, DeviceCertificate, LedgerEntry, RecordId,
    SignedRecord, UserId,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::moment;

/// SHA-256.
pub type Hash = [u8; 32];

/// Most characters of a record's free fields.
const LONGEST: usize = 128;

const RECORD: &[u8] = b"jasmin-consent-v1";
const ENTRY: &[u8] = b"jasmin-ledger-v1";
const ROOT: &[u8] = b"jasmin-root-v1";
pub(crate) const EXPORT: &[u8] = b"jasmin-export-v1";

/// Canonical JSON (JCS, RFC 8785).
///
/// # Panics
/// For a value that is no JSON; the types of `jasmin_protocol` are.
#[expect(
    clippy::expect_used,
    reason = "no map keys but strings, no numbers but integers"
)]
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_jcs::to_vec(value).expect("plain data is JSON")
}

fn hash(value: &impl Serialize) -> Hash {
    Sha256::digest(canonical(value)).into()
}

/// What the next record of the same device links to.
#[must_use]
pub fn record_hash(record: &ConsentRecord) -> Hash {
    hash(record)
}

/// What the next entry of the same person links to, and what the server signs.
#[must_use]
pub fn entry_hash(entry: &LedgerEntry) -> Hash {
    #[derive(Serialize)]
    struct Unsigned<'a> {
        sequence: u64,
        signed: &'a SignedRecord,
        at_server: &'a str,
        prev: &'a Base64,
    }
    let LedgerEntry {
        sequence,
        signed,
        at_server,
        prev,
        signature: _,
    } = entry;
    hash(&Unsigned {
        sequence: *sequence,
        signed,
        at_server,
        prev,
    })
}

fn root_hash(root: &DailyRoot) -> Hash {
    #[derive(Serialize)]
    struct Unsigned<'a> {
        day: &'a str,
        leaves: u64,
        root: &'a Base64,
    }
    let DailyRoot {
        day,
        leaves,
        root,
        signature: _,
    } = root;
    hash(&Unsigned {
        day,
        leaves: *leaves,
        root,
    })
}

/// The bytes that a device signs for a record.
#[must_use]
pub fn record_words(record: &ConsentRecord) -> Vec<u8> {
    [RECORD, &record_hash(record)].concat()
}

/// Signs an entry with the server's ledger key.
pub fn sign_entry(entry: &mut LedgerEntry, key: &SigningKey) {
    let words = [ENTRY, &entry_hash(entry)].concat();
    entry.signature = Base64(key.sign(&words).to_bytes().to_vec());
}

/// Signs a day's root with the server's ledger key.
pub fn sign_root(root: &mut DailyRoot, key: &SigningKey) {
    let words = [ROOT, &root_hash(root)].concat();
    root.signature = Base64(key.sign(&words).to_bytes().to_vec());
}

/// Whether the server's ledger key signed a day's root.
#[must_use]
pub fn root_is_signed(root: &DailyRoot, ledger_key: &Base64) -> bool {
    verify(
        ledger_key,
        &[ROOT, &root_hash(root)].concat(),
        &root.signature,
    )
}

/// What is wrong with a record or an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A field does not hold what it may hold.
    #[error("its field `{0}` does not hold what it may hold")]
    Field(&'static str),
    /// It is somebody else's.
    #[error("it is another person's")]
    Subject,
    /// The identity does not vouch for the device.
    #[error("its device is not vouched for by the person's identity key")]
    Certificate,
    /// The device did not sign it.
    #[error("its content was changed: it is not what its device signed")]
    DeviceSignature,
    /// The server did not sign it.
    #[error("its place was changed: it is not what the server signed")]
    ServerSignature,
    /// It does not follow the entry before.
    #[error("it does not follow the entry before: something was dropped, moved or put in")]
    Sequence,
    /// It does not follow the record of its device before.
    #[error("it does not follow the record of its device before")]
    DeviceSequence,
    /// The same record is in the ledger twice.
    #[error("it is in the ledger twice")]
    Replayed,
}

/// Checks one record by itself: its fields, that it is this person's, that the identity vouches for
/// its device, and that the device signed it.
///
/// # Errors
/// The first [`Fault`] found.
pub fn check_record(
    signed: &SignedRecord,
    subject: UserId,
    identity: &Base64,
) -> Result<(), Fault> {
    let record = &signed.record;
    check_fields(record)?;
    if record.subject != subject {
        return Err(Fault::Subject);
    }
    let certificate = &record.device.certificate;
    if !verify(
        identity,
        &certificate.signed_bytes(subject),
        &certificate.signature,
    ) {
        return Err(Fault::Certificate);
    }
    if !verify(
        &certificate.signing_key,
        &record_words(record),
        &signed.signature,
    ) {
        return Err(Fault::DeviceSignature);
    }
    Ok(())
}

fn check_fields(record: &ConsentRecord) -> Result<(), Fault> {
    let short = |text: &str| text.chars().count() <= LONGEST;
    let hash = |bytes: &Base64| bytes.0.len() == 32;
    let first = record.number == 1;
    let notice = record.notice.as_ref();
    let policy = record.policy_set.as_ref();
    for (good, field) in [
        (record.schema == CONSENT_SCHEMA, "schema"),
        (record.id.0.get_version_num() == 7, "id"),
        (short(&record.purpose), "purpose"),
        (record.scope.as_deref().is_none_or(short), "scope"),
        (is_timed(record), "duration"),
        (
            notice.is_none_or(|it| hash(&it.hash) && short(&it.locale)),
            "notice",
        ),
        (
            policy.is_none_or(|it| {
                short(&it.version) && hash(&it.privacy_policy) && hash(&it.user_agreement)
            }),
            "policy_set",
        ),
        (short(&record.device.name), "device/name"),
        (short(&record.device.platform), "device/platform"),
        (short(&record.device.app), "device/app"),
        (moment::read(&record.at_client).is_some(), "at_client"),
        ((1..=1 << 53).contains(&record.number), "number"),
        (
            if first {
                record.prev.0.is_empty()
            } else {
                hash(&record.prev)
            },
            "prev",
        ),
    ] {
        if !good {
            return Err(Fault::Field(field));
        }
    }
    Ok(())
}

/// A yes counts for some time; nothing else does.
fn is_timed(record: &ConsentRecord) -> bool {
    use jasmin_protocol::LedgerDecision::{Denied, Expired, Granted, Superseded, Withdrawn};
    match record.decision {
        Granted => record.duration.is_some(),
        Denied | Withdrawn | Expired | Superseded => record.duration.is_none(),
    }
}

/// Whether `key` (Ed25519, 32 bytes) signed `words`. Weak keys sign nothing.
pub(crate) fn verify(key: &Base64, words: &[u8], signature: &Base64) -> bool {
    let key = <&[u8; 32]>::try_from(key.0.as_slice())
        .ok()
        .and_then(|key| VerifyingKey::from_bytes(key).ok());
    match (key, Signature::from_slice(&signature.0)) {
        (Some(key), Ok(signature)) => key.verify_strict(words, &signature).is_ok(),
        _ => false,
    }
}

/// One device's chain: what its next record links to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Number of the last record; 0 before the first.
    pub number: u64,
    /// Its hash; empty before the first.
    pub hash: Base64,
}

impl Link {
    /// Takes the record that follows.
    ///
    /// # Errors
    /// [`Fault::DeviceSequence`] when it does not.
    pub fn follow(&mut self, record: &ConsentRecord) -> Result<(), Fault> {
        if record.number != self.number + 1 || record.prev != self.hash {
            return Err(Fault::DeviceSequence);
        }
        *self = Self::to(record);
        Ok(())
    }

    /// After this record.
    #[must_use]
    pub fn to(record: &ConsentRecord) -> Self {
        Self {
            number: record.number,
            hash: Base64(record_hash(record).to_vec()),
        }
    }
}

/// One person's ledger, checked entry by entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sequence of the last entry; 0 before the first.
    pub sequence: u64,
    /// Its hash; empty before the first.
    pub hash: Base64,
    devices: BTreeMap<DeviceKey, Link>,
    seen: BTreeSet<RecordId>,
}

/// Device and signing key: a device that gets new keys starts a new chain.
type DeviceKey = ([u8; 16], Vec<u8>);

fn device_key(certificate: &DeviceCertificate) -> DeviceKey {
    let id = *certificate.device_id.0.as_bytes();
    (id, certificate.signing_key.0.clone())
}

/// Whose ledger, and the keys to check it with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The person.
    pub subject: UserId,
    /// The person's identity key.
    pub identity: Base64,
    /// The server's ledger key.
    pub ledger: Base64,
}

impl Ledger {
    /// After these entries, which were followed before.
    #[must_use]
    pub fn after(entries: &[LedgerEntry]) -> Self {
        let mut ledger = Self::default();
        for LedgerEntry { signed, .. } in entries {
            let device = device_key(&signed.record.device.certificate);
            ledger.devices.insert(device, Link::to(&signed.record));
            ledger.seen.insert(signed.record.id);
        }
        if let Some(last) = entries.last() {
            ledger.sequence = last.sequence;
            ledger.hash = Base64(entry_hash(last).to_vec());
        }
        ledger
    }

    /// Takes the entry that follows.
    ///
    /// # Errors
    /// The first [`Fault`] found; the ledger stays as it was.
    pub fn follow(&mut self, entry: &LedgerEntry, keys: &Keys) -> Result<(), Fault> {
        let record = &entry.signed.record;
        if moment::read(&entry.at_server).is_none() {
            return Err(Fault::Field("at_server"));
        }
        check_record(&entry.signed, keys.subject, &keys.identity)?;
        let words = [ENTRY, &entry_hash(entry)].concat();
        if !verify(&keys.ledger, &words, &entry.signature) {
            return Err(Fault::ServerSignature);
        }
        if self.seen.contains(&record.id) {
            return Err(Fault::Replayed);
        }
        if entry.sequence != self.sequence + 1 || entry.prev != self.hash {
            return Err(Fault::Sequence);
        }
        self.take(&entry.signed)?;
        self.sequence = entry.sequence;
        self.hash = Base64(entry_hash(entry).to_vec());
        Ok(())
    }

    /// Takes a record that the server has not answered yet.
    ///
    /// # Errors
    /// The first [`Fault`] found.
    pub fn follow_waiting(&mut self, signed: &SignedRecord, keys: &Keys) -> Result<(), Fault> {
        check_record(signed, keys.subject, &keys.identity)?;
        if self.seen.contains(&signed.record.id) {
            return Err(Fault::Replayed);
        }
        self.take(signed)
    }

    /// What the next record of this device links to.
    #[must_use]
    pub fn link(&self, device: &DeviceCertificate) -> Link {
        self.devices
            .get(&device_key(device))
            .cloned()
            .unwrap_or_default()
    }

    fn take(&mut self, signed: &SignedRecord) -> Result<(), Fault> {
        let record = &signed.record;
        let device = device_key(&record.device.certificate);
        self.devices.entry(device).or_default().follow(record)?;
        self.seen.insert(record.id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::LedgerDecision::{Denied, Granted, Withdrawn};

    use super::*;
    use crate::testing::World;

    fn follow(world: &World, entries: &[LedgerEntry]) -> Result<Ledger, (usize, Fault)> {
        let mut ledger = Ledger::default();
        for (index, entry) in entries.iter().enumerate() {
            ledger
                .follow(entry, &world.keys())
                .map_err(|fault| (index, fault))?;
        }
        Ok(ledger)
    }

    fn three() -> World {
        let mut world = World::new();
        let mut device = world.device(1);
        for decision in [Denied, Granted, Withdrawn] {
            let signed = world.decide(&mut device, decision);
            world.enter(signed);
        }
        world
    }

    #[test]
    fn two_devices_share_one_ledger() {
        let mut world = World::new();
        let (mut one, mut other) = (world.device(1), world.device(2));
        for turn in 0..6 {
            let device = if turn % 2 == 0 { &mut one } else { &mut other };
            let signed = world.decide(device, Granted);
            world.enter(signed);
        }
        let ledger = follow(&world, &world.entries).unwrap();
        assert_eq!(ledger.sequence, 6);
        assert_eq!(ledger, Ledger::after(&world.entries));
        assert_eq!(ledger.link(&one.certificate), one.link);
        assert_eq!(ledger.link(&other.certificate), other.link);
        assert_eq!(ledger.link(&world.device(3).certificate), Link::default());
    }

    #[test]
    fn what_a_server_drops_moves_or_repeats_is_found() {
        let world = three();
        let entries = &world.entries;
        follow(&world, entries).unwrap();
        let dropped = [entries[0].clone(), entries[2].clone()];
        assert_eq!(follow(&world, &dropped).unwrap_err(), (1, Fault::Sequence));
        let swapped = [entries[0].clone(), entries[2].clone(), entries[1].clone()];
        assert_eq!(follow(&world, &swapped).unwrap_err(), (1, Fault::Sequence));
        let repeated = [entries[0].clone(), entries[0].clone()];
        assert_eq!(follow(&world, &repeated).unwrap_err(), (1, Fault::Replayed));
    }

    /// A server that signs its own lies still cannot leave a device's record out.
    #[test]
    fn what_a_server_makes_up_breaks_the_devices_chain() {
        let honest = three();
        let mut lying = World::new();
        lying.enter(honest.entries[0].signed.clone());
        lying.enter(honest.entries[2].signed.clone());
        assert_eq!(
            follow(&lying, &lying.entries).unwrap_err(),
            (1, Fault::DeviceSequence)
        );

        let mut lying = World::new();
        let mut changed = honest.entries[0].signed.clone();
        changed.record.decision = Withdrawn;
        lying.enter(changed);
        assert_eq!(
            follow(&lying, &lying.entries).unwrap_err(),
            (0, Fault::DeviceSignature)
        );
    }

    #[test]
    fn another_persons_record_and_a_strangers_device_are_refused() {
        let mut world = World::new();
        let mut device = world.device(1);
        let good = world.decide(&mut device, Granted);
        let keys = world.keys();
        check_record(&good, world.subject, &keys.identity).unwrap();

        let other = UserId(uuid::Uuid::from_u128(7));
        assert_eq!(
            check_record(&good, other, &keys.identity),
            Err(Fault::Subject)
        );
        assert_eq!(
            check_record(&good, world.subject, &keys.ledger),
            Err(Fault::Certificate)
        );
        let mut record = good.record.clone();
        record.device.certificate.signing_key = keys.ledger.clone();
        let stranger = world.sign(&device, record);
        assert_eq!(
            check_record(&stranger, world.subject, &keys.identity),
            Err(Fault::Certificate)
        );
    }

    #[test]
    fn fields_hold_what_they_may_hold() {
        let mut world = World::new();
        let mut device = world.device(1);
        let good = world.decide(&mut device, Granted).record;
        type Change = fn(&mut ConsentRecord);
        let changes: [(&str, Change); 8] = [
            ("schema", |record| record.schema.push('0')),
            ("id", |record| record.id = RecordId(uuid::Uuid::nil())),
            ("purpose", |record| record.purpose = "x".repeat(129)),
            ("duration", |record| record.duration = None),
            ("notice", |record| {
                record.notice.as_mut().unwrap().hash.0.clear()
            }),
            ("at_client", |record| {
                record.at_client = "yesterday".to_owned()
            }),
            ("number", |record| record.number = 0),
            ("prev", |record| record.prev = Base64(vec![1; 32])),
        ];
        for (field, change) in changes {
            let mut record = good.clone();
            change(&mut record);
            let signed = world.sign(&device, record);
            let found = check_record(&signed, world.subject, &world.keys().identity);
            assert_eq!(found, Err(Fault::Field(field)));
        }
    }
}
