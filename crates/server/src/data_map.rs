//! What the server stores about people: every column, in words. A column that nobody explained fails
//! a test, so that a question about somebody's data has one answer, and it is complete.

use std::fmt::Write;

/// How the server came to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The person said so.
    Given,
    /// It follows from what the person did.
    Observed,
    /// It was concluded about the person.
    Inferred,
    /// It says nothing about a person.
    Machinery,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Machinery => "machinery",
        }
    }
}

/// In which form it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Encrypted by a key that this server has.
    Encrypted,
    /// A hash, keyed or of something random: it can be compared, not read.
    Hashed,
    /// Only a person's own device, or their password, opens it.
    Unreadable,
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Encrypted => "encrypted, readable by this server",
            Self::Hashed => "hash",
            Self::Unreadable => "not readable by this server",
        }
    }

    /// Whether somebody who makes us hand it over could read it.
    #[must_use]
    pub fn can_be_read(self) -> bool {
        match self {
            Self::Plain | Self::Encrypted => true,
            Self::Hashed | Self::Unreadable => false,
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub what: &'static str,
    /// Where that is from.
    pub origin: Origin,
    /// In which form it is there.
    pub form: Form,
}

/// One table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Who sees it besides this server.
    pub seen_by: &'static str,
    /// How long a row stays.
    pub kept: &'static str,
    /// All of its columns.
    pub columns: &'static [Column],
}

use Form::{Encrypted, Hashed, Plain, Unreadable};
use Origin::{Given, Machinery, Observed};

const fn column(name: &'static str, what: &'static str, origin: Origin, form: Form) -> Column {
    Column {
        name,
        what,
        origin,
        form,
    }
}

