use axum::{Json, extract::State, http::StatusCode};
use jasmin_protocol::{SessionId, Sessions, SignedIn};

use crate::{
    app::{App, Shared},
    bus::Note,
    extract::{Caller, Id},
    problem::Failure,
    store::Address,
};

/// Ends this sign-in.
#[utoipa::path(post, path = "/v1/auth/logout", security(("token" = [])),
    responses((status = 204), Failure))]
pub(crate) async fn logout(
    caller: Caller,
    State(app): State<Shared>,
) -> Result<StatusCode, Failure> {
    app.end_session(caller, caller.session).await
}

/// Where I am signed in.
#[utoipa::path(get, path = "/v1/sessions", operation_id = "list_sessions", security(("token" = [])),
    responses((status = 200, body = Sessions), Failure))]
pub(crate) async fn list(
    caller: Caller,
    State(app): State<Shared>,
) -> Result<Json<Sessions>, Failure> {
    let lines = app
        .store
        .read()
        .await?
        .sessions(caller.user, app.now_ms())
        .await?;
    let sessions = lines
        .into_iter()
        .map(|(session_id, device_id, name_box, platform, created_ms)| {
            Ok(SignedIn {
                session_id,
                device_id,
                device_name: app.keys.open_field(caller.user, "device", &name_box)?,
                platform,
                created_ms,
                current: session_id == caller.session,
            })
        })
        .collect::<Result<_, Failure>>()?;
    Ok(Json(Sessions { sessions }))
}

/// Ends one of my sign-ins. Its socket closes with 4001.
#[utoipa::path(delete, path = "/v1/sessions/{session_id}", operation_id = "end_session", security(("token" = [])),
    params(("session_id" = SessionId, Path)), responses((status = 204), Failure))]
pub(crate) async fn end(
    caller: Caller,
    Id(session): Id<SessionId>,
    State(app): State<Shared>,
) -> Result<StatusCode, Failure> {
    app.end_session(caller, session).await
}

impl App {
    async fn end_session(&self, caller: Caller, session: SessionId) -> Result<StatusCode, Failure> {
        let mut tx = self.store.begin().await?;
        let device = tx.revoke(session, caller.user, self.now_ms()).await?;
        tx.commit().await?;
        if let Some(device) = device {
            self.bus.publish(
                Address {
                    user: caller.user,
                    device,
                },
                Note::Revoked(session),
            );
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn lists_my_sign_ins_and_ends_another() {
        let world = World::new().await;
        let here = world.join("Ada", "ada@example.org").await;
        world.clock.advance(1000);
        let there = world.another_device(&here).await;
        world.join("Bob", "bob@example.org").await;

        let listed: Sessions = world.get_as(&here, "/v1/sessions").await.ok();
        let seen: Vec<_> = listed
            .sessions
            .iter()
            .map(|s| (s.session_id, s.current))
            .collect();
        assert_eq!(
            seen,
            [
                (there.session.session_id, false),
                (here.session.session_id, true)
            ]
        );
        assert_eq!(listed.sessions[0].device_name, "Ada's laptop");

        let path = format!("/v1/sessions/{}", there.session.session_id);
        for _ in 0..2 {
            assert_eq!(
                world
                    .request("DELETE", &path)
                    .by(&here)
                    .send()
                    .await
                    .status(),
                204
            );
        }
        assert_eq!(
            world.get_as(&there, "/v1/me").await.problem(),
            ErrorCode::Unauthenticated
        );
        assert_eq!(world.get_as(&here, "/v1/me").await.status(), 200);
    }

    #[tokio::test]
    async fn nobody_ends_somebody_elses_sign_in() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let bob = world.join("Bob", "bob@example.org").await;
        let path = format!("/v1/sessions/{}", ada.session.session_id);
        assert_eq!(
            world
                .request("DELETE", &path)
                .by(&bob)
                .send()
                .await
                .status(),
            204
        );
        assert_eq!(world.get_as(&ada, "/v1/me").await.status(), 200);
    }

    #[tokio::test]
    async fn logging_out_ends_the_token_and_the_refresh() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        assert_eq!(
            world
                .request("POST", "/v1/auth/logout")
                .by(&ada)
                .send()
                .await
                .status(),
            204
        );
        assert_eq!(
            world.get_as(&ada, "/v1/me").await.problem(),
            ErrorCode::Unauthenticated
        );
        let body = ada.refresh(&ada.session.tokens.refresh, world.app.now_ms());
        assert_eq!(
            world.post("/v1/auth/refresh", &body).await.problem(),
            ErrorCode::Unauthenticated
        );
    }
}
