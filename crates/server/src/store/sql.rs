//! Every statement, valid on SQLite and PostgreSQL alike unless its name ends in `_PG`. A test
//! prepares each of them on both.

macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(pub(crate) const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

macro_rules! call_columns {
    () => {
        "id, caller, caller_device, callee, answered_device, kind, state, request_hash, \
         created_ms, deadline_ms, answered_ms, ended_ms"
    };
}

statements! {
    LOCK_PG = "SELECT pg_advisory_xact_lock($1)";
    SCHEMA_VERSION = "SELECT MAX(version) FROM schema_version";
    SCHEMA_APPLIED = "INSERT INTO schema_version (version, applied_ms) VALUES ($1, $2)";

    SECRETS = "SELECT name, secret_box FROM server_secret";
    SECRET_INSERT = "INSERT INTO server_secret (name, secret_box, created_ms) VALUES ($1, $2, $3)";

    ACCOUNT_BY_TAG = "SELECT id, password_record FROM account WHERE email_tag = $1";
    ACCOUNT = "SELECT email_box, name_box, identity_key, wrapped_seed FROM account WHERE id = $1";
    ACCOUNT_INSERT = "INSERT INTO account (id, email_tag, email_box, name_box, birthday_box, \
        password_record, identity_key, wrapped_seed, policy_version, created_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (email_tag) DO NOTHING";

    SIGN_UP_INSERT = "INSERT INTO sign_up (id, email_tag, person_box, password_record, \
        identity_key, wrapped_seed, code_tag, code_expires_ms, policy_version, tries, mails, \
        mailed_ms, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $10, 0, 1, $9, $9) \
        ON CONFLICT (id) DO NOTHING";
    SIGN_UP_TRY = "UPDATE sign_up SET tries = tries + 1 WHERE id = $1 RETURNING uid, email_tag, \
        person_box, password_record, identity_key, wrapped_seed, code_tag, code_expires_ms, tries, \
        policy_version";
    SIGN_UP_BOX = "SELECT person_box FROM sign_up WHERE id = $1 AND uid IS NULL";
    SIGN_UP_RESEND = "UPDATE sign_up SET code_tag = $2, code_expires_ms = $3, tries = 0, \
        mails = mails + 1, mailed_ms = $4 \
        WHERE id = $1 AND uid IS NULL AND mailed_ms <= $5 AND mails < $6 RETURNING mails";
    SIGN_UP_CONFIRM = "UPDATE sign_up SET uid = $2, person_box = $3, password_record = $3, \
        wrapped_seed = $3 WHERE id = $1";
    SIGN_UP_FORGET_OTHERS = "DELETE FROM sign_up WHERE email_tag = $1 AND id <> $2";
    SIGN_UP_SWEEP = "DELETE FROM sign_up WHERE created_ms <= $1";

    DEVICE_PUT = "INSERT INTO device (uid, id, name_box, platform, signing_key, created_ms) \
        VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (uid, id) DO UPDATE SET name_box = $3, platform = $4, signing_key = $5, \
        sealing_key = CASE WHEN device.signing_key = $5 THEN device.sealing_key END, \
        certified_ms = CASE WHEN device.signing_key = $5 THEN device.certified_ms END, \
        certificate_signature = CASE WHEN device.signing_key = $5 THEN device.certificate_signature END";
    DEVICE_KEY = "SELECT signing_key FROM device WHERE uid = $1 AND id = $2";
    DEVICE_CERTIFY = "UPDATE device SET sealing_key = $3, certified_ms = $4, \
        certificate_signature = $5 WHERE uid = $1 AND id = $2 AND signing_key = $6";
    DEVICES_LIVE = "SELECT d.id FROM device d WHERE d.uid = $1 AND EXISTS (SELECT 1 FROM session s \
        WHERE s.uid = d.uid AND s.device_id = d.id AND s.revoked_ms IS NULL AND s.expires_ms > $2) \
        ORDER BY d.id";
    DEVICES_CERTIFIED = "SELECT d.id, d.signing_key, d.sealing_key, d.certified_ms, \
        d.certificate_signature FROM device d WHERE d.uid = $1 AND d.sealing_key IS NOT NULL \
        AND EXISTS (SELECT 1 FROM session s WHERE s.uid = d.uid AND s.device_id = d.id \
        AND s.revoked_ms IS NULL AND s.expires_ms > $2) ORDER BY d.id";

    SPEND = "INSERT INTO spent (hash, expires_ms) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    SPENT_SWEEP = "DELETE FROM spent WHERE expires_ms <= $1";

    SESSION_INSERT = "INSERT INTO session (id, uid, device_id, refresh_hash, rotated_ms, \
        created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $5, $6)";
    SESSION = "SELECT id, uid, device_id, refresh_hash, previous_hash, successor_box, rotated_ms, \
        expires_ms FROM session WHERE id = $1 AND revoked_ms IS NULL AND expires_ms > $2";
    SESSION_ROTATE = "UPDATE session SET refresh_hash = $3, previous_hash = $2, \
        successor_box = $4, rotated_ms = $5, expires_ms = $6 \
        WHERE id = $1 AND refresh_hash = $2 AND revoked_ms IS NULL";
    SESSION_REVOKE = "UPDATE session SET revoked_ms = $3 \
        WHERE id = $1 AND uid = $2 AND revoked_ms IS NULL RETURNING device_id";
    SESSIONS_OF_DEVICE_REVOKE = "UPDATE session SET revoked_ms = $3 \
        WHERE uid = $1 AND device_id = $2 AND revoked_ms IS NULL RETURNING id";
    SESSIONS = "SELECT s.id, s.device_id, d.name_box, d.platform, s.created_ms FROM session s \
        JOIN device d ON d.uid = s.uid AND d.id = s.device_id \
        WHERE s.uid = $1 AND s.revoked_ms IS NULL AND s.expires_ms > $2 \
        ORDER BY s.created_ms DESC, s.id";
    SESSION_SWEEP = "DELETE FROM session WHERE expires_ms <= $1 OR revoked_ms <= $1";

    CONTACT_STATE = "SELECT state FROM contact WHERE uid = $1 AND peer = $2";
    CONTACT_PUT = "INSERT INTO contact (uid, peer, state, since_ms) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (uid, peer) DO UPDATE SET state = $3, since_ms = $4";
    CONTACT_DELETE = "DELETE FROM contact WHERE uid = $1 AND peer = $2";
    CONTACTS = "SELECT c.peer, c.state, c.since_ms, a.name_box, a.email_box FROM contact c \
        JOIN account a ON a.id = c.peer \
        WHERE c.uid = $1 AND c.state IN ('incoming', 'accepted')";

    CALL_INSERT = "INSERT INTO calls (id, caller, caller_device, callee, kind, state, \
        request_hash, created_ms, deadline_ms) VALUES ($1, $2, $3, $4, $5, 'ringing', $6, $7, $8) \
        ON CONFLICT (id) DO NOTHING";
    CALL = concat!("SELECT ", call_columns!(), " FROM calls WHERE id = $1");
    CALL_ANSWER = concat!(
        "UPDATE calls SET state = 'answered', answered_device = $2, answered_ms = $3 \
         WHERE id = $1 AND state = 'ringing' AND deadline_ms > $3 RETURNING ",
        call_columns!()
    );
    CALL_SETTLE = concat!(
        "UPDATE calls SET state = $3, ended_ms = $4 WHERE id = $1 AND state = $2 RETURNING ",
        call_columns!()
    );
    CALLS_DUE = "SELECT id FROM calls WHERE state = 'ringing' AND deadline_ms <= $1 \
        ORDER BY deadline_ms LIMIT 100";
    CALLS_FORGOTTEN = "SELECT id FROM calls WHERE state = 'answered' AND answered_ms <= $1 LIMIT 100";
    CALL_NEXT_DEADLINE = "SELECT MIN(deadline_ms) FROM calls WHERE state = 'ringing'";
    CALLS_SINCE = concat!(
        "SELECT ", call_columns!(), " FROM calls \
         WHERE (caller = $1 OR callee = $1) AND created_ms >= $2 \
         ORDER BY created_ms DESC, id DESC LIMIT 200"
    );

    MAILBOX_NEXT = "INSERT INTO mailbox_head (uid, device_id, last_seq) VALUES ($1, $2, 1) \
        ON CONFLICT (uid, device_id) DO UPDATE SET last_seq = mailbox_head.last_seq + 1 \
        RETURNING last_seq";
    MAILBOX_INSERT = "INSERT INTO mailbox (uid, device_id, seq, msg_id, ring_of, expires_ms, \
        event_box) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    MAILBOX_HEAD = "SELECT last_seq FROM mailbox_head WHERE uid = $1 AND device_id = $2";
    MAILBOX_AFTER = "SELECT seq, msg_id, event_box FROM mailbox \
        WHERE uid = $1 AND device_id = $2 AND seq > $3 AND expires_ms > $4 ORDER BY seq LIMIT $5";
    MAILBOX_ACK = "DELETE FROM mailbox WHERE uid = $1 AND device_id = $2 AND seq <= $3";
    MAILBOX_SHIFT = "UPDATE mailbox SET seq = seq + $3 WHERE uid = $1 AND device_id = $2";
    MAILBOX_HEAD_SHIFT = "INSERT INTO mailbox_head (uid, device_id, last_seq) VALUES ($1, $2, $3) \
        ON CONFLICT (uid, device_id) DO UPDATE SET last_seq = mailbox_head.last_seq + $3 \
        RETURNING last_seq";
    MAILBOX_END_RING = "DELETE FROM mailbox WHERE ring_of = $1";
    MAILBOX_CLEAR = "DELETE FROM mailbox WHERE uid = $1 AND device_id = $2";
    MAILBOX_SWEEP = "DELETE FROM mailbox WHERE expires_ms <= $1";

    IDEM = "SELECT request_hash, status, body FROM idem WHERE uid = $1 AND key = $2 AND created_ms > $3";
    IDEM_PUT = "INSERT INTO idem (uid, key, request_hash, status, body, created_ms) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (uid, key) DO NOTHING";
    IDEM_SWEEP = "DELETE FROM idem WHERE created_ms <= $1";

    CONSENT_INSERT = "INSERT INTO consent_entry (uid, sequence, id, chain, number, record_hash, \
        hash, entry_box, at_server_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    DISCLOSURES = "SELECT sequence, event_box FROM disclosure_event ORDER BY sequence";
    DISCLOSURE_INSERT = "INSERT INTO disclosure_event (sequence, hash, event_box, at_ms) \
        VALUES ($1, $2, $3, $4)";
    GIVE_ACCOUNT = "SELECT email_box, name_box, birthday_box, created_ms, policy_version \
        FROM account WHERE id = $1";
    GIVE_DEVICES = "SELECT id, name_box, platform, created_ms FROM device WHERE uid = $1 ORDER BY id";
    GIVE_SESSIONS = "SELECT device_id, created_ms, revoked_ms FROM session WHERE uid = $1 \
        ORDER BY created_ms, id";
    GIVE_CONTACTS = "SELECT peer, state, since_ms FROM contact WHERE uid = $1 ORDER BY since_ms, peer";
    GIVE_CALLS = "SELECT caller, callee, kind, state, created_ms, answered_ms, ended_ms FROM calls \
        WHERE caller = $1 OR callee = $1 ORDER BY created_ms, id";

    PARTNER_EVENTS = "SELECT event, hash FROM partner_event ORDER BY sequence";
    PARTNER_EVENT_INSERT = "INSERT INTO partner_event (sequence, hash, event, at_ms) \
        VALUES ($1, $2, $3, $4)";
    SHARE_TOUCH = "INSERT INTO share (uid, partner, given, number, tries, due_ms) \
        VALUES ($1, $2, '', 0, 0, 0) ON CONFLICT (uid, partner) DO UPDATE SET due_ms = 0";
    SHARES_TOUCH = "UPDATE share SET due_ms = CASE WHEN due_ms IS NULL THEN $1 ELSE $2 END \
        WHERE due_ms IS NULL OR due_ms > $2";
    SHARES_DUE = "SELECT uid, partner FROM (SELECT uid, partner, due_ms, ROW_NUMBER() OVER \
        (PARTITION BY partner ORDER BY due_ms, uid) AS place FROM share WHERE due_ms <= $1) s \
        WHERE s.place <= $2 ORDER BY s.due_ms, s.uid";
    SHARE = "SELECT given, passing, number, tries, due_ms FROM share WHERE uid = $1 AND partner = $2";
    SHARE_PUT = "UPDATE share SET given = $3, passing = $4, number = $5, tries = $6, due_ms = $7 \
        WHERE uid = $1 AND partner = $2";
    SHARE_PUT_OFF = "UPDATE share SET due_ms = $3 WHERE uid = $1 AND partner = $2";
    PASSING_INSERT = "INSERT INTO passing (id, uid, partner, number, kind, fields, basis, at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    PASSING_ANSWER = "INSERT INTO passing_answer (passing, state, at_ms) VALUES ($1, $2, $3)";
    PASSING = "SELECT kind, fields, number FROM passing WHERE id = $1";
    PASSINGS = "SELECT p.id, p.partner, p.kind, p.fields, p.at_ms, a.state, a.at_ms FROM \
        (SELECT id, partner, kind, fields, at_ms, ROW_NUMBER() OVER \
        (PARTITION BY partner ORDER BY at_ms DESC, id DESC) AS place FROM passing WHERE uid = $1) p \
        LEFT JOIN passing_answer a ON a.passing = p.id WHERE p.place <= $2 \
        ORDER BY p.at_ms DESC, p.id DESC";
    SHARED_FIELDS = "SELECT email_box, name_box, birthday_box FROM account WHERE id = $1";

    STATISTICS = "SELECT release_json FROM statistics_release ORDER BY week DESC";
    STATISTICS_SPENT = "SELECT week, epsilon_milli, at_ms FROM statistics_release";
    CALLS_PLACED = "SELECT kind, created_ms FROM calls \
        WHERE caller = $1 AND created_ms >= $2 AND created_ms < $3 ORDER BY created_ms, id";
    PLATFORMS = "SELECT d.platform FROM device d WHERE d.uid = $1 AND EXISTS (SELECT 1 FROM session s \
        WHERE s.uid = d.uid AND s.device_id = d.id AND s.revoked_ms IS NULL AND s.expires_ms > $2) \
        ORDER BY d.created_ms, d.id";
    STATISTICS_INSERT = "INSERT INTO statistics_release (week, epsilon_milli, release_json, at_ms) \
        VALUES ($1, $2, $3, $4)";

    POLICY_SETS = "SELECT signed_set FROM policy_set ORDER BY place";
    POLICY_TEXTS = "SELECT texts FROM policy_set WHERE version = $1";
    POLICY_INSERT = "INSERT INTO policy_set (version, place, signed_set, texts, published_ms) \
        VALUES ($1, $2, $3, $4, $5)";

    CONSENTS_ALL = "SELECT uid, sequence, entry_box FROM consent_entry \
        WHERE uid > $1 OR (uid = $1 AND sequence > $2) ORDER BY uid, sequence LIMIT $3";
    CONSENT_BY_ID = "SELECT sequence, record_hash, entry_box FROM consent_entry \
        WHERE uid = $1 AND id = $2";
    CONSENT_HEAD = "SELECT sequence, hash FROM consent_entry WHERE uid = $1 \
        ORDER BY sequence DESC LIMIT 1";
    CONSENT_LINK = "SELECT number, record_hash FROM consent_entry WHERE uid = $1 AND chain = $2 \
        ORDER BY number DESC LIMIT 1";
    CONSENTS_AFTER = "SELECT sequence, entry_box FROM consent_entry \
        WHERE uid = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
    CONSENT_HEADS = "SELECT c.uid, c.hash FROM consent_entry c WHERE c.at_server_ms < $1 \
        AND NOT EXISTS (SELECT 1 FROM consent_entry later WHERE later.uid = c.uid \
        AND later.sequence > c.sequence AND later.at_server_ms < $1) ORDER BY c.uid";
    CONSENT_FIRST = "SELECT MIN(at_server_ms) FROM consent_entry";
    ROOT_INSERT = "INSERT INTO ledger_root (day, leaves, root, signature, made_ms) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (day) DO NOTHING";
    ROOTS = "SELECT day, leaves, root, signature FROM ledger_root ORDER BY day DESC LIMIT $1";

    OUTBOX_INSERT = "INSERT INTO mail_outbox (id, reason, template, mail_box, state, \
        lease_until_ms, tries, created_ms, basis, basis_uid) \
        VALUES ($1, $2, $3, $4, 'queued', 0, 0, $5, $6, $7) \
        ON CONFLICT (reason, template) DO NOTHING";
    OUTBOX_LEASE = "UPDATE mail_outbox SET lease_until_ms = $2, tries = tries + 1 \
        WHERE id = (SELECT id FROM mail_outbox WHERE state = 'queued' AND lease_until_ms <= $1 \
        ORDER BY created_ms LIMIT 1) AND state = 'queued' AND lease_until_ms <= $1 \
        RETURNING id, mail_box, created_ms, tries, basis, basis_uid";
    OUTBOX_CANCEL = "DELETE FROM mail_outbox WHERE id = $1";
    OUTBOX_CANCEL_ALL = "DELETE FROM mail_outbox WHERE basis_uid = $1 AND basis = $2 \
        AND state = 'queued'";
    OUTBOX_SENT = "UPDATE mail_outbox SET state = 'sent' WHERE id = $1";
    OUTBOX_RETRY = "UPDATE mail_outbox SET lease_until_ms = $2 WHERE id = $1";
    OUTBOX_NEWEST = "SELECT id, mail_box, created_ms, tries, basis, basis_uid FROM mail_outbox \
        ORDER BY created_ms DESC, id DESC LIMIT 200";
    OUTBOX_SWEEP = "DELETE FROM mail_outbox WHERE state = 'sent' AND created_ms <= $1";
}
