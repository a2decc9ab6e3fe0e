//! Sharing a field with a partner, from the operator's book to what the partner's own server receives.

use std::{fs, sync::mpsc};

use axum::{Router, body::Bytes, routing::post};
use jasmin_client::{
    AccountAnswer, AccountPurpose, Command, ConsentState, FailureCode, LinkView, PurposeKind, View,
};
use jasmin_protocol::{
    Gesture, LedgerDecision, PassingKind, PassingState, ShareField, ShareMessage,
};
use jasmin_server::PartnerOrder;

use crate::{
    ledger::told,
    people::{Person, World},
};

/// A partner's server: what comes to either address.
async fn partner_server() -> (String, mpsc::Receiver<(&'static str, ShareMessage)>) {
    let (came, receiver) = mpsc::channel();
    let take = |path: &'static str| {
        let came = came.clone();
        post(async move |body: Bytes| {
            came.send((path, serde_json::from_slice(&body).unwrap()))
                .unwrap();
        })
    };
    let router = Router::new()
        .route("/give", take("give"))
        .route("/delete", take("delete"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), receiver)
}

fn share(field: ShareField) -> AccountPurpose {
    AccountPurpose::Share {
        partner: "acme".to_owned(),
        field,
    }
}

fn decide(purpose: AccountPurpose, answer: AccountAnswer) -> Command {
    Command::DecideForAccount {
        purpose,
        answer,
        gesture: Gesture::Key,
    }
}

fn state(view: &View, field: ShareField) -> ConsentState {
    let fields = &view.partners.list[0].fields;
    let one = fields.iter().find(|one| one.purpose == share(field));
    one.unwrap().state
}

