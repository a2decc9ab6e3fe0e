//! The purposes that exist, and what taking each back does.

use jasmin_protocol::{Partner, ShareField};
use sha2::{Digest, Sha256};

/// How far a purpose has come in the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A feature uses it: it is shown, asked and granted.
    Used,
    /// Named for a feature that does not exist yet: never shown, never asked, never recorded.
    Planned,
}

/// Whose state a decision changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The device it was decided on.
    Device,
    /// The whole account.
    Account,
}

/// What taking a purpose back does, as the product promises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// On the device, at once.
    pub here: &'static str,
    /// At the server and elsewhere.
    pub there: &'static str,
    /// Within so many milliseconds; the acceptance test measures it.
    pub within_ms: u32,
    /// The test that holds it, as `file::test`; `None` only where the feature is planned.
    pub held_by: Option<&'static str>,
}

/// One purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its code. With a `<…>` in it, one code for each thing of that kind.
    pub code: &'static str,
    /// How far it has come.
    pub stage: Stage,
    /// Whose state it is.
    pub reach: Reach,
    /// Which data.
    pub data: &'static [&'static str],
    /// Who gets them.
    pub recipients: &'static str,
    /// How long they are kept.
    pub kept: &'static str,
    /// What taking it back does.
    pub withdrawal: Effect,
}

const fn planned(
    code: &'static str,
    reach: Reach,
    data: &'static [&'static str],
    here: &'static str,
    there: &'static str,
    within_ms: u32,
) -> Purpose {
    Purpose {
        code,
        stage: Stage::Planned,
        reach,
        data,
        recipients: "",
        kept: "",
        withdrawal: Effect {
            here,
            there,
            within_ms,
            held_by: None,
        },
    }
}

/// The camera.
pub const CAMERA: Purpose = Purpose {
    code: "camera",
    stage: Stage::Used,
    reach: Reach::Device,
    data: &["picture"],
    recipients: "the people in the call",
    kept: "not at all",
    withdrawal: Effect {
        here: "the device is closed, its last picture erased, its light goes out",
        there: "the other person sees that the camera is off",
        within_ms: 200,
        held_by: Some("tests/e2e/consent.rs::a_withdrawn_camera_is_closed_at_once"),
    },
};

/// The microphone.
pub const MICROPHONE: Purpose = Purpose {
    code: "microphone",
    stage: Stage::Used,
    reach: Reach::Device,
    data: &["voice"],
    recipients: "the people in the call",
    kept: "not at all",
    withdrawal: Effect {
        here: "the stream is dropped, what waits to be sent is erased",
        there: "the other person sees that the microphone is off",
        within_ms: 200,
        held_by: Some("tests/e2e/consent.rs::a_withdrawn_microphone_is_closed_at_once"),
    },
};

/// Giving a field to a partner.
pub const SHARE: Purpose = Purpose {
    code: "share:<partner>:<field>",
    stage: Stage::Used,
    reach: Reach::Account,
    data: &["the field"],
    recipients: "the partner",
    kept: "for as long as the partner has promised",
    withdrawal: Effect {
        here: "the switch goes off",
        there: "the partner is told to delete it",
        within_ms: 60_000,
        held_by: Some(
            "crates/server/src/partners/tests.rs::what_is_taken_back_is_deleted_at_the_partner",
        ),
    },
};

/// Being counted in published statistics.
pub const STATISTICS: Purpose = Purpose {
    code: "aggregate_stats",
    stage: Stage::Used,
    reach: Reach::Account,
    data: &["calls placed, devices and their systems"],
    recipients: "everybody, as noised totals of many people",
    kept: "totals that were published stay; nothing else is kept for it",
    withdrawal: Effect {
        here: "the switch goes off",
        there: "not counted from the next release on; totals that were published stay",
        within_ms: 60_000,
        held_by: Some("crates/server/src/statistics/tests.rs::who_takes_it_back_is_not_counted"),
    },
};

