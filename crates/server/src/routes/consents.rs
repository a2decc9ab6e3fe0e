use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jasmin_consent::{
    chain::{self, Fault, Link},
    moment, purpose,
};
use jasmin_protocol::{
    Base64, Consents, ErrorCode, Event, LedgerDecision, LedgerEntry, MOST_RECORDS, SignedRecord,
    TellConsents, UserId,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::{App, Letter, Shared},
    extract::{Body, Caller},
    keys::{Sealer, digest},
    problem::Failure,
    store::{Address, NewConsent, Tx},
};

/// How far ahead of this server's clock a device's may be.
const CLOCK_MS: i64 = 300_000;
const MOST_ENTRIES: i64 = 256;

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    /// Entries after this sequence.
    #[serde(default)]
    after: u32,
}

/// My own ledger, oldest first.
#[utoipa::path(get, path = "/v1/consents", operation_id = "list_consents", params(After), security(("token" = [])),
    responses((status = 200, body = Consents), Failure))]
pub(crate) async fn list(
    caller: Caller,
    State(app): State<Shared>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<Consents>, Failure> {
    let Ok(Query(After { after })) = after else {
        return Err(Failure::malformed("The query takes after=<sequence> only."));
    };
    let mut conn = app.store.read().await?;
    let head = conn.consent_head(caller.user).await?;
    let rows = conn
        .consents_after(caller.user, i64::from(after), MOST_ENTRIES)
        .await?;
    let entries = rows
        .into_iter()
        .map(|(sequence, entry_box)| app.open_entry(caller.user, sequence, &entry_box))
        .collect::<Result<_, _>>()?;
    let last = head.map_or(0, |(sequence, _)| count(sequence));
    Ok(Json(Consents { entries, last }))
}

/// Adds what a person decided, on this device or on one that they signed out of. A record that is in the ledger already answers with its
/// entry; one with the same id and another content, or out of its device's order, is a `conflict`.
#[utoipa::path(post, path = "/v1/consents", operation_id = "tell_consents", request_body = TellConsents,
    security(("token" = [])), responses((status = 200, body = Consents), Failure))]
pub(crate) async fn tell(
    caller: Caller,
    State(app): State<Shared>,
    Body(TellConsents { records }): Body<TellConsents>,
) -> Result<Json<Consents>, Failure> {
    if records.is_empty() || records.len() > MOST_RECORDS {
        return Err(Failure::field("#/records", "length"));
    }
    let mut conn = app.store.read().await?;
    let account = conn
        .account(caller.user)
        .await?
        .ok_or_else(Failure::not_found)?;
    drop(conn);
    let identity = Base64(account.identity_key);
    for (index, signed) in records.iter().enumerate() {
        let pointer = format!("#/records/{index}");
        check(&app, caller, signed, &identity)
            .map_err(|(field, code)| Failure::field(&format!("{pointer}/{field}"), code))?;
    }

    let partners: BTreeSet<String> = records
        .iter()
        .filter_map(|signed| purpose::shared_with(&signed.record.purpose))
        .map(|(partner, _)| partner.to_owned())
        .collect();
    let is_no = |signed: &&SignedRecord| signed.record.decision != LedgerDecision::Granted;
    let taken_back: BTreeSet<String> = records
        .iter()
        .filter(is_no)
        .map(|signed| signed.record.purpose.clone())
        .collect();
    let mut tx = app.store.begin().await?;
    tx.lock_ledger(caller.user).await?;
    let mut entries = Vec::new();
    let mut is_news = false;
    for (index, signed) in records.into_iter().enumerate() {
        let (entry, is_new) = match app.enter(&mut tx, caller.user, signed).await? {
            Ok(entered) => entered,
            Err(why) => {
                tx.rollback().await?;
                let detail = format!("Record {index} of the request {why}");
                return Err(Failure::new(ErrorCode::Conflict, detail));
            }
        };
        is_news |= is_new;
        entries.push(entry);
    }
    let last = tx
        .consent_head(caller.user)
        .await?
        .map_or(0, |(sequence, _)| count(sequence));
    for code in &taken_back {
        tx.cancel_mails(caller.user, code).await?;
    }
    for partner in &partners {
        tx.touch_share(caller.user, partner).await?;
    }
    let mut letters = Vec::new();
    if is_news {
        let devices = tx.live_devices(caller.user, app.now_ms()).await?;
        let others = devices
            .into_iter()
            .filter(|device| *device != caller.device);
        letters.extend(others.map(|device| Letter {
            to: Address {
                user: caller.user,
                device,
            },
            event: Event::ConsentsChanged { last },
        }));
    }
    let woken = app.post(&mut tx, letters).await?;
    tx.commit().await?;
    app.wake(woken);
    if !partners.is_empty() {
        app.shares.notify_one();
    }
    Ok(Json(Consents { entries, last }))
}

