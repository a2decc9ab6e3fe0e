//! What was asked and decided, under which policies, and what went to whom.

use jasmin_consent::policy::{diff::ChangedSection, text::Document};
use jasmin_protocol::{
    AskedIn, ChangeKind, DisclosureGround, LedgerDecision, LedgerDuration, PartnerStatus,
    PassingKind, PassingState, PolicyKind, ShareField,
};
use serde::{Deserialize, Serialize};

use crate::{AccountPurpose, Purpose, PurposeKind};

view! {
    /// A question that waits for an answer.
    pub struct PromptView {
        /// Its number, for [`Command::AnswerPrompt`](crate::Command).
        pub id: u64,
        /// What for.
        pub purpose: Purpose,
        /// Where it came up.
        pub context: PromptContext,
    }
}

view! {
    /// Where a question came up.
    pub enum PromptContext {
        /// In a call with this person.
        Call { name: String },
        /// In the device check.
        Check,
        /// In the settings.
        Settings,
    }
}

view! {
    /// One purpose and how it stands.
    pub struct ConsentView {
        /// What for.
        pub purpose: Purpose,
        /// How it stands.
        pub state: ConsentState,
        /// Since when (Unix ms); `None` when never asked.
        pub since_ms: Option<f64>,
        /// The device is open at this moment.
        pub in_use: bool,
    }
}

view! {
    /// A purpose of the whole account and how it stands.
    pub struct AccountConsentView {
        /// What for.
        pub purpose: AccountPurpose,
        /// How it stands; never `allowed_once`.
        pub state: ConsentState,
        /// Since when (Unix ms); `None` when never asked.
        pub since_ms: Option<f64>,
        /// The server has heard of it.
        pub told: bool,
    }
}

view! {
    /// A field for a partner.
    pub struct ShareView {
        /// The partner's id.
        pub partner: String,
        /// The partner's name; its id where the partner is not known.
        pub name: String,
        /// Which.
        pub field: ShareField,
    }
}

view! {
    /// Partners.
    pub struct PartnersView {
        /// The server was asked in this session.
        pub known: bool,
        /// Whether the person is of an age at which anything can be shared.
        pub may_share: bool,
        /// By name.
        pub list: Vec<PartnerView>,
    }
}

view! {
    /// One partner.
    pub struct PartnerView {
        /// Its id.
        pub id: String,
        /// Its name.
        pub name: String,
        /// The company behind it.
        pub legal_entity: String,
        /// Where that is.
        pub country: String,
        /// What it wants the data for.
        pub purpose: String,
        /// For how long it promises to keep them.
        pub retention: String,
        /// How far it has come.
        pub status: PartnerStatus,
        /// Whether anything can go to it on this day.
        pub open: bool,
        /// When it signed that it protects what it gets: `YYYY-MM-DD`.
        pub signed_on: Option<String>,
        /// The last day on which that counts: `YYYY-MM-DD`.
        pub review_by: Option<String>,
        /// SHA-256 of what it signed, in hexadecimal digits.
        pub undertaking: Option<String>,
        /// Each field that it wants, and how it stands.
        pub fields: Vec<AccountConsentView>,
        /// What went to it, newest first.
        pub passings: Vec<PassingView>,
    }
}

view! {
    /// One pass through the gate.
    pub struct PassingView {
        /// Its number.
        pub id: String,
        /// What.
        pub kind: PassingKind,
        /// Which fields.
        pub fields: Vec<ShareField>,
        /// When (Unix ms, by the server's clock).
        pub at_ms: f64,
        /// What became of it.
        pub state: PassingState,
        /// When the partner answered (Unix ms, by the server's clock).
        pub answered_at_ms: Option<f64>,
    }
}

view! {
    /// The person's consent ledger.
    pub struct LedgerView {
        /// Newest first, at most 200; empty unless the page asked for them with
        /// [`Command::ShowLedger`](crate::Command).
        pub records: Vec<LedgerRecord>,
        /// How many the server has yet to hear of.
        pub waiting: u32,
        /// The server's ledger does not fit what this device knows.
        pub trouble: Option<LedgerTrouble>,
        /// The last time that it was saved as a file.
        pub export: LedgerExport,
    }
}

