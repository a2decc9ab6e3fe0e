-- What was asked for and given under the law, each event linked to the one before. Rows are added and
-- never change: see the triggers beside this file.
CREATE TABLE disclosure_event (
    sequence BIGINT NOT NULL PRIMARY KEY,
    hash {B} NOT NULL,
    event_box {B} NOT NULL,
    at_ms BIGINT NOT NULL
);
