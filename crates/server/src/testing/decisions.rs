use ed25519_dalek::Signer;
use jasmin_consent::{
    chain::{Link, record_words},
    moment,
};
use jasmin_protocol::{
    AskedIn, Base64, CONSENT_SCHEMA, ConsentRecord, Gesture, LedgerDecision, LedgerDuration,
    Partners, RecordDevice, RecordId, SignedRecord, TellConsents,
};
use uuid::{NoContext, Timestamp, Uuid};

use super::{SignedInPerson, World};

impl SignedInPerson {
    /// A decision on this device, which follows `link`.
    pub(crate) fn decide(&self, link: &mut Link, now_ms: i64) -> SignedRecord {
        let seconds = u64::try_from(now_ms / 1000).unwrap();
        let record = ConsentRecord {
            schema: CONSENT_SCHEMA.to_owned(),
            id: RecordId(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0))),
            subject: self.session.user_id,
            purpose: "camera".to_owned(),
            scope: None,
            decision: LedgerDecision::Denied,
            duration: None,
            policy_set: None,
            notice: None,
            asked_in: AskedIn::Settings,
            gesture: Some(Gesture::Key),
            device: RecordDevice {
                certificate: self.certificate(),
                name: "Ada's laptop".to_owned(),
                platform: "linux".to_owned(),
                app: "0.1.0".to_owned(),
            },
            at_client: moment::write(now_ms).unwrap(),
            number: link.number + 1,
            prev: link.hash.clone(),
        };
        link.follow(&record).unwrap();
        self.sign(record)
    }

    pub(crate) fn sign(&self, record: ConsentRecord) -> SignedRecord {
        let signature = self.profile.signing.sign(&record_words(&record));
        SignedRecord {
            record,
            signature: Base64(signature.to_bytes().to_vec()),
        }
    }
}

impl World {
    /// A person decides about a purpose of the whole account, a second later, and tells it.
    pub(crate) async fn decide(
        &self,
        by: &SignedInPerson,
        link: &mut Link,
        purpose: &str,
        decision: LedgerDecision,
    ) {
        self.clock.advance(1_000);
        let mut record = by.decide(&mut link.clone(), self.app.now_ms()).record;
        record.purpose = purpose.to_owned();
        record.scope = self.scope_of(purpose).await;
        record.decision = decision;
        record.duration =
            (decision == LedgerDecision::Granted).then_some(LedgerDuration::UntilWithdrawn);
        link.follow(&record).unwrap();
        let records = vec![by.sign(record)];
        let answer = self
            .request("POST", "/v1/consents")
            .by(by)
            .json(&TellConsents { records })
            .send()
            .await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }

    /// As the app does, a yes to sharing names what the partner says of itself.
    async fn scope_of(&self, purpose: &str) -> Option<String> {
        let (partner, _) = jasmin_consent::purpose::shared_with(purpose)?;
        let partners: Partners = self.get("/v1/partners").await.ok();
        let mut partners = partners.partners.iter();
        let partner = partners.find(|known| known.id == partner)?;
        Some(jasmin_consent::purpose::scope_of(partner))
    }
}