view! {
    /// One decision.
    pub struct LedgerRecord {
        /// Its id.
        pub id: String,
        /// What for.
        pub purpose: PurposeKind,
        /// Which field for which partner, where it is about sharing.
        pub share: Option<ShareView>,
        /// What was decided.
        pub decision: LedgerDecision,
        /// How long a yes counts.
        pub duration: Option<LedgerDuration>,
        /// Where.
        pub asked_in: AskedIn,
        /// When (Unix ms, by the server's clock).
        pub at_ms: f64,
        /// On which device.
        pub device: String,
        /// That is this one.
        pub here: bool,
        /// The server has it.
        pub told: bool,
        /// The text that was on the screen, title first, without names; empty where nothing was asked.
        pub notice: Vec<String>,
        /// The version of the policies that it was decided under.
        pub policy: Option<String>,
    }
}

word! {
    /// What is wrong with the server's ledger.
    pub enum LedgerFault {
        /// Something is not there any more.
        Missing,
        /// Something is not what it was.
        Changed,
        /// Something is in another place, or twice.
        Reordered,
        /// Something is not signed by whom it should be.
        Unsigned,
        /// What the server has committed itself to in public holds another ledger than this one.
        Uncommitted,
    }
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LedgerTrouble {
    /// What.
    pub fault: LedgerFault,
    /// At which entry, from 1.
    #[cfg_attr(feature = "bindings", ts(type = "number"))]
    pub sequence: u64,
}

view! {
    /// The ledger as a file.
    pub enum LedgerExport {
        /// Not yet.
        None,
        /// Just now.
        Writing,
        /// It is there.
        Done {
            /// The folder, with the page that checks it.
            folder: String,
            /// How many records.
            records: u32,
        },
        /// The folder cannot be written.
        Failed,
    }
}

word! {
    /// How a purpose stands.
    pub enum ConsentState {
        /// Never asked.
        NeverAsked,
        /// Until taken back.
        Allowed,
        /// For the present call or check only.
        AllowedOnce,
        /// "Not now".
        Denied,
        /// Taken back.
        Withdrawn,
        /// The policies do more now than when it was allowed: asked again when it is needed.
        Superseded,
    }
}

view! {
    /// The server's policies.
    pub struct PoliciesView {
        /// The server was asked what it has.
        pub known: bool,
        /// Every set that was published, newest first.
        pub sets: Vec<PolicySetView>,
        /// The version that counts.
        pub in_force: Option<String>,
        /// A version whose changes the person has not opened yet.
        pub unread: Option<String>,
        /// What the server says does not fit what it said before.
        pub trouble: bool,
        /// What the page asked to see with [`Command::ShowPolicy`](crate::Command).
        pub shown: Option<ShownPolicy>,
    }
}

view! {
    /// One version of the policies.
    pub struct PolicySetView {
        /// Its version.
        pub version: String,
        /// When it was published (Unix ms).
        pub announced_at_ms: f64,
        /// From when on it counts (Unix ms).
        pub effective_at_ms: f64,
        /// Against the version before.
        pub changes: Vec<PolicyChangeView>,
    }
}

view! {
    /// One change.
    pub struct PolicyChangeView {
        /// In which document.
        pub document: PolicyKind,
        /// The name of the section.
        pub section: String,
        /// What it means for people.
        pub kind: ChangeKind,
        /// What is asked again because of it, of what this app knows.
        pub purposes: Vec<PurposeKind>,
        /// In plain words.
        pub summary: String,
    }
}

view! {
    /// The documents on the page.
    pub struct ShownPolicy {
        /// Of which version.
        pub version: String,
        /// What there is to show.
        pub page: PolicyPage,
    }
}

view! {
    /// What there is to show of a version.
    pub enum PolicyPage {
        /// On its way.
        Loading,
        /// Not here, and not to be had now.
        Failed,
        /// Here.
        Ready { documents: Vec<PolicyDocumentView> },
    }
}

view! {
    /// One document.
    pub struct PolicyDocumentView {
        /// Which.
        pub kind: PolicyKind,
        /// All of it.
        pub document: Document,
        /// The sections that differ from the version before, with what came and what went.
        pub changed: Vec<ChangedSection>,
    }
}

view! {
    /// What was given about the person under the law, as far as they may know.
    pub struct DisclosuresView {
        /// The server was asked in this session.
        pub known: bool,
        /// How many of them the person has not looked at. The page that shows the ledger
        /// ([`Command::ShowLedger`](crate::Command)) shows them, too.
        pub unread: u32,
        /// Newest first.
        pub list: Vec<DisclosureView>,
    }
}

view! {
    /// One disclosure.
    pub struct DisclosureView {
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
        /// When it was given (Unix ms).
        pub given_at_ms: f64,
        /// What, in words.
        pub fields: Vec<String>,
        /// Until when the person must not be told, `YYYY-MM-DD`; `null` where there was no bar.
        pub barred_until: Option<String>,
    }
}
