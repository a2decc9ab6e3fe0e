-- What partners are, and how far each has come: each event linked to the one before. Rows are added and
-- never change: see the triggers beside this file.
CREATE TABLE partner_event (
    sequence BIGINT NOT NULL PRIMARY KEY,
    hash {B} NOT NULL,
    event TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

-- What a partner has of a person, what is on its way, and the last number of a message. given and fields
-- are words with commas.
CREATE TABLE share (
    uid {B} NOT NULL,
    partner TEXT NOT NULL,
    given TEXT NOT NULL,
    passing {B},
    number BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    due_ms BIGINT,
    PRIMARY KEY (uid, partner)
);
CREATE INDEX share_due ON share (due_ms);

-- What passed the gate to partners, and what became of it. Rows are added and never change.
CREATE TABLE passing (
    id {B} NOT NULL PRIMARY KEY,
    uid {B} NOT NULL,
    partner TEXT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('given', 'deletion')),
    fields TEXT NOT NULL,
    basis TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX passing_person ON passing (uid, at_ms);

CREATE TABLE passing_answer (
    passing {B} NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('done', 'cancelled')),
    at_ms BIGINT NOT NULL
);

-- Every number about people that was ever published, and what it cost of the year's privacy budget.
-- Rows are added and never change.
CREATE TABLE statistics_release (
    week TEXT NOT NULL PRIMARY KEY,
    epsilon_milli BIGINT NOT NULL,
    release_json TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
