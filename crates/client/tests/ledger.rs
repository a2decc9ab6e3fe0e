//! What is decided in the app is in the ledger of the real server, and comes back out as a file that
//! proves itself.

use jasmin_client::{
    Command, ConsentState, ConsentView, LedgerExport, LedgerFault, LedgerRecord, LinkView,
    PromptAnswer, Purpose, PurposeKind, View,
};
use jasmin_consent::export;
use jasmin_protocol::{AskedIn, Gesture, LedgerDecision, LedgerDuration};

use crate::people::{Person, World};

/// Shows the ledger, and waits until it has so many records that the server knows.
pub(crate) async fn told(person: &Person, records: usize) -> Vec<LedgerRecord> {
    person.wants(Command::ShowLedger { shown: true }).await;
    let known = |view: &View| {
        view.ledger.records.len() == records && view.ledger.records.iter().all(|record| record.told)
    };
    person.until(known).await.ledger.records.clone()
}

pub(crate) async fn allow_in_settings(person: &Person, purpose: Purpose) {
    person.wants(Command::AskConsent { purpose }).await;
    let view = person.until(|view| view.prompt.is_some()).await;
    let prompt = view.prompt.as_ref().unwrap().id;
    let answer = PromptAnswer::Allow;
    person
        .wants(Command::AnswerPrompt {
            prompt,
            answer,
            gesture: Gesture::Key,
        })
        .await;
}

async fn take_camera_back(person: &Person) {
    let (purpose, gesture) = (Purpose::Camera, Gesture::Pointer);
    person
        .wants(Command::WithdrawConsent { purpose, gesture })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_is_told_with_its_text() {
    let world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    allow_in_settings(&ana, Purpose::Microphone).await;
    take_camera_back(&ana).await;

    let records = told(&ana, 3).await;
    let words: Vec<_> = records
        .iter()
        .map(|record| (record.purpose, record.decision, record.duration))
        .collect();
    let lasting = Some(LedgerDuration::UntilWithdrawn);
    assert_eq!(
        words,
        [
            (PurposeKind::Camera, LedgerDecision::Withdrawn, None),
            (PurposeKind::Microphone, LedgerDecision::Granted, lasting),
            (PurposeKind::Camera, LedgerDecision::Granted, lasting),
        ]
    );
    assert!(
        records
            .iter()
            .all(|record| record.here && record.asked_in == AskedIn::Settings)
    );
    assert_eq!(
        records[2].notice[0],
        "May Jasmin open the camera in your calls?"
    );
    assert!(records[0].notice.is_empty(), "nothing was asked");
    let view = ana.app.views().borrow().clone();
    assert_eq!((view.ledger.waiting, view.ledger.trouble), (0, None));

    ana.wants(Command::ShowLedger { shown: false }).await;
    ana.until(|view| view.ledger.records.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_taken_back_is_told_too() {
    let world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    ana.wants(Command::WithdrawAll {
        gesture: Gesture::Pointer,
    })
    .await;
    let records = told(&ana, 2).await;
    assert_eq!(records[0].decision, LedgerDecision::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_saved_file_proves_itself() {
    let world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 1).await;
    ana.wants(Command::ExportLedger).await;
    let done = |view: &View| matches!(view.ledger.export, LedgerExport::Done { .. });
    let view = ana.until(done).await;
    let LedgerExport::Done { folder, records } = &view.ledger.export else {
        panic!("not done");
    };
    assert_eq!(*records, 1);
    let folder = std::path::Path::new(folder);
    let mut file = std::fs::read(folder.join("ledger.jsonl")).unwrap();
    let checked = export::check(&file, None, None).unwrap();
    assert_eq!(checked.entries[0].signed.record.purpose, "camera");
    assert!(folder.join("verify.html").is_file());

    let granted = file
        .windows(7)
        .position(|bytes| bytes == b"granted")
        .unwrap();
    file[granted..granted + 6].copy_from_slice(b"denied");
    let broken = export::check(&file, None, None).unwrap_err();
    assert_eq!(broken.record, Some(checked.entries[0].signed.record.id));

    ana.wants(Command::ExportLedger).await;
    let other = |view: &View| match &view.ledger.export {
        LedgerExport::Done { folder: second, .. } => std::path::Path::new(second) != folder,
        LedgerExport::None | LedgerExport::Writing | LedgerExport::Failed => false,
    };
    ana.until(other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_committed_to_another_ledger_is_noticed() {
    let mut world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 1).await;
    world.pass_days(1);
    world.restart(&[]).await;
    let back = |view: &View| view.server.link == LinkView::Online;
    let view = ana.until(back).await;
    assert_eq!(view.ledger.trouble, None, "honest");
    world.pass_days(1);
    // From now on it commits to something else than it shows.
    world
        .restart(&[
            "DROP TRIGGER ledger_root_is_not_changed",
            "CREATE TRIGGER other_root AFTER INSERT ON ledger_root BEGIN \
             UPDATE ledger_root SET root = zeroblob(32) WHERE day = NEW.day; END",
        ])
        .await;
    let noticed = |view: &View| {
        view.ledger
            .trouble
            .is_some_and(|trouble| trouble.fault == LedgerFault::Uncommitted)
    };
    ana.until(noticed).await;
}

/// The database refuses it, but whoever runs the server can take the rule away, or bring an old copy
/// back.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_is_told_again() {
    let mut world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 1).await;
    world
        .restart(&[
            "DROP TRIGGER consent_entry_is_not_deleted",
            "DELETE FROM consent_entry",
        ])
        .await;
    take_camera_back(&ana).await;
    told(&ana, 2).await;
    let view = ana.app.views().borrow().clone();
    assert_eq!((view.ledger.waiting, view.ledger.trouble), (0, None));
    world.stop().await;
    assert_eq!(world.count("SELECT COUNT(*) FROM consent_entry").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_sign_out_is_told_and_counts_for_nobody_else() {
    let mut world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 1).await;
    world.stop().await;
    ana.until(|view| !matches!(view.server.link, LinkView::Online))
        .await;
    take_camera_back(&ana).await;
    allow_in_settings(&ana, Purpose::Microphone).await;
    ana.wants(Command::SignOut).await;
    world.restart(&[]).await;

    world.join(&ana, "ben").await;
    let view = ana.app.views().borrow().clone();
    let asked = |view: &View| {
        let state = |consent: &ConsentView| consent.state == ConsentState::NeverAsked;
        view.consents.iter().all(state)
    };
    assert!(asked(&view), "{:?}", view.consents);
    ana.wants(Command::ShowLedger { shown: true }).await;
    assert!(ana.app.views().borrow().ledger.records.is_empty());
    ana.wants(Command::SignOut).await;

    ana.wants(Command::SignIn {
        email: ana.email.clone(),
        password: "correct horse battery".to_owned(),
    })
    .await;
    told(&ana, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_it_counts_at_once_and_is_told_later() {
    let mut world = World::start().await;
    let ana = world.person("ana").await;
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 1).await;
    world.stop().await;
    ana.until(|view| !matches!(view.server.link, LinkView::Online))
        .await;
    take_camera_back(&ana).await;
    let view = ana.until(|view| view.ledger.waiting == 1).await;
    assert!(!view.ledger.records[0].told);
    world.restart(&[]).await;
    told(&ana, 2).await;
}
