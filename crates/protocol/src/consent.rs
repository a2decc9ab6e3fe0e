//! The consent ledger: records as devices sign them, and entries as the server counter-signs them.
//! After ISO/IEC TS 27560:2023. Canonical form is JCS (RFC 8785), signatures are Ed25519 (RFC 8032),
//! hashes SHA-256.

use serde::{Deserialize, Serialize};

use crate::{Base64, DeviceCertificate, DisclosureCommitment, RecordId, UserId};

macro_rules! part {
    ($(#[$doc:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($fields)* }
    };
}

macro_rules! word {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$of:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $variant,)* }
    };
}

pub(crate) use {part, word};

/// [`ConsentRecord::schema`] of this version.
pub const CONSENT_SCHEMA: &str = "jasmin-consent-1";

/// Most records in one [`TellConsents`].
pub const MOST_RECORDS: usize = 64;

word! {
    /// What was decided.
    pub enum LedgerDecision {
        /// Yes.
        Granted,
        /// Not now.
        Denied,
        /// A yes was taken back.
        Withdrawn,
        /// A yes ended by itself.
        Expired,
        /// The text that the yes was given to has changed too much for it to count.
        Superseded,
    }
}

word! {
    /// How long a yes counts.
    pub enum LedgerDuration {
        /// For one use, as a device check.
        Once,
        /// For one call.
        ThisCall,
        /// Until it is taken back.
        UntilWithdrawn,
    }
}

word! {
    /// Where somebody decided.
    pub enum AskedIn {
        /// In a call, or on the way to one.
        Call,
        /// In the device check.
        Check,
        /// In the settings.
        Settings,
    }
}

word! {
    /// How somebody decided.
    pub enum Gesture {
        /// With a pointer: mouse, pen, finger.
        Pointer,
        /// With a key, or something that acts as one.
        Key,
        /// A program did, for a robot's account.
        Program,
    }
}

part! {
    /// The text that was on the screen.
    pub struct NoticeRef {
        /// SHA-256 over the text's lines as JCS, 32 bytes.
        pub hash: Base64,
        /// Its version in the catalogue.
        pub version: u32,
        /// BCP 47.
        pub locale: String,
    }
}

part! {
    /// The policies in force.
    pub struct PolicySetRef {
        /// Its version.
        pub version: String,
        /// SHA-256 of the privacy policy, 32 bytes.
        pub privacy_policy: Base64,
        /// SHA-256 of the user agreement, 32 bytes.
        pub user_agreement: Base64,
    }
}

part! {
    /// The copy of the app that somebody decided on.
    pub struct RecordDevice {
        /// Which, and that it belongs to the subject: so the record proves itself for as long as the
        /// subject's identity key is known.
        pub certificate: DeviceCertificate,
        /// Its name, at most 64 characters.
        pub name: String,
        /// `linux`, `macos`, `windows`, `headless`.
        pub platform: String,
        /// Version of the app.
        pub app: String,
    }
}

part! {
    /// One decision, as its device signs it.
    pub struct ConsentRecord {
        /// [`CONSENT_SCHEMA`].
        pub schema: String,
        /// UUIDv7.
        pub id: RecordId,
        /// Whose decision.
        pub subject: UserId,
        /// Code in the catalogue of purposes.
        pub purpose: String,
        /// What the decision is limited to: a call, a device. At most 128 characters.
        pub scope: Option<String>,
        /// What was decided.
        pub decision: LedgerDecision,
        /// How long a yes counts; `None` for everything else.
        pub duration: Option<LedgerDuration>,
        /// The policies in force; `None` before there were any.
        pub policy_set: Option<PolicySetRef>,
        /// The text on the screen; `None` where nothing was asked, as for a withdrawal.
        pub notice: Option<NoticeRef>,
        /// Where.
        pub asked_in: AskedIn,
        /// How; left out for what ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub gesture: Option<Gesture>,
        /// On which device.
        pub device: RecordDevice,
        /// By the device's clock: RFC 3339, UTC, milliseconds.
        pub at_client: String,
        /// Counts this device's records from 1 without a gap.
        pub number: u64,
        /// SHA-256 of this device's record before as JCS, 32 bytes; empty for the first.
        pub prev: Base64,
    }
}

