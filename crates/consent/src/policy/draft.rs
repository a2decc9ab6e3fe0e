//! What an operator must get right before a set is published. A folder holds `set.json` and, in each
//! language, `privacy-policy.<language>.md` and `user-agreement.<language>.md`.

use std::collections::{BTreeMap, BTreeSet};

use jasmin_protocol::{
    ChangeKind, POLICY_SCHEMA, PolicyChange, PolicyDocument, PolicyKind, PolicySet, PolicyText,
};
use serde::Deserialize;

use super::{FIRST_LOCALE, MOST_TEXT, effective_ms, parts, text};
use crate::{moment, purpose};

/// From the announcement to the day on which a set counts.
pub const NOTICE_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
const LONGEST_SUMMARY: usize = 500;
/// Most bytes of a text.
const LONGEST_TEXT: usize = 256 * 1024;

/// `set.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: String,
    /// The day from which on it counts, `YYYY-MM-DD`, from midnight UTC.
    effective: String,
    /// What stands for `{word}` in the texts.
    fill: BTreeMap<String, String>,
    changes: Vec<PolicyChange>,
}

/// A set ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The set.
    pub set: PolicySet,
    /// Its texts.
    pub texts: Vec<PolicyText>,
}

/// The name of a document's file, without language and ending.
#[must_use]
pub fn file_stem(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::PrivacyPolicy => "privacy-policy",
        PolicyKind::UserAgreement => "user-agreement",
    }
}

/// Reads a draft: `description` is `set.json`, `files` are the other files by name. `last` is the set
/// before with its texts.
///
/// # Errors
/// All that is wrong, each in words.
pub fn read(
    description: &str,
    files: &BTreeMap<String, String>,
    last: Option<(&PolicySet, &[PolicyText])>,
    now_ms: i64,
) -> Result<Ready, Vec<String>> {
    let description: Description = serde_json::from_str(description)
        .map_err(|error| vec![format!("set.json cannot be read: {error}")])?;
    let mut faults = Vec::new();
    check_version(&description.version, last.map(|(set, _)| set), &mut faults);
    let effective = effective(&description, last.map(|(set, _)| set), now_ms, &mut faults);
    let texts = texts(&description, files, &mut faults);
    check_changes(&description, &texts, last, &mut faults);
    let announced = moment::write(now_ms);
    let (Some(announced), Some(effective), true) = (announced, effective, faults.is_empty()) else {
        return Err(faults);
    };
    let document = |text: &PolicyText| PolicyDocument {
        kind: text.kind,
        locale: text.locale.clone(),
        hash: super::text_hash(&text.text),
    };
    Ok(Ready {
        set: PolicySet {
            schema: POLICY_SCHEMA.to_owned(),
            version: description.version,
            previous: last.map(|(set, _)| set.version.clone()),
            announced,
            effective,
            documents: texts.iter().map(document).collect(),
            changes: description.changes,
        },
        texts,
    })
}

fn check_version(version: &str, last: Option<&PolicySet>, faults: &mut Vec<String>) {
    if parts(version).is_none() {
        faults.push(format!("the version {version} is not of the form 1.2.3"));
    } else if let Some(last) = last
        && parts(version) <= parts(&last.version)
    {
        faults.push(format!(
            "the version {version} does not come after {}, which is published",
            last.version
        ));
    }
}

fn effective(
    description: &Description,
    last: Option<&PolicySet>,
    now_ms: i64,
    faults: &mut Vec<String>,
) -> Option<String> {
    let text = format!("{}T00:00:00.000Z", description.effective);
    let Some(from) = moment::read(&text) else {
        faults.push(format!(
            "effective is {}, which is no day (YYYY-MM-DD)",
            description.effective
        ));
        return None;
    };
    if let Some(last) = last {
        let earliest = (now_ms + NOTICE_DAYS * DAY_MS + DAY_MS - 1).div_euclid(DAY_MS) * DAY_MS;
        let earliest = earliest.max(effective_ms(last).unwrap_or(0));
        if from < earliest {
            let day = moment::day(earliest).unwrap_or_default();
            faults.push(format!(
                "effective is {}, but people must have {NOTICE_DAYS} days to read it: {day} or later",
                description.effective
            ));
        }
    }
    Some(text)
}

