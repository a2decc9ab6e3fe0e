//! Whatever comes, no endpoint fails: random bytes, random JSON, and valid bodies with one part
//! replaced, against every operation of the OpenAPI document.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::{
    http,
    testing::{Applicant, World, ke1, no_limits},
};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        "[A-Za-z0-9_-]{0,200}".prop_map(Value::from),
        "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,3}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,10}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found)),
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(i, value)| pointers(value, &format!("{at}/{i}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Attack<'a> {
    world: &'a World,
    runner: TestRunner,
    token: String,
}

impl Attack<'_> {
    fn pick<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }

    async fn send(&mut self, method: &str, path: &str, body: &[u8]) {
        let mut request = self.world.request(&method.to_uppercase(), path).body(body);
        request = request.header("content-type", "application/json");
        if self.pick(&any::<bool>()) {
            request = request.header("authorization", &format!("Bearer {}", self.token));
        }
        if self.pick(&(0..4)) == 0 {
            let key = self
                .pick(&"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}|\\PC{1,20}");
            request = request.header("idempotency-key", &key);
        }
        let answer = request.send().await;
        let words = String::from_utf8_lossy(body);
        assert!(
            answer.status() < 500,
            "{method} {path} {words}: {}",
            answer.text()
        );
        if answer.status() >= 400 {
            assert_eq!(answer.problem_body().status, answer.status());
        }
    }
}

#[tokio::test]
async fn no_endpoint_fails_whatever_it_is_sent() {
    let world = World::with(|app| app.config.limits = no_limits()).await;
    let (ada, bob) = world.two_friends().await;
    let call = world.place(&ada, &bob).await;
    let applicant = Applicant::new("Eve", "eve@example.org");
    let challenge = world
        .post("/v1/auth/register/start", &applicant.start())
        .await
        .ok();
    let finish = applicant.finish(&challenge);
    let login = world
        .login_finish("ada@example.org", crate::testing::PASSWORD, &ada.profile)
        .await;
    let valid = [
        json!(applicant.start()),
        json!(finish),
        json!({"attempt": finish.attempt, "code": "ABCD-EFGH"}),
        json!({"attempt": finish.attempt}),
        json!({"email": "ada@example.org", "opaque": ke1("x").1}),
        json!(login),
        json!(ada.refresh(&ada.session.tokens.refresh, 0)),
        json!({"certificate": ada.certificate()}),
        json!({"email": "bob@example.org"}),
        json!(world.offer(&ada, &bob)),
        json!({"sealed": crate::testing::sealed(1)}),
        json!({"busy": false}),
    ];

    let document = http::openapi();
    let operations: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| (method.clone(), path.clone()))
        })
        // Signing out would end the attack.
        .filter(|(_, path)| path != "/v1/auth/logout")
        .collect();
    assert!(operations.len() > 20);

    let token = ada.session.tokens.access.clone();
    let mut attack = Attack {
        world: &world,
        runner: TestRunner::deterministic(),
        token,
    };
    for (method, path) in &operations {
        for _ in 0..25 {
            let segment = attack.pick(&"[a-z0-9-]{1,40}|[0-9]{1,30}");
            let known = [call.to_string(), bob.session.user_id.to_string(), segment];
            let which = attack.pick(&(0..3_usize));
            let path = path
                .replace("{call_id}", &known[which])
                .replace("{user_id}", &known[which])
                .replace("{session_id}", &known[which]);
            let body = match attack.pick(&(0..3)) {
                0 => attack.pick(&proptest::collection::vec(any::<u8>(), 0..200)),
                1 => serde_json::to_vec(&attack.pick(&any_json())).unwrap(),
                _ => {
                    let which = attack.pick(&(0..valid.len()));
                    let mut body = valid[which].clone();
                    let mut places = Vec::new();
                    pointers(&body, "", &mut places);
                    let place = attack.pick(&(0..places.len()));
                    *body.pointer_mut(&places[place]).unwrap() = attack.pick(&any_json());
                    serde_json::to_vec(&body).unwrap()
                }
            };
            attack.send(method, &path, &body).await;
        }
    }
    assert_eq!(world.get("/readyz").await.status(), 200);
}