/// Everything that is stored.
pub const DATA_MAP: &[Table] = &[
    Table {
        name: "account",
        purpose: "to have an account and sign in",
        seen_by: "the person; accepted contacts see name, address and identity key",
        kept: "as long as the account",
        columns: &[
            column("id", "the account's number", Machinery, Plain),
            column("email_tag", "what an address is found by", Given, Hashed),
            column("email_box", "e-mail address", Given, Encrypted),
            column("name_box", "name", Given, Encrypted),
            column("birthday_box", "birthday", Given, Encrypted),
            column(
                "password_record",
                "OPAQUE record: checks the password, does not hold it",
                Given,
                Unreadable,
            ),
            column("identity_key", "public identity key", Machinery, Plain),
            column(
                "wrapped_seed",
                "private identity key, wrapped by the password",
                Machinery,
                Unreadable,
            ),
            column("created_ms", "when the account was made", Observed, Plain),
            column(
                "policy_version",
                "which policies were accepted with the sign-up",
                Given,
                Plain,
            ),
        ],
    },
    Table {
        name: "sign_up",
        purpose: "to confirm an address",
        seen_by: "nobody",
        kept: "24 hours",
        columns: &[
            column("id", "the attempt's number", Machinery, Plain),
            column("uid", "the account that came of it", Observed, Plain),
            column("email_tag", "what an address is found by", Given, Hashed),
            column(
                "person_box",
                "address, name, birthday; empty once confirmed",
                Given,
                Encrypted,
            ),
            column(
                "password_record",
                "OPAQUE record; empty once confirmed",
                Given,
                Unreadable,
            ),
            column("identity_key", "public identity key", Machinery, Plain),
            column(
                "wrapped_seed",
                "private identity key, wrapped by the password; empty once confirmed",
                Machinery,
                Unreadable,
            ),
            column(
                "code_tag",
                "what the mailed code is checked by",
                Machinery,
                Hashed,
            ),
            column(
                "code_expires_ms",
                "until when the code is good",
                Machinery,
                Plain,
            ),
            column("tries", "how often a code was tried", Observed, Plain),
            column("mails", "how many codes were mailed", Observed, Plain),
            column("mailed_ms", "when the last was mailed", Observed, Plain),
            column("created_ms", "when it began", Observed, Plain),
            column(
                "policy_version",
                "which policies were accepted with it",
                Given,
                Plain,
            ),
        ],
    },
    Table {
        name: "device",
        purpose: "to be called on a device, and to see where one is signed in",
        seen_by: "the person; accepted contacts see the certificates",
        kept: "as long as the account",
        columns: &[
            column("uid", "whose", Machinery, Plain),
            column("id", "the device's number", Machinery, Plain),
            column("name_box", "the device's name", Given, Encrypted),
            column("platform", "its operating system", Observed, Plain),
            column("signing_key", "public signing key", Machinery, Plain),
            column("sealing_key", "public sealing key", Machinery, Plain),
            column(
                "certified_ms",
                "when its certificate was made",
                Observed,
                Plain,
            ),
            column(
                "certificate_signature",
                "the identity's signature",
                Machinery,
                Plain,
            ),
            column("created_ms", "when it signed in first", Observed, Plain),
        ],
    },
    Table {
        name: "session",
        purpose: "to stay signed in",
        seen_by: "the person",
        kept: "until it runs out or is ended, and a day more",
        columns: &[
            column("id", "the sign-in's number", Machinery, Plain),
            column("uid", "whose", Machinery, Plain),
            column("device_id", "on which device", Observed, Plain),
            column("refresh_hash", "of the refresh token", Machinery, Hashed),
            column("previous_hash", "of the one before", Machinery, Hashed),
            column(
                "successor_box",
                "the refresh token, for a lost answer",
                Machinery,
                Encrypted,
            ),
            column(
                "rotated_ms",
                "when the app was last there to renew it",
                Observed,
                Plain,
            ),
            column("created_ms", "since when", Observed, Plain),
            column("expires_ms", "until when", Machinery, Plain),
            column("revoked_ms", "when it was ended", Observed, Plain),
        ],
    },
    Table {
        name: "spent",
        purpose: "a sign-in attempt is good once",
        seen_by: "nobody",
        kept: "until the attempt would have run out",
        columns: &[
            column("hash", "of the attempt", Machinery, Hashed),
            column("expires_ms", "until when", Machinery, Plain),
        ],
    },
    Table {
        name: "contact",
        purpose: "only people who agreed can call each other",
        seen_by: "both people; whoever is asked sees name and address of who asks",
        kept: "until one of them ends it; a request, until it is answered",
        columns: &[
            column("uid", "who", Machinery, Plain),
            column("peer", "with whom", Given, Plain),
            column("state", "asked, was asked, or agreed", Given, Plain),
            column("since_ms", "since when", Observed, Plain),
        ],
    },
    Table {
        name: "calls",
        purpose: "to ring, and the call log",
        seen_by: "both people",
        kept: "as long as one of the accounts",
        columns: &[
            column("id", "the call's number", Machinery, Plain),
            column("caller", "who called", Observed, Plain),
            column("caller_device", "on which device", Observed, Plain),
            column("callee", "who was called", Observed, Plain),
            column(
                "answered_device",
                "on which device it was answered",
                Observed,
                Plain,
            ),
            column("kind", "with or without picture", Observed, Plain),
            column(
                "state",
                "answered, missed, declined and so on",
                Observed,
                Plain,
            ),
            column(
                "request_hash",
                "of the request, to know it again",
                Machinery,
                Hashed,
            ),
            column("created_ms", "when it was placed", Observed, Plain),
            column("deadline_ms", "until when it rings", Machinery, Plain),
            column("answered_ms", "when it was answered", Observed, Plain),
            column("ended_ms", "when it ended", Observed, Plain),
        ],
    },
    Table {
        name: "mailbox",
        purpose: "what a device has yet to hear",
        seen_by: "the device that it is for",
        kept: "until the device has it, at most 30 days",
        columns: &[
            column("uid", "for whom", Machinery, Plain),
            column("device_id", "for which device", Machinery, Plain),
            column("seq", "its place", Machinery, Plain),
            column("msg_id", "its number", Machinery, Plain),
            column("ring_of", "the call that it is about", Observed, Plain),
            column("expires_ms", "until when it matters", Machinery, Plain),
            column(
                "event_box",
                "the event; what devices say to each other in it is sealed for one of them",
                Observed,
                Encrypted,
            ),
        ],
    },
    Table {
        name: "mailbox_head",
        purpose: "to count mailboxes without a gap",
        seen_by: "nobody",
        kept: "as long as the account",
        columns: &[
            column("uid", "whose", Machinery, Plain),
            column("device_id", "which device's", Machinery, Plain),
            column("last_seq", "the last number", Machinery, Plain),
        ],
    },
    Table {
        name: "idem",
        purpose: "a request that is repeated is carried out once",
        seen_by: "the person",
        kept: "48 hours",
        columns: &[
            column("uid", "whose", Machinery, Plain),
            column("key", "chosen by the app", Machinery, Plain),
            column("request_hash", "of the request", Machinery, Hashed),
            column("status", "how it was answered", Observed, Plain),
            column("body", "the answer", Observed, Encrypted),
            column("created_ms", "when", Observed, Plain),
        ],
    },
    Table {
        name: "mail_outbox",
        purpose: "to send mail",
        seen_by: "whoever it is addressed to",
        kept: "a day after it was written, if it was sent by then",
        columns: &[
            column("id", "the mail's number", Machinery, Plain),
            column("reason", "of what it came", Machinery, Hashed),
            column("template", "which mail", Observed, Plain),
            column("mail_box", "address and text", Given, Encrypted),
            column("state", "queued or sent", Machinery, Plain),
            column("lease_until_ms", "when it is tried again", Machinery, Plain),
            column("tries", "how often it was tried", Machinery, Plain),
            column("created_ms", "when it was written", Observed, Plain),
            column(
                "basis",
                "what allows it: the account, or a purpose",
                Machinery,
                Plain,
            ),
            column("basis_uid", "whose yes allows it", Machinery, Plain),
        ],
    },
    Table {
        name: "policy_set",
        purpose: "to show which policies counted when",
        seen_by: "everybody",
        kept: "for ever",
        columns: &[
            column("version", "the set's version", Machinery, Plain),
            column("place", "its place among all sets", Machinery, Plain),
            column("signed_set", "dates, hashes, changes", Machinery, Plain),
            column("texts", "the texts", Machinery, Plain),
            column("published_ms", "when it was published", Machinery, Plain),
        ],
    },
    Table {
        name: "disclosure_event",
        purpose: "to prove what was given under the law, and that two people approved it",
        seen_by: "the person it is about, when they may; everybody sees day, ground and hash",
        kept: "for ever",
        columns: &[
            column("sequence", "its place in the register", Machinery, Plain),
            column("hash", "of the event", Machinery, Hashed),
            column(
                "event_box",
                "whom it is about, who asked and why, which fields, who approved",
                Observed,
                Encrypted,
            ),
            column("at_ms", "when", Observed, Plain),
        ],
    },
    Table {
        name: "partner_event",
        purpose: "to show who the partners are and what each has signed",
        seen_by: "everybody, but for the addresses that data go to",
        kept: "for ever",
        columns: &[
            column("sequence", "its place in the book", Machinery, Plain),
            column("hash", "of the event", Machinery, Hashed),
            column(
                "event",
                "what the partner is, signed or was told",
                Machinery,
                Plain,
            ),
            column("at_ms", "when", Machinery, Plain),
        ],
    },
    Table {
        name: "share",
        purpose: "to keep what a partner has in line with what the person allows",
        seen_by: "the person",
        kept: "as long as the account",
        columns: &[
            column("uid", "whose", Machinery, Plain),
            column("partner", "which partner", Given, Plain),
            column("given", "which fields the partner has", Observed, Plain),
            column("passing", "what is on its way", Machinery, Plain),
            column(
                "number",
                "counts the messages to the partner",
                Machinery,
                Plain,
            ),
            column("tries", "how often that was tried", Machinery, Plain),
            column("due_ms", "when it is looked at again", Machinery, Plain),
        ],
    },
    Table {
        name: "passing",
        purpose: "to prove what went to partners",
        seen_by: "the person",
        kept: "for ever: what went out stays proven",
        columns: &[
            column("id", "its number", Machinery, Plain),
            column("uid", "about whom", Machinery, Plain),
            column("partner", "to which partner", Observed, Plain),
            column(
                "number",
                "its place among the messages to the partner",
                Machinery,
                Plain,
            ),
            column("kind", "given, or told to delete", Observed, Plain),
            column(
                "fields",
                "which fields, not what is in them",
                Observed,
                Plain,
            ),
            column(
                "basis",
                "the records with the person's yes",
                Machinery,
                Plain,
            ),
            column("at_ms", "when", Observed, Plain),
        ],
    },
    Table {
        name: "passing_answer",
        purpose: "to prove what became of it",
        seen_by: "the person",
        kept: "for ever",
        columns: &[
            column("passing", "of which passing", Machinery, Plain),
            column(
                "state",
                "the partner took it, or it was taken back before it answered",
                Observed,
                Plain,
            ),
            column("at_ms", "when", Observed, Plain),
        ],
    },
    Table {
        name: "statistics_release",
        purpose: "to publish numbers about many people, and to count what they cost in privacy",
        seen_by: "everybody",
        kept: "for ever",
        columns: &[
            column("week", "of which week", Machinery, Plain),
            column(
                "epsilon_milli",
                "the privacy loss in thousandths",
                Machinery,
                Plain,
            ),
            column("release_json", "the numbers, with noise", Machinery, Plain),
            column("at_ms", "when they were made", Machinery, Plain),
        ],
    },
    Table {
        name: "consent_entry",
        purpose: "to prove what somebody agreed to, refused or took back",
        seen_by: "the person",
        kept: "for ever: what was agreed to stays proven",
        columns: &[
            column("uid", "whose", Machinery, Plain),
            column(
                "sequence",
                "its place in the person's ledger",
                Machinery,
                Plain,
            ),
            column("id", "the record's number", Machinery, Plain),
            column("chain", "of the device and its key", Machinery, Hashed),
            column(
                "number",
                "its place in the device's chain",
                Machinery,
                Plain,
            ),
            column("record_hash", "of the record", Machinery, Hashed),
            column("hash", "of the entry", Machinery, Hashed),
            column(
                "entry_box",
                "purpose, decision, text, device, time, signatures",
                Given,
                Encrypted,
            ),
            column("at_server_ms", "when it came in", Observed, Plain),
        ],
    },
    Table {
        name: "ledger_root",
        purpose: "one hash a day over all ledgers",
        seen_by: "everybody",
        kept: "for ever",
        columns: &[
            column("day", "which day", Machinery, Plain),
            column("leaves", "how many ledgers", Machinery, Plain),
            column("root", "the hash", Machinery, Hashed),
            column("signature", "by the server", Machinery, Plain),
            column("made_ms", "when it was made", Machinery, Plain),
        ],
    },
    Table {
        name: "server_secret",
        purpose: "the server's own keys",
        seen_by: "nobody",
        kept: "as long as the server",
        columns: &[
            column("name", "which key", Machinery, Plain),
            column(
                "secret_box",
                "the key, encrypted by the key file",
                Machinery,
                Encrypted,
            ),
            column("created_ms", "when it was made", Machinery, Plain),
        ],
    },
    Table {
        name: "schema_version",
        purpose: "to bring the database up to date",
        seen_by: "nobody",
        kept: "as long as the server",
        columns: &[
            column("version", "which version", Machinery, Plain),
            column("applied_ms", "when it was applied", Machinery, Plain),
        ],
    },
];

