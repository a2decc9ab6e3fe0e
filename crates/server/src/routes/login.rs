use axum::{Json, extract::State};
use jasmin_protocol::{
    Base64, DeviceId, ErrorCode, Identity, LoginChallenge, LoginFinish, LoginStart, NewDevice,
    Session, SessionId, Tokens, UserId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::register::ed25519_key;
use crate::{
    app::{App, Shared},
    bus::Note,
    extract::{Body, Throttled},
    keys::{Access, PasswordDesk, digest, random},
    problem::Failure,
    rules::{Email, Wrong, person_name},
    store::{Address, DeviceRow, NewSession},
};

/// How long a person's machine may take to stretch the password.
const ATTEMPT_MS: i64 = 120_000;
const ACCESS_MS: i64 = 600_000;
/// A sign-in that is not refreshed for so long is over.
pub(crate) const SESSION_MS: i64 = 180 * 24 * 3_600_000;

const PLATFORMS: [&str; 4] = ["linux", "macos", "windows", "headless"];

/// What travels through the client as `attempt`, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    /// Nobody, for an address without an account.
    user: Option<UserId>,
    opaque: Base64,
    expires_ms: i64,
}

/// Starts a sign-in. The same answer for an address without an account.
#[utoipa::path(post, path = "/v1/auth/login/start", operation_id = "login_start", request_body = LoginStart,
    responses((status = 200, body = LoginChallenge), Failure))]
pub(crate) async fn start(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<LoginStart>,
) -> Result<Json<LoginChallenge>, Failure> {
    let email = Email::parse(&body.email).map_err(|wrong| Failure::wrong("#/email", wrong))?;
    let tag = app.keys.address_tag(email.canonical());
    let now_ms = app.now_ms();
    app.limiter
        .take(
            "sign-in",
            &tag,
            app.config.limits.sign_in_per_address,
            now_ms,
        )
        .map_err(Failure::rate_limited)?;
    let (user, record) = app.store.read().await?.account_by_tag(&tag).await?.unzip();
    let (opaque, ke2) = app
        .keys
        .passwords
        .challenge(record.as_deref(), &body.opaque.0, &tag)?;
    let attempt = Attempt {
        user,
        opaque: Base64(opaque),
        expires_ms: now_ms + ATTEMPT_MS,
    };
    let attempt =
        serde_json::to_vec(&attempt).map_err(|error| Failure::internal(error.to_string()))?;
    let attempt = app.keys.data.seal("sign-in attempt", &attempt)?;
    Ok(Json(LoginChallenge {
        attempt: Base64(attempt),
        opaque: Base64(ke2),
    }))
}

/// Finishes a sign-in on a device. Whoever was signed in on it before is signed out.
#[utoipa::path(post, path = "/v1/auth/login/finish", operation_id = "login_finish", request_body = LoginFinish,
    responses((status = 200, body = Session), Failure))]
