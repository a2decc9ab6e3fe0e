//! Sharing, with a partner's own server at the other end.

mod book;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use ed25519_dalek::{Signature, VerifyingKey};
use jasmin_consent::chain::Link;
use jasmin_protocol::{
    Base64, LedgerDecision, PartnerStatus, Partners, PassingKind, PassingState, ShareField,
    ShareMessage, Shares, Transparency, Undertaking,
};
use sha2::{Digest, Sha256};

use super::{Book, Event, PartnerError, Record, What, desk, post as delivery};
use crate::{
    policies::publish_to,
    testing::{Applicant, SignedInPerson, World, draft, postgres::Postgres, publish},
};

/// 2026-11-22, noon.
const NOW: i64 = 1_795_348_800_000;
const DAY_MS: i64 = 86_400_000;

/// A partner's own server: keeps what comes, and answers what it is told to.
#[derive(Clone, Default)]
struct Sample {
    came: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Sample {
    async fn open(&self) -> String {
        fn take(
            sample: &Sample,
            path: &str,
            headers: HeaderMap,
            body: Bytes,
        ) -> axum::http::StatusCode {
            sample
                .came
                .lock()
                .unwrap()
                .push((path.to_owned(), headers, body));
            let next = sample.answers.lock().unwrap().pop_front().unwrap_or(204);
            axum::http::StatusCode::from_u16(next).unwrap()
        }
        let router = Router::new()
            .route(
                "/give",
                post(
                    |State(sample): State<Sample>, headers: HeaderMap, body: Bytes| {
                        std::future::ready(take(&sample, "give", headers, body))
                    },
                ),
            )
            .route(
                "/delete",
                post(
                    |State(sample): State<Sample>, headers: HeaderMap, body: Bytes| {
                        std::future::ready(take(&sample, "delete", headers, body))
                    },
                ),
            )
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// What came since the last look: to which address, and what.
    fn came(&self) -> Vec<(String, ShareMessage)> {
        let came = std::mem::take(&mut *self.came.lock().unwrap());
        came.into_iter()
            .map(|(path, _, body)| (path, serde_json::from_slice(&body).unwrap()))
            .collect()
    }
}

fn record(id: &str, url: &str) -> Record {
    Record {
        id: id.to_owned(),
        name: "Acme Calendars".to_owned(),
        legal_entity: "Acme GmbH".to_owned(),
        country: "Austria".to_owned(),
        purpose: "to show calls in a calendar".to_owned(),
        retention: "until you take it back".to_owned(),
        fields: vec![ShareField::Name, ShareField::Email],
        give_url: format!("{url}/give"),
        delete_url: format!("{url}/delete"),
    }
}

fn signed(review_by: &str) -> What {
    What::UndertakingSigned {
        undertaking: Undertaking {
            hash: Base64(vec![7; 32]),
            signed_on: "2026-11-01".to_owned(),
            review_by: review_by.to_owned(),
        },
    }
}

/// A world with a partner that can be shared with, and the partner's server.
struct Scene {
    world: World,
    sample: Sample,
    client: reqwest::Client,
    /// What the worker has seen of the world.
    seen: Option<delivery::SharingWorld>,
    ada: SignedInPerson,
    link: Link,
}

impl Scene {
    async fn new() -> Self {
        Self::on(World::new().await).await
    }

    async fn on(world: World) -> Self {
        let ada = world.join("Ada", "ada@example.org").await;
        Self::of(world, ada).await
    }

    async fn born(birthday: &str) -> Self {
        let world = World::new().await;
        let ada = Applicant::new("Ada", "ada@example.org").born(birthday);
        let ada = world.join_as(ada).await;
        Self::of(world, ada).await
    }

    async fn of(world: World, ada: SignedInPerson) -> Self {
        let sample = Sample::default();
        let url = sample.open().await;
        let scene = Self {
            world,
            sample,
            client: delivery::client().unwrap(),
            seen: None,
            ada,
            link: Link::default(),
        };
        scene
            .write(What::Proposed {
                record: record("acme", &url),
            })
            .await;
        scene.write(signed("2027-11-01")).await;
        scene.write(What::Activated).await;
        scene
    }

    async fn write(&self, what: What) {
        self.write_of("acme", what).await;
    }

    async fn write_of(&self, partner: &str, what: What) {
        let mut tx = self.world.app.store.begin().await.unwrap();
        let mut book = Book::read(tx.partner_events().await.unwrap()).unwrap();
        let now_ms = self.world.app.now_ms();
        let event = book.add(partner, what, now_ms).unwrap();
        tx.put_partner_event(&event, now_ms).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn decide(&mut self, purpose: &str, decision: LedgerDecision) {
        self.world
            .decide(&self.ada, &mut self.link, purpose, decision)
            .await;
    }

    /// As the worker does, until there is nothing more to do now. Returns what partners took.
    async fn work(&mut self) -> u64 {
        let mut taken = 0;
        loop {
            let app = &self.world.app;
            let round = app.share_round(&self.client, &mut self.seen).await.unwrap();
            taken += round.taken;
            if round.taken == 0 || round.failed {
                return taken;
            }
        }
    }

    async fn shares(&self) -> Shares {
        self.world.get_as(&self.ada, "/v1/me/shares").await.ok()
    }
}

use LedgerDecision::{Granted, Withdrawn};

const NAME: &str = "share:acme:name";
const EMAIL: &str = "share:acme:email";

#[tokio::test]
async fn a_partner_receives_exactly_what_was_granted() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.work().await, 0);
    scene.decide(EMAIL, Granted).await;
    scene.work().await;
    let came = std::mem::take(&mut *scene.sample.came.lock().unwrap());
    let [(path, headers, body)] = came.as_slice() else {
        panic!("{} came", came.len());
    };
    assert_eq!(path, "give");
    let message: ShareMessage = serde_json::from_slice(body).unwrap();
    assert_eq!(message.kind, PassingKind::Given);
    let data: Vec<_> = message
        .data
        .iter()
        .map(|one| (one.field, one.value.as_str()))
        .collect();
    assert_eq!(data, [(ShareField::Email, "ada@example.org")]);
    assert_eq!(message.review_by, "2027-11-01");
    let text = String::from_utf8_lossy(body);
    assert!(!text.contains("Ada") && !text.contains(&scene.ada.session.user_id.to_string()));

    // The server has signed it with the key that it publishes.
    let key: Transparency = scene.world.get("/v1/transparency").await.ok();
    let key = VerifyingKey::from_bytes(key.ledger_key.0.as_slice().try_into().unwrap()).unwrap();
    let signature: Base64 = headers["jasmin-signature"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let words = [
        b"jasmin-share-v1".as_slice(),
        Sha256::digest(body).as_slice(),
    ]
    .concat();
    let signature = Signature::from_slice(&signature.0).unwrap();
    key.verify_strict(&words, &signature).unwrap();

    let shares = scene.shares().await;
    assert!(shares.may_share);
    assert_eq!(shares.passings.len(), 1);
    assert_eq!(shares.passings[0].fields, [ShareField::Email]);
    assert_eq!(shares.passings[0].state, PassingState::Done);
    assert_eq!(scene.work().await, 0, "once");

    // One more field: that one only.
    scene.decide(NAME, Granted).await;
    scene.work().await;
    let came = scene.sample.came();
    assert_eq!(came[0].1.data[0].value, "Ada");
    assert_eq!((came.len(), came[0].1.data.len()), (1, 1));
    assert_eq!(
        came[0].1.person, message.person,
        "the same person by the same word"
    );
}

async fn is_deleted_again(world: World) {
    let mut scene = Scene::on(world).await;
    scene.decide(EMAIL, Granted).await;
    scene.decide(NAME, Granted).await;
    scene.work().await;
    scene.sample.came();
    scene.decide(EMAIL, Withdrawn).await;
    // Nothing but the telling lies between: there is no waiting for a day.
    scene.work().await;
    let came = scene.sample.came();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].0, "delete");
    assert_eq!(came[0].1.delete, [ShareField::Email]);
    assert!(came[0].1.data.is_empty());
    let newest = scene.shares().await.passings.remove(0);
    assert_eq!(
        (newest.kind, newest.state),
        (PassingKind::Deletion, PassingState::Done)
    );
    assert!(newest.answered_at.is_some());
}

