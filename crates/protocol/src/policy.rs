//! Policy sets: a privacy policy and a user agreement that belong together, what changed in them, and
//! from when on they count. Signed by the server's ledger key over JCS (RFC 8785), with Ed25519
//! (RFC 8032) and SHA-256.

use serde::{Deserialize, Serialize};

use crate::{
    Base64,
    consent::{part, word},
};

/// [`PolicySet::schema`] of this version.
pub const POLICY_SCHEMA: &str = "jasmin-policy-1";

word! {
    /// One of the two documents of a set.
    #[derive(PartialOrd, Ord)]
    pub enum PolicyKind {
        /// What is done with personal data.
        PrivacyPolicy,
        /// What the person and the operator owe each other.
        UserAgreement,
    }
}

word! {
    /// What a change means for people.
    pub enum ChangeKind {
        /// Other words, the same meaning.
        Editorial,
        /// Less is done than before.
        Narrows,
        /// More is done than before: the purposes that it touches are asked anew.
        Widens,
    }
}

part! {
    /// One change against the set before.
    pub struct PolicyChange {
        /// In which document.
        pub document: PolicyKind,
        /// In which section: its name behind the heading.
        pub section: String,
        /// What it means for people.
        pub kind: ChangeKind,
        /// Codes of the purposes that it touches.
        pub purposes: Vec<String>,
        /// In plain words, at most 500 characters.
        pub summary: String,
    }
}

part! {
    /// A document in one language.
    pub struct PolicyDocument {
        /// Which.
        pub kind: PolicyKind,
        /// BCP 47.
        pub locale: String,
        /// SHA-256 of its text, 32 bytes.
        pub hash: Base64,
    }
}

part! {
    /// One version of the policies. Nothing in it ever changes.
    pub struct PolicySet {
        /// [`POLICY_SCHEMA`].
        pub schema: String,
        /// `major.minor.patch`.
        pub version: String,
        /// The version before it; `None` for the first.
        pub previous: Option<String>,
        /// When it was published: RFC 3339, UTC, milliseconds.
        pub announced: String,
        /// From when on it counts: RFC 3339, UTC, milliseconds.
        pub effective: String,
        /// Both documents, in each language.
        pub documents: Vec<PolicyDocument>,
        /// Against the set before.
        pub changes: Vec<PolicyChange>,
    }
}

part! {
    /// A set under the server's signature.
    pub struct SignedPolicySet {
        /// The set.
        pub set: PolicySet,
        /// By the server's ledger key over `"jasmin-policy-v1" || SHA-256(JCS(set))`.
        pub signature: Base64,
    }
}

part! {
    /// `GET /v1/policies`, for anybody: all sets that were ever published.
    pub struct PolicySets {
        /// Oldest first.
        pub sets: Vec<SignedPolicySet>,
    }
}

part! {
    /// A document's text.
    pub struct PolicyText {
        /// Which.
        pub kind: PolicyKind,
        /// BCP 47.
        pub locale: String,
        /// CommonMark, with the name of each section as `{#name}` behind its heading.
        pub text: String,
    }
}

part! {
    /// `GET /v1/policies/{version}`, for anybody: the texts of one set.
    pub struct PolicyTexts {
        /// Which set.
        pub version: String,
        /// Its documents.
        pub texts: Vec<PolicyText>,
    }
}