pub(crate) async fn finish(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<LoginFinish>,
) -> Result<Json<Session>, Failure> {
    let (signing_key, device_name) = check_device(&body.device)?;
    let wrong_attempt = |_| Failure::field("#/attempt", "wrong");
    let opened = app
        .keys
        .data
        .open("sign-in attempt", &body.attempt.0)
        .map_err(wrong_attempt)?;
    let attempt: Attempt = serde_json::from_slice(&opened)
        .map_err(|_| Failure::internal("a sealed attempt cannot be read"))?;
    let now_ms = app.now_ms();
    if attempt.expires_ms <= now_ms {
        return Err(Failure::new(
            ErrorCode::Gone,
            "This sign-in took too long. Start again.",
        ));
    }
    PasswordDesk::check(&attempt.opaque.0, &body.opaque.0)?;
    let wrong = || Failure::unauthenticated("The address or the password is wrong.");
    let user = attempt.user.ok_or_else(wrong)?;

    let device_id = body.device.device_id;
    let session_id = SessionId(Uuid::from_bytes(random()));
    let refresh = refresh_token(session_id);
    let mut tx = app.store.begin().await?;
    let account = tx.account(user).await?;
    let (Some(account), true) = (
        account,
        tx.spend(digest(&[&body.attempt.0]), attempt.expires_ms)
            .await?,
    ) else {
        tx.rollback().await?;
        return Err(wrong());
    };
    let ended = tx.revoke_on_device(user, device_id, now_ms).await?;
    let row = DeviceRow {
        user,
        device: device_id,
        name_box: app.keys.seal_field(user, "device", &device_name)?,
        platform: body.device.platform,
        signing_key,
    };
    tx.put_device(row, now_ms).await?;
    let session = NewSession {
        id: session_id,
        user,
        device: device_id,
        refresh_hash: digest(&[&refresh.0]),
        expires_ms: now_ms + SESSION_MS,
    };
    tx.put_session(session, now_ms).await?;
    tx.commit().await?;
    for session in ended {
        app.bus.publish(
            Address {
                user,
                device: device_id,
            },
            Note::Revoked(session),
        );
    }

    Ok(Json(Session {
        user_id: user,
        device_id,
        session_id,
        name: app.keys.open_field(user, "name", &account.name_box)?,
        email: app.keys.open_field(user, "email", &account.email_box)?,
        tokens: app.tokens(user, device_id, session_id, refresh)?,
        identity: Identity {
            key: Base64(account.identity_key),
            wrapped_seed: Base64(account.wrapped_seed),
        },
    }))
}

/// A new refresh token. It starts with its session, so that any old one says whose it was.
pub(crate) fn refresh_token(session: SessionId) -> Base64 {
    let mut token = session.0.as_bytes().to_vec();
    token.extend(random::<32>());
    Base64(token)
}

impl App {
    /// Returns an access token with `refresh` beside it.
    pub(crate) fn tokens(
        &self,
        user: UserId,
        device: DeviceId,
        session: SessionId,
        refresh: Base64,
    ) -> Result<Tokens, Failure> {
        let access_expires_ms = (self.now_ms() + ACCESS_MS) / 1000 * 1000;
        let access = Access {
            user,
            session,
            device,
            expires_ms: access_expires_ms,
        };
        let access = self
            .keys
            .tokens
            .sign(&access)
            .map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Tokens {
            access,
            access_expires_ms,
            refresh,
        })
    }
}

