use ed25519_dalek::SigningKey;
use jasmin_protocol::{Address, AskedIn, CallId};

use super::*;
use crate::keys::IdentityKey;

const NOW: i64 = 1_796_029_500_250;

/// Somebody's device, and an honest server.
pub(super) struct World {
    address: Address,
    identity: IdentityKey,
    device: DeviceKeys,
    pub(super) server: SigningKey,
    pub(super) entries: Vec<LedgerEntry>,
}

impl World {
    fn new() -> Self {
        let address = Address {
            user_id: UserId(Uuid::from_u128(1)),
            device_id: DeviceId(Uuid::from_u128(2)),
        };
        Self {
            address,
            identity: IdentityKey::generate(),
            device: DeviceKeys::generate(),
            server: SigningKey::from_bytes(&[7; 32]),
            entries: Vec::new(),
        }
    }

    fn signer(&self, now_ms: i64) -> Signer<'_> {
        Signer {
            subject: self.address.user_id,
            identity: self.identity.public(),
            certificate: self.identity.certify(self.address, &self.device, NOW),
            keys: &self.device,
            offset_ms: 0,
            now_ms,
        }
    }

    fn keys(&self) -> Keys {
        Keys {
            subject: self.address.user_id,
            identity: self.identity.public().to_base64(),
            ledger: Base64(self.server.verifying_key().to_bytes().to_vec()),
        }
    }

    fn enter(&mut self, signed: SignedRecord) {
        let prev = self.entries.last().map(chain::entry_hash);
        let mut entry = LedgerEntry {
            sequence: self.entries.len() as u64 + 1,
            signed,
            at_server: moment::write(NOW).unwrap(),
            prev: Base64(prev.map(|hash| hash.to_vec()).unwrap_or_default()),
            signature: Base64::default(),
        };
        chain::sign_entry(&mut entry, &self.server);
        self.entries.push(entry);
    }

    /// What the server answers to somebody who has so many entries.
    fn answer(&self, after: u64) -> Consents {
        let entries = self.entries.iter().filter(|entry| entry.sequence > after);
        Consents {
            entries: entries.cloned().collect(),
            last: self.entries.len() as u64,
        }
    }
}

fn decision(verdict: Verdict, at_ms: i64) -> Decision {
    Decision {
        policy_set: None,
        purpose: Purpose::Camera,
        verdict,
        at_ms,
        asked_in: AskedIn::Call,
        call: None,
        gesture: None,
        notice: None,
        recorded: true,
    }
}

/// So many decisions, told and read.
pub(super) fn told(count: i64) -> (World, Ledger) {
    let (mut world, mut ledger) = (World::new(), Ledger::default());
    for number in 0..count {
        ledger.add(&decision(Verdict::Denied, NOW + number), &world.signer(NOW));
    }
    for signed in ledger.next_batch() {
        world.enter(signed);
    }
    ledger.pin(world.keys().ledger);
    assert!(!ledger.take(world.answer(0), &world.keys(), &world.signer(NOW)));
    assert_eq!((ledger.last(), ledger.trouble()), (count as u64, None));
    (world, ledger)
}

fn fault(ledger: &mut Ledger, world: &World, answer: Consents) -> (LedgerFault, u64) {
    assert!(!ledger.take(answer, &world.keys(), &world.signer(NOW)));
    let trouble = ledger.trouble().unwrap();
    (trouble.fault, trouble.sequence)
}

#[test]
fn what_was_told_waits_no_longer() {
    let (world, ledger) = told(3);
    assert!(!ledger.is_waiting());
    let views = ledger.views(world.address.device_id, |_| None);
    assert!(views.iter().all(|view| view.told && view.here));
    let stored = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&stored).unwrap(), ledger);
}

#[test]
fn a_yes_for_one_call_names_it_and_its_text() {
    let (world, mut ledger) = (World::new(), Ledger::default());
    let call = CallId(Uuid::from_u128(9));
    let once = Decision {
        call: Some(call),
        notice: asked_with(Purpose::Camera, AskedIn::Call),
        ..decision(Verdict::AllowedOnce, NOW)
    };
    ledger.add(&once, &world.signer(NOW));
    ledger.add(&decision(Verdict::Expired, NOW + 1), &world.signer(NOW));
    let batch = ledger.next_batch();
    let [given, expired] = [&batch[0].record, &batch[1].record];
    assert_eq!(given.scope, Some(format!("call:{call}")));
    assert_eq!(given.duration, Some(LedgerDuration::ThisCall));
    let reference = given.notice.as_ref().unwrap();
    assert!(notice::find("camera", reference).unwrap().lines[0].contains("{first}"));
    assert_eq!(
        (expired.decision, &expired.notice),
        (LedgerDecision::Expired, &None)
    );
    assert!(
        !ledger.views(world.address.device_id, |_| None)[1].notice[0].contains('{'),
        "no placeholder"
    );
}

