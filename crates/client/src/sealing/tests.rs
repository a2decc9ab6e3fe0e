//! The server of these tests reads, keeps, changes, repeats and misdirects what it carries.

use jasmin_protocol::{UserId, UserKeys};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::keys::{IdentityKey, Pins, PublicIdentity, Seen, certified_devices};

const NOW: i64 = 1_800_000_000_000;

#[test]
fn a_message_arrives_as_it_was_written() {
    let (mut ada, mut bob, call) = world();
    let sealed = ada.say(&bob, call, offer("v=0"));
    assert_eq!(bob.hear(&ada, call, &sealed), Ok(offer("v=0")));
    let back = bob.say(&ada, call, answer("v=0"));
    assert_eq!(ada.hear(&bob, call, &back), Ok(answer("v=0")));
}

#[test]
fn the_server_cannot_read_it() {
    let (mut ada, bob, call) = world();
    let sealed = ada.say(
        &bob,
        call,
        offer("a=candidate:1 1 udp 1 203.0.113.7 9 typ host"),
    );
    let carried = String::from_utf8_lossy(sealed.ciphertext.as_ref()).into_owned();
    assert!(!carried.contains("203.0.113.7") && !carried.contains("candidate"));
}

#[test]
fn a_device_slipped_in_by_the_server_is_not_called() {
    let (_, bob, _) = world();
    let mut keys = bob.keys();
    let server = Person::new();
    keys.devices.push(server.certificate_for(bob.address()));
    let devices = certified_devices(&bob.identity.public(), &keys);
    assert_eq!(devices.len(), 1, "only the true device");
    assert_eq!(devices[0].address(), bob.address());
}

#[test]
fn swapped_keys_are_noticed_by_the_pin() {
    let (_, bob, _) = world();
    let mut pins = Pins::default();
    assert_eq!(
        pins.see(bob.address().user_id, bob.identity.public(), NOW),
        Seen::First
    );
    let server = Person::new();
    let served = UserKeys {
        user_id: bob.address().user_id,
        identity_key: server.identity.public().to_base64(),
        devices: vec![server.certificate_for(bob.address())],
    };
    let served_identity = PublicIdentity::try_from(&served.identity_key).unwrap();
    assert_eq!(
        pins.see(served.user_id, served_identity, NOW),
        Seen::Changed
    );
    assert!(
        certified_devices(&bob.identity.public(), &served).is_empty(),
        "not by the pinned key"
    );
}

#[test]
fn a_message_of_the_servers_own_making_is_refused() {
    let (mut ada, mut bob, call) = world();
    let mut server = Person::new();
    server.sealer.me = ada.address();
    let forged = server.say(&bob, call, offer("v=0"));
    assert_eq!(bob.hear(&ada, call, &forged), Err(OpenError::Signature));
    assert!(
        ada.sealer
            .seal(call, &bob.certified(), offer("v=0"), NOW)
            .is_ok()
    );
}

#[test]
fn a_changed_message_is_refused() {
    let (mut ada, mut bob, call) = world();
    let sealed = ada.say(&bob, call, offer("v=0"));
    for index in [0, 40, sealed.ciphertext.as_ref().len() - 1] {
        let mut bytes = sealed.ciphertext.as_ref().to_vec();
        bytes[index] ^= 1;
        let changed = Sealed {
            ciphertext: Base64(bytes),
            ..sealed.clone()
        };
        assert_eq!(
            bob.hear(&ada, call, &changed),
            Err(OpenError::NotForThisDevice)
        );
    }
    let other_key = Sealed {
        enc: Base64(vec![9; 32]),
        ..sealed.clone()
    };
    assert_eq!(
        bob.hear(&ada, call, &other_key),
        Err(OpenError::NotForThisDevice)
    );
    let no_key = Sealed {
        enc: Base64(vec![0; 32]),
        ..sealed.clone()
    };
    assert_eq!(
        bob.hear(&ada, call, &no_key),
        Err(OpenError::NotForThisDevice)
    );
    assert_eq!(
        bob.hear(&ada, call, &sealed),
        Ok(offer("v=0")),
        "refusals leave no trace"
    );
}

#[test]
fn a_message_sent_elsewhere_is_refused() {
    let (mut ada, mut bob, call) = world();
    let mut carol = Person::new();
    let sealed = ada.say(&bob, call, offer("v=0"));
    let refused = Err(OpenError::NotForThisDevice);
    assert_eq!(
        carol.hear(&ada, call, &sealed),
        refused,
        "to another person"
    );
    assert_eq!(bob.hear(&carol, call, &sealed), refused, "in another name");
    assert_eq!(
        bob.hear(&ada, CallId(Uuid::now_v7()), &sealed),
        refused,
        "in another call"
    );
}

