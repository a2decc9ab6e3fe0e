//! Policy sets: which one counts, what it ends, and how one follows the other.
//!
//! - [`draft`]: what an operator must get right before a set is published.
//! - [`text`]: a document's sections, for a page to show.
//! - [`diff`]: what changed between two of them, word by word.

pub mod diff;
pub mod draft;
pub mod text;

use ed25519_dalek::{Signer, SigningKey};
use jasmin_protocol::{
    Base64, ChangeKind, POLICY_SCHEMA, PolicyKind, PolicySet, PolicySetRef, PolicyText,
    SignedPolicySet,
};
use sha2::{Digest, Sha256};

use crate::{chain, moment, purpose};

const POLICY: &[u8] = b"jasmin-policy-v1";

/// Every text exists in this language.
pub const FIRST_LOCALE: &str = "en";

/// Most sets of one server.
const MOST_SETS: usize = 256;
/// Most bytes of one set's texts together.
pub const MOST_TEXT: usize = 1024 * 1024;

/// Why a list of sets cannot be what a server published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetFault {
    /// Another kind of set, or a moment that none is.
    #[error("a set is not in the form that is known here")]
    Form,
    /// Not signed by the server's ledger key.
    #[error("a set is not signed by this server")]
    Signature,
    /// A set does not follow the one before.
    #[error("a set does not follow the one before")]
    Order,
}

/// Signs a set with the server's ledger key.
#[must_use]
pub fn sign(set: PolicySet, key: &SigningKey) -> SignedPolicySet {
    let signature = Base64(key.sign(&words(&set)).to_bytes().to_vec());
    SignedPolicySet { set, signature }
}

fn words(set: &PolicySet) -> Vec<u8> {
    let hash = Sha256::digest(chain::canonical(set));
    [POLICY, hash.as_slice()].concat()
}

/// Takes sets, oldest first, out of their signatures.
///
/// # Errors
/// When one is not signed, cannot be read, or does not follow the one before.
pub fn check(sets: Vec<SignedPolicySet>, ledger_key: &Base64) -> Result<Vec<PolicySet>, SetFault> {
    if sets.len() > MOST_SETS {
        return Err(SetFault::Form);
    }
    let mut checked: Vec<PolicySet> = Vec::with_capacity(sets.len());
    for SignedPolicySet { set, signature } in sets {
        if !chain::verify(ledger_key, &words(&set), &signature) {
            return Err(SetFault::Signature);
        }
        if set.schema != POLICY_SCHEMA || reference(&set).is_none() {
            return Err(SetFault::Form);
        }
        let (Some(announced), Some(effective)) = (announced_ms(&set), effective_ms(&set)) else {
            return Err(SetFault::Form);
        };
        let follows = match checked.last() {
            None => set.previous.is_none(),
            Some(last) => {
                set.previous.as_ref() == Some(&last.version)
                    && parts(&set.version) > parts(&last.version)
                    && announced_ms(last) <= Some(announced)
                    && effective_ms(last) <= Some(effective)
            }
        };
        if !follows || parts(&set.version).is_none() {
            return Err(SetFault::Order);
        }
        checked.push(set);
    }
    Ok(checked)
}

/// `major.minor.patch` in numbers.
#[must_use]
pub fn parts(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.split('.').map(|part| {
        let is_plain = part == "0" || !part.starts_with('0');
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_plain && digits)
    });
    let found = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(found)
}

/// When a set was published, Unix ms.
#[must_use]
pub fn announced_ms(set: &PolicySet) -> Option<i64> {
    moment::read(&set.announced)
}

/// From when on a set counts, Unix ms.
#[must_use]
pub fn effective_ms(set: &PolicySet) -> Option<i64> {
    moment::read(&set.effective)
}

/// The set that counts now. `sets` are in order.
#[must_use]
pub fn in_force(sets: &[PolicySet], now_ms: i64) -> Option<&PolicySet> {
    sets.iter()
        .rev()
        .find(|set| effective_ms(set).is_some_and(|from| from <= now_ms))
}

