//! The server's policies, as this profile knows them: sets whose signatures were checked, and texts
//! that fit them. They can be read without a connection, and a set that comes into force does so
//! without one, too.

use std::collections::{BTreeMap, BTreeSet};

use jasmin_consent::policy::{self, SetFault, diff, text};
use jasmin_protocol::{Base64, PolicyKind, PolicySet, PolicySetRef, PolicySets, PolicyText};
use serde::{Deserialize, Serialize};

use crate::{PolicyChangeView, PolicyDocumentView, PolicyPage, PolicySetView, ledger};

/// Texts are shown in this language; there is no other yet.
const LOCALE: &str = policy::FIRST_LOCALE;
/// What has counted for so long when this profile first meets the server is no news.
const OLD_NEWS_MS: i64 = 60 * 24 * 60 * 60 * 1000;
const KINDS: [PolicyKind; 2] = [PolicyKind::PrivacyPolicy, PolicyKind::UserAgreement];

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policies {
    /// Whose they are.
    server: String,
    /// With which key they are signed, pinned when it was first seen.
    key: Option<Base64>,
    /// Oldest first.
    sets: Vec<PolicySet>,
    /// By version.
    texts: BTreeMap<String, Vec<PolicyText>>,
    /// Versions that the person has opened, or accepted with the sign-up.
    opened: BTreeSet<String>,
    /// The server was asked.
    known: bool,
}

impl Policies {
    /// Nothing of another server's counts.
    pub fn of(self, server: &str) -> Self {
        if self.server == server {
            return self;
        }
        Self {
            server: server.to_owned(),
            ..Self::default()
        }
    }

    /// Whether they are this server's.
    pub fn is_of(&self, server: &str) -> bool {
        self.server == server
    }

    /// The key that sets must be signed with, once seen.
    pub fn key(&self) -> Option<&Base64> {
        self.key.as_ref()
    }

    /// Whether the server was asked.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Takes over what the server has published.
    ///
    /// # Errors
    /// When it does not fit itself, or leaves out or changes what was published before. Then nothing
    /// is taken over.
    pub fn take(&mut self, key: Base64, sets: PolicySets, now_ms: i64) -> Result<(), SetFault> {
        if self.key.as_ref().is_some_and(|pinned| *pinned != key) {
            return Err(SetFault::Signature);
        }
        let sets = policy::check(sets.sets, &key)?;
        if !sets.starts_with(&self.sets) {
            return Err(SetFault::Order);
        }
        if !self.known {
            // Whoever comes to a server that has policies meets them with the sign-up.
            let is_old = |(at, set): &(usize, &PolicySet)| {
                let from = policy::effective_ms(set);
                *at == 0 || from.is_some_and(|from| from <= now_ms - OLD_NEWS_MS)
            };
            let old = sets.iter().enumerate().filter(is_old);
            self.opened.extend(old.map(|(_, set)| set.version.clone()));
        }
        self.key = Some(key);
        self.sets = sets;
        self.known = true;
        Ok(())
    }

    /// Versions whose texts are needed and not there.
    pub fn missing_texts(&self, now_ms: i64) -> Vec<String> {
        let newest = self.sets.last();
        let before = newest.and_then(|set| set.previous.clone());
        let in_force = policy::in_force(&self.sets, now_ms).map(|set| set.version.clone());
        let wanted: BTreeSet<String> = newest
            .map(|set| set.version.clone())
            .into_iter()
            .chain(before)
            .chain(in_force)
            .collect();
        wanted
            .into_iter()
            .filter(|version| !self.texts.contains_key(version))
            .collect()
    }

    /// Keeps the texts of a set; false when they are not its texts.
    pub fn put_texts(&mut self, version: &str, texts: Vec<PolicyText>) -> bool {
        let fits = self
            .set(version)
            .is_some_and(|set| policy::texts_fit(set, &texts));
        if fits {
            self.texts.insert(version.to_owned(), texts);
        }
        fits
    }

    /// Whether a text is there and cannot be read.
    pub fn is_unreadable(&self, version: &str) -> bool {
        let needed = self.needed_for(version);
        let there = |version: &String| self.texts.contains_key(version);
        needed.iter().all(there) && self.page(version).is_none()
    }

    /// The versions whose texts a page about `version` needs.
    pub fn needed_for(&self, version: &str) -> Vec<String> {
        let before = self.set(version).and_then(|set| set.previous.clone());
        [version.to_owned()].into_iter().chain(before).collect()
    }

    fn set(&self, version: &str) -> Option<&PolicySet> {
        self.sets.iter().find(|set| set.version == version)
    }

    /// The set in force, as records name it.
    pub fn in_force(&self, now_ms: i64) -> Option<PolicySetRef> {
        policy::in_force(&self.sets, now_ms).and_then(policy::reference)
    }

