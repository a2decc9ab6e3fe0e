//! What a person can ask the application to do.

use jasmin_protocol::{CallKind, ErrorCode, Gesture, ShareField, UserId};
use serde::{Deserialize, Serialize};

/// One request. Answered at once with `Ok(())` or a [`Failure`]; what it changes shows in the next
/// [`View`](crate::View).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "do", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Command {
    /// Use another server. Only while signed out.
    SetServer { url: String },
    /// Make an account; a code is mailed. `birthday` is `YYYY-MM-DD`.
    SignUp {
        name: String,
        email: String,
        password: String,
        birthday: String,
        /// The version of the policies that the person accepts; `null` where the server has none.
        policy: Option<String>,
    },
    /// Finish sign-up with the mailed code; signs in.
    VerifyEmail { code: String },
    /// Mail the code once more.
    ResendCode,
    /// Give the sign-up up and go back to the start.
    AbandonSignUp,
    /// Sign in.
    SignIn { email: String, password: String },
    /// Sign out on this device; the vault's contents for the account are erased.
    SignOut,

    /// Open the page of the system's settings where this device can be allowed.
    OpenSystemSettings { purpose: Purpose },
    /// Take back all that is allowed.
    WithdrawAll { gesture: Gesture },
    /// Whether the page shows what was decided: then it is part of the snapshot.
    ShowLedger { shown: bool },
    /// Show the documents of a version of the policies: then they are part of the snapshot, and the
    /// version counts as opened. `null` puts them away.
    ShowPolicy { version: Option<String> },
    /// Save the consent ledger as a file, with a page that checks it.
    ExportLedger,

    /// Answer to [`VaultView::Choose`](crate::VaultView): make a vault opened by a passphrase.
    UsePassphrase { passphrase: String },
    /// Answer to [`VaultView::Choose`](crate::VaultView): keep secrets in memory, for this session only.
    UseSessionOnly,
    /// Open the vault with its passphrase.
    Unlock { passphrase: String },
    /// Throw away a vault that cannot be read, and start anew.
    ResetVault,

    /// Ask somebody for contact.
    AddPerson { email: String },
    /// Say yes to a request.
    AcceptPerson { user_id: UserId },
    /// Say no to a request, or end a contact.
    RemovePerson { user_id: UserId },

    /// Take over the new identity key of somebody whose key changed.
    AcceptNewKey { user_id: UserId },

    /// Call somebody: opens the devices (asking first) and rings after the undo window.
    Call { user_id: UserId, kind: CallKind },
    /// Ring now, without waiting for the undo window to end.
    CallNow,
    /// Answer the ringing call with sound, or with sound and picture.
    Accept { kind: CallKind },
    /// Answer the second call that comes in; the running one is hung up.
    AcceptWaiting { kind: CallKind },
    /// Say no to the ringing call.
    Decline,
    /// Say no to the second call.
    DeclineWaiting,
    /// Stop the ring here without an answer.
    SilenceRing,
    /// Undo, cancel or hang up: whatever ends the own call now.
    HangUp,
    /// Microphone on or off.
    SetMicrophone { on: bool },
    /// Camera on or off.
    SetCamera { on: bool },
    /// The verdict on the safety words.
    SafetyWords { matched: bool },
    /// Put the end screen of the last call away.
    DismissEnded,

    /// Answer to the consent prompt with this number.
    AnswerPrompt {
        prompt: u64,
        answer: PromptAnswer,
        gesture: Gesture,
    },
    /// Switch of the consent list, off: acts at once, also in a running call.
    WithdrawConsent { purpose: Purpose, gesture: Gesture },
    /// Switch of the consent list, on: shows the prompt.
    AskConsent { purpose: Purpose },
    /// What the person decided about something that is the whole account's. The page has shown the
    /// question for it.
    DecideForAccount {
        purpose: AccountPurpose,
        answer: AccountAnswer,
        gesture: Gesture,
    },
    /// Take back all that a partner may have; the partner is told to delete it.
    StopSharing { partner: String, gesture: Gesture },

    /// Open the device check.
    StartCheck,
    /// Close it.
    StopCheck,
    /// Play the test tone on the chosen speaker.
    PlayTone,
    /// Record six seconds of picture and sound for oneself.
    RecordClip,
    /// Choose a device; `null` follows the system's default.
    ChooseDevice {
        kind: DeviceKind,
        id: Option<String>,
    },
    /// Echo cancellation, noise suppression, automatic gain.
    SetProcessing { processing: Processing },
    /// Look for devices again.
    RefreshDevices,

    /// Hang up, say goodbye and end.
    Quit,
}

