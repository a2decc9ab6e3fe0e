//! Partners that a person can share something with, field by field, and what went to them.

use serde::{Deserialize, Serialize};

use crate::{
    Base64,
    consent::{part, word},
};

word! {
    /// What can be shared.
    #[derive(PartialOrd, Ord)]
    pub enum ShareField {
        /// The name.
        Name,
        /// The e-mail address.
        Email,
        /// The birthday.
        Birthday,
    }
}

impl ShareField {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Name, Self::Email, Self::Birthday];

    /// Its word in codes of purposes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Birthday => "birthday",
        }
    }

    /// The field of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }
}

word! {
    /// How far a partner has come. Only with an active one anything can be shared.
    pub enum PartnerStatus {
        /// Written down.
        Proposed,
        /// Has signed that it protects what it gets no less than this server does.
        UndertakingSigned,
        /// Can be shared with.
        Active,
        /// Nothing goes to it for now.
        Suspended,
        /// Nothing goes to it any more; it was told to delete everything.
        Ended,
    }
}

part! {
    /// What a partner has signed.
    pub struct Undertaking {
        /// SHA-256 of the signed document, 32 bytes.
        pub hash: Base64,
        /// `YYYY-MM-DD`.
        pub signed_on: String,
        /// The last day on which it counts, unless it was looked at again: `YYYY-MM-DD`.
        pub review_by: String,
    }
}

part! {
    /// A partner, for everybody to see.
    pub struct Partner {
        /// Its name in codes of purposes: lower-case letters, digits and `-`.
        pub id: String,
        /// Its name for people.
        pub name: String,
        /// The company behind it.
        pub legal_entity: String,
        /// Where that is.
        pub country: String,
        /// What it wants the data for.
        pub purpose: String,
        /// For how long it promises to keep them.
        pub retention: String,
        /// What it wants.
        pub fields: Vec<ShareField>,
        /// How far it has come.
        pub status: PartnerStatus,
        /// What it has signed; `None` before.
        pub undertaking: Option<Undertaking>,
        /// Whether anything can go to it on this day.
        pub open: bool,
    }
}

part! {
    /// `GET /v1/partners`, for anybody.
    pub struct Partners {
        /// By name. The ones that have ended stay.
        pub partners: Vec<Partner>,
    }
}

word! {
    /// What passed the gate.
    pub enum PassingKind {
        /// Data were given.
        Given,
        /// The partner was told to delete data.
        Deletion,
    }
}

word! {
    /// What became of it.
    pub enum PassingState {
        /// On its way: tried until the partner answers.
        Waiting,
        /// The partner took it.
        Done,
        /// Taken back before the partner answered. As it may have arrived, the partner is told to delete
        /// it.
        Cancelled,
    }
}

part! {
    /// One pass through the gate.
    pub struct Passing {
        /// Its number.
        pub id: String,
        /// To which partner.
        pub partner: String,
        /// What.
        pub kind: PassingKind,
        /// Which fields, no others.
        pub fields: Vec<ShareField>,
        /// When it passed: RFC 3339, UTC, milliseconds.
        pub at: String,
        /// What became of it.
        pub state: PassingState,
        /// When the partner answered: RFC 3339, UTC, milliseconds.
        pub answered_at: Option<String>,
    }
}

part! {
    /// `GET /v1/me/shares`: what went to partners about me.
    pub struct Shares {
        /// Whether I am of an age at which anything can be shared.
        pub may_share: bool,
        /// Newest first, at most 1,000 for each partner.
        pub passings: Vec<Passing>,
    }
}

part! {
    /// What a partner is sent (`POST` to its address for giving, or for deleting). Under the server's
    /// ledger key, in the header `jasmin-signature`: base64url without padding (RFC 4648, section 5) of an
    /// Ed25519 signature over
    /// `"jasmin-share-v1" || SHA-256(body)`.
    pub struct ShareMessage {
        /// [`SHARE_FORMAT`].
        pub format: String,
        /// The same for a repeated delivery.
        pub id: String,
        /// Counts up for one person at this partner: what comes after a message with a higher number is late, and to
        /// be left alone.
        pub number: u64,
        /// What this is.
        pub kind: PassingKind,
        /// Stands for the person, with this partner only.
        pub person: String,
        /// The fields to be deleted; empty when data are given.
        pub delete: Vec<ShareField>,
        /// The fields that were granted; empty when data are to be deleted.
        pub data: Vec<SharedField>,
        /// The day on which the undertaking must be looked at again.
        pub review_by: String,
    }
}

part! {
    /// One field.
    pub struct SharedField {
        /// Which.
        pub field: ShareField,
        /// What it holds.
        pub value: String,
    }
}

/// [`ShareMessage::format`] of this version.
pub const SHARE_FORMAT: &str = "jasmin-share-1";

part! {
    /// `GET /v1/statistics`, for anybody: every number about people that was ever published.
    pub struct Statistics {
        /// Newest first.
        pub releases: Vec<StatisticsRelease>,
        /// The privacy loss (epsilon) that a year may cost a person, in thousandths.
        pub year_budget_milli: u32,
    }
}

part! {
    /// The numbers of one week.
    pub struct StatisticsRelease {
        /// ISO 8601 week: `YYYY-Www`.
        pub week: String,
        /// When it was made: RFC 3339, UTC, milliseconds.
        pub at: String,
        /// The privacy loss (epsilon) of the whole release, in thousandths.
        pub epsilon_milli: u32,
        /// Each of the fixed questions.
        pub figures: Vec<StatisticsFigure>,
    }
}

part! {
    /// The answer to one question: people by group, with noise.
    pub struct StatisticsFigure {
        /// The question's code.
        pub question: String,
        /// The question in words.
        pub title: String,
        /// Each group once.
        pub groups: Vec<StatisticsGroup>,
    }
}

part! {
    /// One group.
    pub struct StatisticsGroup {
        /// In words.
        pub label: String,
        /// People, with noise; `None` where it would be too few to say.
        pub people: Option<u64>,
    }
}
