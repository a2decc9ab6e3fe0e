use std::collections::BTreeSet;

use jasmin_protocol::{Address, Base64, DeviceId, SessionId, SignedRecord, Tokens, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Processing,
    call_log::CallLog,
    chores::Chores,
    gate::Decision,
    keys::{DeviceSeeds, Pins, Seed},
    ledger::Ledger,
    people::People,
    policies::Policies,
    redact::{Personal, Secret},
};

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VaultData {
    /// The server, as [`crate::api::ServerUrl`] writes it. `None`: never chosen.
    pub server: Option<String>,
    /// Who is signed in here, or was until the server ended it.
    pub account: Option<StoredAccount>,
    /// A sign-up that waits for its code.
    pub pending: Option<StoredSignUp>,
    /// What a person decided, oldest first. The gate's to write.
    pub consents: Vec<Decision>,
    /// Whose they are; `None`: nobody was signed in yet.
    pub consents_of: Option<UserId>,
    /// What earlier sign-ins could not tell the server.
    pub untold: Vec<Untold>,
    /// What the server has published.
    pub policies: Policies,
    /// Chosen devices.
    pub devices: DeviceChoices,
    /// Voice processing; `None`: never touched.
    pub processing: Option<Processing>,
}

/// Signed records of somebody who signed out before the server had heard of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Untold {
    /// Whose.
    pub user_id: UserId,
    /// In their order.
    pub records: Vec<SignedRecord>,
}

/// A signed-in account and all that belongs to it. Gone as a whole at sign-out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredAccount {
    /// Who.
    pub user_id: UserId,
    /// On which device.
    pub device_id: DeviceId,
    /// This sign-in.
    pub session_id: SessionId,
    /// The name.
    pub name: Personal<String>,
    /// The address.
    pub email: Personal<String>,
    /// For the API.
    pub tokens: StoredTokens,
    /// The identity's private half.
    pub identity: Seed,
    /// This device's keys.
    pub device: DeviceSeeds,
    /// The server has the device's certificate: it can be called.
    pub published: bool,
    /// The server ended this sign-in.
    pub revoked: bool,
    /// The last mailbox event whose effects are stored here.
    pub mailbox_seq: i64,
    /// Identity keys of others.
    pub pins: Pins,
    /// Contacts, requests, asked addresses.
    pub people: People,
    /// Past calls.
    pub log: CallLog,
    /// What was decided, as the server has it and as it has yet to hear.
    #[serde(default)]
    pub ledger: Ledger,
    /// What the server must still hear.
    #[serde(default)]
    pub chores: Chores,
    /// Disclosures that the person has looked at.
    #[serde(default)]
    pub seen_disclosures: BTreeSet<String>,
}

impl StoredAccount {
    /// This device of this person.
    pub fn address(&self) -> Address {
        Address {
            user_id: self.user_id,
            device_id: self.device_id,
        }
    }
}

/// [`Tokens`], hidden from logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTokens {
    /// PASETO v4.public.
    pub access: Secret,
    /// When the access token is over, by the server's clock.
    pub access_expires_ms: i64,
    /// Opaque, single use.
    pub refresh: Base64,
}

impl From<Tokens> for StoredTokens {
    fn from(tokens: Tokens) -> Self {
        let Tokens {
            access,
            access_expires_ms,
            refresh,
        } = tokens;
        Self {
            access: access.into(),
            access_expires_ms,
            refresh,
        }
    }
}

/// A sign-up that waits for its code. The password is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSignUp {
    /// The address that the code went to.
    pub email: Personal<String>,
    /// Names the sign-up to the server.
    pub attempt: Base64,
}

/// Chosen devices; `None` follows the system's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceChoices {
    /// Camera.
    pub camera: Option<String>,
    /// Microphone.
    pub microphone: Option<String>,
    /// Speaker.
    pub speaker: Option<String>,
}
