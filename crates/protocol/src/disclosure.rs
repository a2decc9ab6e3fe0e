//! Data that was given to somebody because a law wanted it: what the person it is about may see, and
//! what everybody may.

use serde::{Deserialize, Serialize};

use crate::{
    Base64,
    consent::{part, word},
};

word! {
    /// On which ground: the grounds a to e of the founding policy, and legal process.
    #[derive(PartialOrd, Ord)]
    pub enum DisclosureGround {
        /// a: the person authorised it expressly before.
        Authorised,
        /// b: a law demands it.
        Law,
        /// c: an authority that may do so demands it.
        Authority,
        /// d: the public interest.
        PublicInterest,
        /// e: the operator's rights.
        OperatorsRights,
        /// A summons, an order or other legal process.
        LegalProcess,
    }
}

part! {
    /// A piece of data.
    pub struct DisclosedField {
        /// `table.column` of the data map.
        pub field: String,
        /// What it holds, in words.
        pub what: String,
    }
}

part! {
    /// What was given, for the person it is about.
    pub struct Disclosure {
        /// The case's number.
        pub case: String,
        /// On which ground.
        pub ground: DisclosureGround,
        /// Who asked.
        pub authority: String,
        /// Their reference.
        pub reference: String,
        /// By which law or reason.
        pub legal_basis: String,
        /// When it was asked for: `YYYY-MM-DD`.
        pub received: String,
        /// When it was given: RFC 3339, UTC, milliseconds.
        pub given_at: String,
        /// What.
        pub fields: Vec<DisclosedField>,
        /// Until when the person must not be told: `YYYY-MM-DD`; `None` where there was no bar.
        pub barred_until: Option<String>,
    }
}

part! {
    /// `GET /v1/disclosures`: what was given about me, as far as I may know by now.
    pub struct Disclosures {
        /// Newest first.
        pub disclosures: Vec<Disclosure>,
    }
}

part! {
    /// What everybody may know of a disclosure.
    pub struct DisclosureCommitment {
        /// `YYYY-MM-DD`.
        pub day: String,
        /// On which ground.
        pub ground: DisclosureGround,
        /// SHA-256 of the register's entry, which names what was given; it links to all before it.
        pub hash: Base64,
    }
}
