//! One suite for both engines: what the rest of the server relies on.

use std::collections::BTreeSet;

use jasmin_protocol::{CallId, CallKind, CallState, DeviceId, MessageId, SessionId, UserId};
use uuid::Uuid;

use super::*;
use crate::{
    Clock,
    keys::random,
    testing::{World, postgres::Postgres},
};

const NOW: i64 = 1_000_000;

fn id() -> Uuid {
    Uuid::from_bytes(random())
}

fn address() -> Address {
    Address {
        user: UserId(id()),
        device: DeviceId(id()),
    }
}

fn mail(to: Address, text: &str) -> NewMail {
    let event_box = text.as_bytes().to_vec();
    NewMail {
        to,
        msg_id: MessageId(id()),
        ring_of: None,
        expires_ms: NOW + 1000,
        event_box,
    }
}

async fn put(store: &Store, mails: Vec<NewMail>) {
    let mut tx = store.begin().await.unwrap();
    tx.put_mail(mails).await.unwrap();
    tx.commit().await.unwrap();
}

async fn texts(store: &Store, at: Address, after: i64, now_ms: i64) -> Vec<(i64, String)> {
    let mails = store
        .read()
        .await
        .unwrap()
        .mailbox_after(at, after, now_ms, 1000)
        .await
        .unwrap();
    mails
        .into_iter()
        .map(|mail| (mail.seq, String::from_utf8(mail.event_box).unwrap()))
        .collect()
}

async fn statements(store: &Store) {
    let mut conn = store.read().await.unwrap();
    let is_lite = matches!(conn, Conn::Lite(_));
    for (name, sql) in sql::ALL {
        if is_lite && name.ends_with("_PG") {
            continue;
        }
        if let Err(error) = conn.prepare(sql).await {
            panic!("{name} is not understood: {error}");
        }
    }
}

async fn nothing_stays_without_a_commit(store: &Store) {
    let at = address();
    for end in 0..3 {
        let mut tx = store.begin().await.unwrap();
        tx.put_mail(vec![mail(at, "lost")]).await.unwrap();
        match end {
            0 => tx.rollback().await.unwrap(),
            1 => drop(tx),
            _ => {
                // A statement that fails, and then the transaction is dropped.
                tx.script("INSERT INTO no_such_table VALUES (1)")
                    .await
                    .unwrap_err();
                drop(tx);
            }
        }
    }
    assert_eq!(texts(store, at, 0, NOW).await, []);
    put(store, vec![mail(at, "kept")]).await;
    assert_eq!(texts(store, at, 0, NOW).await, [(1, "kept".into())]);
}

async fn mailboxes_count_for_themselves(store: &Store) {
    let (a, b) = (address(), address());
    put(store, vec![mail(b, "b1"), mail(a, "a1"), mail(b, "b2")]).await;
    put(store, vec![mail(a, "a2")]).await;
    let numbered = |prefix: &str| [(1, format!("{prefix}1")), (2, format!("{prefix}2"))];
    assert_eq!(texts(store, a, 0, NOW).await, numbered("a"));
    assert_eq!(texts(store, b, 0, NOW).await, numbered("b"));
    assert_eq!(texts(store, a, 1, NOW).await, [(2, "a2".into())]);
    assert_eq!(
        texts(store, a, 0, NOW + 1000).await,
        [],
        "what ran out is not delivered"
    );

    let mut tx = store.begin().await.unwrap();
    tx.ack_mail(a, 1).await.unwrap();
    assert_eq!(tx.mailbox_head(a).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(texts(store, a, 0, NOW).await, [(2, "a2".into())]);
    assert_eq!(texts(store, b, 0, NOW).await.len(), 2);

    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.shift_mailbox(a, 1000).await.unwrap(), 1002);
    assert_eq!(
        tx.shift_mailbox(address(), 7).await.unwrap(),
        7,
        "also one that was never used"
    );
    tx.sweep_mail(NOW + 999).await.unwrap();
    tx.commit().await.unwrap();
    put(store, vec![mail(a, "a3")]).await;
    assert_eq!(
        texts(store, a, 0, NOW).await,
        [(1002, "a2".into()), (1003, "a3".into())]
    );
}