/// Mail when the policies change.
pub const POLICY_NEWS: Purpose = Purpose {
    code: "email.policy_news",
    stage: Stage::Used,
    reach: Reach::Account,
    data: &["e-mail address"],
    recipients: "the person, and whoever carries their mail",
    kept: "a day after it was written, if it was sent by then",
    withdrawal: Effect {
        here: "the switch goes off",
        there: "mails that wait are cancelled, and none is written any more",
        within_ms: 1_000,
        held_by: Some(
            "crates/server/src/mail.rs::a_mail_that_waits_is_cancelled_with_the_yes_to_it",
        ),
    },
};

const COLLECTOR: &str = "the collector stops, its buffer is erased";
const ENTRY: &str = "the own entry is removed";
const ROWS: &str = "raw rows are deleted; noised totals that were released stay";

/// Every purpose of the product. Closed: a use that is not in it does not exist.
pub const CATALOGUE: &[Purpose] = &[
    CAMERA,
    MICROPHONE,
    planned(
        "screen",
        Reach::Device,
        &["screen"],
        "the portal's session is closed",
        "the share ends",
        200,
    ),
    planned(
        "contacts.read",
        Reach::Device,
        &["address book"],
        "the local book is erased",
        "discovery tokens are deleted",
        60_000,
    ),
    planned(
        "contacts.match",
        Reach::Account,
        &["blinded addresses"],
        "no further queries, the matches are cleared",
        "the knock mailbox is removed",
        60_000,
    ),
    planned(
        "contacts.store",
        Reach::Device,
        &["address book"],
        "the local book is erased",
        "waiting invitations to strangers are cancelled",
        60_000,
    ),
    planned(
        "accounts.connect:<provider>",
        Reach::Account,
        &["token"],
        "the token is erased",
        "the provider is asked to revoke it",
        60_000,
    ),
    planned(
        "invite.link",
        Reach::Account,
        &["name"],
        "no new links",
        "links are revoked where wished",
        60_000,
    ),
    planned(
        "invite.email_by_server",
        Reach::Account,
        &["recipient's address"],
        "composing is closed",
        "queued mails are cancelled",
        1_000,
    ),
    planned(
        "discover.by_email",
        Reach::Account,
        &["address token"],
        "",
        ENTRY,
        60_000,
    ),
    planned(
        "discover.by_phone",
        Reach::Account,
        &["number token"],
        "",
        ENTRY,
        60_000,
    ),
    planned(
        "discover.by_interests",
        Reach::Account,
        &["interests"],
        "",
        ENTRY,
        60_000,
    ),
    planned(
        "presence",
        Reach::Account,
        &["online"],
        "nothing is told any more",
        "others see nothing",
        1_000,
    ),
    planned(
        "notifications",
        Reach::Device,
        &["names"],
        "none is shown",
        "",
        200,
    ),
    planned(
        "quality_telemetry",
        Reach::Account,
        &["call figures"],
        COLLECTOR,
        ROWS,
        60_000,
    ),
    planned(
        "personalisation",
        Reach::Account,
        &["screens used"],
        COLLECTOR,
        ROWS,
        60_000,
    ),
    STATISTICS,
    SHARE,
    POLICY_NEWS,
    planned(
        "recording:<call>",
        Reach::Account,
        &["call"],
        "the recording stops for all",
        "",
        200,
    ),
    planned(
        "diagnostics.send:<trace>",
        Reach::Account,
        &["log lines"],
        "not sent",
        "deleted",
        60_000,
    ),
    planned(
        "email.product_news",
        Reach::Account,
        &["address"],
        "",
        "none is sent",
        1_000,
    ),
];

/// The purpose that a code names and that a feature uses.
#[must_use]
pub fn used(code: &str) -> Option<&'static Purpose> {
    find(code).filter(|purpose| purpose.stage == Stage::Used)
}

/// The purpose that a code names.
#[must_use]
pub fn find(code: &str) -> Option<&'static Purpose> {
    CATALOGUE.iter().find(|purpose| names(purpose.code, code))
}

