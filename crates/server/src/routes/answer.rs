use axum::{Json, extract::State};
use jasmin_protocol::{AnswerCall, Call, CallId, ErrorCode};

use super::place::check_sealed;
use crate::{
    app::Shared,
    extract::{Body, Caller, Id},
    problem::Failure,
};

/// Answers a call. The first answer wins; a later one from another device is `gone`.
#[utoipa::path(post, path = "/v1/calls/{call_id}/answer", operation_id = "answer_call", request_body = AnswerCall,
    params(("call_id" = CallId, Path)), security(("token" = [])),
    responses((status = 200, body = Call), Failure))]
pub(crate) async fn answer(
    caller: Caller,
    Id(id): Id<CallId>,
    State(app): State<Shared>,
    Body(body): Body<AnswerCall>,
) -> Result<Json<Call>, Failure> {
    check_sealed(&body.sealed, "#/sealed")?;
    let row = app.my_call(id, caller).await?;
    if row.call.callee != caller.user {
        return Err(Failure::new(
            ErrorCode::Conflict,
            "This call is for the other side to answer.",
        ));
    }
    app.answer(row, caller, body.sealed).await.map(Json)
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{CallState, Event};

    use super::*;
    use crate::testing::{World, sealed};

    #[tokio::test]
    async fn the_answer_reaches_the_callers_device() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let call = world.place(&ada, &bob).await;
        let answered: Call = world.answer(&bob, call).await.ok();
        assert_eq!(answered.state, CallState::Answered);
        assert_eq!(answered.answered_ms, Some(world.app.now_ms()));
        let expected = Event::CallAnswered {
            call_id: call,
            device_id: bob.session.device_id,
            sealed: sealed(3),
        };
        assert_eq!(world.events(&ada).await.pop(), Some(expected));
        assert!(
            !world
                .events(&bob)
                .await
                .iter()
                .any(|event| matches!(event, Event::CallRing { .. }))
        );
    }

    #[tokio::test]
    async fn the_first_answer_wins_and_the_others_are_told() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let other = world.another_device(&bob).await;
        let call = world.place(&ada, &bob).await;
        assert_eq!(world.answer(&bob, call).await.status(), 200);
        assert_eq!(world.answer(&other, call).await.problem(), ErrorCode::Gone);
        let taken = Event::CallTakenElsewhere {
            call_id: call,
            state: CallState::Answered,
        };
        assert_eq!(world.events(&other).await.pop(), Some(taken.clone()));
        assert!(
            !world.events(&bob).await.contains(&taken),
            "not the one that took it"
        );
        assert_eq!(
            world.answer(&bob, call).await.status(),
            200,
            "a lost answer is given again"
        );
        let answers = world.events(&ada).await;
        assert_eq!(
            answers
                .iter()
                .filter(|e| matches!(e, Event::CallAnswered { .. }))
                .count(),
            1
        );
    }

    #[tokio::test]
    async fn after_the_deadline_it_is_missed_whoever_writes_it_down() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let call = world.place(&ada, &bob).await;
        world.clock.advance(45_000);
        assert_eq!(world.answer(&bob, call).await.problem(), ErrorCode::Gone);
        let over = world.events(&ada).await.pop();
        assert!(
            matches!(
                over,
                Some(Event::CallOver {
                    state: CallState::Missed,
                    ..
                })
            ),
            "{over:?}"
        );
        assert_eq!(world.app.end_overdue_calls().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn only_the_callee_answers() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let eve = world.join("Eve", "eve@example.org").await;
        let call = world.place(&ada, &bob).await;
        assert_eq!(
            world.answer(&ada, call).await.problem(),
            ErrorCode::Conflict
        );
        assert_eq!(
            world.answer(&eve, call).await.problem(),
            ErrorCode::NotFound
        );
    }
}
