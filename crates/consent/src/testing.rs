//! A person with devices and a server, for tests.

use ed25519_dalek::{Signer, SigningKey};
use jasmin_protocol::{
    AskedIn, Base64, CONSENT_SCHEMA, ConsentRecord, DeviceCertificate, DeviceId, ExportHeader,
    Gesture, LedgerDecision, LedgerDuration, LedgerEntry, RecordDevice, RecordId, SignedRecord,
    UserId,
};
use uuid::Uuid;

use crate::{
    chain::{self, Keys, Link},
    export, moment, notice,
};

pub(crate) const NOW: i64 = 1_796_029_500_250;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(key: &SigningKey) -> Base64 {
    Base64(key.verifying_key().to_bytes().to_vec())
}

pub(crate) struct Device {
    pub(crate) signing: SigningKey,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) link: Link,
}

/// Somebody with a ledger at a server.
pub(crate) struct World {
    pub(crate) subject: UserId,
    pub(crate) identity: SigningKey,
    pub(crate) server: SigningKey,
    pub(crate) entries: Vec<LedgerEntry>,
    made: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let subject = UserId(Uuid::from_u128(0x0192_d0a4_0000_7000_8000_0000_0000_0001));
        Self {
            subject,
            identity: key(1),
            server: key(2),
            entries: Vec::new(),
            made: 0,
        }
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys {
            subject: self.subject,
            identity: public(&self.identity),
            ledger: public(&self.server),
        }
    }

    pub(crate) fn device(&self, number: u8) -> Device {
        let signing = key(100 + number);
        let mut certificate = DeviceCertificate {
            device_id: DeviceId(Uuid::from_u128(u128::from(number))),
            signing_key: public(&signing),
            sealing_key: Base64(vec![9; 32]),
            created_ms: NOW,
            signature: Base64::default(),
        };
        let words = certificate.signed_bytes(self.subject);
        certificate.signature = Base64(self.identity.sign(&words).to_bytes().to_vec());
        Device {
            signing,
            certificate,
            link: Link::default(),
        }
    }

    pub(crate) fn decide(&mut self, device: &mut Device, decision: LedgerDecision) -> SignedRecord {
        self.made += 1;
        let granted = decision == LedgerDecision::Granted;
        let id = (NOW as u128) << 80 | 0x7000_8000_0000_0000_0000 | u128::from(self.made);
        let asked = notice::notice("camera", AskedIn::Call, "en").unwrap();
        let record = ConsentRecord {
            schema: CONSENT_SCHEMA.to_owned(),
            id: RecordId(Uuid::from_u128(id)),
            subject: self.subject,
            purpose: "camera".to_owned(),
            scope: None,
            decision,
            duration: granted.then_some(LedgerDuration::UntilWithdrawn),
            policy_set: None,
            notice: granted.then_some(asked.reference),
            asked_in: AskedIn::Call,
            gesture: Some(Gesture::Pointer),
            device: RecordDevice {
                certificate: device.certificate.clone(),
                name: "Ana’s computer".to_owned(),
                platform: "linux".to_owned(),
                app: "0.1.0".to_owned(),
            },
            at_client: moment::write(NOW + self.made as i64).unwrap(),
            number: device.link.number + 1,
            prev: device.link.hash.clone(),
        };
        device.link.follow(&record).unwrap();
        self.sign(device, record)
    }

    pub(crate) fn sign(&self, device: &Device, record: ConsentRecord) -> SignedRecord {
        let words = chain::record_words(&record);
        let signature = Base64(device.signing.sign(&words).to_bytes().to_vec());
        SignedRecord { record, signature }
    }

    /// What an honest server does.
    pub(crate) fn enter(&mut self, signed: SignedRecord) {
        let prev = match self.entries.last() {
            Some(entry) => Base64(chain::entry_hash(entry).to_vec()),
            None => Base64::default(),
        };
        let mut entry = LedgerEntry {
            sequence: self.entries.len() as u64 + 1,
            signed,
            at_server: moment::write(NOW + 60_000).unwrap(),
            prev,
            signature: Base64::default(),
        };
        chain::sign_entry(&mut entry, &self.server);
        self.entries.push(entry);
    }

    pub(crate) fn export(&self, device: &Device, waiting: &[SignedRecord]) -> Vec<u8> {
        let keys = self.keys();
        let header = ExportHeader {
            format: export::FORMAT.to_owned(),
            subject: self.subject,
            server: "https://jasmin.example".to_owned(),
            ledger_key: keys.ledger,
            identity_key: keys.identity,
            entries: self.entries.len() as u64,
            waiting: waiting.len() as u64,
            exported_at: moment::write(NOW + 120_000).unwrap(),
        };
        let seal = |words: &[u8]| Base64(device.signing.sign(words).to_bytes().to_vec());
        export::write(&header, &self.entries, waiting, &device.certificate, seal)
    }
}