#[test]
fn a_message_signed_for_something_else_is_refused_inside_the_seal_too() {
    let (ada, mut bob, call) = world();
    let signal = Signal {
        call_id: call,
        from: ada.address(),
        to: bob.address(),
        counter: 1,
        at_ms: NOW,
        body: offer("v=0"),
    };
    let elsewhere = Person::new().address();
    let cases = [
        (
            Signal {
                call_id: CallId(Uuid::now_v7()),
                ..signal.clone()
            },
            OpenError::OtherCall,
        ),
        (
            Signal {
                from: elsewhere,
                ..signal.clone()
            },
            OpenError::OtherSender,
        ),
        (
            Signal {
                to: elsewhere,
                ..signal.clone()
            },
            OpenError::OtherReceiver,
        ),
    ];
    for (signal, error) in cases {
        let plaintext = ada.signed(&serde_json::to_vec(&signal).unwrap());
        let sealed = ada.seal_raw(&bob, call, &plaintext);
        assert_eq!(bob.hear(&ada, call, &sealed), Err(error));
    }
    for plaintext in [
        b"{}".to_vec(),
        b"\xff\x00".to_vec(),
        ada.signed(b"{\"call_id\":7}"),
    ] {
        let sealed = ada.seal_raw(&bob, call, &plaintext);
        assert_eq!(bob.hear(&ada, call, &sealed), Err(OpenError::Malformed));
    }
}

#[test]
fn a_repeated_message_is_refused() {
    let (mut ada, mut bob, call) = world();
    let sealed = ada.say(&bob, call, offer("v=0"));
    bob.hear(&ada, call, &sealed).unwrap();
    let again = bob.hear(&ada, call, &sealed);
    assert!(
        matches!(again, Err(OpenError::Order(OrderError::Replayed { .. }))),
        "{again:?}"
    );
}

#[test]
fn an_overtaken_message_is_refused() {
    let (mut ada, mut bob, call) = world();
    let first = ada.say(&bob, call, candidates(&["one"]));
    let second = ada.say(&bob, call, candidates(&["two"]));
    bob.hear(&ada, call, &second).unwrap();
    let late = bob.hear(&ada, call, &first);
    assert!(
        matches!(late, Err(OpenError::Order(OrderError::Overtaken { .. }))),
        "{late:?}"
    );
}

#[test]
fn a_relayed_candidate_may_overtake_the_answer_in_the_mailbox() {
    let (ada, mut bob, call) = world();
    let mut ada = ada;
    let mailed = bob.say(&ada, call, answer("v=0"));
    let relayed = bob.say(&ada, call, candidates(&["one"]));
    assert_eq!(ada.hear(&bob, call, &relayed), Ok(candidates(&["one"])));
    assert_eq!(ada.hear(&bob, call, &mailed), Ok(answer("v=0")));
    let again = ada.hear(&bob, call, &mailed);
    assert!(
        matches!(again, Err(OpenError::Order(OrderError::Replayed { .. }))),
        "{again:?}"
    );
}

#[test]
fn a_message_kept_back_for_more_than_a_minute_is_refused() {
    let (mut ada, mut bob, call) = world();
    let sealed = ada.say(&bob, call, offer("v=0"));
    for (now_ms, off_ms) in [(NOW + 60_001, -60_001), (NOW - 60_001, 60_001)] {
        let late = bob.sealer.open(call, &ada.certified(), &sealed, now_ms);
        assert_eq!(late, Err(OpenError::Stale { off_ms }));
    }
    assert!(
        bob.sealer
            .open(call, &ada.certified(), &sealed, NOW + 60_000)
            .is_ok()
    );
}

#[test]
fn memory_of_old_calls_goes_and_their_messages_stay_refused() {
    let (mut ada, mut bob, call) = world();
    let old = ada.say(&bob, call, offer("v=0"));
    bob.hear(&ada, call, &old).unwrap();
    let later = NOW + 10 * 60_000;
    for _ in 0..100 {
        let call = CallId(Uuid::now_v7());
        let sealed = ada
            .sealer
            .seal(call, &bob.certified(), offer("v=0"), later)
            .unwrap();
        bob.sealer
            .open(call, &ada.certified(), &sealed, later)
            .unwrap();
    }
    let again = bob.sealer.open(call, &ada.certified(), &old, later);
    assert!(matches!(again, Err(OpenError::Stale { .. })), "{again:?}");
}

#[test]
fn numbers_grow_across_a_restart_of_the_program() {
    let (mut ada, mut bob, call) = world();
    let before = ada.say(&bob, call, candidates(&["one"]));
    bob.hear(&ada, call, &before).unwrap();
    ada.sealer = Sealer::new(ada.sealer.me, ada.sealer.keys.clone());
    let after = ada
        .sealer
        .seal(call, &bob.certified(), candidates(&["two"]), NOW + 5_000)
        .unwrap();
    let heard = bob.sealer.open(call, &ada.certified(), &after, NOW + 5_000);
    assert_eq!(heard, Ok(candidates(&["two"])));
}

