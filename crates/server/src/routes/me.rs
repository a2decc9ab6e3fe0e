use axum::{Json, extract::State};
use jasmin_protocol::{Base64, Identity, Me};

use crate::{app::Shared, extract::Caller, problem::Failure};

/// My account.
#[utoipa::path(get, path = "/v1/me", security(("token" = [])),
    responses((status = 200, body = Me), Failure))]
pub(crate) async fn me(caller: Caller, State(app): State<Shared>) -> Result<Json<Me>, Failure> {
    let account = app
        .store
        .read()
        .await?
        .account(caller.user)
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(Json(Me {
        user_id: caller.user,
        name: app
            .keys
            .open_field(caller.user, "name", &account.name_box)?,
        email: app
            .keys
            .open_field(caller.user, "email", &account.email_box)?,
        identity: Identity {
            key: Base64(account.identity_key),
            wrapped_seed: Base64(account.wrapped_seed),
        },
    }))
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn says_who_i_am() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let me: Me = world.get_as(&ada, "/v1/me").await.ok();
        assert_eq!((me.user_id, me.name.as_str()), (ada.session.user_id, "Ada"));
        assert_eq!(me.identity, ada.session.identity);
    }

    #[tokio::test]
    async fn says_nothing_without_a_token() {
        let world = World::new().await;
        assert_eq!(
            world.get("/v1/me").await.problem(),
            ErrorCode::Unauthenticated
        );
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer v4.public.AAAA",
            "Bearer \u{e9}",
        ] {
            let answer = world
                .request("GET", "/v1/me")
                .header("authorization", value)
                .send()
                .await;
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert_eq!(answer.problem(), ErrorCode::Unauthenticated, "{value:?}");
        }
    }

    #[tokio::test]
    async fn an_account_may_only_ask_so_often() {
        let world = World::new().await;
        let ada = world.join("Ada", "ada@example.org").await;
        let mut allowed = 0;
        let answer = loop {
            let answer = world.get_as(&ada, "/v1/me").await;
            if answer.status() != 200 {
                break answer;
            }
            allowed += 1;
        };
        assert!(
            allowed + 10 > world.app.config.limits.requests.burst,
            "{allowed} were allowed"
        );
        let problem = answer.problem_body();
        assert_eq!(problem.code, ErrorCode::RateLimited);
        assert_eq!(problem.retry_after_ms, Some(50));
    }
}
