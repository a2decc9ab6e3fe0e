-- Times are milliseconds since the Unix epoch. {B} is BLOB on SQLite and BYTEA on PostgreSQL.
-- A *_box is encrypted by the server's data key, a *_tag is keyed-hashed by its lookup key.

CREATE TABLE server_secret (
    name TEXT NOT NULL PRIMARY KEY,
    secret_box {B} NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE account (
    id {B} NOT NULL PRIMARY KEY,
    email_tag {B} NOT NULL UNIQUE,
    email_box {B} NOT NULL,
    name_box {B} NOT NULL,
    birthday_box {B} NOT NULL,
    password_record {B} NOT NULL,
    identity_key {B} NOT NULL,
    wrapped_seed {B} NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Sign-ups that wait for their mailed code. uid is set once confirmed.
CREATE TABLE sign_up (
    id {B} NOT NULL PRIMARY KEY,
    uid {B},
    email_tag {B} NOT NULL,
    person_box {B} NOT NULL,
    password_record {B} NOT NULL,
    identity_key {B} NOT NULL,
    wrapped_seed {B} NOT NULL,
    code_tag {B} NOT NULL,
    code_expires_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    mails BIGINT NOT NULL,
    mailed_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX sign_up_email ON sign_up (email_tag);

CREATE TABLE device (
    uid {B} NOT NULL,
    id {B} NOT NULL,
    name_box {B} NOT NULL,
    platform TEXT NOT NULL,
    signing_key {B} NOT NULL,
    sealing_key {B},
    certified_ms BIGINT,
    certificate_signature {B},
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (uid, id)
);

CREATE TABLE session (
    id {B} NOT NULL PRIMARY KEY,
    uid {B} NOT NULL,
    device_id {B} NOT NULL,
    refresh_hash {B} NOT NULL,
    previous_hash {B},
    successor_box {B},
    rotated_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE INDEX session_device ON session (uid, device_id);

-- Sign-in attempts that were used: each is good once.
CREATE TABLE spent (
    hash {B} NOT NULL PRIMARY KEY,
    expires_ms BIGINT NOT NULL
);

-- Two rows per pair, one for each side.
CREATE TABLE contact (
    uid {B} NOT NULL,
    peer {B} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'incoming', 'accepted')),
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (uid, peer)
);

CREATE TABLE calls (
    id {B} NOT NULL PRIMARY KEY,
    caller {B} NOT NULL,
    caller_device {B} NOT NULL,
    callee {B} NOT NULL,
    answered_device {B},
    kind TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('ringing', 'answered', 'declined', 'busy', 'cancelled', 'missed', 'ended')),
    request_hash {B} NOT NULL,
    created_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    answered_ms BIGINT,
    ended_ms BIGINT
);
CREATE INDEX calls_caller ON calls (caller, created_ms);
CREATE INDEX calls_callee ON calls (callee, created_ms);
CREATE INDEX calls_state ON calls (state, deadline_ms);

CREATE TABLE mailbox (
    uid {B} NOT NULL,
    device_id {B} NOT NULL,
    seq BIGINT NOT NULL,
    msg_id {B} NOT NULL,
    ring_of {B},
    expires_ms BIGINT NOT NULL,
    event_box {B} NOT NULL,
    PRIMARY KEY (uid, device_id, seq),
    UNIQUE (uid, device_id, msg_id)
);
CREATE INDEX mailbox_ring ON mailbox (ring_of);
CREATE INDEX mailbox_expiry ON mailbox (expires_ms);

CREATE TABLE mailbox_head (
    uid {B} NOT NULL,
    device_id {B} NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (uid, device_id)
);

CREATE TABLE idem (
    uid {B} NOT NULL,
    key {B} NOT NULL,
    request_hash {B} NOT NULL,
    status BIGINT NOT NULL,
    body {B} NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (uid, key)
);
CREATE INDEX idem_age ON idem (created_ms);

CREATE TABLE mail_outbox (
    id {B} NOT NULL PRIMARY KEY,
    reason {B} NOT NULL,
    template TEXT NOT NULL,
    mail_box {B} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent')),
    lease_until_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (reason, template)
);
CREATE INDEX mail_outbox_age ON mail_outbox (created_ms);
