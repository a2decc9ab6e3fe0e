use axum::{Json, extract::State};
use ed25519_dalek::{Signature, VerifyingKey};
use jasmin_protocol::{Base64, Refresh, SessionId, Tokens};
use uuid::Uuid;

use super::login::{SESSION_MS, refresh_token};
use crate::{
    app::{App, Shared},
    bus::Note,
    extract::{Body, Throttled},
    keys::{Sealer, digest, same},
    problem::Failure,
    store::{Address, SessionRow},
};

/// For how long a token gets its successor again.
const GRACE_MS: i64 = 30_000;
const CLOCK_MS: i64 = 300_000;

fn over() -> Failure {
    Failure::unauthenticated("This sign-in is over. Sign in again.")
}

/// Exchanges a refresh token for its one successor. Only the device that signed in can: it signs the
/// request. A token that was exchanged before and comes back late ends the sign-in, because two hold
/// it then.
#[utoipa::path(post, path = "/v1/auth/refresh", request_body = Refresh,
    responses((status = 200, body = Tokens), Failure))]
pub(crate) async fn refresh(
    _: Throttled,
    State(app): State<Shared>,
    Body(body): Body<Refresh>,
) -> Result<Json<Tokens>, Failure> {
    let now_ms = app.now_ms();
    if now_ms.abs_diff(body.at_ms) > CLOCK_MS.unsigned_abs() {
        return Err(Failure::field("#/at_ms", "wrong"));
    }
    let session = body.refresh.0.first_chunk::<16>().ok_or_else(over)?;
    let session = SessionId(Uuid::from_bytes(*session));
    // A second look after losing a race against the same token from elsewhere.
    for _ in 0..2 {
        let mut conn = app.store.read().await?;
        let row = conn.session(session, now_ms).await?.ok_or_else(over)?;
        let key = conn
            .device_key(row.user, row.device)
            .await?
            .ok_or_else(over)?;
        drop(conn);
        if !is_signed(&body, &key) {
            return Err(over());
        }
        if let Some(tokens) = app.exchange(&row, &body.refresh).await? {
            return Ok(Json(tokens));
        }
    }
    Err(Failure::internal(
        "a session rotates faster than it can be read",
    ))
}

impl App {
    /// Returns nothing when somebody else rotated the session meanwhile.
    async fn exchange(&self, row: &SessionRow, token: &Base64) -> Result<Option<Tokens>, Failure> {
        let now_ms = self.now_ms();
        let hash = digest(&[&token.0]);
        let wrapper = Sealer::new(digest(&[b"successor", &token.0]));
        if same(&hash, &row.refresh_hash) {
            let successor = refresh_token(row.id);
            let successor_box = wrapper.seal("successor", &successor.0)?;
            let mut tx = self.store.begin().await?;
            let next = digest(&[&successor.0]);
            let expires_ms = now_ms + SESSION_MS;
            if !tx
                .rotate(row.id, hash, next, successor_box, now_ms, expires_ms)
                .await?
            {
                tx.rollback().await?;
                return Ok(None);
            }
            tx.commit().await?;
            return self
                .tokens(row.user, row.device, row.id, successor)
                .map(Some);
        }
        let is_previous = row
            .previous_hash
            .as_deref()
            .is_some_and(|previous| same(&hash, previous));
        if let (true, Some(successor_box)) = (is_previous, &row.successor_box)
            && now_ms - row.rotated_ms <= GRACE_MS
        {
            let successor = Base64(wrapper.open("successor", successor_box)?);
            return self
                .tokens(row.user, row.device, row.id, successor)
                .map(Some);
        }
        self.count(|metrics| &metrics.refresh_reuse);
        tracing::warn!(session = %row.id, "a used refresh token came back: the sign-in is ended");
        let mut tx = self.store.begin().await?;
        tx.revoke(row.id, row.user, now_ms).await?;
        tx.commit().await?;
        self.bus.publish(
            Address {
                user: row.user,
                device: row.device,
            },
            Note::Revoked(row.id),
        );
        Err(over())
    }
}