fn check_device(device: &NewDevice) -> Result<([u8; 32], String), Failure> {
    let name = match person_name(&device.name) {
        Ok(name) => name,
        Err(Wrong::TooShort) => return Err(Failure::field("#/device/name", "too-short")),
        Err(wrong) => return Err(Failure::wrong("#/device/name", wrong)),
    };
    if !PLATFORMS.contains(&device.platform.as_str()) {
        return Err(Failure::field("#/device/platform", "wrong"));
    }
    let key = ed25519_key(&device.signing_key)
        .filter(|key| !key.is_weak())
        .ok_or_else(|| Failure::field("#/device/signing_key", "format"))?;
    Ok((key.to_bytes(), name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{PASSWORD, Profile, World};

    #[tokio::test]
    async fn the_right_password_signs_in() {
        let world = World::new().await;
        let ada = world.join("Ada", "Ada@Example.org").await;
        assert_eq!(ada.session.name, "Ada");
        assert_eq!(ada.session.email, "Ada@example.org");
        let again = world
            .sign_in("ada@EXAMPLE.ORG", PASSWORD, &Profile::new())
            .await
            .unwrap();
        assert_eq!(again.user_id, ada.session.user_id);
        assert_ne!(again.session_id, ada.session.session_id);
        assert_eq!(again.identity, ada.session.identity);
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_address_look_alike() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        let wrong = world
            .login_challenge("ada@example.org", "not the password")
            .await
            .0;
        let unknown = world
            .login_challenge("eve@example.org", "not the password")
            .await
            .0;
        assert_eq!(wrong.opaque.0.len(), unknown.opaque.0.len());
        assert!(wrong.attempt.0.len().abs_diff(unknown.attempt.0.len()) <= 64);

        for challenge in [wrong, unknown] {
            let device = Profile::new().device();
            let body = LoginFinish {
                attempt: challenge.attempt,
                opaque: Base64(vec![7; 64]),
                device,
            };
            let answer = world.post("/v1/auth/login/finish", &body).await;
            let problem = answer.problem_body();
            assert_eq!(problem.code, ErrorCode::Unauthenticated);
            assert_eq!(problem.detail, "The address or the password is wrong.");
        }
    }

    #[tokio::test]
    async fn who_has_not_typed_the_code_cannot_sign_in() {
        let world = World::new().await;
        world.sign_up("Ada", "ada@example.org").await;
        assert!(
            world
                .sign_in("ada@example.org", PASSWORD, &Profile::new())
                .await
                .is_none()
        );
    }

    #[tokio::test]
    async fn an_attempt_is_good_once_and_for_two_minutes() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        let finish = world
            .login_finish("ada@example.org", PASSWORD, &Profile::new())
            .await
            .unwrap();
        world.clock.advance(ATTEMPT_MS - 1);
        assert_eq!(
            world.post("/v1/auth/login/finish", &finish).await.status(),
            200
        );
        let answer = world.post("/v1/auth/login/finish", &finish).await;
        assert_eq!(
            answer.problem(),
            ErrorCode::Unauthenticated,
            "a replay opens nothing"
        );

        let late = world
            .login_finish("ada@example.org", PASSWORD, &Profile::new())
            .await
            .unwrap();
        world.clock.advance(ATTEMPT_MS);
        assert_eq!(
            world.post("/v1/auth/login/finish", &late).await.problem(),
            ErrorCode::Gone
        );
    }

    #[tokio::test]
    async fn signing_in_again_on_a_device_ends_the_sign_in_before() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        world.clock.advance(1000);
        world
            .sign_in("ada@example.org", PASSWORD, &ada.profile)
            .await
            .unwrap();
        let answer = world.get_as(&ada, "/v1/me").await;
        assert_eq!(answer.problem(), ErrorCode::Unauthenticated);
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_device() {
        let world = World::new().await;
        world.join("Ada", "ada@example.org").await;
        let finish = world
            .login_finish("ada@example.org", PASSWORD, &Profile::new())
            .await
            .unwrap();
        let finish = serde_json::to_value(finish).unwrap();
        for (pointer, value) in [
            ("/device/name", json!("")),
            ("/device/name", json!("n".repeat(65))),
            ("/device/platform", json!("amiga")),
            ("/device/signing_key", json!("AAAA")),
            ("/attempt", json!("AAAA")),
            ("/opaque", json!("AAAA")),
        ] {
            let mut body = finish.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            let answer = world.post("/v1/auth/login/finish", &body).await;
            assert_eq!(answer.pointer(), format!("#{pointer}"));
        }
        assert_eq!(
            world.post("/v1/auth/login/finish", &finish).await.status(),
            200
        );
    }

    #[tokio::test]
    async fn guessing_is_slow() {
        let world = World::new().await;
        let burst = world.app.config.limits.sign_in_per_address.burst;
        for _ in 0..burst {
            world.login_challenge("ada@example.org", "guess").await;
        }
        let ke1 = crate::testing::ke1("guess").1;
        let body = LoginStart {
            email: "ADA@example.org".into(),
            opaque: ke1,
        };
        let answer = world.post("/v1/auth/login/start", &body).await;
        assert_eq!(answer.headers()["retry-after"], "30");
        assert_eq!(answer.problem(), ErrorCode::RateLimited);
        let other = LoginStart {
            email: "bob@example.org".into(),
            ..body
        };
        assert_eq!(
            world.post("/v1/auth/login/start", &other).await.status(),
            200
        );
    }
}