    /// When the next set comes into force.
    pub fn next_effective_ms(&self, now_ms: i64) -> Option<i64> {
        let all = self.sets.iter().filter_map(policy::effective_ms);
        all.filter(|from| *from > now_ms).min()
    }

    /// Whether a set in force has ended a yes that was given under the set with the version `under`.
    pub fn has_ended(&self, code: &str, under: Option<&str>, now_ms: i64) -> bool {
        policy::superseded_by(&self.sets, code, under, now_ms).is_some()
    }

    /// The version that the person should look at: the oldest that they have not opened.
    pub fn unread(&self) -> Option<&str> {
        let mut versions = self.sets.iter().map(|set| set.version.as_str());
        versions.find(|version| !self.opened.contains(*version))
    }

    /// The person has opened this version. Says whether that is new.
    pub fn open(&mut self, version: &str) -> bool {
        self.set(version).is_some() && self.opened.insert(version.to_owned())
    }

    /// What the person opened elsewhere meanwhile.
    pub fn keep_opened(&mut self, of: &Self) {
        self.opened.extend(of.opened.iter().cloned());
    }

    /// All sets, newest first.
    pub fn views(&self) -> Vec<PolicySetView> {
        self.sets.iter().rev().map(view).collect()
    }

    /// The documents of a version and what changed in them; `None` while a text is missing.
    pub fn page(&self, version: &str) -> Option<PolicyPage> {
        let set = self.set(version)?;
        let document = |version: &str, kind: PolicyKind| {
            let mut texts = self.texts.get(version)?.iter();
            let text = texts.find(|text| text.kind == kind && text.locale == LOCALE)?;
            text::read(&text.text).ok()
        };
        let mut documents = Vec::new();
        for kind in KINDS {
            let now = document(version, kind)?;
            let changed = match &set.previous {
                Some(previous) => diff::sections(&document(previous, kind)?, &now),
                None => Vec::new(),
            };
            documents.push(PolicyDocumentView {
                kind,
                document: now,
                changed,
            });
        }
        Some(PolicyPage::Ready { documents })
    }
}

