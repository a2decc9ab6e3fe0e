//! A server that hands out keys of its own in another person's name.

use jasmin_client::{
    AlertView, Command, EndReason, FailureCode, PhaseView, PromptAnswer, View,
    keys::{DeviceKeys, IdentityKey},
};
use jasmin_protocol::{Address, Base64, CallKind, DeviceId, UserId};
use sqlx::{ConnectOptions, Row, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::people::{Person, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_swapped_keys_warns_and_does_not_reach_the_person() {
    let (world, ana, ben) = two_who_have_talked(false).await;
    swap_keys(&world, ana.id_of(&ben)).await;
    ana.wants(call(&ana, &ben)).await;
    let view = ana.until(|view| phase(view).is_some()).await;
    let alerts = &view.call.as_ref().unwrap().alerts;
    assert!(alerts.contains(&AlertView::KeyChanged), "{alerts:?}");
    ana.wants(Command::CallNow).await;
    ana.until(|view| ended(view).is_some()).await;
    assert!(
        ben.app.views().borrow().call.is_none(),
        "nobody can open it, so nobody is rung"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checked_person_with_swapped_keys_is_not_called() {
    let (world, ana, ben) = two_who_have_talked(true).await;
    swap_keys(&world, ana.id_of(&ben)).await;
    let refused = ana.app.dispatch(call(&ana, &ben)).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::KeyChanged);
    assert!(phase(&ana.app.views().borrow()).is_none());
    assert!(ben.app.views().borrow().call.is_none());
}

/// They had a call; when `checked`, they compared the words, too.
async fn two_who_have_talked(checked: bool) -> (World, Person, Person) {
    let world = World::start().await;
    let (ana, ben) = tokio::join!(world.person("ana"), world.person("ben"));
    ana.befriend(&ben).await;
    ana.answers(PromptAnswer::Allow);
    ben.answers(PromptAnswer::Allow);
    ana.wants(call(&ana, &ben)).await;
    let preparing = |view: &View| matches!(phase(view), Some(PhaseView::Preparing { .. }));
    ana.until(preparing).await;
    ana.wants(Command::CallNow).await;
    ben.until(|view| matches!(phase(view), Some(PhaseView::Incoming { .. })))
        .await;
    let kind = CallKind::Audio;
    ben.wants(Command::Accept { kind }).await;
    let has_words = |view: &View| {
        let call = view.call.as_ref();
        call.is_some_and(|call| call.safety_words.len() == 4)
    };
    tokio::join!(ana.until(has_words), ben.until(has_words));
    if checked {
        ana.wants(Command::SafetyWords { matched: true }).await;
    }
    ana.wants(Command::HangUp).await;
    for person in [&ana, &ben] {
        person.until(|view| ended(view).is_some()).await;
        person.wants(Command::DismissEnded).await;
        person.until(|view| view.call.is_none()).await;
    }
    (world, ana, ben)
}

/// Puts another identity, and a device that it certifies, in this person's place.
async fn swap_keys(world: &World, user_id: UserId) {
    let options = SqliteConnectOptions::new().filename(world.database());
    let mut book = options.connect().await.unwrap();
    let user = user_id.0.as_bytes().to_vec();
    let device = sqlx::query("SELECT id FROM device WHERE uid = $1")
        .bind(&user)
        .fetch_one(&mut book)
        .await
        .unwrap();
    let device_id = DeviceId(Uuid::from_slice(device.get(0)).unwrap());
    let (identity, keys) = (IdentityKey::generate(), DeviceKeys::generate());
    let address = Address { user_id, device_id };
    let certificate = identity.certify(address, &keys, 1_800_000_000_000);
    let Base64(identity) = identity.public().to_base64();
    sqlx::query("UPDATE account SET identity_key = $1 WHERE id = $2")
        .bind(identity)
        .bind(&user)
        .execute(&mut book)
        .await
        .unwrap();
    sqlx::query(
        "UPDATE device SET signing_key = $1, sealing_key = $2, certified_ms = $3, \
         certificate_signature = $4 WHERE uid = $5",
    )
    .bind(certificate.signing_key.0)
    .bind(certificate.sealing_key.0)
    .bind(certificate.created_ms)
    .bind(certificate.signature.0)
    .bind(&user)
    .execute(&mut book)
    .await
    .unwrap();
}

fn call(caller: &Person, callee: &Person) -> Command {
    Command::Call {
        user_id: caller.id_of(callee),
        kind: CallKind::Audio,
    }
}

fn phase(view: &View) -> Option<&PhaseView> {
    view.call.as_ref().map(|call| &call.phase)
}

fn ended(view: &View) -> Option<EndReason> {
    match phase(view) {
        Some(PhaseView::Ended { reason, .. }) => Some(*reason),
        _ => None,
    }
}
