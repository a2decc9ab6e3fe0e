//! Policies, from an operator's folder to what a person is asked again.

use std::{fs, path::PathBuf};

use jasmin_client::{
    Command, ConsentState, FailureCode, LinkView, PolicyPage, PromptAnswer, Purpose, PurposeKind,
    View,
};
use jasmin_consent::moment;
use jasmin_protocol::LedgerDecision;

use crate::{
    call::{sees_devices, talk, two_answering},
    ledger::{allow_in_settings, told},
    people::World,
};

const DAY_MS: i64 = 86_400_000;

/// A set's folder; from the second on, the use of the camera grows.
fn folder(world: &World, version: &str, in_days: i64, words: &str) -> PathBuf {
    let folder = world.folder().join(version);
    fs::create_dir_all(&folder).unwrap();
    let day = moment::day(world.now_ms() + in_days * DAY_MS).unwrap();
    let change = r#"{"document":"privacy_policy","section":"use","kind":"widens",
        "purposes":["camera"],"summary":"We look closer."}"#;
    let changes = if version == "1.0.0" { "" } else { change };
    let set = format!(
        r#"{{"version":"{version}","effective":"{day}","fill":{{"v":"{version}"}},"changes":[{changes}]}}"#
    );
    for (name, text) in [
        ("set.json", set),
        (
            "privacy-policy.en.md",
            format!("# Policy {{v}}\n\n## Use {{#use}}\n\nWe {words}.\n"),
        ),
        (
            "user-agreement.en.md",
            "# Agreement {v}\n\n## Duty {#duty}\n\nBe kind.\n".to_owned(),
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn state(view: &View, purpose: Purpose) -> ConsentState {
    let consent = view.consents.iter().find(|one| one.purpose == purpose);
    consent.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_policy_is_announced_shown_and_asked_again_on_its_day() {
    let mut world = World::start().await;
    world
        .publish(&folder(&world, "1.0.0", -1, "look"))
        .await
        .unwrap();
    let ana = world.person("ana").await;
    let view = ana.until(|view| view.policies.known).await;
    assert_eq!(view.policies.in_force.as_deref(), Some("1.0.0"));
    assert_eq!(view.policies.unread, None, "it was accepted");
    allow_in_settings(&ana, Purpose::Camera).await;
    allow_in_settings(&ana, Purpose::Microphone).await;
    let records = told(&ana, 2).await;
    assert!(
        records
            .iter()
            .all(|record| record.policy.as_deref() == Some("1.0.0"))
    );

    let early = world
        .publish(&folder(&world, "1.1.0", 29, "look closer"))
        .await;
    assert!(early.unwrap_err().to_string().contains("must have 30 days"));
    let said = world
        .publish(&folder(&world, "1.1.0", 32, "look closer"))
        .await
        .unwrap();
    assert!(
        said.contains("camera: allowed now by 1 person on 1 device"),
        "{said}"
    );

    // The app learns of it with its next connection.
    world.restart(&[]).await;
    let view = ana.until(|view| view.policies.unread.is_some()).await;
    assert_eq!(view.policies.unread.as_deref(), Some("1.1.0"));
    assert_eq!(
        view.policies.sets[0].changes[0].purposes,
        [PurposeKind::Camera]
    );
    assert_eq!(
        state(&view, Purpose::Camera),
        ConsentState::Allowed,
        "not yet"
    );
    let show = |version: Option<&str>| Command::ShowPolicy {
        version: version.map(Into::into),
    };
    ana.wants(show(Some("1.1.0"))).await;
    let is_open = |view: &View| view.policies.unread.is_none();
    let view = ana.until(is_open).await;
    let Some(PolicyPage::Ready { documents }) =
        view.policies.shown.as_ref().map(|shown| &shown.page)
    else {
        panic!("no page");
    };
    assert_eq!(documents[0].changed[0].name, "use");
    ana.wants(show(None)).await;
    ana.until(|view| view.policies.shown.is_none()).await;

    // Not connected over the day.
    world.stop().await;
    ana.until(|view| matches!(view.server.link, LinkView::Offline { .. }))
        .await;
    world.pass_days(33);
    world.restart(&[]).await;
    let over = |view: &View| state(view, Purpose::Camera) == ConsentState::Superseded;
    let view = ana.until(over).await;
    assert_eq!(state(&view, Purpose::Microphone), ConsentState::Allowed);
    assert_eq!(view.policies.in_force.as_deref(), Some("1.1.0"));
    let records = told(&ana, 3).await;
    assert_eq!(records[0].decision, LedgerDecision::Superseded);
    assert_eq!(records[0].policy.as_deref(), Some("1.1.0"));

    // Asked and answered anew, it holds.
    allow_in_settings(&ana, Purpose::Camera).await;
    told(&ana, 4).await;
    world.restart(&[]).await;
    let back = |view: &View| view.server.link == LinkView::Online;
    let view = ana.until(back).await;
    assert_eq!(state(&view, Purpose::Camera), ConsentState::Allowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_under_other_policies_than_those_in_force_is_refused() {
    let world = World::start().await;
    let ana = world.person("ana").await;
    ana.wants(Command::SignOut).await;
    world
        .publish(&folder(&world, "1.0.0", -1, "look"))
        .await
        .unwrap();
    let sign_up = |policy: Option<&str>| Command::SignUp {
        name: "Ben".to_owned(),
        email: "ben@example.com".to_owned(),
        password: "correct horse battery".to_owned(),
        birthday: "1990-05-17".to_owned(),
        policy: policy.map(Into::into),
    };
    let never_shown = ana.app.dispatch(sign_up(None)).await.unwrap_err();
    assert_eq!(never_shown.code, FailureCode::Invalid);
    assert_eq!(never_shown.field.as_deref(), Some("policy_set"));
    // The refusal made the app look: now there is something to accept.
    ana.until(|view| view.policies.in_force.is_some()).await;
    let other = ana.app.dispatch(sign_up(Some("0.9.0"))).await.unwrap_err();
    assert_eq!(other.field.as_deref(), Some("policy_set"));
    ana.wants(sign_up(Some("1.0.0"))).await;
}

/// The day of a wider policy comes in the middle of a call: the camera closes, the call goes on.
async fn the_day_comes_in_a_call(answer: PromptAnswer) {
    let mut world = World::start().await;
    let first = folder(&world, "1.0.0", -1, "look");
    world.publish(&first).await.unwrap();
    let next = folder(&world, "1.1.0", 32, "look closer");
    world.publish(&next).await.unwrap();
    world.pass_days(31);
    world.restart(&[]).await;
    let (ana, ben) = two_answering(&world, answer).await;
    talk(&ana, &ben).await;
    sees_devices(&ben, true, true).await;
    let allowed = match answer {
        PromptAnswer::Once => ConsentState::AllowedOnce,
        PromptAnswer::Allow | PromptAnswer::Deny => ConsentState::Allowed,
    };
    let view = ana.until(|_| true).await;
    assert_eq!(state(&view, Purpose::Camera), allowed);

    world.pass_midnight();
    world.restart(&[]).await;
    let over = |view: &View| {
        let camera = view
            .consents
            .iter()
            .find(|one| one.purpose == Purpose::Camera);
        camera.is_some_and(|one| one.state == ConsentState::Superseded && !one.in_use)
    };
    let view = ana.until(over).await;
    assert_eq!(
        state(&view, Purpose::Microphone),
        allowed,
        "it was not touched"
    );
    // The other's day has come, too.
    tokio::join!(
        sees_devices(&ben, true, false),
        sees_devices(&ana, true, false)
    );

    // Pressed again, it asks anew, and what is answered then counts.
    ana.wants(Command::SetCamera { on: true }).await;
    sees_devices(&ben, true, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_comes_in_a_call_for_a_lasting_yes() {
    the_day_comes_in_a_call(PromptAnswer::Allow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_comes_in_a_call_for_a_yes_to_this_call() {
    the_day_comes_in_a_call(PromptAnswer::Once).await;
}
