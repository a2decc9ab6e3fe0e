use jasmin_client::{
    keys::{CertifiedDevice, PublicIdentity, Seen, certified_devices},
    sealing::{OpenError, OrderError, Sealer},
    socket::SocketEvent,
    vault::VaultData,
};
use jasmin_protocol::{
    AnswerCall, Base64, CallId, CallKind, CallState, Event, PlaceCall, SignalBody, UserId,
};
use uuid::Uuid;

use super::world::{Person, World};

#[tokio::test]
async fn a_call_is_signalled_from_the_first_ring_to_the_log() {
    let world = World::new().await;
    let (ada, bob) = world.two_friends().await;
    let (mut to_ada, mut to_bob) = (ada.connect().await, bob.connect().await);
    let (mut from_ada, mut from_bob) = (sealer(&ada), sealer(&bob));
    let (ada_id, bob_id) = (ada.account.me().user_id, bob.account.me().user_id);
    let now = || ada.account.api().clock().now_ms();
    let call_id = CallId(Uuid::now_v7());

    let bobs_devices = devices_of(&ada, bob_id).await;
    let sealed = from_ada
        .seal_for_all(call_id, &bobs_devices, &offer(), now())
        .unwrap();
    let placed = PlaceCall {
        call_id,
        to: bob_id,
        kind: CallKind::Video,
        sealed,
    };
    let call = ada.account.place_call(&placed).await.unwrap();
    assert_eq!(call.state, CallState::Ringing);
    assert_eq!(
        ada.account.place_call(&placed).await.unwrap().call_id,
        call_id,
        "twice is once"
    );

    let ring = loop {
        if let ring @ Event::CallRing { .. } = to_bob.event().await {
            break ring;
        }
    };
    let Event::CallRing {
        caller,
        caller_device,
        sealed,
        ..
    } = ring
    else {
        unreachable!()
    };
    assert_eq!(caller, ada_id);
    let adas_device = device_of(&bob, ada_id, caller_device).await;
    assert_eq!(
        from_bob
            .open(call_id, &adas_device, &sealed, now())
            .unwrap(),
        offer()
    );
    let again = from_bob
        .open(call_id, &adas_device, &sealed, now())
        .unwrap_err();
    assert!(matches!(
        again,
        OpenError::Order(OrderError::Replayed { .. })
    ));

    let sealed = from_bob
        .seal(call_id, &adas_device, answer(), now())
        .unwrap();
    let call = bob
        .account
        .answer_call(call_id, &AnswerCall { sealed })
        .await
        .unwrap();
    assert_eq!(call.state, CallState::Answered);
    let candidates = SignalBody::Candidates {
        candidates: vec!["candidate:1".to_owned()],
    };
    let sealed = from_bob
        .seal(call_id, &adas_device, candidates.clone(), now())
        .unwrap();
    assert!(to_bob.socket.relay(call_id, caller_device, sealed));

    let (mut answered, mut trickled) = (None, None);
    while answered.is_none() || trickled.is_none() {
        match to_ada.next().await {
            SocketEvent::Event {
                event:
                    Event::CallAnswered {
                        device_id, sealed, ..
                    },
                ..
            } => {
                let device = device_of(&ada, bob_id, device_id).await;
                answered = Some(from_ada.open(call_id, &device, &sealed, now()).unwrap());
            }
            SocketEvent::Relay { from, sealed, .. } => {
                let device = device_of(&ada, bob_id, from).await;
                trickled = Some(from_ada.open(call_id, &device, &sealed, now()).unwrap());
            }
            _ => {}
        }
    }
    assert_eq!(answered, Some(answer()));
    assert_eq!(trickled, Some(candidates));

    ada.account.hang_up_call(call_id).await.unwrap();
    loop {
        if let Event::CallOver { state, .. } = to_bob.event().await {
            assert_eq!(state, CallState::Ended);
            break;
        }
    }
    for (person, outgoing) in [(&ada, true), (&bob, false)] {
        let calls = person.account.calls(0).await.unwrap();
        let stored = |data: &mut VaultData| {
            let me = data.account.as_mut().unwrap();
            me.log.merge(calls);
            let clock = person.account.api().clock();
            me.log.views(me.user_id, &me.people, clock)
        };
        let views = person.profile.vault.save(stored).await.unwrap();
        assert_eq!(views.len(), 1);
        assert_eq!((views[0].call_id, views[0].outgoing), (call_id, outgoing));
    }
}

#[tokio::test]
async fn a_relay_to_nobody_is_a_problem_and_not_the_end() {
    let world = World::new().await;
    let (ada, bob) = world.two_friends().await;
    let mut to_ada = ada.connect().await;
    let bobs = devices_of(&ada, bob.account.me().user_id).await;
    let call_id = CallId(Uuid::now_v7());
    let now_ms = ada.account.api().clock().now_ms();
    let sealed = sealer(&ada)
        .seal(call_id, &bobs[0], offer(), now_ms)
        .unwrap();
    assert!(to_ada.socket.relay(call_id, bobs[0].device_id(), sealed));
    loop {
        match to_ada.next().await {
            SocketEvent::Problem(_) => break,
            SocketEvent::Event { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    to_ada.socket.wake();
    bob.account
        .remove_contact(ada.account.me().user_id)
        .await
        .unwrap();
    while !matches!(to_ada.event().await, Event::ContactRemoved { .. }) {}
}

fn sealer(person: &Person) -> Sealer {
    Sealer::new(person.account.me(), person.account.device_keys().clone())
}

/// The devices of a contact, with the identity pinned the first time.
async fn devices_of(person: &Person, of: UserId) -> Vec<CertifiedDevice> {
    let keys = person.account.user_keys(of).await.unwrap();
    let identity = PublicIdentity::try_from(&keys.identity_key).unwrap();
    let pin = |data: &mut VaultData| {
        let pins = &mut data.account.as_mut().unwrap().pins;
        assert_ne!(pins.see(of, identity, 0), Seen::Changed);
        pins.key_for_call(of).unwrap().unwrap()
    };
    let pinned = person.profile.vault.save(pin).await.unwrap();
    certified_devices(&pinned, &keys)
}

async fn device_of(
    person: &Person,
    of: UserId,
    device: jasmin_protocol::DeviceId,
) -> CertifiedDevice {
    let devices = devices_of(person, of).await;
    devices
        .into_iter()
        .find(|known| known.device_id() == device)
        .expect("a certified device")
}

fn offer() -> SignalBody {
    SignalBody::Offer {
        sdp: "v=0\r\n".to_owned(),
        commitment: Base64(vec![7; 32]),
    }
}

fn answer() -> SignalBody {
    SignalBody::Answer {
        sdp: "v=0\r\n".to_owned(),
        nonce: Base64(vec![8; 32]),
    }
}