/// What is wrong with a record by itself: the field and how.
fn check(
    app: &App,
    caller: Caller,
    signed: &SignedRecord,
    identity: &Base64,
) -> Result<(), (String, &'static str)> {
    let record = &signed.record;
    let wrong = |field: &str| Err((field.to_owned(), "wrong"));
    match chain::check_record(signed, caller.user, identity) {
        Ok(()) => {}
        Err(Fault::Field(field)) => return Err((format!("record/{field}"), "format")),
        Err(Fault::Subject) => return wrong("record/subject"),
        Err(Fault::Certificate) => return wrong("record/device/certificate"),
        Err(
            Fault::DeviceSignature
            | Fault::ServerSignature
            | Fault::Sequence
            | Fault::DeviceSequence
            | Fault::Replayed,
        ) => return wrong("signature"),
    }
    if purpose::used(&record.purpose).is_none() {
        return Err(("record/purpose".into(), "unknown"));
    }
    if moment::read(&record.at_client).is_none_or(|at_ms| at_ms > app.now_ms() + CLOCK_MS) {
        return wrong("record/at_client");
    }
    Ok(())
}

impl App {
    /// Adds a record, or finds the entry that it has. The inner error ends a sentence.
    async fn enter(
        &self,
        tx: &mut Tx,
        user: UserId,
        signed: SignedRecord,
    ) -> Result<Result<(LedgerEntry, bool), &'static str>, Failure> {
        let record_hash = chain::record_hash(&signed.record);
        if let Some(known) = tx.consent(user, signed.record.id).await? {
            if known.record_hash != record_hash {
                return Ok(Err("has the id of another record."));
            }
            let entry = self.open_entry(user, known.sequence, &known.entry_box)?;
            return Ok(Ok((entry, false)));
        }
        let certificate = &signed.record.device.certificate;
        let device = certificate.device_id;
        let chain_id = digest(&[b"chain", device.0.as_bytes(), &certificate.signing_key.0]);
        let mut link = match tx.consent_link(user, &chain_id).await? {
            Some((number, hash)) => Link {
                number: count(number),
                hash: Base64(hash.to_vec()),
            },
            None => Link::default(),
        };
        if link.follow(&signed.record).is_err() {
            return Ok(Err(
                "does not follow the last one of this device: read the ledger and go on from there.",
            ));
        }
        let (id, number) = (signed.record.id, signed.record.number);
        let head = tx.consent_head(user).await?;
        let sequence = head.map_or(0, |(sequence, _)| sequence) + 1;
        let now_ms = self.now_ms();
        let mut entry = LedgerEntry {
            sequence: count(sequence),
            signed,
            at_server: moment::write(now_ms)
                .ok_or_else(|| Failure::internal("the clock is off"))?,
            prev: Base64(head.map(|(_, hash)| hash.to_vec()).unwrap_or_default()),
            signature: Base64::default(),
        };
        chain::sign_entry(&mut entry, &self.keys.ledger);
        let json =
            serde_json::to_vec(&entry).map_err(|error| Failure::internal(error.to_string()))?;
        let row = NewConsent {
            user,
            sequence,
            id,
            chain: chain_id,
            number: i64::try_from(number).unwrap_or(i64::MAX),
            record_hash,
            hash: chain::entry_hash(&entry),
            entry_box: self.keys.data.seal(&context(user, sequence), &json)?,
            at_ms: now_ms,
        };
        tx.put_consent(row).await?;
        Ok(Ok((entry, true)))
    }

    fn open_entry(
        &self,
        user: UserId,
        sequence: i64,
        entry_box: &[u8],
    ) -> Result<LedgerEntry, Failure> {
        open_entry(&self.keys.data, user, sequence, entry_box)
    }
}

/// Reads an entry back out of its box.
pub(crate) fn open_entry(
    data: &Sealer,
    user: UserId,
    sequence: i64,
    entry_box: &[u8],
) -> Result<LedgerEntry, Failure> {
    let json = data.open(&context(user, sequence), entry_box)?;
    serde_json::from_slice(&json).map_err(|_| Failure::internal("an entry cannot be read"))
}

fn context(user: UserId, sequence: i64) -> String {
    format!("consent:{user}:{sequence}")
}