part! {
    /// A record under its device's signature.
    pub struct SignedRecord {
        /// The record.
        pub record: ConsentRecord,
        /// By the device's signing key over `"jasmin-consent-v1" || SHA-256(JCS(record))`.
        pub signature: Base64,
    }
}

part! {
    /// A record in its place in the person's ledger, under the server's signature.
    pub struct LedgerEntry {
        /// Counts this person's entries from 1 without a gap.
        pub sequence: u64,
        /// The record, with its device's signature.
        pub signed: SignedRecord,
        /// When it came in: RFC 3339, UTC, milliseconds.
        pub at_server: String,
        /// SHA-256 of the person's entry before as JCS without its `signature`, 32 bytes; empty for
        /// the first.
        pub prev: Base64,
        /// By the server's ledger key over `"jasmin-ledger-v1" || SHA-256(JCS(entry without signature))`.
        pub signature: Base64,
    }
}

part! {
    /// `POST /v1/consents`; answered with [`Consents`]: the entries made of them, in the same order.
    /// A record that is in the ledger already answers with the entry that it has.
    pub struct TellConsents {
        /// 1 to 64 records, those of a device in the order of their numbers.
        pub records: Vec<SignedRecord>,
    }
}

part! {
    /// `GET /v1/consents?after=SEQUENCE`: a person's own ledger, at most 256 entries at a time.
    pub struct Consents {
        /// Oldest first.
        pub entries: Vec<LedgerEntry>,
        /// How many entries the ledger has.
        pub last: u64,
    }
}

part! {
    /// `GET /v1/transparency`, for anybody: with which key ledgers are signed, and what the server
    /// committed itself to.
    pub struct Transparency {
        /// Ed25519 public key, 32 bytes.
        pub ledger_key: Base64,
        /// One for each day on which there were ledgers, newest first, at most 400.
        pub roots: Vec<DailyRoot>,
        /// What was given under the law, newest first; `None` where the register is damaged.
        #[serde(default)]
        pub disclosures: Option<Vec<DisclosureCommitment>>,
    }
}

part! {
    /// A Merkle tree (RFC 9162, section 2.1) over the heads of all ledgers at the end of a UTC day.
    pub struct DailyRoot {
        /// `YYYY-MM-DD`.
        pub day: String,
        /// Ledgers in it.
        pub leaves: u64,
        /// The root hash, 32 bytes.
        pub root: Base64,
        /// By the server's ledger key over `"jasmin-root-v1" || SHA-256(JCS(this without signature))`.
        pub signature: Base64,
    }
}

part! {
    /// `GET /v1/transparency/proof?day=DAY`: that the caller's ledger, as it was at the end of the day,
    /// is in the day's tree. `not-found` where the day has no root.
    pub struct RootProof {
        /// `YYYY-MM-DD`.
        pub day: String,
        /// Where the ledger is; `None` where there was none by then.
        pub leaf: Option<LeafProof>,
    }
}

part! {
    /// Where a leaf is in a tree, and what proves it.
    pub struct LeafProof {
        /// The place of the leaf, from 0; the leaf is the hash of the ledger's last entry.
        pub index: u64,
        /// The hashes beside its way up, from the bottom, 32 bytes each.
        pub way: Vec<Base64>,
    }
}

part! {
    /// First line of an exported ledger: whose it is, and the keys to check it with.
    pub struct ExportHeader {
        /// `"jasmin-ledger-1"`.
        pub format: String,
        /// Whose.
        pub subject: UserId,
        /// The server.
        pub server: String,
        /// Its ledger key.
        pub ledger_key: Base64,
        /// The person's identity key, which vouches for the devices.
        pub identity_key: Base64,
        /// Entries that follow.
        pub entries: u64,
        /// Signed records after them that the server has not answered.
        pub waiting: u64,
        /// When: RFC 3339, UTC, milliseconds.
        pub exported_at: String,
    }
}

part! {
    /// Last line of an exported ledger: the lines before it belong together.
    pub struct ExportSeal {
        /// The device that exported.
        pub certificate: DeviceCertificate,
        /// By its signing key over `"jasmin-export-v1" || SHA-256(all bytes of the lines before)`.
        pub seal: Base64,
    }
}
