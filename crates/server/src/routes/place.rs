use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use jasmin_protocol::{Call, ErrorCode, Event, PlaceCall, Sealed};

use super::users::not_a_contact;
use crate::{
    app::{Letter, Shared},
    extract::{Body, Caller},
    keys::digest,
    problem::Failure,
    store::{Address, NewCall, Standing},
};

const MOST_DEVICES: usize = 16;
const CIPHERTEXT_BYTES: usize = 32 * 1024;

/// Places a call: the callee's devices for which an offer came along ring. The same call sent twice
/// is placed once.
#[utoipa::path(post, path = "/v1/calls", operation_id = "place_call", request_body = PlaceCall,
    security(("token" = [])), responses((status = 201, body = Call), Failure))]
pub(crate) async fn place(
    caller: Caller,
    State(app): State<Shared>,
    Body(body): Body<PlaceCall>,
) -> Result<(StatusCode, Json<Call>), Failure> {
    check(&body, caller)?;
    let now_ms = app.now_ms();
    let request_hash = request_hash(&body);

    let mut tx = app.store.begin().await?;
    if let Some(known) = tx.call(body.call_id).await? {
        tx.rollback().await?;
        let is_same = known.call.caller == caller.user
            && known.caller_device == caller.device
            && known.request_hash == request_hash;
        if !is_same {
            return Err(Failure::new(
                ErrorCode::Conflict,
                "Another call has this id. Choose a new one.",
            ));
        }
        return Ok((StatusCode::CREATED, Json(known.call)));
    }
    if tx.standing(caller.user, body.to).await? != Some(Standing::Accepted) {
        tx.rollback().await?;
        return Err(not_a_contact());
    }
    if let Err(retry_after_ms) = app.limiter.take(
        "call",
        caller.user.0.as_bytes(),
        app.config.limits.calls,
        now_ms,
    ) {
        tx.rollback().await?;
        return Err(Failure::rate_limited(retry_after_ms));
    }

    let ring_ms = i64::try_from(app.config.ring.as_millis()).unwrap_or(i64::MAX / 2);
    let deadline_ms = now_ms + ring_ms;
    let new = NewCall {
        id: body.call_id,
        caller: caller.user,
        caller_device: caller.device,
        callee: body.to,
        kind: body.kind,
        request_hash,
        created_ms: now_ms,
        deadline_ms,
    };
    if !tx.put_call(new).await? {
        // The same id arrived twice at the same moment.
        tx.rollback().await?;
        return Err(Failure::new(
            ErrorCode::Conflict,
            "This call is being placed. Ask again.",
        ));
    }
    let certified: BTreeSet<_> = tx
        .certificates(body.to, now_ms)
        .await?
        .into_iter()
        .map(|certificate| certificate.device)
        .collect();
    let letters = body
        .sealed
        .into_iter()
        .filter(|sealed| certified.contains(&sealed.device_id))
        .map(|sealed| Letter {
            to: Address {
                user: body.to,
                device: sealed.device_id,
            },
            event: Event::CallRing {
                call_id: body.call_id,
                caller: caller.user,
                caller_device: caller.device,
                kind: body.kind,
                sealed: sealed.sealed,
                created_ms: now_ms,
                deadline_ms,
            },
        })
        .collect();
    let woken = app.post(&mut tx, letters).await?;
    let placed = tx.call(body.call_id).await?;
    tx.commit().await?;
    app.wake(woken);
    app.deadlines.notify_one();
    app.count(|metrics| &metrics.calls_placed);
    let placed =
        placed.ok_or_else(|| Failure::internal("a call that was just written is missing"))?;
    Ok((StatusCode::CREATED, Json(placed.call)))
}

