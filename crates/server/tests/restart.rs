use jasmin_protocol::{AnswerCall, Call, CallState, Calls, Event};
use reqwest::Method;

use crate::{
    api::{Api, now_ms},
    people::{SignedInPerson, sealed},
    process::Process,
};

async fn call_log(api: &Api, person: &SignedInPerson) -> Vec<Call> {
    let answer = api
        .send(Method::GET, "/v1/calls", Some(person), None::<&()>)
        .await
        .unwrap();
    answer.json::<Calls>().await.unwrap().calls
}

#[tokio::test]
async fn a_call_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[], "warn").await;
    let api = Api::new(&server.url);
    let ada = api.join("Ada", "ada@example.org").await;
    let bob = api.join("Bob", "bob@example.org").await;
    api.befriend(&ada, &bob).await;
    let offer = ada.offer(&bob, now_ms());
    let path = |what| format!("/v1/calls/{}/{what}", offer.call_id);
    let placed = api
        .send(Method::POST, "/v1/calls", Some(&ada), Some(&offer))
        .await
        .unwrap();
    assert_eq!(placed.status(), 201);
    let answer = AnswerCall { sealed: sealed(2) };
    let answered = api
        .send(Method::POST, &path("answer"), Some(&bob), Some(&answer))
        .await
        .unwrap();
    assert_eq!(answered.status(), 200);
    server.kill().await;

    let server = Process::start(folder.path(), &[], "warn").await;
    let api = Api::new(&server.url);
    let mut ada_phone = api.phone(&ada).await;
    ada_phone
        .until(|event| matches!(event, Event::CallAnswered { .. }))
        .await;
    let ended = api
        .send(Method::POST, &path("hangup"), Some(&bob), None::<&()>)
        .await
        .unwrap();
    assert_eq!(ended.json::<Call>().await.unwrap().state, CallState::Ended);
    ada_phone
        .until(|event| {
            matches!(
                event,
                Event::CallOver {
                    state: CallState::Ended,
                    ..
                }
            )
        })
        .await;
    for person in [&ada, &bob] {
        let log = call_log(&api, person).await;
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].state, CallState::Ended);
    }
    let (status, log) = server.terminate().await;
    assert!(status.success(), "{log}");
    assert_eq!(
        ada_phone
            .hear()
            .await
            .map(|goaway| matches!(goaway, jasmin_protocol::ServerMessage::Goaway { .. })),
        Ok(true)
    );
    assert_eq!(ada_phone.hear().await, Err(Some(1012)));
}

#[tokio::test]
async fn a_ring_that_the_server_did_not_survive_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &["--ring-seconds", "1"], "warn").await;
    let api = Api::new(&server.url);
    let ada = api.join("Ada", "ada@example.org").await;
    let bob = api.join("Bob", "bob@example.org").await;
    api.befriend(&ada, &bob).await;
    let offer = ada.offer(&bob, now_ms());
    let placed = api
        .send(Method::POST, "/v1/calls", Some(&ada), Some(&offer))
        .await
        .unwrap();
    assert_eq!(placed.status(), 201);
    server.kill().await;

    let server = Process::start(folder.path(), &[], "warn").await;
    let api = Api::new(&server.url);
    for person in [&ada, &bob] {
        let mut phone = api.phone(person).await;
        phone
            .until(|event| {
                matches!(
                    event,
                    Event::CallOver {
                        state: CallState::Missed,
                        ..
                    }
                )
            })
            .await;
        assert_eq!(call_log(&api, person).await[0].state, CallState::Missed);
    }
    server.kill().await;
}