/// Waits until the newest passing is of this kind, and answered.
async fn passed(person: &Person, kind: PassingKind) {
    let is_done = |view: &View| {
        let newest = view.partners.list[0].passings.first();
        newest.is_some_and(|one| one.kind == kind && one.state == PassingState::Done)
    };
    person.until(is_done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_what_was_allowed_and_is_told_to_delete_it() {
    let mut world = World::start().await;
    let (url, came) = partner_server().await;
    let ana = world.person("ana").await;
    let view = ana.until(|view| view.partners.known).await;
    assert!(view.partners.list.is_empty());
    let early = decide(share(ShareField::Email), AccountAnswer::Allow);
    assert_eq!(
        ana.app.dispatch(early).await.unwrap_err().code,
        FailureCode::NotNow,
        "no such partner"
    );

    let record = serde_json::json!({
        "id": "acme", "name": "Acme Calendars", "legal_entity": "Acme GmbH", "country": "Austria",
        "purpose": "to show calls in a calendar", "retention": "until you take it back",
        "fields": ["name", "email"],
        "give_url": format!("{url}/give"), "delete_url": format!("{url}/delete"),
    });
    let (file, document) = (
        world.folder().join("acme.json"),
        world.folder().join("signed"),
    );
    fs::write(&file, record.to_string()).unwrap();
    fs::write(&document, "We protect it.").unwrap();
    let day = |days: i64| jasmin_consent::moment::day(world.now_ms() + days * 86_400_000).unwrap();
    let (signed_on, review_by) = (day(-1), day(300));
    let acme = || "acme".to_owned();
    for order in [
        PartnerOrder::Propose { record: file },
        PartnerOrder::Sign {
            partner: acme(),
            document,
            signed_on,
            review_by,
        },
        PartnerOrder::Activate { partner: acme() },
    ] {
        world.partner(&order).await.unwrap();
    }
    ana.wants(Command::ShowLedger { shown: true }).await;
    let view = ana.until(|view| !view.partners.list.is_empty()).await;
    assert!(view.partners.may_share && view.partners.list[0].open);
    assert_eq!(state(&view, ShareField::Email), ConsentState::NeverAsked);

    ana.wants(decide(share(ShareField::Email), AccountAnswer::Allow))
        .await;
    passed(&ana, PassingKind::Given).await;
    let (path, message) = came.recv().unwrap();
    assert_eq!((path, message.data.len()), ("give", 1));
    assert_eq!(message.data[0].value, ana.email);
    let records = told(&ana, 1).await;
    assert_eq!(records[0].purpose, PurposeKind::Share);
    assert_eq!(records[0].share.as_ref().unwrap().name, "Acme Calendars");
    assert_eq!(
        records[0].notice[0],
        "Give Acme Calendars your e-mail address?"
    );

    // Refused: it is written down, and nothing goes.
    ana.wants(decide(share(ShareField::Name), AccountAnswer::Deny))
        .await;
    told(&ana, 2).await;

    // Taken back while there is no server: at once here, and told when it is back.
    world.stop().await;
    ana.until(|view| matches!(view.server.link, LinkView::Offline { .. }))
        .await;
    let gesture = Gesture::Pointer;
    ana.wants(Command::WithdrawAll { gesture }).await;
    let view = ana
        .until(|view| state(view, ShareField::Email) == ConsentState::Withdrawn)
        .await;
    assert!(!view.partners.list[0].fields[1].told);
    assert!(came.try_recv().is_err());
    world.restart(&[]).await;
    passed(&ana, PassingKind::Deletion).await;
    let (path, message) = came.recv().unwrap();
    assert_eq!(
        (path, message.delete.as_slice()),
        ("delete", [ShareField::Email].as_slice())
    );
    assert!(came.try_recv().is_err(), "nothing else came");

    // Once more, and all of one partner at once.
    ana.wants(decide(share(ShareField::Email), AccountAnswer::Allow))
        .await;
    ana.wants(decide(share(ShareField::Name), AccountAnswer::Allow))
        .await;
    let both = |view: &View| {
        let passings = &view.partners.list[0].passings;
        let given = passings.iter().filter(|one| one.kind == PassingKind::Given);
        given.flat_map(|one| &one.fields).count() == 3
            && passings.iter().all(|one| one.state == PassingState::Done)
    };
    ana.until(both).await;
    let partner = acme();
    ana.wants(Command::StopSharing { partner, gesture }).await;
    passed(&ana, PassingKind::Deletion).await;
    let deleted: Vec<ShareField> = came
        .try_iter()
        .filter(|(path, _)| *path == "delete")
        .flat_map(|(_, message)| message.delete)
        .collect();
    assert_eq!(deleted.len(), 2, "{deleted:?}");

    // A server that leaves the partner out hides no yes: it is shown, and can be taken back.
    ana.wants(decide(share(ShareField::Email), AccountAnswer::Allow))
        .await;
    passed(&ana, PassingKind::Given).await;
    world
        .restart(&[
            "DROP TRIGGER partner_event_is_not_deleted",
            "DELETE FROM partner_event",
        ])
        .await;
    let is_unnamed = |view: &View| {
        let list = view.partners.list.as_slice();
        view.partners.known && matches!(list, [one] if one.name == "acme" && one.fields.len() == 1)
    };
    ana.until(is_unnamed).await;
    let partner = acme();
    ana.wants(Command::StopSharing { partner, gesture }).await;
    ana.until(|view| view.partners.list.is_empty()).await;
    let records = told(&ana, 9).await;
    assert_eq!(records[0].decision, LedgerDecision::Withdrawn);
    assert_eq!(records[0].share.as_ref().unwrap().name, "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_one_is_counted_is_the_whole_accounts() {
    let world = World::start().await;
    let ana = world.person("ana").await;
    let view = ana.until(|view| view.partners.known).await;
    assert_eq!(view.statistics.state, ConsentState::NeverAsked);
    let is = |state: ConsentState| {
        move |view: &View| view.statistics.state == state && view.statistics.told
    };
    for (answer, state) in [
        (AccountAnswer::Deny, ConsentState::Denied),
        (AccountAnswer::Allow, ConsentState::Allowed),
        (AccountAnswer::Withdraw, ConsentState::Withdrawn),
    ] {
        ana.wants(decide(AccountPurpose::Statistics, answer)).await;
        ana.until(is(state)).await;
    }
    let records = told(&ana, 3).await;
    let decisions: Vec<_> = records.iter().map(|record| record.decision).collect();
    use LedgerDecision::{Denied, Granted, Withdrawn};
    assert_eq!(decisions, [Withdrawn, Granted, Denied]);
    assert!(
        records
            .iter()
            .all(|record| record.purpose == PurposeKind::Statistics)
    );
}