/// How a set is named in records: by its version and the hashes of its texts in the first language.
#[must_use]
pub fn reference(set: &PolicySet) -> Option<PolicySetRef> {
    Some(PolicySetRef {
        version: set.version.clone(),
        privacy_policy: hash_of(set, PolicyKind::PrivacyPolicy)?,
        user_agreement: hash_of(set, PolicyKind::UserAgreement)?,
    })
}

fn hash_of(set: &PolicySet, kind: PolicyKind) -> Option<Base64> {
    set.documents
        .iter()
        .find(|document| document.kind == kind && document.locale == FIRST_LOCALE)
        .map(|document| document.hash.clone())
}

/// The hash of a document's text.
#[must_use]
pub fn text_hash(text: &str) -> Base64 {
    Base64(Sha256::digest(text.as_bytes()).to_vec())
}

/// Whether these are all texts of a set, and no others.
#[must_use]
pub fn texts_fit(set: &PolicySet, texts: &[PolicyText]) -> bool {
    let bytes: usize = texts.iter().map(|text| text.text.len()).sum();
    bytes <= MOST_TEXT
        && set.documents.len() == texts.len()
        && set.documents.iter().all(|document| {
            texts.iter().any(|text| {
                text.kind == document.kind
                    && text.locale == document.locale
                    && text_hash(&text.text) == document.hash
            })
        })
}

/// The newest set in force that ended a yes to `purpose` which was given under the set with the
/// version `under`; `None` stands for the time before there was one.
#[must_use]
pub fn superseded_by<'a>(
    sets: &'a [PolicySet],
    purpose: &str,
    under: Option<&str>,
    now_ms: i64,
) -> Option<&'a PolicySet> {
    let known = under.and_then(|under| sets.iter().position(|set| set.version == under));
    let later = known.map_or(0, |at| at + 1);
    sets.iter()
        .skip(later)
        .rev()
        .filter(|set| effective_ms(set).is_some_and(|from| from <= now_ms))
        .find(|set| widens(set, purpose))
}