#[tokio::test]
async fn what_is_taken_back_is_deleted_at_the_partner() {
    is_deleted_again(World::new().await).await;
    if let Some(server) = Postgres::start() {
        is_deleted_again(World::on(Some(server.url()), |_| {}).await).await;
    }
}

#[tokio::test]
async fn what_was_taken_back_before_it_went_out_does_not_go() {
    let mut scene = Scene::new().await;
    scene.decide(EMAIL, Granted).await;
    scene.decide(EMAIL, Withdrawn).await;
    scene.work().await;
    assert!(scene.sample.came().is_empty());
    assert!(scene.shares().await.passings.is_empty());
}

#[tokio::test]
async fn what_may_have_arrived_is_deleted_too() {
    let mut scene = Scene::new().await;
    scene.sample.answers.lock().unwrap().extend([500, 204]);
    scene.decide(EMAIL, Granted).await;
    scene.work().await;
    assert_eq!(scene.sample.came().len(), 1, "tried once");
    assert_eq!(scene.work().await, 0, "and then it waits");
    assert_eq!(
        scene.shares().await.passings[0].state,
        PassingState::Waiting
    );
    scene.decide(EMAIL, Withdrawn).await;
    scene.work().await;
    let came = scene.sample.came();
    assert_eq!(came.len(), 1);
    assert_eq!(
        (came[0].0.as_str(), came[0].1.delete.as_slice()),
        ("delete", [ShareField::Email].as_slice())
    );
    let states: Vec<_> = scene
        .shares()
        .await
        .passings
        .iter()
        .map(|one| one.state)
        .collect();
    assert_eq!(states, [PassingState::Done, PassingState::Cancelled]);
}