fn view(set: &PolicySet) -> PolicySetView {
    #[expect(clippy::cast_precision_loss, reason = "fits into 53 bits")]
    let ms = |moment: Option<i64>| moment.unwrap_or_default() as f64;
    PolicySetView {
        version: set.version.clone(),
        announced_at_ms: ms(policy::announced_ms(set)),
        effective_at_ms: ms(policy::effective_ms(set)),
        changes: set
            .changes
            .iter()
            .map(|change| PolicyChangeView {
                document: change.document,
                section: change.section.clone(),
                kind: change.kind,
                purposes: change
                    .purposes
                    .iter()
                    .filter_map(|code| ledger::kind_of(code))
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
                summary: change.summary.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ed25519_dalek::SigningKey;
    use jasmin_consent::policy::draft::{self, Ready};
    use jasmin_protocol::SignedPolicySet;

    use super::*;
    use crate::PurposeKind;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    /// 2026-11-30.
    const NOW: i64 = 1_796_029_500_250;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn public() -> Base64 {
        Base64(key().verifying_key().to_bytes().to_vec())
    }

    /// Two sets; the second widens the camera.
    fn published() -> (Vec<SignedPolicySet>, [Ready; 2]) {
        let files = |words: &str| -> BTreeMap<String, String> {
            [
                (
                    "privacy-policy.en.md",
                    format!("# P {{v}}\n\n## Use {{#use}}\n\nWe {words}."),
                ),
                (
                    "user-agreement.en.md",
                    "# A {v}\n\n## Duty {#duty}\n\nBe kind.".to_owned(),
                ),
            ]
            .map(|(name, text)| (name.to_owned(), text))
            .into()
        };
        let first = draft::read(
            r#"{"version":"1.0.0","effective":"2026-11-01","fill":{"v":"1.0.0"},"changes":[]}"#,
            &files("look"),
            None,
            NOW,
        )
        .unwrap();
        let second = draft::read(
            r#"{"version":"1.1.0","effective":"2026-12-31","fill":{"v":"1.1.0"},"changes":[
                {"document":"privacy_policy","section":"use","kind":"widens","purposes":["camera"],
                 "summary":"More."}]}"#,
            &files("look closer"),
            Some((&first.set, &first.texts)),
            NOW,
        )
        .unwrap();
        let sets = [&first, &second].map(|ready| policy::sign(ready.set.clone(), &key()));
        (sets.to_vec(), [first, second])
    }

    fn known(sets: &[SignedPolicySet], now_ms: i64) -> Policies {
        let mut policies = Policies::default().of("https://one.example");
        let sets = PolicySets {
            sets: sets.to_vec(),
        };
        policies.take(public(), sets, now_ms).unwrap();
        policies
    }

    #[test]
    fn a_widening_ends_a_yes_on_its_day_also_without_the_server() {
        let (sets, _) = published();
        let policies = known(&sets, NOW);
        let ended = |under, day: i64| policies.has_ended("camera", under, NOW + day * DAY_MS);
        assert!(!ended(Some("1.0.0"), 30));
        assert!(ended(Some("1.0.0"), 31));
        assert!(ended(None, 31));
        assert!(!ended(Some("1.1.0"), 31));
        assert!(!policies.has_ended("microphone", None, NOW + 99 * DAY_MS));
        let next = policies.next_effective_ms(NOW).unwrap();
        assert!(next > NOW + 30 * DAY_MS && next <= NOW + 31 * DAY_MS);
        assert_eq!(policies.next_effective_ms(next), None);
        assert_eq!(policies.in_force(next).unwrap().version, "1.1.0");
    }

    #[test]
    fn news_stay_until_they_are_opened() {
        let (sets, _) = published();
        let take = |policies: &mut Policies, count: usize| {
            let sets = sets[..count].to_vec();
            policies.take(public(), PolicySets { sets }, NOW).unwrap();
        };
        let mut new = known(&[], NOW);
        assert_eq!(new.unread(), None);
        take(&mut new, 1);
        assert_eq!(new.unread(), Some("1.0.0"), "they came after the person");
        assert_eq!(
            known(&sets[..1], NOW).unread(),
            None,
            "the person came after them"
        );
        take(&mut new, 2);
        assert_eq!(new.unread(), Some("1.0.0"), "one after the other");
        new.open("1.0.0");
        assert_eq!(new.unread(), Some("1.1.0"));
        let mut policies = known(&sets, NOW);
        assert_eq!(policies.unread(), Some("1.1.0"));
        assert!(!policies.open("9.9.9"));
        assert!(policies.open("1.1.0"));
        assert!(!policies.open("1.1.0"));
        assert_eq!(policies.unread(), None);
        assert_eq!(known(&sets, NOW + 100 * DAY_MS).unread(), None, "old news");
    }

    #[test]
    fn a_server_cannot_take_back_or_change_what_it_published() {
        let (sets, readies) = published();
        let mut policies = known(&sets, NOW);
        let before = policies.clone();
        let take = |policies: &mut Policies, key, sets: &[SignedPolicySet]| {
            policies.take(
                key,
                PolicySets {
                    sets: sets.to_vec(),
                },
                NOW,
            )
        };
        assert_eq!(
            take(&mut policies, public(), &sets[..1]),
            Err(SetFault::Order)
        );
        assert_eq!(take(&mut policies, public(), &[]), Err(SetFault::Order));
        let mut softer = readies[1].set.clone();
        softer.changes.clear();
        let changed = [sets[0].clone(), policy::sign(softer, &key())];
        assert_eq!(
            take(&mut policies, public(), &changed),
            Err(SetFault::Order)
        );
        let other = SigningKey::from_bytes(&[8; 32]);
        let resigned =
            [&readies[0], &readies[1]].map(|ready| policy::sign(ready.set.clone(), &other));
        let other = Base64(other.verifying_key().to_bytes().to_vec());
        assert_eq!(
            take(&mut policies, other, &resigned),
            Err(SetFault::Signature)
        );
        assert_eq!(policies, before);
        assert_eq!(policies.clone().of("https://one.example"), before);
        assert!(!policies.of("https://two.example").is_known());
    }

    #[test]
    fn texts_are_kept_where_they_fit_and_shown_with_what_changed() {
        let (sets, [first, second]) = published();
        let mut policies = known(&sets, NOW);
        assert_eq!(policies.missing_texts(NOW), ["1.0.0", "1.1.0"]);
        assert!(
            !policies.put_texts("1.1.0", first.texts.clone()),
            "another's texts"
        );
        assert!(policies.put_texts("1.1.0", second.texts));
        assert_eq!(
            policies.page("1.1.0"),
            None,
            "what it is compared with is missing"
        );
        assert!(!policies.is_unreadable("1.1.0"));
        assert!(policies.put_texts("1.0.0", first.texts));
        assert!(policies.missing_texts(NOW).is_empty() && !policies.is_unreadable("1.1.0"));
        let Some(PolicyPage::Ready { documents }) = policies.page("1.1.0") else {
            panic!("no page");
        };
        let changed: Vec<_> = documents
            .iter()
            .map(|document| document.changed.len())
            .collect();
        assert_eq!(changed, [1, 0]);
        let view = &policies.views()[0];
        assert_eq!(view.changes[0].purposes, [PurposeKind::Camera]);
        let json = serde_json::to_string(&policies).unwrap();
        assert_eq!(serde_json::from_str::<Policies>(&json).unwrap(), policies);
    }
}
