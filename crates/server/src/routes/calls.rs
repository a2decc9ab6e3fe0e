use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use jasmin_protocol::{Call, CallId, CallState, Calls, DeclineCall, ErrorCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::Shared,
    extract::{Body, Caller, Id},
    problem::Failure,
};

/// From when on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// Calls placed at or after this time.
    #[serde(default)]
    since: i64,
}

/// The call log, newest first, at most 200.
#[utoipa::path(get, path = "/v1/calls", operation_id = "list_calls", params(Since), security(("token" = [])),
    responses((status = 200, body = Calls), Failure))]
pub(crate) async fn list(
    caller: Caller,
    State(app): State<Shared>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Calls>, Failure> {
    let Ok(Query(Since { since })) = since else {
        return Err(Failure::malformed(
            "The query takes since=<milliseconds> only.",
        ));
    };
    let rows = app
        .store
        .read()
        .await?
        .calls_since(caller.user, since)
        .await?;
    Ok(Json(Calls {
        calls: rows.into_iter().map(|row| row.call).collect(),
    }))
}

/// Says no to a call, or that the line is busy. A call that is over stays as it is; one that was
/// answered elsewhere is `gone`.
#[utoipa::path(post, path = "/v1/calls/{call_id}/decline", operation_id = "decline_call", request_body = DeclineCall,
    params(("call_id" = CallId, Path)), security(("token" = [])),
    responses((status = 200, body = Call), Failure))]
pub(crate) async fn decline(
    caller: Caller,
    Id(id): Id<CallId>,
    State(app): State<Shared>,
    Body(body): Body<DeclineCall>,
) -> Result<Json<Call>, Failure> {
    let row = app.my_call(id, caller).await?;
    if row.call.callee != caller.user {
        return Err(Failure::new(
            ErrorCode::Conflict,
            "This call is for the other side to decline.",
        ));
    }
    let declined = if body.busy {
        CallState::Busy
    } else {
        CallState::Declined
    };
    app.end(row, caller, declined, None).await.map(Json)
}

/// Takes a call back before it is answered; hangs up if it just was.
#[utoipa::path(post, path = "/v1/calls/{call_id}/cancel", operation_id = "cancel_call",
    params(("call_id" = CallId, Path)), security(("token" = [])),
    responses((status = 200, body = Call), Failure))]
pub(crate) async fn cancel(
    caller: Caller,
    Id(id): Id<CallId>,
    State(app): State<Shared>,
) -> Result<Json<Call>, Failure> {
    let row = app.my_call(id, caller).await?;
    if row.call.caller != caller.user {
        return Err(Failure::new(
            ErrorCode::Conflict,
            "This call is for the other side to cancel.",
        ));
    }
    app.end(row, caller, CallState::Cancelled, Some(CallState::Ended))
        .await
        .map(Json)
}

/// Ends a call, from either side. While it rings that is cancelling or declining it.
#[utoipa::path(post, path = "/v1/calls/{call_id}/hangup",
    params(("call_id" = CallId, Path)), security(("token" = [])),
    responses((status = 200, body = Call), Failure))]