#[test]
fn a_server_that_changes_what_it_gave_is_noticed() {
    let (mut world, mut ledger) = told(3);
    world.entries[2].at_server = moment::write(NOW + 1).unwrap();
    let server = world.server.clone();
    chain::sign_entry(&mut world.entries[2], &server);
    let answer = world.answer(ledger.after());
    assert_eq!(
        fault(&mut ledger, &world, answer),
        (LedgerFault::Changed, 3)
    );
    assert_eq!(ledger.last(), 3, "what is known stays");
}

#[test]
fn a_server_that_drops_or_moves_is_noticed() {
    let (world, mut ledger) = told(4);
    let mut fresh = Ledger {
        key: ledger.key.clone(),
        ..Ledger::default()
    };
    let mut hole = world.answer(0);
    hole.entries.remove(1);
    assert_eq!(fault(&mut fresh, &world, hole), (LedgerFault::Missing, 3));
    let mut swapped = world.answer(0);
    swapped.entries.swap(1, 2);
    assert_eq!(fault(&mut fresh, &world, swapped).1, 3);
    let silent = Consents {
        entries: Vec::new(),
        last: 5,
    };
    assert_eq!(
        fault(&mut ledger, &world, silent),
        (LedgerFault::Missing, 5)
    );
    assert!(!ledger.take(
        world.answer(ledger.after()),
        &world.keys(),
        &world.signer(NOW)
    ));
    assert_eq!(ledger.trouble(), None, "as soon as it fits again");
}

#[test]
fn a_server_with_another_key_is_noticed() {
    let (mut world, mut ledger) = told(1);
    ledger.add(&decision(Verdict::Allowed, NOW + 9), &world.signer(NOW));
    let pinned = world.keys();
    world.server = SigningKey::from_bytes(&[8; 32]);
    world.enter(ledger.next_batch().remove(0));
    assert!(!ledger.take(world.answer(1), &pinned, &world.signer(NOW)));
    let trouble = ledger.trouble().unwrap();
    assert_eq!(
        (trouble.fault, trouble.sequence),
        (LedgerFault::Unsigned, 2)
    );
    assert!(ledger.is_waiting(), "it is told until it fits");
}

/// The profile was brought back from a backup: the server knows of a later record.
#[test]
fn what_does_not_follow_is_linked_anew_and_never_in_the_future() {
    let (mut world, mut ledger) = told(1);
    let mut backup = ledger.clone();
    ledger.add(&decision(Verdict::Allowed, NOW + 5), &world.signer(NOW));
    world.enter(ledger.next_batch().remove(0));

    backup.add(
        &decision(Verdict::Withdrawn, NOW + 99_999_999),
        &world.signer(NOW),
    );
    assert_eq!(
        backup.next_batch()[0].record.number,
        2,
        "as if nothing had happened"
    );
    assert!(!backup.take(
        world.answer(backup.after()),
        &world.keys(),
        &world.signer(NOW)
    ));
    backup.relink(&world.signer(NOW + 10));
    let record = &backup.next_batch()[0].record;
    assert_eq!(record.number, 3);
    assert_eq!(moment::read(&record.at_client), Some(NOW + 10));
    world.enter(backup.next_batch().remove(0));
    assert!(!backup.take(
        world.answer(backup.after()),
        &world.keys(),
        &world.signer(NOW)
    ));
    assert_eq!(
        (backup.last(), backup.trouble(), backup.is_waiting()),
        (3, None, false)
    );
}

#[test]
fn a_saved_ledger_holds_with_what_waits() {
    let (world, mut ledger) = told(2);
    assert!(
        Ledger::default()
            .export("https://x.example", &world.signer(NOW))
            .is_none()
    );
    ledger.add(&decision(Verdict::Allowed, NOW + 3), &world.signer(NOW));
    let (file, records) = ledger
        .export("https://x.example", &world.signer(NOW))
        .unwrap();
    assert_eq!(records, 3);
    let keys = world.keys();
    let checked = export::check(&file, Some(&keys.identity), Some(&keys.ledger)).unwrap();
    assert_eq!((checked.entries.len(), checked.waiting.len()), (2, 1));
}

/// A database that was brought back from a copy.
#[test]
fn what_the_server_lost_is_told_again_and_missed_until_it_is_back() {
    let (mut world, mut ledger) = told(4);
    let signer_key = world.device.signing_key();
    world.entries.truncate(2);
    let answer = world.answer(ledger.after());
    assert!(!ledger.take(answer, &world.keys(), &world.signer(NOW)));
    let missing = ledger.trouble().unwrap();
    assert_eq!((missing.fault, missing.sequence), (LedgerFault::Missing, 3));
    assert_eq!((ledger.last(), ledger.waiting()), (2, 2));
    for signed in ledger.next_batch() {
        assert_eq!(signed.record.device.certificate.signing_key, signer_key);
        world.enter(signed);
    }
    assert!(!ledger.take(
        world.answer(ledger.after()),
        &world.keys(),
        &world.signer(NOW)
    ));
    assert_eq!(
        (ledger.last(), ledger.trouble(), ledger.is_waiting()),
        (4, None, false)
    );
}