async fn many_writers_leave_no_gap(store: &Store) {
    let (a, b) = (address(), address());
    let writers = (0..16).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0..10 {
                let text = format!("{n}.{i}");
                let both = if n % 2 == 0 { [a, b] } else { [b, a] };
                put(&store, both.map(|to| mail(to, &text)).into()).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for at in [a, b] {
        let mails = texts(store, at, 0, NOW).await;
        assert!(
            mails.iter().map(|(seq, _)| *seq).eq(1..=160),
            "each number once, in order"
        );
        let distinct: BTreeSet<_> = mails.into_iter().map(|(_, text)| text).collect();
        assert_eq!(distinct.len(), 160);
    }
}

fn new_call(caller: Address, callee: UserId) -> NewCall {
    NewCall {
        id: CallId(id()),
        caller: caller.user,
        caller_device: caller.device,
        callee,
        kind: CallKind::Video,
        request_hash: random(),
        created_ms: NOW,
        deadline_ms: NOW + 100,
    }
}

async fn place(store: &Store, caller: Address, callee: UserId) -> CallId {
    let new = new_call(caller, callee);
    let id = new.id;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.put_call(new).await.unwrap());
    tx.commit().await.unwrap();
    id
}

async fn one_answer_wins(store: &Store) {
    let call = place(store, address(), UserId(id())).await;
    let answers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let answered = tx
                .answer_call(call, DeviceId(id()), NOW + 99)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            answered
        })
    });
    let mut winners = Vec::new();
    for answer in answers.collect::<Vec<_>>() {
        winners.extend(answer.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    let row = store
        .read()
        .await
        .unwrap()
        .call(call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row, winners[0]);
    assert_eq!(
        (row.call.state, row.call.answered_ms),
        (CallState::Answered, Some(NOW + 99))
    );
}

async fn a_call_settles_once(store: &Store) {
    let caller = address();
    let call = place(store, caller, UserId(id())).await;
    let ring = NewMail {
        ring_of: Some(call),
        ..mail(caller, "ring")
    };
    put(store, vec![ring, mail(caller, "other")]).await;

    let mut conn = store.read().await.unwrap();
    assert!(!conn.calls_due(NOW + 99).await.unwrap().contains(&call));
    assert!(conn.calls_due(NOW + 100).await.unwrap().contains(&call));
    assert!(conn.next_deadline().await.unwrap().unwrap() <= NOW + 100);
    drop(conn);

    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.answer_call(call, DeviceId(id()), NOW + 100)
            .await
            .unwrap(),
        None,
        "too late"
    );
    let mut settle = async |from, to| {
        tx.settle_call(call, from, to, NOW + 100)
            .await
            .unwrap()
            .is_some()
    };
    assert!(!settle(CallState::Answered, CallState::Ended).await);
    assert!(settle(CallState::Ringing, CallState::Missed).await);
    assert!(!settle(CallState::Ringing, CallState::Cancelled).await);
    tx.commit().await.unwrap();
    assert_eq!(
        texts(store, caller, 0, NOW).await,
        [(2, "other".into())],
        "the ringing is over"
    );

    let mut tx = store.begin().await.unwrap();
    let again = NewCall {
        id: call,
        ..new_call(caller, UserId(id()))
    };
    assert!(!tx.put_call(again).await.unwrap(), "an id is used once");
    tx.commit().await.unwrap();
    let log = store
        .read()
        .await
        .unwrap()
        .calls_since(caller.user, NOW)
        .await
        .unwrap();
    assert_eq!(
        log.iter().map(|row| row.call.state).collect::<Vec<_>>(),
        [CallState::Missed]
    );
    let later = store
        .read()
        .await
        .unwrap()
        .calls_since(caller.user, NOW + 1)
        .await
        .unwrap();
    assert_eq!(later, []);
}

async fn contacts_are_two_rows(store: &Store) {
    let (a, b) = (UserId(id()), UserId(id()));
    let mut tx = store.begin().await.unwrap();
    tx.lock_pair(a, b).await.unwrap();
    tx.put_contact(a, b, Standing::Requested, NOW)
        .await
        .unwrap();
    tx.put_contact(b, a, Standing::Incoming, NOW).await.unwrap();
    tx.put_contact(b, a, Standing::Accepted, NOW + 1)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut conn = store.read().await.unwrap();
    assert_eq!(
        conn.standing(a, b).await.unwrap(),
        Some(Standing::Requested)
    );
    assert_eq!(conn.standing(b, a).await.unwrap(), Some(Standing::Accepted));
    drop(conn);
    let mut tx = store.begin().await.unwrap();
    tx.delete_contact(b, a).await.unwrap();
    assert_eq!(tx.standing(b, a).await.unwrap(), None);
    assert_eq!(tx.standing(a, b).await.unwrap(), Some(Standing::Requested));
    tx.rollback().await.unwrap();
}