/// The purpose of a code as the catalogue writes it, or as a record does.
#[must_use]
pub fn listed(code: &str) -> Option<&'static Purpose> {
    let as_written = CATALOGUE.iter().find(|purpose| purpose.code == code);
    as_written.or_else(|| find(code))
}

/// The partner and the field that a code of sharing names.
#[must_use]
pub fn shared_with(code: &str) -> Option<(&str, ShareField)> {
    let (partner, field) = code.strip_prefix("share:")?.split_once(':')?;
    find(code)?;
    Some((partner, ShareField::of(field)?))
}

/// The scope of a yes to sharing: what the partner said of itself when it was asked, as SHA-256 over its
/// unchanging fields in canonical form (RFC 8785).
#[must_use]
pub fn scope_of(partner: &Partner) -> String {
    let said = serde_json::json!({
        "id": partner.id,
        "name": partner.name,
        "legal_entity": partner.legal_entity,
        "country": partner.country,
        "purpose": partner.purpose,
        "retention": partner.retention,
        "fields": partner.fields,
    });
    let hash = Sha256::digest(crate::chain::canonical(&said));
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("partner:{digits}")
}

/// Whether a code of the catalogue, with a `<…>` or not, means the purpose with this code.
#[must_use]
pub fn covers(pattern: &str, code: &str) -> bool {
    pattern == code || names(pattern, code)
}

/// A `<…>` stands for one or more letters, digits, `-` and `_`.
fn names(pattern: &str, code: &str) -> bool {
    let (patterns, parts) = (pattern.split(':'), code.split(':'));
    patterns.clone().count() == parts.clone().count()
        && patterns.zip(parts).all(|(pattern, part)| {
            if pattern.starts_with('<') {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                !part.is_empty() && part.len() <= 64 && part.chars().all(plain)
            } else {
                pattern == part
            }
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_names_one_purpose() {
        let codes: BTreeSet<_> = CATALOGUE.iter().map(|purpose| purpose.code).collect();
        assert_eq!(codes.len(), CATALOGUE.len());
        assert_eq!(find("camera"), Some(&CAMERA));
        assert_eq!(
            find("share:acme:email").unwrap().code,
            "share:<partner>:<field>"
        );
        for code in [
            "",
            "Camera",
            "camera:x",
            "share:acme",
            "share::email",
            "share:a b:c",
            "x",
        ] {
            assert_eq!(find(code), None, "{code}");
        }
        assert_eq!(used("presence"), None, "planned only");
        assert_eq!(
            shared_with("share:acme:email"),
            Some(("acme", ShareField::Email))
        );
        for code in ["share:acme:mind", "share:acme", "share::name", "camera"] {
            assert_eq!(shared_with(code), None, "{code}");
        }
        assert!(covers("share:<partner>:<field>", "share:acme:email"));
        assert!(covers("camera", "camera") && !covers("camera", "microphone"));
    }

    /// What a feature must fill in before its purpose counts as used.
    #[test]
    fn a_used_purpose_is_whole() {
        for purpose in CATALOGUE {
            let Purpose {
                code,
                stage,
                data,
                recipients,
                kept,
                withdrawal,
                ..
            } = purpose;
            assert!(!data.is_empty(), "{code}: which data");
            assert!(withdrawal.within_ms > 0, "{code}: by when");
            assert!(
                !(withdrawal.here.is_empty() && withdrawal.there.is_empty()),
                "{code}: to what effect"
            );
            if *stage == Stage::Used {
                assert!(
                    !recipients.is_empty() && !kept.is_empty(),
                    "{code}: for whom, how long"
                );
                let (file, test) = withdrawal.held_by.unwrap().split_once("::").unwrap();
                let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
                let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
                assert!(
                    text.contains(&format!("fn {test}(")),
                    "{code}: {file} has no {test}"
                );
                let asks = |place| crate::notice::notice(code, place, "en").is_some();
                assert!(
                    crate::notice::PLACES.into_iter().any(asks),
                    "{code}: with which text"
                );
            } else {
                assert_eq!(withdrawal.held_by, None, "{code} is not used");
            }
        }
    }
}
