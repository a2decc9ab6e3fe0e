use std::sync::Arc;

use jasmin_client::{
    Failure, FailureCode,
    account::{Account, AccountError, SignUpForm, resend_code, sign_in, sign_up, verify_email},
    api::ApiError,
    redact::Personal,
    socket::SocketEvent,
};
use jasmin_server::ManualClock;

use super::world::{PASSWORD, Profile, World, form};

const NOW_MS: i64 = 1_795_348_800_000;
const MINUTE_MS: i64 = 60_000;

#[tokio::test]
async fn signing_up_takes_the_mailed_code() {
    let world = World::new().await;
    let profile = Profile::new().await;
    let api = world.api();
    let pending = world.sign_up(&profile, " Ada ", "Ada@Example.org").await;
    assert_eq!(
        profile.vault.read(|data| data.pending.clone()),
        Some(pending.clone())
    );

    let early = sign_in(
        &api,
        &profile.vault,
        &email("ada@example.org"),
        &PASSWORD.into(),
    )
    .await;
    assert!(
        matches!(early, Err(AccountError::WrongCredentials)),
        "{early:?}"
    );
    let wrong = verify_email(&api, &profile.vault, &pending, &"AAAAAAAA".into()).await;
    assert!(matches!(wrong, Err(AccountError::WrongCode)), "{wrong:?}");

    let code = world.code("ada@example.org").await;
    verify_email(&api, &profile.vault, &pending, &code)
        .await
        .unwrap();
    assert_eq!(profile.vault.read(|data| data.pending.clone()), None);
    let ada = world.sign_in(profile, "ada@example.org").await;
    let me = ada.account.profile().await.unwrap();
    assert_eq!(
        (me.name.as_str(), me.user_id),
        ("Ada", ada.account.me().user_id)
    );
    assert_eq!(me.identity.key, ada.account.identity().public().to_base64());
    let keys = ada.account.user_keys(me.user_id).await.unwrap();
    assert_eq!(keys.devices.len(), 1, "the device can be called");
    let device = ada
        .account
        .identity()
        .public()
        .verify(me.user_id, &keys.devices[0])
        .unwrap();
    assert_eq!(device.address(), ada.account.me());
}

#[tokio::test]
async fn the_code_can_be_mailed_again_after_a_while() {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let world = World::at(clock.clone()).await;
    let profile = Profile::new().await;
    let pending = world.sign_up(&profile, "Ada", "ada@example.org").await;
    clock.advance(2 * MINUTE_MS);
    resend_code(&world.api(), &pending).await.unwrap();
    let code = world.code("ada@example.org").await;
    verify_email(&world.api(), &profile.vault, &pending, &code)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let world = World::new().await;
    let profile = Profile::new().await;
    let api = world.api();
    let young = SignUpForm {
        birthday: "2020-01-01".to_owned().into(),
        ..form("Kid", "kid@example.org")
    };
    let refused = sign_up(&api, &profile.vault, young, None)
        .await
        .unwrap_err();
    assert_eq!(Failure::from(refused).code, FailureCode::AgeRestricted);
    let bad = sign_up(&api, &profile.vault, form("Ada", "no address"), None)
        .await
        .unwrap_err();
    let bad = Failure::from(bad);
    assert_eq!(
        (bad.code, bad.field.as_deref()),
        (FailureCode::Invalid, Some("email"))
    );

    let ada = world.join("Ada", "ada@example.org").await;
    for (address, password) in [
        ("ada@example.org", "wrong horse battery"),
        ("nobody@example.org", PASSWORD),
    ] {
        let refused = sign_in(&api, &profile.vault, &email(address), &password.into()).await;
        let code = Failure::from(refused.unwrap_err()).code;
        assert_eq!(code, FailureCode::WrongCredentials, "{address}");
    }
    let stranger = profile_user();
    let refused = ada.account.user_keys(stranger).await.unwrap_err();
    assert_eq!(Failure::from(refused).code, FailureCode::NotAContact);
}

