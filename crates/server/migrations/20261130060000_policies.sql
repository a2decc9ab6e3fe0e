-- Policy sets that were published. Rows are added and never change: see the triggers beside this file.
CREATE TABLE policy_set (
    version TEXT NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL UNIQUE,
    signed_set {B} NOT NULL,
    texts {B} NOT NULL,
    published_ms BIGINT NOT NULL
);

-- Which of them somebody accepted with the sign-up; empty where there was none.
ALTER TABLE account ADD COLUMN policy_version TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_up ADD COLUMN policy_version TEXT NOT NULL DEFAULT '';