async fn sign_in(store: &Store, at: Address, signing_key: [u8; 32]) -> (SessionId, [u8; 32]) {
    let (session, refresh_hash) = (SessionId(id()), random());
    let mut tx = store.begin().await.unwrap();
    let row = DeviceRow {
        user: at.user,
        device: at.device,
        name_box: b"laptop".to_vec(),
        platform: "linux".into(),
        signing_key,
    };
    tx.put_device(row, NOW).await.unwrap();
    let new = NewSession {
        id: session,
        user: at.user,
        device: at.device,
        refresh_hash,
        expires_ms: NOW + 500,
    };
    tx.put_session(new, NOW).await.unwrap();
    tx.commit().await.unwrap();
    (session, refresh_hash)
}

async fn a_token_has_one_successor(store: &Store) {
    let at = address();
    let (session, first) = sign_in(store, at, random()).await;
    let rotate = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let next = random();
            let rotated = tx
                .rotate(session, first, next, b"box".to_vec(), NOW + 1, NOW + 600)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            rotated.then_some(next)
        })
    });
    let mut successors = Vec::new();
    for rotated in rotate.collect::<Vec<_>>() {
        successors.extend(rotated.await.unwrap());
    }
    assert_eq!(successors.len(), 1);
    let row = store
        .read()
        .await
        .unwrap()
        .session(session, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.refresh_hash, successors[0]);
    assert_eq!(row.previous_hash.as_deref(), Some(first.as_slice()));
}

async fn a_device_is_there_as_long_as_somebody_is_signed_in(store: &Store) {
    let at = address();
    let key = random();
    let (session, _) = sign_in(store, at, key).await;
    let certificate = |signing_key: [u8; 32]| Certificate {
        device: at.device,
        signing_key: signing_key.to_vec(),
        sealing_key: vec![2; 32],
        created_ms: 3,
        signature: vec![4; 64],
    };
    let mut tx = store.begin().await.unwrap();
    assert!(
        !tx.certify(at.user, certificate(random())).await.unwrap(),
        "another key's certificate"
    );
    assert!(tx.certify(at.user, certificate(key)).await.unwrap());
    tx.commit().await.unwrap();
    let seen = async |now_ms| {
        let mut conn = store.read().await.unwrap();
        let live = conn.live_devices(at.user, now_ms).await.unwrap().len();
        (
            live,
            conn.certificates(at.user, now_ms).await.unwrap().len(),
        )
    };
    assert_eq!(seen(NOW).await, (1, 1));
    assert_eq!(seen(NOW + 500).await, (0, 0), "a sign-in runs out");

    sign_in(store, at, key).await;
    assert_eq!(
        seen(NOW).await,
        (1, 1),
        "the same key keeps its certificate"
    );
    sign_in(store, at, random()).await;
    assert_eq!(seen(NOW).await, (1, 0), "another key takes it away");

    put(store, vec![mail(at, "x")]).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.revoke(session, UserId(id()), NOW).await.unwrap(),
        None,
        "nobody else ends it"
    );
    assert_eq!(
        tx.revoke(session, at.user, NOW).await.unwrap(),
        Some(at.device)
    );
    assert_eq!(tx.revoke(session, at.user, NOW).await.unwrap(), None);
    assert_eq!(
        tx.revoke_on_device(at.user, at.device, NOW)
            .await
            .unwrap()
            .len(),
        2
    );
    tx.commit().await.unwrap();
    assert_eq!(seen(NOW).await, (0, 0));
    assert_eq!(
        texts(store, at, 0, NOW).await,
        [],
        "signing out empties the mailbox"
    );
    assert!(
        store
            .read()
            .await
            .unwrap()
            .session(session, NOW)
            .await
            .unwrap()
            .is_none()
    );
}