/// Of two fields on their way one is taken back: all that may have arrived is deleted, and what is still
/// allowed is given again after that.
#[tokio::test]
async fn what_is_still_allowed_of_it_is_given_again() {
    let mut scene = Scene::new().await;
    scene.sample.answers.lock().unwrap().push_back(500);
    scene.decide(EMAIL, Granted).await;
    scene.decide(NAME, Granted).await;
    scene.work().await;
    assert_eq!(scene.sample.came()[0].1.data.len(), 2);
    scene.decide(EMAIL, Withdrawn).await;
    scene.work().await;
    let came = scene.sample.came();
    let [(_, delete), (_, give)] = came.as_slice() else {
        panic!("{} came", came.len());
    };
    assert_eq!(delete.delete, [ShareField::Name, ShareField::Email]);
    assert_eq!((give.data.len(), give.data[0].field), (1, ShareField::Name));
    assert_eq!((delete.number, give.number), (2, 3), "they count up");
}

#[tokio::test]
async fn a_partner_that_nobody_knows_keeps_nothing_back() {
    let mut scene = Scene::new().await;
    for partner in 0..70 {
        let code = format!("share:nobody-{partner}:email");
        scene.decide(&code, Granted).await;
    }
    scene.decide(EMAIL, Granted).await;
    // More than one look takes in.
    let mut rounds = 0;
    while scene.sample.came.lock().unwrap().is_empty() {
        rounds += 1;
        assert!(rounds < 5, "it does not come");
        scene
            .world
            .app
            .share_round(&scene.client, &mut scene.seen)
            .await
            .unwrap();
    }
    scene.work().await;
    let mut conn = scene.world.app.store.read().await.unwrap();
    assert!(conn.shares_due(i64::MAX, 9).await.unwrap().is_empty());
}

