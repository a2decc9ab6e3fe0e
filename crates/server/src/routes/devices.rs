use axum::{extract::State, http::StatusCode};
use ed25519_dalek::{Signature, VerifyingKey};
use jasmin_protocol::{DeviceCertificate, PublishDevice, UserId};

use crate::{
    app::Shared,
    extract::{Body, Caller},
    problem::Failure,
    store::Certificate,
};

/// How far ahead of this server's clock a device's may be.
const CLOCK_MS: i64 = 300_000;

/// Publishes this device's certificate: from here on it can be called.
#[utoipa::path(put, path = "/v1/devices/self/keys", operation_id = "publish_device", request_body = PublishDevice,
    security(("token" = [])), responses((status = 204), Failure))]
pub(crate) async fn publish(
    caller: Caller,
    State(app): State<Shared>,
    Body(PublishDevice { certificate }): Body<PublishDevice>,
) -> Result<StatusCode, Failure> {
    if certificate.device_id != caller.device {
        return Err(Failure::field("#/certificate/device_id", "wrong"));
    }
    let is_point = certificate.sealing_key.0.len() == 32 && certificate.sealing_key.0 != [0; 32];
    if !is_point {
        return Err(Failure::field("#/certificate/sealing_key", "format"));
    }
    if !(0..=app.now_ms() + CLOCK_MS).contains(&certificate.created_ms) {
        return Err(Failure::field("#/certificate/created_ms", "wrong"));
    }
    let account = app
        .store
        .read()
        .await?
        .account(caller.user)
        .await?
        .ok_or_else(Failure::not_found)?;
    if !is_certified(&certificate, caller.user, &account.identity_key) {
        return Err(Failure::field("#/certificate/signature", "wrong"));
    }
    let mut tx = app.store.begin().await?;
    let row = Certificate {
        device: certificate.device_id,
        signing_key: certificate.signing_key.0,
        sealing_key: certificate.sealing_key.0,
        created_ms: certificate.created_ms,
        signature: certificate.signature.0,
    };
    let is_its_key = tx.certify(caller.user, row).await?;
    tx.commit().await?;
    if is_its_key {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Failure::field("#/certificate/signing_key", "wrong"))
    }
}

fn is_certified(certificate: &DeviceCertificate, user: UserId, identity_key: &[u8]) -> bool {
    let key = identity_key
        .try_into()
        .ok()
        .and_then(|key| VerifyingKey::from_bytes(key).ok());
    let signature = Signature::from_slice(&certificate.signature.0).ok();
    match (key, signature) {
        (Some(key), Some(signature)) => key
            .verify_strict(&certificate.signed_bytes(user), &signature)
            .is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{Base64, DeviceId, UserKeys};
    use uuid::Uuid;

    use super::*;
    use crate::testing::{Profile, World};

    #[tokio::test]
    async fn a_published_device_can_be_called() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let path = format!("/v1/users/{}/keys", ada.session.user_id);
        let keys: UserKeys = world.get_as(&ada, &path).await.ok();
        assert_eq!(keys.devices, []);
        world.publish(&ada).await;
        let keys: UserKeys = world.get_as(&ada, &path).await.ok();
        assert_eq!(keys.devices, [ada.certificate()]);
        assert_eq!(keys.identity_key, ada.session.identity.key);
    }

    #[tokio::test]
    async fn only_the_identity_certifies_and_only_this_device() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let good = ada.certificate();
        let publish = async |certificate: DeviceCertificate| {
            let body = PublishDevice { certificate };
            world
                .request("PUT", "/v1/devices/self/keys")
                .by(&ada)
                .json(&body)
                .send()
                .await
        };

        let other = DeviceId(Uuid::from_u128(7));
        for (certificate, pointer) in [
            (
                DeviceCertificate {
                    device_id: other,
                    ..good.clone()
                },
                "device_id",
            ),
            (
                DeviceCertificate {
                    sealing_key: Base64(vec![1; 31]),
                    ..good.clone()
                },
                "sealing_key",
            ),
            (
                DeviceCertificate {
                    sealing_key: Base64(vec![0; 32]),
                    ..good.clone()
                },
                "sealing_key",
            ),
            (
                DeviceCertificate {
                    sealing_key: Base64(vec![9; 32]),
                    ..good.clone()
                },
                "signature",
            ),
            (
                DeviceCertificate {
                    created_ms: i64::MAX,
                    ..good.clone()
                },
                "created_ms",
            ),
            (
                DeviceCertificate {
                    created_ms: -1,
                    ..good.clone()
                },
                "created_ms",
            ),
            (
                DeviceCertificate {
                    signature: Base64(vec![0; 64]),
                    ..good.clone()
                },
                "signature",
            ),
            (
                DeviceCertificate {
                    signature: Base64(vec![]),
                    ..good.clone()
                },
                "signature",
            ),
        ] {
            assert_eq!(
                publish(certificate).await.pointer(),
                format!("#/certificate/{pointer}")
            );
        }
        assert_eq!(publish(good).await.status(), 204);
    }

    #[tokio::test]
    async fn a_certificate_for_another_signing_key_is_refused() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let swapped = ada.certificate_for(&Profile::new());
        let body = PublishDevice {
            certificate: swapped,
        };
        let answer = world
            .request("PUT", "/v1/devices/self/keys")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.pointer(), "#/certificate/signing_key");
    }
}