fn sign_up(email_tag: [u8; 32]) -> SignUpRow {
    SignUpRow {
        user: None,
        email_tag,
        person_box: b"person".to_vec(),
        password_record: b"record".to_vec(),
        identity_key: vec![1; 32],
        wrapped_seed: b"seed".to_vec(),
        code_tag: [2; 32],
        code_expires_ms: NOW + 10,
        tries: 0,
        policy_version: "1.0.0".to_owned(),
    }
}

fn account(email_tag: [u8; 32]) -> NewAccount {
    NewAccount {
        id: UserId(id()),
        email_tag,
        email_box: b"email".to_vec(),
        name_box: b"name".to_vec(),
        birthday_box: b"birthday".to_vec(),
        password_record: b"record".to_vec(),
        identity_key: vec![1; 32],
        wrapped_seed: b"seed".to_vec(),
        policy_version: "1.0.0".to_owned(),
    }
}

async fn an_address_becomes_one_account(store: &Store) {
    let (tag, attempts) = (random(), [id(), id()]);
    let mut tx = store.begin().await.unwrap();
    for attempt in attempts {
        assert!(tx.put_sign_up(attempt, sign_up(tag), NOW).await.unwrap());
        assert!(!tx.put_sign_up(attempt, sign_up(tag), NOW).await.unwrap());
    }
    assert_eq!(tx.try_sign_up(attempts[0]).await.unwrap().unwrap().tries, 1);
    let tried = tx.try_sign_up(attempts[0]).await.unwrap().unwrap();
    assert_eq!(
        (tried.tries, tried.person_box.as_slice()),
        (2, b"person".as_slice())
    );
    let renewed = tx
        .renew_code(attempts[0], [3; 32], NOW + 20, NOW, NOW - 1, 5)
        .await
        .unwrap();
    assert_eq!(renewed, None, "mailed a moment ago");
    let renewed = tx
        .renew_code(attempts[0], [3; 32], NOW + 20, NOW + 5, NOW, 5)
        .await
        .unwrap();
    assert_eq!(renewed, Some(2));
    let tried = tx.try_sign_up(attempts[0]).await.unwrap().unwrap();
    assert_eq!(
        (tried.tries, tried.code_tag),
        (1, [3; 32]),
        "a new code has its own tries"
    );

    let first = account(tag);
    let first_id = first.id;
    assert!(tx.confirm_sign_up(attempts[0], first, NOW).await.unwrap());
    assert!(
        !tx.confirm_sign_up(attempts[1], account(tag), NOW)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();

    let mut conn = store.read().await.unwrap();
    assert_eq!(
        conn.account_by_tag(&tag).await.unwrap(),
        Some((first_id, b"record".to_vec()))
    );
    assert_eq!(
        conn.account(first_id).await.unwrap().unwrap().name_box,
        b"name"
    );
    assert!(conn.sign_up_person(attempts[0]).await.unwrap().is_none());
    drop(conn);
    let mut tx = store.begin().await.unwrap();
    tx.sweep_sign_ups(NOW, NOW).await.unwrap();
    assert!(tx.try_sign_up(attempts[0]).await.unwrap().is_none());
    tx.commit().await.unwrap();
}

async fn once_is_once(store: &Store) {
    let (user, key, hash) = (UserId(id()), id(), random());
    let replay = |body: &str| Replay {
        request_hash: hash,
        status: 201,
        body: body.as_bytes().to_vec(),
    };
    let mut tx = store.begin().await.unwrap();
    assert!(tx.spend(hash, NOW).await.unwrap());
    assert!(!tx.spend(hash, NOW).await.unwrap());
    tx.put_replay(user, key, replay("first"), NOW)
        .await
        .unwrap();
    tx.put_replay(user, key, replay("second"), NOW)
        .await
        .unwrap();
    let kept = tx.replay(user, key, NOW - 1).await.unwrap();
    assert_eq!(kept, Some(replay("first")));
    assert_eq!(tx.replay(user, key, NOW).await.unwrap(), None, "too old");
    assert_eq!(
        tx.replay(UserId(id()), key, 0).await.unwrap(),
        None,
        "somebody else's key"
    );

    let reason = random();
    let mail = || NewOutboxRow {
        id: id(),
        reason,
        template: "code",
        mail_box: b"mail".to_vec(),
        basis: None,
    };
    tx.put_outbox(mail(), NOW).await.unwrap();
    tx.put_outbox(mail(), NOW).await.unwrap();
    let leased = tx.lease_mail(NOW, NOW + 10).await.unwrap().unwrap();
    assert_eq!(
        (leased.mail_box.as_slice(), leased.tries),
        (b"mail".as_slice(), 1)
    );
    assert!(
        tx.lease_mail(NOW, NOW + 10).await.unwrap().is_none(),
        "one mail per reason, leased once"
    );
    let again = tx.lease_mail(NOW + 10, NOW + 20).await.unwrap().unwrap();
    assert_eq!((again.id, again.tries), (leased.id, 2), "a lease runs out");
    tx.mail_sent(leased.id).await.unwrap();
    assert!(tx.lease_mail(NOW + 99, NOW + 100).await.unwrap().is_none());
    tx.sweep_outbox(NOW).await.unwrap();
    tx.sweep_replays(NOW).await.unwrap();
    tx.sweep_sessions(NOW - 1).await.unwrap();
    assert_eq!(tx.newest_mails().await.unwrap().len(), 0);
    tx.commit().await.unwrap();
}

async fn policies_and_disclosures_only_grow(store: &Store) {
    let zeroes = if matches!(store, Store::Lite { .. }) {
        "x'00'"
    } else {
        "'\\x00'"
    };
    let policy = format!("INSERT INTO policy_set VALUES ('9.9.9', 900, {zeroes}, {zeroes}, 1)");
    let event = format!("INSERT INTO disclosure_event VALUES (900, {zeroes}, {zeroes}, 1)");
    for (table, insert) in [("policy_set", policy), ("disclosure_event", event)] {
        let replace = insert.replacen("INSERT", "INSERT OR REPLACE", 1);
        for change in [
            format!(
                "UPDATE {table} SET {}",
                if table == "policy_set" {
                    "published_ms = 2"
                } else {
                    "at_ms = 2"
                }
            ),
            format!("DELETE FROM {table}"),
            insert.clone(),
            replace,
        ] {
            let mut tx = store.begin().await.unwrap();
            tx.script(&insert).await.unwrap();
            let refused = tx.script(&change).await;
            assert!(refused.is_err(), "{change}: the database itself refuses");
            drop(tx);
        }
    }
}

async fn a_ledger_only_grows(store: &Store) {
    let user = UserId(id());
    let entry = |sequence: i64, number: i64| NewConsent {
        user,
        sequence,
        id: jasmin_protocol::RecordId(id()),
        chain: [4; 32],
        number,
        record_hash: [number as u8; 32],
        hash: [sequence as u8; 32],
        entry_box: vec![5; 10],
        at_ms: NOW + sequence,
    };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.consent_head(user).await.unwrap(), None);
    tx.put_consent(entry(1, 1)).await.unwrap();
    tx.put_consent(entry(2, 2)).await.unwrap();
    tx.commit().await.unwrap();

    for (name, change) in [
        ("changed", "UPDATE consent_entry SET number = 9"),
        ("deleted", "DELETE FROM consent_entry"),
        ("root changed", "UPDATE ledger_root SET leaves = 9"),
        (
            "replaced",
            "INSERT OR REPLACE INTO consent_entry SELECT uid, sequence, id, chain, 9, \
             record_hash, hash, entry_box, at_server_ms FROM consent_entry",
        ),
    ] {
        if name == "replaced" && !matches!(store, Store::Lite { .. }) {
            // PostgreSQL knows no such thing.
            continue;
        }
        let mut tx = store.begin().await.unwrap();
        if name.starts_with("root") {
            let root = jasmin_protocol::DailyRoot {
                day: "2026-11-30".into(),
                leaves: 1,
                root: jasmin_protocol::Base64(vec![1; 32]),
                signature: jasmin_protocol::Base64(vec![1; 64]),
            };
            tx.put_root(&root, NOW).await.unwrap();
        }
        let refused = tx.script(change).await;
        assert!(refused.is_err(), "{name}: the database itself refuses");
        drop(tx);
    }
    for twice in [entry(2, 3), entry(3, 2)] {
        let mut tx = store.begin().await.unwrap();
        assert!(tx.put_consent(twice).await.is_err(), "no two in one place");
        drop(tx);
    }

    let mut conn = store.read().await.unwrap();
    assert_eq!(conn.consent_head(user).await.unwrap(), Some((2, [2; 32])));
    let link = conn.consent_link(user, &[4; 32]).await.unwrap();
    assert_eq!(link, Some((2, [2; 32])));
    assert_eq!(conn.consent_link(user, &[5; 32]).await.unwrap(), None);
    let after = conn.consents_after(user, 1, 10).await.unwrap();
    assert_eq!(after, [(2, vec![5; 10])]);
    let heads = conn.consent_heads(NOW + 2).await.unwrap();
    assert_eq!(heads, [(user, [1; 32])], "as it was before the second");
    assert_eq!(conn.first_consent_ms().await.unwrap(), Some(NOW + 1));
}