/// One that takes a connection and never answers.
#[tokio::test]
async fn a_partner_that_hangs_keeps_no_other_back() {
    let mut scene = Scene::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for what in [
        What::Proposed {
            record: record("a-mute", &url),
        },
        signed("2027-11-01"),
        What::Activated,
    ] {
        scene.write_of("a-mute", what).await;
    }
    for code in ["share:a-mute:name", "share:a-mute:email", EMAIL] {
        scene.decide(code, Granted).await;
    }
    let mut seen = None;
    let round = scene.world.app.share_round(&scene.client, &mut seen);
    tokio::pin!(round);
    // While the round waits for the one, the other has it.
    let other = async {
        while scene.sample.came.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let other = async {
        tokio::select! {
            _ = &mut round => panic!("it answered"),
            () = other => {}
        }
    };
    // Far less than a partner may take.
    let soon = std::time::Duration::from_secs(5);
    tokio::time::timeout(soon, other)
        .await
        .expect("the other waits");
}

/// Two servers on one database look at the same person at once.
#[tokio::test]
async fn two_servers_take_a_step_once() {
    let mut scene = Scene::new().await;
    scene.decide(EMAIL, Granted).await;
    let (mut one, mut other) = (None, None);
    let app = &scene.world.app;
    let rounds = tokio::join!(
        app.share_round(&scene.client, &mut one),
        app.share_round(&scene.client, &mut other)
    );
    let taken = rounds.0.unwrap().taken + rounds.1.unwrap().taken;
    assert_eq!((taken, scene.sample.came().len()), (1, 1));
}

/// A yes is to what the partner said of itself: another yes is none.
#[tokio::test]
async fn a_yes_to_another_description_opens_nothing() {
    let mut scene = Scene::new().await;
    let mut link = scene.link.clone();
    scene.world.clock.advance(1_000);
    let mut record = scene.ada.decide(&mut link, scene.world.app.now_ms()).record;
    record.purpose = EMAIL.to_owned();
    record.decision = Granted;
    record.duration = Some(jasmin_protocol::LedgerDuration::UntilWithdrawn);
    record.scope = Some(format!("partner:{}", "0".repeat(64)));
    let records = vec![scene.ada.sign(record)];
    let told = scene
        .world
        .request("POST", "/v1/consents")
        .by(&scene.ada)
        .json(&jasmin_protocol::TellConsents { records })
        .send()
        .await;
    assert_eq!(told.status(), 200, "it is on record");
    assert_eq!(scene.work().await, 0);
    assert!(scene.sample.came().is_empty());
}

#[tokio::test]
async fn a_partner_that_does_not_answer_is_asked_again_with_the_same_number() {
    let mut scene = Scene::new().await;
    scene.sample.answers.lock().unwrap().extend([503, 302, 204]);
    scene.decide(EMAIL, Granted).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        scene.work().await;
        ids.extend(
            scene
                .sample
                .came()
                .into_iter()
                .map(|(_, message)| message.id),
        );
        scene.world.clock.advance(3_600_000);
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(scene.work().await, 0);
    let user = scene.ada.session.user_id;
    let mut conn = scene.world.app.store.read().await.unwrap();
    let passings = conn.passings(user, 9).await.unwrap();
    assert_eq!(passings[0].state, PassingState::Done);
}

/// Nothing goes to a partner that is not open; what it has it must delete, and it gets it back when it is
/// open again.
#[tokio::test]
async fn an_undertaking_that_runs_out_ends_sharing_by_itself() {
    let mut scene = Scene::new().await;
    scene.decide(EMAIL, Granted).await;
    scene.work().await;
    scene.sample.came();
    scene.world.clock.advance(344 * DAY_MS);
    scene.work().await;
    assert!(scene.sample.came().is_empty(), "its last day");
    scene.world.clock.advance(DAY_MS);
    scene.work().await;
    assert_eq!(scene.sample.came()[0].0, "delete");
    let partners: Partners = scene.world.get("/v1/partners").await.ok();
    assert_eq!(
        (partners.partners[0].status, partners.partners[0].open),
        (PartnerStatus::Active, false)
    );

    scene.write(signed("2028-11-01")).await;
    scene.work().await;
    assert_eq!(scene.sample.came()[0].0, "give", "renewed");
    for (what, path) in [
        (
            What::Suspended {
                why: "a leak".to_owned(),
            },
            Some("delete"),
        ),
        (What::Activated, Some("give")),
        (
            What::Ended {
                why: "over".to_owned(),
            },
            Some("delete"),
        ),
    ] {
        scene.write(what.clone()).await;
        scene.work().await;
        let came: Vec<String> = scene
            .sample
            .came()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(came.first().map(String::as_str), path, "{what:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_young_person_goes_out() {
    let mut scene = Scene::born("2009-11-22").await;
    scene.decide(EMAIL, Granted).await;
    scene.work().await;
    assert!(scene.sample.came().is_empty());
    assert!(!scene.shares().await.may_share);
    // The day on which they are eighteen.
    scene.world.clock.advance(365 * DAY_MS);
    scene.write(signed("2028-01-01")).await;
    scene.work().await;
    assert_eq!(scene.sample.came().len(), 1);
}

#[tokio::test]
async fn policies_that_do_more_end_what_was_given_under_the_old_ones() {
    let mut scene = Scene::new().await;
    scene.decide(EMAIL, Granted).await;
    scene.work().await;
    scene.sample.came();
    publish(&scene.world, "1.0.0", "2026-11-01", "little").await;
    let (description, files) = draft("2.0.0", "2027-01-24", "all");
    let description = description.replace("camera", "share:<partner>:<field>");
    let app = &scene.world.app;
    scene.world.clock.advance(60_000);
    publish_to(
        &app.store,
        &app.keys,
        app.now_ms(),
        &description,
        &files,
        false,
    )
    .await
    .unwrap();
    scene.work().await;
    assert!(scene.sample.came().is_empty(), "announced only");
    scene.world.clock.advance(70 * DAY_MS);
    scene.work().await;
    assert_eq!(scene.sample.came()[0].0, "delete");
}