/// Sequences count from 1.
fn count(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jasmin_consent::chain::{Keys, Ledger};
    use jasmin_protocol::{ConsentRecord, RecordId, Transparency};

    use super::*;
    use crate::testing::{Answer, SignedInPerson, World};

    async fn say(world: &World, by: &SignedInPerson, records: Vec<SignedRecord>) -> Answer {
        world
            .request("POST", "/v1/consents")
            .by(by)
            .json(&TellConsents { records })
            .send()
            .await
    }

    async fn read(world: &World, by: &SignedInPerson, after: u64) -> Consents {
        world
            .get_as(by, &format!("/v1/consents?after={after}"))
            .await
            .ok()
    }

    /// Checks a ledger as its owner does.
    async fn checked(world: &World, by: &SignedInPerson) -> Ledger {
        let transparency: Transparency = world.get("/v1/transparency").await.ok();
        let keys = Keys {
            subject: by.session.user_id,
            identity: by.session.identity.key.clone(),
            ledger: transparency.ledger_key,
        };
        let mut ledger = Ledger::default();
        for entry in read(world, by, 0).await.entries {
            ledger.follow(&entry, &keys).unwrap();
        }
        ledger
    }

    #[tokio::test]
    async fn two_devices_write_one_ledger() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let other = world.another_device(&ada).await;
        let (mut link, mut other_link) = (Link::default(), Link::default());
        let now = world.app.now_ms();
        let first = vec![ada.decide(&mut link, now), ada.decide(&mut link, now)];
        let answer: Consents = say(&world, &ada, first).await.ok();
        assert_eq!((answer.entries.len(), answer.last), (2, 2));
        let second = vec![other.decide(&mut other_link, now)];
        let answer: Consents = say(&world, &other, second).await.ok();
        assert_eq!((answer.entries[0].sequence, answer.last), (3, 3));
        assert_eq!(checked(&world, &ada).await.sequence, 3);
        assert_eq!(read(&world, &ada, 2).await.entries, answer.entries);
        let news = Event::ConsentsChanged { last: 3 };
        assert!(
            world.events(&ada).await.contains(&news),
            "the other device is told"
        );
        assert!(
            !world.events(&other).await.contains(&news),
            "who wrote it knows"
        );
    }

    #[tokio::test]
    async fn telling_again_changes_nothing() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let mut link = Link::default();
        let record = ada.decide(&mut link, world.app.now_ms());
        let first: Consents = say(&world, &ada, vec![record.clone()]).await.ok();
        world.clock.advance(1000);
        let again: Consents = say(&world, &ada, vec![record.clone()]).await.ok();
        assert_eq!(first, again);

        let changed = ConsentRecord {
            scope: Some("x".into()),
            ..record.record
        };
        let answer = say(&world, &ada, vec![ada.sign(changed)]).await;
        assert_eq!(answer.problem(), ErrorCode::Conflict);
        assert_eq!(checked(&world, &ada).await.sequence, 1);
    }

    #[tokio::test]
    async fn a_gap_or_a_step_back_is_a_conflict_and_nothing_is_kept() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let mut link = Link::default();
        let now = world.app.now_ms();
        let records: Vec<_> = (0..4).map(|_| ada.decide(&mut link, now)).collect();
        let gap = vec![records[0].clone(), records[2].clone()];
        assert_eq!(say(&world, &ada, gap).await.problem(), ErrorCode::Conflict);
        assert_eq!(
            read(&world, &ada, 0).await.last,
            0,
            "not the good one either"
        );
        assert_eq!(say(&world, &ada, records).await.status(), 200);
        let mut anew = Link::default();
        let back = vec![ada.decide(&mut anew, now)];
        assert_eq!(say(&world, &ada, back).await.problem(), ErrorCode::Conflict);
    }

    #[tokio::test]
    async fn only_ones_own_decisions_about_purposes_that_exist() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let bob = world.join("Bob", "bob@example.org").await;
        let other = world.another_device(&ada).await;
        let now = world.app.now_ms();
        let good = ada.decide(&mut Link::default(), now).record;
        let late = moment::write(now + CLOCK_MS + 1).unwrap();
        let at_limit = moment::write(now + CLOCK_MS).unwrap();
        let with = |change: &dyn Fn(&mut ConsentRecord)| {
            let mut record = good.clone();
            change(&mut record);
            ada.sign(record)
        };
        for (by, record, pointer) in [
            (
                &ada,
                with(&|record| record.purpose = "mind".into()),
                "record/purpose",
            ),
            (
                &ada,
                with(&|record| record.purpose = "presence".into()),
                "record/purpose",
            ),
            (
                &ada,
                with(&|record| record.at_client.clone_from(&late)),
                "record/at_client",
            ),
            (&ada, with(&|record| record.number = 0), "record/number"),
            (
                &ada,
                with(&|record| record.id = RecordId(uuid::Uuid::nil())),
                "record/id",
            ),
            (
                &ada,
                with(&|record| record.subject = bob.session.user_id),
                "record/subject",
            ),
            (&bob, with(&|_| {}), "record/subject"),
            (
                &ada,
                SignedRecord {
                    signature: Base64(vec![1; 64]),
                    ..with(&|_| {})
                },
                "signature",
            ),
        ] {
            let answer = say(&world, by, vec![record]).await;
            assert_eq!(answer.pointer(), format!("#/records/0/{pointer}"));
        }
        let soon = with(&|record| record.at_client.clone_from(&at_limit));
        assert_eq!(say(&world, &other, vec![soon]).await.status(), 200);
        assert_eq!(say(&world, &ada, vec![]).await.pointer(), "#/records");
    }
}