/// What is stored beside the database: place, what, how long.
pub const FILES: &[(&str, &str, &str)] = &[
    (
        "outbox/*.eml",
        "every mail, with its address and text, readable by whoever may read the folder",
        "a day",
    ),
    (
        "server.key",
        "the key that opens the database's keys",
        "as long as the server",
    ),
];

/// The map for people, in Markdown: first what could be handed over about somebody, then every table.
#[must_use]
pub fn describe() -> String {
    let mut text = String::from(
        "# What the server stores\n\n\
         Made by `jasmin-server data-map` from `crates/server/src/data_map.rs`.\n\n\
         ## What we could hand over about a person\n\n\
         Whoever makes the operator hand over everything about somebody gets this in readable form. There\n\
         is no content of calls in it: sound, pictures and what devices say to each other never reach the\n\
         server in a form that it can read.\n\n",
    );
    for (origin, title) in [
        (Origin::Given, "What the person said"),
        (Origin::Observed, "What follows from what the person did"),
        (Origin::Inferred, "What was concluded about the person"),
    ] {
        put(&mut text, format_args!("### {title}\n\n"));
        let mut none = true;
        for table in DATA_MAP {
            let readable = |column: &&Column| column.origin == origin && column.form.can_be_read();
            for Column { what, name, .. } in table.columns.iter().filter(readable) {
                none = false;
                put(
                    &mut text,
                    format_args!("- {what} (`{}.{name}`; {})\n", table.name, table.kept),
                );
            }
        }
        text.push_str(if none { "Nothing.\n\n" } else { "\n" });
    }
    text.push_str("## Files beside the database\n\n");
    for (place, what, kept) in FILES {
        put(&mut text, format_args!("- `{place}`: {what} ({kept})\n"));
    }
    text.push_str("\n## Every column\n");
    for Table {
        name,
        purpose,
        seen_by,
        kept,
        columns,
    } in DATA_MAP
    {
        put(
            &mut text,
            format_args!(
                "\n### `{name}`\n\nFor: {purpose}. Seen by: {seen_by}. Kept: {kept}.\n\n\
                 | column | what | from | form |\n|---|---|---|---|\n"
            ),
        );
        for Column {
            name,
            what,
            origin,
            form,
        } in *columns
        {
            put(
                &mut text,
                format_args!(
                    "| `{name}` | {what} | {} | {} |\n",
                    origin.word(),
                    form.word()
                ),
            );
        }
    }
    text
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Text takes whatever there is room for.
    let _never_fails = text.write_fmt(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, postgres::Postgres};

    async fn explained(world: &World) {
        let stored = world.app.store.read().await.unwrap().columns().await;
        let mut explained: Vec<(String, String)> = DATA_MAP
            .iter()
            .flat_map(|table| {
                table
                    .columns
                    .iter()
                    .map(|column| (table.name.to_owned(), column.name.to_owned()))
            })
            .collect();
        explained.sort();
        let missing: Vec<_> = stored.iter().filter(|it| !explained.contains(it)).collect();
        assert!(missing.is_empty(), "explain in the data map: {missing:?}");
        assert_eq!(stored, explained, "explained, and not stored");
    }

    #[tokio::test]
    async fn every_column_is_explained() {
        explained(&World::new().await).await;
    }

    #[tokio::test]
    async fn every_column_is_explained_on_postgres() {
        let Some(server) = Postgres::start() else {
            return;
        };
        explained(&World::on(Some(server.url()), |_| {}).await).await;
    }

    /// What its name says of a column is true.
    #[test]
    fn forms_are_those_of_the_names() {
        for Table {
            name: table,
            columns,
            ..
        } in DATA_MAP
        {
            for Column {
                name,
                form,
                origin,
                what,
            } in *columns
            {
                assert!(!what.is_empty());
                assert_ne!(
                    *origin,
                    Origin::Inferred,
                    "{table}.{name}: nothing is concluded about people"
                );
                if name.ends_with("_box") {
                    assert_eq!(*form, Form::Encrypted, "{table}.{name}");
                }
                if name.ends_with("_tag") || name.ends_with("hash") {
                    assert_eq!(*form, Form::Hashed, "{table}.{name}");
                }
            }
        }
    }

    #[test]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data-map.md");
        if std::env::var_os("JASMIN_WRITE_DOCS").is_some() {
            std::fs::write(path, describe()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == describe(),
            "JASMIN_WRITE_DOCS=1 cargo test -p jasmin-server data_map"
        );
    }
}