fn is_signed(body: &Refresh, key: &[u8]) -> bool {
    let key = key
        .try_into()
        .ok()
        .and_then(|key| VerifyingKey::from_bytes(key).ok());
    let signature = Signature::from_slice(&body.signature.0).ok();
    match (key, signature) {
        (Some(key), Some(signature)) => key.verify_strict(&body.signed_bytes(), &signature).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;

    use super::*;
    use crate::testing::{Profile, World};

    #[tokio::test]
    async fn each_exchange_gives_a_token_that_works() {
        let world = World::new().await;
        let mut ada = world.join("Ada", "ada@example.org").await;
        for _ in 0..3 {
            world.clock.advance(601_000);
            assert_eq!(
                world.get_as(&ada, "/v1/me").await.problem(),
                ErrorCode::TokenExpired
            );
            let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
            ada.session.tokens = world.post("/v1/auth/refresh", &body).await.ok();
            assert_eq!(world.get_as(&ada, "/v1/me").await.status(), 200);
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_given_again_for_half_a_minute() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        let first: Tokens = world.post("/v1/auth/refresh", &body).await.ok();
        world.clock.advance(GRACE_MS);
        let again: Tokens = world.post("/v1/auth/refresh", &body).await.ok();
        assert_eq!(first.refresh, again.refresh, "there is one successor");
    }

    #[tokio::test]
    async fn a_used_token_that_comes_back_late_ends_the_sign_in() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        let fresh: Tokens = world.post("/v1/auth/refresh", &body).await.ok();
        world.clock.advance(GRACE_MS + 1);
        assert_eq!(
            world.post("/v1/auth/refresh", &body).await.problem(),
            ErrorCode::Unauthenticated
        );
        let body = ada.refresh(&fresh.refresh, world.app.now_ms());
        let answer = world.post("/v1/auth/refresh", &body).await;
        assert_eq!(
            answer.problem(),
            ErrorCode::Unauthenticated,
            "the successor ended with it"
        );
        assert_eq!(
            world.get_as(&ada, "/v1/me").await.problem(),
            ErrorCode::Unauthenticated
        );
    }

    #[tokio::test]
    async fn a_token_of_two_generations_ago_ends_the_sign_in_at_once() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let first = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        let tokens: Tokens = world.post("/v1/auth/refresh", &first).await.ok();
        let second = ada.refresh(&tokens.refresh, world.app.now_ms());
        let _: Tokens = world.post("/v1/auth/refresh", &second).await.ok();
        assert_eq!(
            world.post("/v1/auth/refresh", &first).await.problem(),
            ErrorCode::Unauthenticated
        );
        assert_eq!(
            world.get_as(&ada, "/v1/me").await.problem(),
            ErrorCode::Unauthenticated
        );
    }

    #[tokio::test]
    async fn a_stolen_token_is_of_no_use_and_does_no_harm() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let thief = Profile::new();
        let body = thief.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        assert_eq!(
            world.post("/v1/auth/refresh", &body).await.problem(),
            ErrorCode::Unauthenticated
        );
        let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        assert_eq!(world.post("/v1/auth/refresh", &body).await.status(), 200);
    }

    #[tokio::test]
    async fn a_clock_that_is_far_off_is_told_so() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        for off_ms in [-CLOCK_MS - 1, CLOCK_MS + 1] {
            let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms() + off_ms);
            assert_eq!(
                world.post("/v1/auth/refresh", &body).await.pointer(),
                "#/at_ms"
            );
        }
        for at_ms in [i64::MIN, i64::MAX] {
            let body = ada.refresh(&ada.session.tokens.refresh, at_ms);
            assert_eq!(
                world.post("/v1/auth/refresh", &body).await.pointer(),
                "#/at_ms"
            );
        }
    }
}