fn check(body: &PlaceCall, caller: Caller) -> Result<(), Failure> {
    if body.call_id.0.get_version_num() != 7 {
        return Err(Failure::field("#/call_id", "format"));
    }
    if body.to == caller.user {
        return Err(Failure::field("#/to", "wrong"));
    }
    if body.sealed.len() > MOST_DEVICES {
        return Err(Failure::field("#/sealed", "too-long"));
    }
    let mut devices = BTreeSet::new();
    for (i, sealed) in body.sealed.iter().enumerate() {
        check_sealed(&sealed.sealed, &format!("#/sealed/{i}/sealed"))?;
        if !devices.insert(sealed.device_id) {
            return Err(Failure::field(&format!("#/sealed/{i}/device_id"), "wrong"));
        }
    }
    Ok(())
}

/// What the server can know of a message that it cannot read: its sizes.
pub(crate) fn check_sealed(sealed: &Sealed, pointer: &str) -> Result<(), Failure> {
    if sealed.enc.0.len() != 32 {
        return Err(Failure::field(&format!("{pointer}/enc"), "format"));
    }
    match sealed.ciphertext.0.len() {
        // An AEAD tag at least.
        0..16 => Err(Failure::field(
            &format!("{pointer}/ciphertext"),
            "too-short",
        )),
        16..=CIPHERTEXT_BYTES => Ok(()),
        _ => Err(Failure::field(&format!("{pointer}/ciphertext"), "too-long")),
    }
}

