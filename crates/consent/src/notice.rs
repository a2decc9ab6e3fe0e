//! The texts that are on the screen when somebody is asked. Each is known by the hash of its lines; a
//! test of the page holds that it shows these lines and no others.

use std::{collections::BTreeMap, sync::LazyLock};

use jasmin_protocol::{AskedIn, Base64, NoticeRef};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::purpose;

/// Where questions come up.
pub const PLACES: [AskedIn; 3] = [AskedIn::Call, AskedIn::Check, AskedIn::Settings];

/// Every language there are texts for: its tag and its file.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("../notices/en.json"))];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    version: u32,
    #[serde(default)]
    call: Vec<String>,
    #[serde(default)]
    check: Vec<String>,
    settings: Vec<String>,
}

type Language = BTreeMap<String, Texts>;

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program; a test reads them"
)]
static TEXTS: LazyLock<BTreeMap<&str, Language>> = LazyLock::new(|| {
    let read = |(tag, json): (&'static str, &str)| {
        (
            tag,
            serde_json::from_str(json).expect("notices are in their format"),
        )
    };
    LANGUAGES.map(read).into_iter().collect()
});

/// A text as it stands in the catalogue. `{first}` and `{name}` stand for the other person; `{partner}`,
/// `{entity}`, `{country}`, `{purpose}`, `{kept}` and `{field}` for what a partner wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its hash, version and language.
    pub reference: NoticeRef,
    /// Title first.
    pub lines: Vec<String>,
}

/// The text that asks for a purpose; `None` where it is not asked in this place.
#[must_use]
pub fn notice(purpose: &str, place: AskedIn, locale: &str) -> Option<Notice> {
    let texts = TEXTS.get(locale)?.get(purpose::listed(purpose)?.code)?;
    let lines = match place {
        AskedIn::Call => &texts.call,
        AskedIn::Check => &texts.check,
        AskedIn::Settings => &texts.settings,
    };
    if lines.is_empty() {
        return None;
    }
    let reference = NoticeRef {
        hash: Base64(hash(lines).to_vec()),
        version: texts.version,
        locale: locale.to_owned(),
    };
    Some(Notice {
        reference,
        lines: lines.clone(),
    })
}

/// The text that a record names; `None` when this program does not know it.
#[must_use]
pub fn find(purpose: &str, reference: &NoticeRef) -> Option<Notice> {
    PLACES
        .into_iter()
        .filter_map(|place| notice(purpose, place, &reference.locale))
        .find(|notice| notice.reference == *reference)
}

/// SHA-256 over the lines as a JSON array in canonical form (RFC 8785).
fn hash(lines: &[String]) -> [u8; 32] {
    Sha256::digest(crate::chain::canonical(&lines)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::{CATALOGUE, Stage};

    #[test]
    fn every_used_purpose_has_its_texts_in_every_language() {
        for (tag, language) in TEXTS.iter() {
            let used = CATALOGUE
                .iter()
                .filter(|purpose| purpose.stage == Stage::Used);
            assert_eq!(
                used.clone().count(),
                language.len(),
                "{tag}: no text without a use"
            );
            for purpose in used {
                let asked = |place| notice(purpose.code, place, tag);
                assert!(
                    asked(AskedIn::Settings).is_some(),
                    "{}: all can be asked in the settings",
                    purpose.code
                );
                for notice in PLACES.into_iter().filter_map(asked) {
                    assert_eq!(find(purpose.code, &notice.reference), Some(notice.clone()));
                    let words: usize = notice
                        .lines
                        .iter()
                        .map(|line| line.split_whitespace().count())
                        .sum();
                    assert!(
                        words <= 80,
                        "{}: {words} words with its buttons",
                        purpose.code
                    );
                    assert!(notice.lines.iter().all(|line| !line.trim().is_empty()));
                }
            }
        }
    }

    #[test]
    fn another_word_is_another_hash() {
        let of = |line: &str| hash(&[line.to_owned()]);
        assert_ne!(of("Open it?"), of("Open it ?"));
        assert_ne!(hash(&["a".into(), "b".into()]), of("ab"));
    }

    /// A text that was asked with is never changed in place: a record would name a text that nobody
    /// can read any more. Change the words, raise the version, keep the old text beside it.
    #[test]
    fn texts_that_were_asked_with_stay() {
        let hex = |notice: Notice| -> String {
            notice
                .reference
                .hash
                .0
                .iter()
                .take(6)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let mut found = Vec::new();
        for purpose in [
            "camera",
            "microphone",
            "share:acme:name",
            "aggregate_stats",
            "email.policy_news",
        ] {
            let texts = PLACES
                .into_iter()
                .filter_map(|place| notice(purpose, place, "en"));
            found.extend(texts.map(hex));
        }
        assert_eq!(
            found,
            [
                "cb7c64b2df1d",
                "e525c80ee819",
                "6527a863e709",
                "83789b539535",
                "1b642cd5a0e0",
                "d9d36dcd7f0a",
                "f8122202d70f",
                "01eea22a85c5",
                "e6735b09cecd"
            ]
        );
    }
}
