use axum::{Json, extract::State};
use jasmin_protocol::{Base64, DeviceCertificate, ErrorCode, UserId, UserKeys};

use crate::{
    app::Shared,
    extract::{Caller, Id},
    problem::Failure,
    store::Standing,
};

/// The keys of somebody I may call, or mine. The same answer for a stranger and for nobody.
#[utoipa::path(get, path = "/v1/users/{user_id}/keys", operation_id = "user_keys", security(("token" = [])),
    params(("user_id" = UserId, Path)), responses((status = 200, body = UserKeys), Failure))]
pub(crate) async fn keys(
    caller: Caller,
    Id(user): Id<UserId>,
    State(app): State<Shared>,
) -> Result<Json<UserKeys>, Failure> {
    let mut conn = app.store.read().await?;
    if user != caller.user && conn.standing(caller.user, user).await? != Some(Standing::Accepted) {
        return Err(not_a_contact());
    }
    let account = conn.account(user).await?.ok_or_else(not_a_contact)?;
    let devices = conn.certificates(user, app.now_ms()).await?;
    let devices = devices
        .into_iter()
        .map(|certificate| DeviceCertificate {
            device_id: certificate.device,
            signing_key: Base64(certificate.signing_key),
            sealing_key: Base64(certificate.sealing_key),
            created_ms: certificate.created_ms,
            signature: Base64(certificate.signature),
        })
        .collect();
    Ok(Json(UserKeys {
        user_id: user,
        identity_key: Base64(account.identity_key),
        devices,
    }))
}

pub(crate) fn not_a_contact() -> Failure {
    Failure::new(ErrorCode::NotAContact, "Ask this person for contact first.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn contacts_see_each_others_devices_and_strangers_see_nothing() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let eve = world.join("Eve", "eve@example.org").await;
        let path = format!("/v1/users/{}/keys", bob.session.user_id);

        let keys: UserKeys = world.get_as(&ada, &path).await.ok();
        assert_eq!(keys.devices, [bob.certificate()]);

        let stranger = world.get_as(&eve, &path).await.problem_body();
        let nobody = world
            .get_as(&eve, "/v1/users/00000000-0000-0000-0000-000000000001/keys")
            .await
            .problem_body();
        assert_eq!(stranger.code, ErrorCode::NotAContact);
        assert_eq!(
            (stranger.code, stranger.detail),
            (nobody.code, nobody.detail)
        );
        assert_eq!(
            world.get_as(&eve, "/v1/users/bob/keys").await.problem(),
            ErrorCode::NotFound
        );
    }

    #[tokio::test]
    async fn a_device_that_signed_out_cannot_be_called() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        world
            .request("POST", "/v1/auth/logout")
            .by(&bob)
            .send()
            .await;
        let path = format!("/v1/users/{}/keys", bob.session.user_id);
        let keys: UserKeys = world.get_as(&ada, &path).await.ok();
        assert_eq!(keys.devices, []);
    }
}