#[test]
fn what_the_server_would_not_take_is_refused_before_it_is_sent() {
    let (mut ada, mut bob, call) = world();
    let huge = offer(&"x".repeat(40_000));
    let error = ada
        .sealer
        .seal(call, &bob.certified(), huge, NOW)
        .unwrap_err();
    assert!(matches!(error, SealError::TooLarge { .. }));
    let huge = Sealed {
        enc: Base64(vec![1; 32]),
        ciphertext: Base64(vec![1; 40_000]),
    };
    assert_eq!(bob.hear(&ada, call, &huge), Err(OpenError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(enc in prop::collection::vec(any::<u8>(), 0..64),
                                ciphertext in prop::collection::vec(any::<u8>(), 0..256)) {
        let (ada, mut bob, call) = world();
        let sealed = Sealed { enc: Base64(enc), ciphertext: Base64(ciphertext) };
        prop_assert!(bob.hear(&ada, call, &sealed).is_err());
    }

    #[test]
    fn random_bytes_under_a_good_seal_never_panic(plaintext in prop::collection::vec(any::<u8>(), 0..256),
                                                  signed in any::<bool>()) {
        let (ada, mut bob, call) = world();
        let plaintext = if signed { ada.signed(&plaintext) } else { plaintext };
        let sealed = ada.seal_raw(&bob, call, &plaintext);
        prop_assert_eq!(bob.hear(&ada, call, &sealed), Err(OpenError::Malformed));
    }

    #[test]
    fn random_keys_and_certificates_never_panic(key in prop::collection::vec(any::<u8>(), 0..40),
                                                signature in prop::collection::vec(any::<u8>(), 0..70)) {
        let person = Person::new();
        let mut keys = person.keys();
        keys.devices[0].sealing_key = Base64(key.clone());
        keys.devices[0].signature = Base64(signature);
        prop_assert!(certified_devices(&person.identity.public(), &keys).is_empty());
        let _ = PublicIdentity::try_from(&Base64(key));
    }
}

struct Person {
    identity: IdentityKey,
    sealer: Sealer,
}

impl Person {
    fn new() -> Self {
        let me = Address {
            user_id: UserId(Uuid::now_v7()),
            device_id: DeviceId(Uuid::now_v7()),
        };
        let sealer = Sealer::new(me, DeviceKeys::generate());
        Self {
            identity: IdentityKey::generate(),
            sealer,
        }
    }

    fn address(&self) -> Address {
        self.sealer.me
    }

    fn certificate_for(&self, device: Address) -> jasmin_protocol::DeviceCertificate {
        self.identity.certify(device, &self.sealer.keys, NOW)
    }

    fn keys(&self) -> UserKeys {
        UserKeys {
            user_id: self.address().user_id,
            identity_key: self.identity.public().to_base64(),
            devices: vec![self.certificate_for(self.address())],
        }
    }

    fn certified(&self) -> CertifiedDevice {
        let certificate = self.certificate_for(self.address());
        self.identity
            .public()
            .verify(self.address().user_id, &certificate)
            .unwrap()
    }

    fn say(&mut self, to: &Person, call: CallId, body: SignalBody) -> Sealed {
        self.sealer.seal(call, &to.certified(), body, NOW).unwrap()
    }

    fn hear(
        &mut self,
        from: &Person,
        call: CallId,
        sealed: &Sealed,
    ) -> Result<SignalBody, OpenError> {
        self.sealer.open(call, &from.certified(), sealed, NOW)
    }

    fn signed(&self, signal: &[u8]) -> Vec<u8> {
        let signature = self.sealer.keys.sign(&signed_words(signal));
        let signed = SignedSignal {
            signal: Base64(signal.to_vec()),
            signature,
        };
        serde_json::to_vec(&signed).unwrap()
    }

    /// Seals anything, as a contact with a broken or hostile app would.
    fn seal_raw(&self, to: &Person, call: CallId, plaintext: &[u8]) -> Sealed {
        let (enc, ciphertext) =
            hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                to.certified().sealing_key(),
                CONTEXT,
                plaintext,
                &routing(call, self.address().device_id, to.address().device_id),
            )
            .unwrap();
        Sealed {
            enc: Base64(enc.to_bytes().to_vec()),
            ciphertext: Base64(ciphertext),
        }
    }
}

fn world() -> (Person, Person, CallId) {
    (Person::new(), Person::new(), CallId(Uuid::now_v7()))
}

fn offer(sdp: &str) -> SignalBody {
    SignalBody::Offer {
        sdp: sdp.to_owned(),
        commitment: Base64(vec![1; 32]),
    }
}

fn answer(sdp: &str) -> SignalBody {
    SignalBody::Answer {
        sdp: sdp.to_owned(),
        nonce: Base64(vec![2; 32]),
    }
}

fn candidates(candidates: &[&str]) -> SignalBody {
    SignalBody::Candidates {
        candidates: candidates.iter().map(|&c| c.to_owned()).collect(),
    }
}
