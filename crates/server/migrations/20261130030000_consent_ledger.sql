-- What people decided. Rows are added and never change: see the triggers beside this file.
CREATE TABLE consent_entry (
    uid {B} NOT NULL,
    sequence BIGINT NOT NULL,
    id {B} NOT NULL,
    chain {B} NOT NULL,
    number BIGINT NOT NULL,
    record_hash {B} NOT NULL,
    hash {B} NOT NULL,
    entry_box {B} NOT NULL,
    at_server_ms BIGINT NOT NULL,
    PRIMARY KEY (uid, sequence)
);
CREATE UNIQUE INDEX consent_entry_id ON consent_entry (uid, id);
CREATE UNIQUE INDEX consent_entry_chain ON consent_entry (uid, chain, number);
CREATE INDEX consent_entry_at ON consent_entry (at_server_ms);

-- What the server committed itself to, a UTC day at a time.
CREATE TABLE ledger_root (
    day TEXT NOT NULL PRIMARY KEY,
    leaves BIGINT NOT NULL,
    root {B} NOT NULL,
    signature {B} NOT NULL,
    made_ms BIGINT NOT NULL
);

-- Answers that are remembered are encrypted from here on.
DELETE FROM idem;
