use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jasmin_protocol::{Call, CallId, CallState, Calls, Contacts, PlaceCall};
use opaque_ke::rand::{RngCore, rngs::OsRng};
use reqwest::Method;
use serde_json::json;

use crate::{
    api::{Api, now_ms},
    people::{Profile, SignedInPerson},
    process::Process,
};

const ROUNDS: usize = 8;

/// What clients were told, by call.
type Told = Arc<Mutex<HashMap<CallId, Call>>>;

/// Calls until the server is gone; writes down whatever was answered with 2xx.
async fn call_without_end(api: Api, from: SignedInPerson, to: SignedInPerson, told: Told) {
    for n in 0.. {
        let offer = from.offer(&to, now_ms());
        let Some(placed) = place(&api, &from, &offer).await else {
            return;
        };
        told.lock().unwrap().insert(offer.call_id, placed);
        let path = |what| format!("/v1/calls/{}/{what}", offer.call_id);
        let nothing = json!({});
        let ended = match n % 3 {
            0 => {
                api.send(Method::POST, &path("decline"), Some(&to), Some(&nothing))
                    .await
            }
            1 => {
                api.send(Method::POST, &path("cancel"), Some(&from), None::<&()>)
                    .await
            }
            _ => continue,
        };
        let Ok(answer) = ended else { return };
        let Ok(call) = answer.json::<Call>().await else {
            return;
        };
        told.lock().unwrap().insert(offer.call_id, call);
    }
}

/// Nothing when the server is gone or has had enough calls from this person.
async fn place(api: &Api, from: &SignedInPerson, offer: &PlaceCall) -> Option<Call> {
    let answer = api
        .send(Method::POST, "/v1/calls", Some(from), Some(offer))
        .await
        .ok()?;
    if answer.status() == 429 {
        return None;
    }
    assert_eq!(answer.status(), 201);
    answer.json().await.ok()
}

async fn calls(api: &Api, person: &SignedInPerson, since: i64) -> HashMap<CallId, Call> {
    let path = format!("/v1/calls?since={since}");
    let answer = api
        .send(Method::GET, &path, Some(person), None::<&()>)
        .await
        .unwrap();
    let calls = answer.json::<Calls>().await.unwrap().calls;
    calls.into_iter().map(|call| (call.call_id, call)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_kept_however_often_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[], "warn").await;
    let api = Api::new(&server.url);
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(
            api.join(&format!("Person {n}"), &format!("p{n}@example.org"))
                .await,
        );
    }
    let pairs = [(0, 1), (1, 0), (2, 3), (3, 2)];
    api.befriend(&people[0], &people[1]).await;
    api.befriend(&people[2], &people[3]).await;
    server.kill().await;

    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let server = Process::start(folder.path(), &[], "warn").await;
        let api = Api::new(&server.url);
        let since = now_ms() - 1;
        let told = Told::default();
        let callers: Vec<_> = pairs
            .iter()
            .map(|(from, to)| {
                let (from, to) = (people[*from].clone(), people[*to].clone());
                tokio::spawn(call_without_end(api.clone(), from, to, told.clone()))
            })
            .collect();
        // At a random moment under load, once there is something to lose.
        let enough = 1 + OsRng.next_u32() as usize % 60;
        while told.lock().unwrap().len() < enough
            && callers.iter().any(|caller| !caller.is_finished())
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill().await;
        for caller in callers {
            caller.await.unwrap();
        }

        let server = Process::start(folder.path(), &[], "warn").await;
        let api = Api::new(&server.url);
        let told = Arc::into_inner(told).unwrap().into_inner().unwrap();
        acknowledged += told.len();
        let mut stored = calls(&api, &people[0], since).await;
        stored.extend(calls(&api, &people[2], since).await);
        for (id, call) in &told {
            let kept = stored
                .get(id)
                .unwrap_or_else(|| panic!("round {round}: {call:?} is lost"));
            assert_eq!(
                (kept.caller, kept.callee, kept.created_ms),
                (call.caller, call.callee, call.created_ms)
            );
            if call.state != CallState::Ringing {
                assert_eq!(kept, call, "round {round}: a final state stays");
            }
        }
        // Whoever rings for ever would block the next round's log: both sides see the same.
        let other_side = calls(&api, &people[1], since).await;
        assert!(
            other_side
                .iter()
                .all(|(id, call)| stored.get(id) == Some(call))
        );
        server.kill().await;
    }
    assert!(
        acknowledged >= ROUNDS,
        "{acknowledged} calls were acknowledged under fire"
    );

    let server = Process::start(folder.path(), &[], "warn").await;
    let api = Api::new(&server.url);
    let again = api.sign_in("p0@example.org", &Profile::new()).await;
    assert_eq!(
        again.user_id, people[0].session.user_id,
        "accounts and passwords are still there"
    );
    let contacts = api
        .send(Method::GET, "/v1/contacts", Some(&people[0]), None::<&()>)
        .await
        .unwrap();
    assert_eq!(contacts.json::<Contacts>().await.unwrap().contacts.len(), 1);
    let (status, log) = server.terminate().await;
    assert!(status.success(), "{log}");
}