impl std::fmt::Debug for Command {
    /// The name only: fields hold addresses and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = serde_json::to_value(self).ok().and_then(|value| {
            value
                .get("do")
                .and_then(|name| name.as_str().map(str::to_owned))
        });
        f.write_str(name.as_deref().unwrap_or("command"))
    }
}

/// An answer to a consent prompt. The order is the order of the buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PromptAnswer {
    /// Not now.
    Deny,
    /// Only this call, only this check.
    Once,
    /// Until taken back.
    Allow,
}

/// What a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Open the camera.
    Camera,
    /// Open the microphone.
    Microphone,
}

/// What a grant for the whole account is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum AccountPurpose {
    /// Give a partner a field.
    Share {
        /// Its id.
        partner: String,
        /// Which.
        field: ShareField,
    },
    /// Be counted in statistics.
    Statistics,
    /// Get mail when the policies change.
    PolicyNews,
}

/// An answer about the whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AccountAnswer {
    /// Not now.
    Deny,
    /// Until taken back.
    Allow,
    /// Taken back.
    Withdraw,
}

/// Every purpose by its kind, for words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// Open the camera.
    Camera,
    /// Open the microphone.
    Microphone,
    /// Give a partner a field.
    Share,
    /// Be counted in statistics.
    Statistics,
    /// Get mail when the policies change.
    PolicyNews,
}

/// A kind of device that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Picture in.
    Camera,
    /// Sound in.
    Microphone,
    /// Sound out.
    Speaker,
}

/// Switches of the voice processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Processing {
    /// Echo cancellation.
    pub echo_cancellation: bool,
    /// Noise suppression.
    pub noise_suppression: bool,
    /// Automatic gain.
    pub automatic_gain: bool,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[error("{code:?}: {detail}")]
pub struct Failure {
    /// For the page to choose words by.
    pub code: FailureCode,
    /// For people who look closer: no personal data.
    pub detail: String,
    /// Which field of the form it is about.
    pub field: Option<String>,
    /// When to try again, where that is known.
    pub retry_after_ms: Option<u64>,
}

/// The closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The server cannot be reached.
    Unreachable,
    /// The address is no Jasmin server.
    NotAServer,
    /// Plain HTTP to another machine.
    InsecureServer,
    /// Wrong address or password.
    WrongCredentials,
    /// Wrong or old code.
    WrongCode,
    /// A field is not as it must be.
    Invalid,
    /// The age rule says no.
    AgeRestricted,
    /// Not possible in this state (for example: a call while one runs).
    NotNow,
    /// Only accepted contacts can be called.
    NotAContact,
    /// This person has no device that can be called.
    NoDevice,
    /// The identity key of a checked person changed.
    KeyChanged,
    /// Too many tries.
    RateLimited,
    /// The vault is locked or broken.
    Vault,
    /// The passphrase does not open the vault.
    WrongPassphrase,
    /// The server failed.
    Server,
    /// This program failed.
    Internal,
}

impl From<ErrorCode> for FailureCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidBody | ErrorCode::PayloadTooLarge => Self::Invalid,
            ErrorCode::Unauthenticated | ErrorCode::TokenExpired => Self::WrongCredentials,
            ErrorCode::NotAContact => Self::NotAContact,
            ErrorCode::NotFound | ErrorCode::Conflict | ErrorCode::Gone => Self::NotNow,
            ErrorCode::AgeRestricted => Self::AgeRestricted,
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::UnsupportedMediaType
            | ErrorCode::MethodNotAllowed
            | ErrorCode::IdempotencyMismatch
            | ErrorCode::DbUnavailable
            | ErrorCode::Draining
            | ErrorCode::Internal => Self::Server,
        }
    }
}