/// Whether a set does more under a purpose than the one before it.
#[must_use]
pub fn widens(set: &PolicySet, code: &str) -> bool {
    set.changes.iter().any(|change| {
        change.kind == ChangeKind::Widens
            && change
                .purposes
                .iter()
                .any(|pattern| purpose::covers(pattern, code))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use jasmin_protocol::{PolicyChange, PolicyDocument};
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    pub(crate) fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn public() -> Base64 {
        Base64(key().verifying_key().to_bytes().to_vec())
    }

    fn set(version: &str, previous: Option<&str>, day: i64, widens: &[&str]) -> PolicySet {
        let document = |kind| PolicyDocument {
            kind,
            locale: "en".into(),
            hash: text_hash(version),
        };
        PolicySet {
            schema: POLICY_SCHEMA.into(),
            version: version.into(),
            previous: previous.map(Into::into),
            announced: moment::write((day - 30).max(0) * DAY_MS).unwrap(),
            effective: moment::write(day * DAY_MS).unwrap(),
            documents: vec![
                document(PolicyKind::PrivacyPolicy),
                document(PolicyKind::UserAgreement),
            ],
            changes: vec![PolicyChange {
                document: PolicyKind::PrivacyPolicy,
                section: "use".into(),
                kind: ChangeKind::Widens,
                purposes: widens.iter().map(|code| (*code).into()).collect(),
                summary: "More.".into(),
            }],
        }
    }

    fn three() -> Vec<PolicySet> {
        vec![
            set("1.0.0", None, 100, &[]),
            set("1.1.0", Some("1.0.0"), 200, &["camera"]),
            set("2.0.0", Some("1.1.0"), 300, &["microphone"]),
        ]
    }

    fn signed(sets: &[PolicySet]) -> Vec<SignedPolicySet> {
        sets.iter().cloned().map(|set| sign(set, &key())).collect()
    }

    #[test]
    fn sets_in_order_pass_and_others_do_not() {
        let sets = three();
        assert_eq!(check(signed(&sets), &public()), Ok(sets.clone()));
        assert_eq!(check(Vec::new(), &public()), Ok(Vec::new()));
        let fault = |change: &dyn Fn(&mut Vec<PolicySet>)| {
            let mut sets = sets.clone();
            change(&mut sets);
            check(signed(&sets), &public()).unwrap_err()
        };
        assert_eq!(fault(&|sets| drop(sets.remove(1))), SetFault::Order);
        assert_eq!(fault(&|sets| drop(sets.remove(0))), SetFault::Order);
        assert_eq!(fault(&|sets| sets.swap(1, 2)), SetFault::Order);
        assert_eq!(
            fault(&|sets| sets[1].effective = moment::write(0).unwrap()),
            SetFault::Order
        );
        assert_eq!(
            fault(&|sets| sets[0].version = "01.0.0".into()),
            SetFault::Order
        );
        assert_eq!(fault(&|sets| sets[2].schema = "x".into()), SetFault::Form);
        assert_eq!(
            fault(&|sets| sets[2].effective = "soon".into()),
            SetFault::Form
        );
        assert_eq!(fault(&|sets| drop(sets[0].documents.pop())), SetFault::Form);

        let mut forged = signed(&sets);
        forged[1].set.changes.clear();
        assert_eq!(check(forged, &public()), Err(SetFault::Signature));
        let other = Base64(vec![9; 32]);
        assert_eq!(check(signed(&sets), &other), Err(SetFault::Signature));
    }

    #[test]
    fn the_newest_set_whose_day_has_come_counts() {
        let sets = three();
        let version = |day: i64| in_force(&sets, day * DAY_MS).map(|set| set.version.as_str());
        assert_eq!(version(99), None);
        assert_eq!(version(100), Some("1.0.0"));
        assert_eq!(version(299), Some("1.1.0"));
        assert_eq!(version(9_999), Some("2.0.0"));
    }

    #[test]
    fn only_a_wider_set_in_force_ends_what_was_given_before_it() {
        let sets = three();
        let ended = |purpose, under, day: i64| {
            superseded_by(&sets, purpose, under, day * DAY_MS).map(|set| set.version.as_str())
        };
        assert_eq!(ended("camera", Some("1.0.0"), 199), None, "announced only");
        assert_eq!(ended("camera", Some("1.0.0"), 200), Some("1.1.0"));
        assert_eq!(ended("camera", None, 999), Some("1.1.0"));
        assert_eq!(ended("camera", Some("unknown"), 999), Some("1.1.0"));
        assert_eq!(ended("camera", Some("1.1.0"), 999), None);
        assert_eq!(ended("microphone", Some("1.0.0"), 299), None);
        assert_eq!(ended("microphone", Some("1.0.0"), 999), Some("2.0.0"));
        assert_eq!(ended("contacts.read", None, 999), None);
        assert_eq!(superseded_by(&[], "camera", None, 0), None);
    }

    #[test]
    fn texts_belong_to_a_set_by_their_hashes() {
        let set = set("1.0.0", None, 100, &[]);
        let text = |kind| PolicyText {
            kind,
            locale: "en".into(),
            text: "1.0.0".into(),
        };
        let texts = vec![
            text(PolicyKind::PrivacyPolicy),
            text(PolicyKind::UserAgreement),
        ];
        assert!(texts_fit(&set, &texts));
        assert!(!texts_fit(&set, &texts[..1]));
        let mut other = texts.clone();
        other[1].text.push('.');
        assert!(!texts_fit(&set, &other));
        let twice = vec![texts[0].clone(), texts[0].clone()];
        assert!(!texts_fit(&set, &twice));
    }

    #[test]
    fn versions_are_three_plain_numbers() {
        assert_eq!(parts("1.20.3"), Some([1, 20, 3]));
        for other in [
            "", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.-3", "1.02.3", "+1.2.3", "1.2.3-a",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_version_is_no_panic(version in ".{0,20}") {
            let _none_or_some = parts(&version);
        }
    }
}