async fn all(store: &Store) {
    statements(store).await;
    nothing_stays_without_a_commit(store).await;
    mailboxes_count_for_themselves(store).await;
    many_writers_leave_no_gap(store).await;
    one_answer_wins(store).await;
    a_call_settles_once(store).await;
    contacts_are_two_rows(store).await;
    a_token_has_one_successor(store).await;
    a_device_is_there_as_long_as_somebody_is_signed_in(store).await;
    an_address_becomes_one_account(store).await;
    once_is_once(store).await;
    policies_and_disclosures_only_grow(store).await;
    a_ledger_only_grows(store).await;
    store.ping().await.unwrap();
}

/// The whole story over the API: people meet, ring, talk, miss each other.
async fn a_story(world: &World) {
    let (ada, bob) = world.two_friends().await;
    let other = world.another_device(&bob).await;
    let call = world.place(&ada, &bob).await;
    assert_eq!(world.answer(&bob, call).await.status(), 200);
    assert_eq!(world.answer(&other, call).await.status(), 410);
    let hang_up = world
        .request("POST", &format!("/v1/calls/{call}/hangup"))
        .by(&ada)
        .send()
        .await;
    assert_eq!(
        hang_up.ok::<jasmin_protocol::Call>().state,
        CallState::Ended
    );
    world.clock.advance(1000);
    world.place(&bob, &ada).await;
    world.clock.advance(60_000);
    assert!(world.app.end_overdue_calls().await.unwrap() >= 1);
    world.app.forget().await.unwrap();
    let log: jasmin_protocol::Calls = world.get_as(&ada, "/v1/calls").await.ok();
    let states: Vec<_> = log.calls.iter().map(|call| call.state).collect();
    assert_eq!(states, [CallState::Missed, CallState::Ended]);
    let body = ada.refresh(&ada.session.tokens.refresh, world.clock.now_ms());
    assert_eq!(world.post("/v1/auth/refresh", &body).await.status(), 200);
    assert_eq!(world.app.send_mails().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_to_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("test.db"), NOW)
        .await
        .unwrap();
    all(&store).await;
    a_story(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_to_the_rules() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let store = Store::open_url(&server.url(), NOW).await.unwrap();
    all(&store).await;
    let again = Store::open_url(&server.url(), NOW).await.unwrap();
    statements(&again).await;
    again.close().await;

    let mut tx = store.begin().await.unwrap();
    tx.script("INSERT INTO schema_version VALUES (99999999999999, 0)")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let newer = Store::open_url(&server.url(), NOW).await.unwrap_err();
    assert!(
        matches!(
            newer,
            OpenError::Newer {
                found: 99_999_999_999_999,
                ..
            }
        ),
        "{newer}"
    );
    let mut tx = store.begin().await.unwrap();
    tx.script("DELETE FROM schema_version WHERE version = 99999999999999")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    store.close().await;

    a_story(&World::on(Some(server.url()), |_| {}).await).await;
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_then_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("test.db"), NOW)
        .await
        .unwrap();
    let at = address();
    let mut tx = store.begin().await.unwrap();
    tx.script("PRAGMA max_page_count = 1").await.unwrap();
    tx.commit().await.unwrap();

    let big = NewMail {
        event_box: vec![7; 1_000_000],
        ..mail(at, "")
    };
    let mut tx = store.begin().await.unwrap();
    let full = tx.put_mail(vec![big]).await.unwrap_err();
    assert!(matches!(full, StoreError::Unavailable(_)), "{full}");
    drop(tx);

    // The connection that met the full disk is gone, and with it the limit.
    put(
        &store,
        vec![NewMail {
            event_box: vec![7; 1_000_000],
            ..mail(at, "")
        }],
    )
    .await;
    assert_eq!(
        store
            .read()
            .await
            .unwrap()
            .mailbox_after(at, 0, NOW, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}