#[test]
fn what_another_device_wrote_in_between_is_read_first() {
    let (mut world, mut ledger) = told(1);
    let mut other = World::new();
    std::mem::swap(&mut world.device, &mut other.device);
    let mut elsewhere = Ledger::default();
    elsewhere.add(&decision(Verdict::Denied, NOW), &world.signer(NOW));
    world.enter(elsewhere.next_batch().remove(0));
    std::mem::swap(&mut world.device, &mut other.device);

    ledger.add(&decision(Verdict::Allowed, NOW), &world.signer(NOW));
    world.enter(ledger.next_batch().remove(0));
    let answer = world.answer(2);
    assert!(!ledger.follows(&answer));
    assert!(ledger.follows(&world.answer(ledger.after())));
    assert!(!ledger.take(
        world.answer(ledger.after()),
        &world.keys(),
        &world.signer(NOW)
    ));
    assert_eq!(
        (ledger.last(), ledger.trouble(), ledger.is_waiting()),
        (3, None, false)
    );
}

/// Records of an earlier sign-in, with keys that are gone.
#[test]
fn what_an_earlier_sign_in_left_keeps_nothing_back() {
    let (world, mut ledger) = told(1);
    let earlier = World::new();
    let mut left = Ledger::default();
    left.add(&decision(Verdict::Withdrawn, NOW), &earlier.signer(NOW));
    let left = left.take_waiting();
    ledger.add(&decision(Verdict::Allowed, NOW + 1), &world.signer(NOW));
    ledger.put_back(left.clone());
    ledger.put_back(left.clone());
    assert_eq!(ledger.waiting(), 2, "each once");
    let own = ledger.next_batch();
    assert_eq!((own.len(), own[0].record.number), (1, 2));
    ledger.relink(&world.signer(NOW + 5));
    assert_eq!(ledger.next_batch(), own, "this device's own chain goes on");
    ledger.waiting.retain(|signed| *signed != own[0]);
    assert_eq!(ledger.next_batch(), left);
}

#[test]
fn a_clock_that_is_set_back_changes_no_order() {
    let (world, mut ledger) = (World::new(), Ledger::default());
    ledger.add(&decision(Verdict::Allowed, NOW), &world.signer(NOW));
    ledger.add(
        &decision(Verdict::Withdrawn, NOW - 60_000),
        &world.signer(NOW),
    );
    let views = ledger.views(world.address.device_id, |_| None);
    let decisions: Vec<_> = views.iter().map(|view| view.decision).collect();
    assert_eq!(
        decisions,
        [LedgerDecision::Withdrawn, LedgerDecision::Granted]
    );
}

fn about_being_counted(decision: LedgerDecision, at_ms: i64) -> NewRecord {
    NewRecord {
        purpose: "aggregate_stats".to_owned(),
        scope: None,
        decision,
        duration: (decision == LedgerDecision::Granted).then_some(LedgerDuration::UntilWithdrawn),
        policy_set: None,
        notice: None,
        asked_in: AskedIn::Settings,
        gesture: None,
        at_ms,
    }
}

/// Another device's clock is fast; what is decided here after it counts all the same.
#[test]
fn an_answer_comes_after_what_it_answers_whatever_the_clocks_say() {
    let (mut world, mut other) = (World::new(), Ledger::default());
    let yes = about_being_counted(LedgerDecision::Granted, NOW + 200_000);
    other.add_record(yes, &world.signer(NOW));
    for signed in other.next_batch() {
        world.enter(signed);
    }
    world.device = DeviceKeys::generate();
    let mut ledger = Ledger::default();
    ledger.pin(world.keys().ledger);
    ledger.take(world.answer(0), &world.keys(), &world.signer(NOW));
    let word = |ledger: &Ledger| ledger.account_words().remove("aggregate_stats").unwrap();
    assert!(word(&ledger).told && word(&ledger).decision == LedgerDecision::Granted);

    let no = about_being_counted(LedgerDecision::Withdrawn, NOW);
    ledger.add_record(no, &world.signer(NOW));
    assert_eq!(
        word(&ledger),
        AccountWord {
            decision: LedgerDecision::Withdrawn,
            at_ms: NOW + 200_001,
            policy: None,
            told: false,
        }
    );
    let again = about_being_counted(LedgerDecision::Granted, NOW + 1);
    ledger.add_record(again, &world.signer(NOW));
    assert_eq!(word(&ledger).at_ms, NOW + 200_002);
    assert_eq!(word(&ledger).decision, LedgerDecision::Granted);
}

#[test]
fn placeholders_are_left_out_of_texts() {
    assert_eq!(
        without_names("Give {partner} your {field}?"),
        "Give … your …?"
    );
    assert_eq!(without_names("plain"), "plain");
    assert_eq!(without_names("open {brace"), "open …brace");
}