#[tokio::test]
async fn a_second_machine_gets_the_same_identity_and_the_first_stays() {
    let world = World::new().await;
    let first = world.join("Ada", "ada@example.org").await;
    let second = world.sign_in(Profile::new().await, "ADA@example.org").await;
    assert_eq!(
        second.account.identity().public(),
        first.account.identity().public()
    );
    assert_ne!(second.account.me().device_id, first.account.me().device_id);
    let keys = first
        .account
        .user_keys(first.account.me().user_id)
        .await
        .unwrap();
    assert_eq!(keys.devices.len(), 2);
}

#[tokio::test]
async fn the_account_is_there_after_a_restart() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let vault = ada.profile.reopened().await;
    let again = Account::resume(world.api(), vault).expect("still signed in");
    assert_eq!(again.me(), ada.account.me());
    assert_eq!(again.profile().await.unwrap().name, "Ada");
}

#[tokio::test]
async fn an_access_token_that_ran_out_is_refreshed_once_for_all() {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let world = World::at(clock.clone()).await;
    let ada = world.join("Ada", "ada@example.org").await;
    let first = ada.account.access_token(None).await.unwrap();
    clock.advance(20 * MINUTE_MS);

    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let account = ada.account.clone();
        requests.spawn(async move { account.profile().await.map(|me| me.name) });
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.unwrap(), "Ada");
    }
    let second = ada.account.access_token(None).await.unwrap();
    assert_ne!(first, second);
    let stored = |data: &jasmin_client::vault::VaultData| {
        data.account.as_ref().unwrap().tokens.access.clone()
    };
    assert_eq!(
        ada.profile.reopened().await.read(stored),
        second,
        "kept before it was used"
    );

    clock.advance(20 * MINUTE_MS);
    let vault = ada.profile.reopened().await;
    let again = Account::resume(world.api(), vault).unwrap();
    assert_eq!(
        again.profile().await.unwrap().name,
        "Ada",
        "with the kept refresh token"
    );
}

#[tokio::test]
async fn a_sign_in_that_was_ended_elsewhere_is_over_and_can_be_renewed() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    let mut line = ada.connect().await;
    let device = ada.account.me().device_id;
    // The same address on the same device: the server ends the sign-in that was there.
    let copy = Profile::new().await;
    let stored = ada.profile.vault.read(|data| data.account.clone());
    copy.vault.save(|data| data.account = stored).await.unwrap();
    let copy = world.sign_in(copy, "ada@example.org").await;
    assert_eq!(copy.account.me().device_id, device);

    assert_eq!(line.next().await, SocketEvent::Revoked);
    assert!(ada.account.is_revoked());
    assert_eq!(ada.account.profile().await.unwrap_err(), ApiError::Revoked);
    assert!(
        ada.profile
            .vault
            .read(|data| data.account.as_ref().unwrap().revoked)
    );
    let vault = ada.profile.reopened().await;
    assert!(
        Account::resume(world.api(), vault).is_none(),
        "also after a restart"
    );

    let again = world.sign_in(ada.profile, "ada@example.org").await;
    assert_eq!(
        again.account.me().device_id,
        device,
        "the same device as before"
    );
    assert_eq!(again.account.profile().await.unwrap().name, "Ada");
}

#[tokio::test]
async fn signing_out_erases_the_account() {
    let world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    ada.account.sign_out().await.unwrap();
    assert!(ada.profile.vault.read(|data| data.account.is_none()));
    assert_eq!(ada.account.profile().await.unwrap_err(), ApiError::Revoked);
    assert!(Account::resume(world.api(), ada.profile.reopened().await).is_none());
}

#[tokio::test]
async fn signing_out_works_without_the_server() {
    let mut world = World::new().await;
    let ada = world.join("Ada", "ada@example.org").await;
    world.stop().await;
    ada.account.sign_out().await.unwrap();
    assert!(ada.profile.vault.read(|data| data.account.is_none()));
}

fn email(address: &str) -> Personal<String> {
    address.to_owned().into()
}

fn profile_user() -> jasmin_protocol::UserId {
    jasmin_protocol::UserId(uuid::Uuid::now_v7())
}