fn texts(
    description: &Description,
    files: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> Vec<PolicyText> {
    let mut texts = Vec::new();
    let mut used = BTreeSet::new();
    for (name, raw) in files {
        let Some((kind, locale)) = named(name) else {
            faults.push(format!("{name} does not belong to a set"));
            continue;
        };
        if raw.len() > LONGEST_TEXT {
            faults.push(format!("{name} is longer than {LONGEST_TEXT} bytes"));
            continue;
        }
        let filled = fill(raw, &description.fill, &mut used)
            .map_err(|word| format!("{name}: nothing is filled in for {{{word}}}"));
        match filled {
            Ok(filled) => {
                if let Err(fault) = text::read(&filled) {
                    faults.push(format!("{name}: {fault}"));
                }
                if !filled.contains(&description.version) {
                    faults.push(format!(
                        "{name} does not say that it is version {}",
                        description.version
                    ));
                }
                texts.push(PolicyText {
                    kind,
                    locale: locale.to_owned(),
                    text: filled,
                });
            }
            Err(fault) => faults.push(fault),
        }
    }
    let bytes: usize = texts.iter().map(|text| text.text.len()).sum();
    if bytes > MOST_TEXT {
        faults.push(format!(
            "the texts together are longer than {MOST_TEXT} bytes"
        ));
    }
    for word in description.fill.keys().filter(|word| !used.contains(*word)) {
        faults.push(format!("{{{word}}} is filled in, and no text has it"));
    }
    check_languages(files, &texts, faults);
    texts
}

/// Each language has both documents, with the same sections as the first language.
fn check_languages(
    files: &BTreeMap<String, String>,
    texts: &[PolicyText],
    faults: &mut Vec<String>,
) {
    let locales: BTreeSet<&str> = files
        .keys()
        .filter_map(|name| named(name))
        .map(|(_, locale)| locale)
        .chain([FIRST_LOCALE])
        .collect();
    for kind in [PolicyKind::PrivacyPolicy, PolicyKind::UserAgreement] {
        let of = |locale: &str| {
            let mut all = texts.iter();
            all.find(|text| text.kind == kind && text.locale == locale)
        };
        for locale in &locales {
            let name = format!("{}.{locale}.md", file_stem(kind));
            if !files.contains_key(&name) {
                faults.push(format!("{name} is missing"));
            }
            if let (Some(first), Some(other)) = (of(FIRST_LOCALE), of(locale))
                && names(first) != names(other)
            {
                faults.push(format!("{name} has other sections than the English text"));
            }
        }
    }
}

fn names(text: &PolicyText) -> Vec<String> {
    let sections = text::read(&text.text).map(|document| document.sections);
    let sections = sections.unwrap_or_default();
    sections.into_iter().map(|section| section.name).collect()
}

/// What a file's name says: `user-agreement.en.md`.
fn named(name: &str) -> Option<(PolicyKind, &str)> {
    let stem = name.strip_suffix(".md")?;
    let (document, locale) = stem.split_once('.')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if locale.is_empty() || locale.len() > 35 || !locale.chars().all(is_plain) {
        return None;
    }
    [PolicyKind::PrivacyPolicy, PolicyKind::UserAgreement]
        .into_iter()
        .find(|kind| file_stem(*kind) == document)
        .map(|kind| (kind, locale))
}

/// Puts words in for `{word}`; `{#name}` stays. The error is the word that nothing stands for.
fn fill(
    raw: &str,
    words: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) -> Result<String, String> {
    let mut filled = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let end = from.find('}').ok_or_else(|| "…".to_owned())?;
        let word = &from[1..end];
        if word.starts_with('#') {
            filled.push_str(&from[..=end]);
        } else {
            let (word, value) = words.get_key_value(word).ok_or_else(|| word.to_owned())?;
            used.insert(word.clone());
            filled.push_str(value);
        }
        rest = &from[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn check_changes(
    description: &Description,
    texts: &[PolicyText],
    last: Option<(&PolicySet, &[PolicyText])>,
    faults: &mut Vec<String>,
) {
    let changes = &description.changes;
    for change in changes {
        let place = format!(
            "the change in {}/{}",
            file_stem(change.document),
            change.section
        );
        let length = change.summary.chars().count();
        if length == 0 || length > LONGEST_SUMMARY {
            faults.push(format!(
                "{place} needs a summary of at most {LONGEST_SUMMARY} characters"
            ));
        }
        for code in &change.purposes {
            if purpose::listed(code).is_none() {
                faults.push(format!(
                    "{place} touches {code}, and there is no such purpose"
                ));
            }
        }
        if change.kind == ChangeKind::Editorial && !change.purposes.is_empty() {
            faults.push(format!("{place} is editorial and so touches no purpose"));
        }
    }
    let Some((last, before)) = last else {
        if !changes.is_empty() {
            faults.push("the first set changes nothing: leave changes empty".to_owned());
        }
        return;
    };
    for kind in [PolicyKind::PrivacyPolicy, PolicyKind::UserAgreement] {
        let document = |texts: &[PolicyText]| {
            let mut all = texts.iter();
            all.find(|text| text.kind == kind && text.locale == FIRST_LOCALE)
                .and_then(|text| text::read(&text.text).ok())
        };
        let (Some(old), Some(new)) = (document(before), document(texts)) else {
            continue;
        };
        let stem = file_stem(kind);
        if opening(&old, &last.version) != opening(&new, &description.version) {
            faults.push(format!(
                "{stem}: the words before the first section differ; a rule belongs into a section"
            ));
        }
        let differ = differing(&old, &new);
        let named: BTreeSet<&str> = changes
            .iter()
            .filter(|change| change.document == kind)
            .map(|change| change.section.as_str())
            .collect();
        for section in differ.iter().filter(|name| !named.contains(name.as_str())) {
            faults.push(format!(
                "{stem}/{section} differs, and changes do not say how"
            ));
        }
        for section in named.iter().filter(|name| !differ.contains(**name)) {
            faults.push(format!("{stem}/{section} is said to change, and does not"));
        }
    }
}

/// What stands before the first section, but for the version.
fn opening(document: &text::Document, version: &str) -> Vec<String> {
    let spans = document.opening.iter().flat_map(|block| &block.spans);
    spans.map(|span| span.text.replace(version, "")).collect()
}

/// Names of the sections that say something else than before, are new, or are gone.
fn differing(old: &text::Document, new: &text::Document) -> BTreeSet<String> {
    let said = |document: &text::Document| -> BTreeMap<String, Vec<text::Block>> {
        let sections = document.sections.iter().cloned();
        sections
            .map(|section| (section.name, section.blocks))
            .collect()
    };
    let (old, new) = (said(old), said(new));
    old.keys()
        .chain(new.keys())
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_796_029_500_250; // 2026-11-30
    const POLICY: &str = "# Policy\n\nVersion {v}.\n\n## Use {#use}\n\nBy {operator}.\n";
    const AGREEMENT: &str = "# Agreement\n\nVersion {v}.\n\n## Duty {#duty}\n\nBe kind.\n";

    fn files(policy: &str, agreement: &str) -> BTreeMap<String, String> {
        [
            ("privacy-policy.en.md", policy),
            ("user-agreement.en.md", agreement),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
    }

    fn description(version: &str, effective: &str, changes: &str) -> String {
        format!(
            r#"{{"version":"{version}","effective":"{effective}",
                "fill":{{"operator":"Ada","v":"{version}"}},"changes":[{changes}]}}"#
        )
    }

    fn first() -> Ready {
        let description = description("1.0.0", "2026-11-01", "");
        read(&description, &files(POLICY, AGREEMENT), None, NOW).unwrap()
    }

    #[test]
    fn a_first_set_is_filled_in_and_may_count_at_once() {
        let Ready { set, texts } = first();
        assert_eq!(set.effective, "2026-11-01T00:00:00.000Z");
        assert_eq!(set.previous, None);
        assert!(super::super::texts_fit(&set, &texts));
        assert!(texts[0].text.contains("By Ada."), "{}", texts[0].text);
        assert!(texts[0].text.contains("{#use}"));
    }

    #[test]
    fn what_an_operator_got_wrong_is_said_all_at_once() {
        let said = |description: &str, files: &BTreeMap<String, String>| {
            read(description, files, None, NOW).unwrap_err().join("\n")
        };
        let good = files(POLICY, AGREEMENT);
        assert!(said("{", &good).contains("set.json cannot be read"));
        let both = said(&description("1.0", "2026-02-30", ""), &good);
        assert!(
            both.contains("form 1.2.3") && both.contains("no day"),
            "{both}"
        );
        let change = r#"{"document":"privacy_policy","section":"use","kind":"widens",
            "purposes":[],"summary":"x"}"#;
        assert!(said(&description("1.0.0", "2026-11-01", change), &good).contains("first set"));

        let with = |name: &str, text: &str| {
            let mut files = good.clone();
            files.insert(name.to_owned(), text.to_owned());
            said(&description("1.0.0", "2026-11-01", ""), &files)
        };
        let policy = "privacy-policy.en.md";
        for (name, text, fault) in [
            ("notes.md", "x", "does not belong"),
            (
                "privacy-policy.de.md",
                POLICY,
                "user-agreement.de.md is missing",
            ),
            (policy, "# P {v}\n\n{operator} {who}", "for {who}"),
            (policy, "# P {v}\n\n{operator} {", "for {…}"),
            (
                policy,
                "# P {v}",
                "{operator} is filled in, and no text has it",
            ),
            (
                policy,
                "# P\n\n{operator}",
                "does not say that it is version 1.0.0",
            ),
            (policy, "{operator} {v}", "begin with a title"),
        ] {
            let said = with(name, text);
            assert!(said.contains(fault), "{said}");
        }
    }

    #[test]
    fn a_later_set_needs_notice_and_says_what_changed() {
        let Ready { set, texts } = first();
        let last = Some((&set, &texts[..]));
        let wider = POLICY.replace("By {operator}.", "By {operator} and others.");
        let files = files(&wider, AGREEMENT);
        let change = |section: &str, purposes: &str, kind: &str| {
            format!(
                r#"{{"document":"privacy_policy","section":"{section}","kind":"{kind}",
                    "purposes":[{purposes}],"summary":"Others, too."}}"#
            )
        };
        let good = change("use", r#""camera""#, "widens");
        let publish = |version: &str, day: &str, changes: &str| {
            read(&description(version, day, changes), &files, last, NOW)
        };
        let ready = publish("1.1.0", "2026-12-31", &good).unwrap();
        assert_eq!(ready.set.previous.as_deref(), Some("1.0.0"));
        assert!(super::super::widens(&ready.set, "camera"));

        for (version, day, changes, fault) in [
            ("1.1.0", "2026-12-30", good.clone(), "2026-12-31 or later"),
            (
                "1.0.0",
                "2026-12-31",
                good.clone(),
                "does not come after 1.0.0",
            ),
            (
                "1.1.0",
                "2026-12-31",
                String::new(),
                "changes do not say how",
            ),
            (
                "1.1.0",
                "2026-12-31",
                format!("{good},{}", change("gone", "", "narrows")),
                "gone is said to change, and does not",
            ),
            (
                "1.1.0",
                "2026-12-31",
                change("use", r#""x""#, "widens"),
                "no such purpose",
            ),
            (
                "1.1.0",
                "2026-12-31",
                change("use", r#""camera""#, "editorial"),
                "editorial and so touches no purpose",
            ),
        ] {
            let said = publish(version, day, &changes).unwrap_err().join("\n");
            assert!(said.contains(fault), "{said}");
        }
    }

    /// The texts in the repository can be published as they are.
    #[test]
    fn the_texts_that_come_with_the_program_are_a_set() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/1.0.0");
        let read_file = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let files = ["privacy-policy.en.md", "user-agreement.en.md"]
            .map(|name| (name.to_owned(), read_file(name)))
            .into();
        let ready = read(&read_file("set.json"), &files, None, NOW);
        assert!(ready.is_ok(), "{ready:?}");
    }
}