/// Of everything that the caller chose, so that a call sent twice can be told from another one.
fn request_hash(body: &PlaceCall) -> [u8; 32] {
    let kind = match body.kind {
        jasmin_protocol::CallKind::Audio => b"audio",
        jasmin_protocol::CallKind::Video => b"video",
    };
    let mut parts: Vec<&[u8]> = vec![body.to.0.as_bytes(), kind];
    for sealed in &body.sealed {
        parts.extend([
            sealed.device_id.0.as_bytes().as_slice(),
            &sealed.sealed.enc.0,
            &sealed.sealed.ciphertext.0,
        ]);
    }
    digest(&parts)
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{Base64, CallId, CallState, DeviceId, SealedTo};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{World, sealed};

    #[tokio::test]
    async fn a_call_rings_on_every_device_that_has_an_offer() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let bobs_other = world.another_device(&bob).await;
        world.publish(&bobs_other).await;
        let mut body = world.offer(&ada, &bob);
        body.sealed.push(SealedTo {
            device_id: bobs_other.session.device_id,
            sealed: sealed(2),
        });
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.status(), 201);
        let call: Call = answer.ok();
        assert_eq!(call.state, CallState::Ringing);
        assert_eq!(call.deadline_ms, call.created_ms + 45_000);

        for (person, offer) in [(&bob, sealed(1)), (&bobs_other, sealed(2))] {
            let ring = world.events(person).await.pop().unwrap();
            let Event::CallRing {
                call_id,
                caller_device,
                sealed,
                ..
            } = ring
            else {
                panic!("{ring:?}");
            };
            assert_eq!(
                (call_id, sealed),
                (body.call_id, offer),
                "each gets its own offer"
            );
            assert_eq!(caller_device, ada.session.device_id);
        }
    }

    #[tokio::test]
    async fn a_call_sent_twice_is_placed_once() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let body = world.offer(&ada, &bob);
        let first: Call = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await
            .ok();
        world.clock.advance(1000);
        let again = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(again.status(), 201);
        assert_eq!(again.ok::<Call>(), first);
        let rings = world.events(&bob).await;
        assert_eq!(
            rings
                .iter()
                .filter(|e| matches!(e, Event::CallRing { .. }))
                .count(),
            1
        );

        let other = PlaceCall {
            kind: jasmin_protocol::CallKind::Audio,
            ..body.clone()
        };
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&other)
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::Conflict);
        let back = PlaceCall {
            to: ada.session.user_id,
            sealed: vec![],
            ..body
        };
        let answer = world
            .request("POST", "/v1/calls")
            .by(&bob)
            .json(&back)
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::Conflict);
    }

    #[tokio::test]
    async fn only_accepted_contacts_can_ring() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let eve = world.join("Eve", "eve@example.org").await;
        let body = world.offer(&eve, &bob);
        let answer = world
            .request("POST", "/v1/calls")
            .by(&eve)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::NotAContact);

        let ask = json!({ "email": "bob@example.org" });
        world
            .request("POST", "/v1/contacts")
            .by(&eve)
            .json(&ask)
            .send()
            .await;
        let answer = world
            .request("POST", "/v1/calls")
            .by(&eve)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            answer.problem(),
            ErrorCode::NotAContact,
            "asking is not enough"
        );

        let path = format!("/v1/contacts/{}", bob.session.user_id);
        world.request("DELETE", &path).by(&ada).send().await;
        let body = world.offer(&ada, &bob);
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            answer.problem(),
            ErrorCode::NotAContact,
            "nor is having been one"
        );
        assert_eq!(world.rows("calls").await, 0);
    }

    #[tokio::test]
    async fn offers_for_devices_that_are_not_the_callees_ring_nobody() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let mut body = world.offer(&ada, &bob);
        body.sealed[0].device_id = ada.session.device_id;
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            answer.status(),
            201,
            "the person is called, even if no device rings"
        );
        let rung = async |person| {
            world
                .events(person)
                .await
                .iter()
                .any(|event| matches!(event, Event::CallRing { .. }))
        };
        assert!(!rung(&ada).await && !rung(&bob).await);
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_call() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        let good = world.offer(&ada, &bob);
        let with = |sealed: Sealed| {
            let device_id = bob.session.device_id;
            PlaceCall {
                sealed: vec![SealedTo { device_id, sealed }],
                ..good.clone()
            }
        };
        let many = (0..17).map(|n| SealedTo {
            device_id: DeviceId(Uuid::from_u128(n)),
            sealed: sealed(1),
        });
        let twice = vec![good.sealed[0].clone(), good.sealed[0].clone()];
        for (body, pointer) in [
            (
                PlaceCall {
                    call_id: CallId(Uuid::from_u128(4)),
                    ..good.clone()
                },
                "#/call_id",
            ),
            (
                PlaceCall {
                    to: ada.session.user_id,
                    ..good.clone()
                },
                "#/to",
            ),
            (
                PlaceCall {
                    sealed: many.collect(),
                    ..good.clone()
                },
                "#/sealed",
            ),
            (
                PlaceCall {
                    sealed: twice,
                    ..good.clone()
                },
                "#/sealed/1/device_id",
            ),
            (
                with(Sealed {
                    enc: Base64(vec![1; 31]),
                    ..sealed(1)
                }),
                "#/sealed/0/sealed/enc",
            ),
            (
                with(Sealed {
                    ciphertext: Base64(vec![1; 15]),
                    ..sealed(1)
                }),
                "#/sealed/0/sealed/ciphertext",
            ),
            (
                with(Sealed {
                    ciphertext: Base64(vec![1; 32_769]),
                    ..sealed(1)
                }),
                "#/sealed/0/sealed/ciphertext",
            ),
        ] {
            let answer = world
                .request("POST", "/v1/calls")
                .by(&ada)
                .json(&body)
                .send()
                .await;
            assert_eq!(answer.pointer(), pointer);
        }
        let largest = with(Sealed {
            ciphertext: Base64(vec![1; 32_768]),
            ..sealed(1)
        });
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&largest)
            .send()
            .await;
        assert_eq!(answer.status(), 201);
    }

    #[tokio::test]
    async fn calling_without_end_is_slowed_down() {
        let world = World::new().await;
        let (ada, bob) = world.two_friends().await;
        for _ in 0..world.app.config.limits.calls.burst {
            world.place(&ada, &bob).await;
        }
        let body = world.offer(&ada, &bob);
        let answer = world
            .request("POST", "/v1/calls")
            .by(&ada)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::RateLimited);
    }
}
