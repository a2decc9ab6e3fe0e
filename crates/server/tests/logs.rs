use jasmin_protocol::{AnswerCall, ClientMessage, Event, Tokens};
use reqwest::Method;
use serde_json::json;

use crate::{
    api::{Api, now_ms},
    people::{PASSWORD, Profile, sealed},
    process::Process,
};

/// Everything that people do, with the log at its most talkative.
#[tokio::test]
async fn the_log_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[], "trace").await;
    let api = Api::new(&server.url);
    let ada = api
        .join("Ada Needlename", "ada.needle@haystack.example")
        .await;
    let bob = api
        .join("Bob Needlename", "bob.needle@haystack.example")
        .await;
    api.befriend(&ada, &bob).await;
    let mut phone = api.phone(&bob).await;

    let offer = ada.offer(&bob, now_ms());
    let path = |what| format!("/v1/calls/{}/{what}", offer.call_id);
    api.send(Method::POST, "/v1/calls", Some(&ada), Some(&offer))
        .await
        .unwrap();
    phone
        .until(|event| matches!(event, Event::CallRing { .. }))
        .await;
    let relay = |to| ClientMessage::Relay {
        call_id: offer.call_id,
        to,
        sealed: sealed(9),
    };
    phone.say(&relay(ada.session.device_id)).await;
    phone.say(&relay(bob.session.device_id)).await;
    let answer = AnswerCall { sealed: sealed(2) };
    api.send(Method::POST, &path("answer"), Some(&bob), Some(&answer))
        .await
        .unwrap();
    api.send(Method::POST, &path("hangup"), Some(&ada), None::<&()>)
        .await
        .unwrap();

    // Things that go wrong, too.
    for (path, body) in [
        (
            "/v1/auth/login/start",
            json!({"email": "ada.needle@haystack.example", "opaque": "AAAA"}),
        ),
        (
            "/v1/auth/login/start",
            json!({"email": "ada.needle@haystack", "opaque": "AAAA"}),
        ),
        (
            "/v1/auth/register/start",
            json!({"birthday": "2020-02-02", "email": "kid.needle@haystack.example", "opaque": "AAAA"}),
        ),
        (
            "/v1/contacts",
            json!({"email": "nobody.needle@haystack.example"}),
        ),
        ("/ada.needle@haystack.example", json!({})),
    ] {
        api.send(Method::POST, path, Some(&ada), Some(&body))
            .await
            .unwrap();
    }
    let first = &ada.session.tokens.refresh;
    let tokens: Tokens = api
        .refresh(&ada, first, now_ms())
        .await
        .json()
        .await
        .unwrap();
    let again: Tokens = api
        .refresh(&ada, &tokens.refresh, now_ms())
        .await
        .json()
        .await
        .unwrap();
    let reused = ada.refresh(first, now_ms());
    let reused = api
        .send(Method::POST, "/v1/auth/refresh", None, Some(&reused))
        .await
        .unwrap();
    assert_eq!(reused.status(), 401);
    let on_new = api
        .sign_in("ada.needle@haystack.example", &Profile::new())
        .await;
    let codes: Vec<_> = api
        .outbox()
        .await
        .mails
        .into_iter()
        .filter_map(|mail| mail.code)
        .collect();
    assert_eq!(codes.len(), 2);

    let (status, log) = server.terminate().await;
    assert!(status.success());
    for expected in [
        "/v1/calls/{call_id}/answer",
        "/v1/auth/login/finish",
        "a used refresh token came back",
        "stopping",
    ] {
        assert!(
            log.contains(expected),
            "the log is the real one: {expected} is in it"
        );
    }

    let text = |bytes: &jasmin_protocol::Base64| {
        serde_json::to_value(bytes)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut needles = vec![
        "needle".to_owned(),
        "haystack".into(),
        "Needlename".into(),
        "1990-12-10".into(),
        PASSWORD.into(),
        "127.0.0.1".into(),
        "v4.public".into(),
        "Bearer".into(),
        text(&again.refresh),
        text(&on_new.tokens.refresh),
    ];
    for person in [&ada, &bob] {
        let tokens = &person.session.tokens;
        needles.extend([
            tokens.access.clone(),
            text(&tokens.refresh),
            text(&person.session.identity.key),
        ]);
    }
    for code in codes {
        needles.extend([format!("{}-{}", &code[..4], &code[4..]), code]);
    }
    for needle in needles {
        let line = log.lines().find(|line| line.contains(&needle));
        assert!(line.is_none(), "{needle} is in the log: {line:?}");
    }
}