pub(crate) async fn hang_up(
    caller: Caller,
    Id(id): Id<CallId>,
    State(app): State<Shared>,
) -> Result<Json<Call>, Failure> {
    let row = app.my_call(id, caller).await?;
    let ringing = if row.call.caller == caller.user {
        CallState::Cancelled
    } else {
        CallState::Declined
    };
    app.end(row, caller, ringing, Some(CallState::Ended))
        .await
        .map(Json)
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::Event;
    use serde_json::json;

    use super::*;
    use crate::testing::{SignedInPerson, World};

    async fn act(
        world: &World,
        person: &SignedInPerson,
        call: CallId,
        what: &str,
    ) -> crate::testing::Answer {
        let request = world
            .request("POST", &format!("/v1/calls/{call}/{what}"))
            .by(person);
        match what {
            "decline" => request.json(&json!({})).send().await,
            _ => request.send().await,
        }
    }

    async fn overs(world: &World, person: &SignedInPerson) -> Vec<CallState> {
        let mut states = Vec::new();
        for event in world.events(person).await {
            if let Event::CallOver { state, .. } = event {
                states.push(state);
            }
        }
        states
    }

    #[tokio::test]
    async fn each_way_to_end_a_call_is_heard_once_by_each_device() {
        for (answered, by_caller, what, state) in [
            (false, false, "decline", CallState::Declined),
            (false, true, "cancel", CallState::Cancelled),
            (false, true, "hangup", CallState::Cancelled),
            (false, false, "hangup", CallState::Declined),
            (true, true, "hangup", CallState::Ended),
            (true, false, "hangup", CallState::Ended),
            (true, true, "cancel", CallState::Ended),
        ] {
            let world = World::new().await;
            let (ada, bob) = world.two_friends().await;
            let bobs_other = world.another_device(&bob).await;
            let call = world.place(&ada, &bob).await;
            if answered {
                world.answer(&bob, call).await;
            }
            world.clock.advance(500);
            let who = if by_caller { &ada } else { &bob };
            for _ in 0..2 {
                let ended: Call = act(&world, who, call, what).await.ok();
                assert_eq!(ended.state, state, "{what}");
                assert_eq!(ended.ended_ms, Some(ended.created_ms + 500));
            }
            for person in [&ada, &bob, &bobs_other] {
                assert_eq!(overs(&world, person).await, [state], "{what}");
            }
        }
    }

    #[tokio::test]
    async fn declining_tells_the_other_devices_who_did() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let other = world.another_device(&bob).await;
        let call = world.place(&ada, &bob).await;
        let busy = json!({ "busy": true });
        let path = format!("/v1/calls/{call}/decline");
        let ended: Call = world
            .request("POST", &path)
            .by(&bob)
            .json(&busy)
            .send()
            .await
            .ok();
        assert_eq!(ended.state, CallState::Busy);
        let taken = Event::CallTakenElsewhere {
            call_id: call,
            state: CallState::Busy,
        };
        assert!(world.events(&other).await.contains(&taken));
        assert!(!world.events(&bob).await.contains(&taken));
    }

    #[tokio::test]
    async fn each_side_has_its_own_words() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let eve = world.join("Eve", "eve@example.org").await;
        let call = world.place(&ada, &bob).await;
        assert_eq!(
            act(&world, &ada, call, "decline").await.problem(),
            ErrorCode::Conflict
        );
        assert_eq!(
            act(&world, &bob, call, "cancel").await.problem(),
            ErrorCode::Conflict
        );
        for what in ["decline", "cancel", "hangup"] {
            assert_eq!(
                act(&world, &eve, call, what).await.problem(),
                ErrorCode::NotFound
            );
        }
        world.answer(&bob, call).await;
        assert_eq!(
            act(&world, &bob, call, "decline").await.problem(),
            ErrorCode::Gone
        );
    }

    #[tokio::test]
    async fn the_log_has_both_sides_calls_newest_first() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let first = world.place(&ada, &bob).await;
        act(&world, &bob, first, "decline").await;
        world.clock.advance(1000);
        let since = world.app.now_ms();
        let second = world.place(&bob, &ada).await;
        for person in [&ada, &bob] {
            let log: Calls = world.get_as(person, "/v1/calls").await.ok();
            let seen: Vec<_> = log
                .calls
                .iter()
                .map(|call| (call.call_id, call.state))
                .collect();
            assert_eq!(
                seen,
                [(second, CallState::Ringing), (first, CallState::Declined)]
            );
            let log: Calls = world
                .get_as(person, &format!("/v1/calls?since={since}"))
                .await
                .ok();
            assert_eq!(log.calls.len(), 1);
        }
        for query in ["since=yesterday", "until=3", "since=99999999999999999999"] {
            let answer = world.get_as(&ada, &format!("/v1/calls?{query}")).await;
            assert_eq!(answer.status(), 400, "{query}");
        }
    }
}
