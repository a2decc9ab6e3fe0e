//! What the application looks like from outside: one snapshot, complete at any moment. A page shows
//! it and never rebuilds it from a history of events.

use jasmin_protocol::{CallId, CallKind, UserId};
use serde::{Deserialize, Serialize};

use crate::{DeviceKind, Processing};

macro_rules! view {
    ($(#[$doc:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($fields)* }
    };
    ($(#[$doc:meta])* pub enum $name:ident { $($variants:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(tag = "is", rename_all = "snake_case", rename_all_fields = "camelCase")]
        pub enum $name { $($variants)* }
    };
}

macro_rules! word {
    ($(#[$doc:meta])* pub enum $name:ident { $($variants:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variants)* }
    };
}

mod privacy;

pub use privacy::*;

view! {
    /// Everything.
    pub struct View {
        /// Grows with every change.
        pub revision: u64,
        /// The server and the way to it.
        pub server: ServerView,
        /// Where secrets are kept.
        pub vault: VaultView,
        /// Who is signed in.
        pub account: AccountView,
        /// Accepted contacts, by name.
        pub people: Vec<PersonView>,
        /// People who ask for contact, oldest first.
        pub requests: Vec<RequestView>,
        /// Addresses that I asked, newest first; known on this device only.
        pub asked: Vec<AskedView>,
        /// Past calls, newest first.
        pub log: Vec<LogView>,
        /// The call on the screen: outgoing, incoming, running, or just ended.
        pub call: Option<CallView>,
        /// A second call that comes in while one runs.
        pub waiting: Option<IncomingView>,
        /// The question that waits for an answer. One at a time.
        pub prompt: Option<PromptView>,
        /// Every purpose and how it stands.
        pub consents: Vec<ConsentView>,
        /// What was decided, and whether the server has heard of it.
        pub ledger: LedgerView,
        /// The server's policies.
        pub policies: PoliciesView,
        /// What was given about the person under the law.
        pub disclosures: DisclosuresView,
        /// Partners, what they may have, and what went to them.
        pub partners: PartnersView,
        /// Whether the person is counted in statistics.
        pub statistics: AccountConsentView,
        /// Whether the person gets mail when the policies change.
        pub policy_news: AccountConsentView,
        /// Cameras, microphones, speakers.
        pub devices: DevicesView,
        /// The device check, while it is open.
        pub check: Option<CheckView>,
        /// What is being captured or sent at this moment.
        pub sending: SendingView,
    }
}

view! {
    /// The server and the way to it.
    pub struct ServerView {
        /// Its address.
        pub url: String,
        /// How the connection stands.
        pub link: LinkView,
        /// Where mail can be read, on a loopback server.
        pub outbox_url: Option<String>,
    }
}

view! {
    /// The connection to the server.
    pub enum LinkView {
        /// Signed out: nothing to connect.
        Idle,
        /// Trying.
        Connecting,
        /// There.
        Online,
        /// Not there; tried again at this time (Unix ms).
        Offline { retry_at_ms: f64 },
        /// This app is too old for the server, or the other way round.
        Refused { detail: String },
    }
}

view! {
    /// Where secrets are kept.
    pub enum VaultView {
        /// Looking.
        Opening,
        /// Open; `keeper` says what guards it.
        Open { keeper: VaultKeeper },
        /// The system's keyring cannot be used, and a person must choose what to do instead.
        Choose { reason: String },
        /// A passphrase opens it.
        Locked,
        /// The file cannot be read. It was left as it is.
        Broken { reason: String },
    }
}

word! {
    /// What guards the vault.
    pub enum VaultKeeper {
        /// The system's keyring.
        Keyring,
        /// A passphrase, asked at each start.
        Passphrase,
        /// Nothing is kept after this session.
        Session,
    }
}

view! {
    /// Who is signed in.
    pub enum AccountView {
        /// Nobody.
        SignedOut,
        /// Sign-up waits for the mailed code.
        AwaitingCode { email: String },
        /// Somebody.
        SignedIn { user_id: UserId, name: String, email: String },
        /// The sign-in was ended by the server or from another device.
        Revoked { email: String },
    }
}

view! {
    /// An accepted contact.
    pub struct PersonView {
        /// Who.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// The address.
        pub email: String,
        /// Whether the safety words were compared and matched.
        pub verified: bool,
        /// The identity key changed since it was last seen.
        pub key_changed: bool,
        /// When we last had something to do with each other (Unix ms).
        pub last_call_ms: Option<f64>,
    }
}

view! {
    /// Somebody asks for contact.
    pub struct RequestView {
        /// Who.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// The address.
        pub email: String,
        /// When (Unix ms).
        pub since_ms: f64,
    }
}

view! {
    /// I asked an address for contact.
    pub struct AskedView {
        /// The address.
        pub email: String,
        /// When (Unix ms).
        pub since_ms: f64,
    }
}

view! {
    /// A past call.
    pub struct LogView {
        /// Which.
        pub call_id: CallId,
        /// With whom.
        pub user_id: UserId,
        /// The name, as known on this device.
        pub name: String,
        /// Whether I called.
        pub outgoing: bool,
        /// What it started with.
        pub kind: CallKind,
        /// How it ended.
        pub result: LogResult,
        /// When it began (Unix ms).
        pub started_ms: f64,
        /// How long people talked; 0 when nobody answered.
        pub duration_s: f64,
    }
}

word! {
    /// How a past call ended.
    pub enum LogResult {
        /// People talked.
        Answered,
        /// Nobody answered (incoming: a missed call).
        Missed,
        /// The callee said no.
        Declined,
        /// The callee was in another call.
        Busy,
        /// The caller gave up (incoming: a missed call, too).
        Cancelled,
    }
}

view! {
    /// The call on the screen.
    pub struct CallView {
        /// Which.
        pub call_id: CallId,
        /// With whom.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// Whether I called.
        pub outgoing: bool,
        /// What it started with.
        pub kind: CallKind,
        /// How it stands.
        pub phase: PhaseView,
        /// My microphone.
        pub microphone: OwnDeviceView,
        /// My camera.
        pub camera: OwnDeviceView,
        /// The other side's microphone and camera.
        pub remote: RemoteView,
        /// Four words with their emoji, once both nonces are open.
        pub safety_words: Vec<SafetyWord>,
        /// What was said of the words, for this person's present key.
        pub words_verdict: WordsVerdict,
        /// The connection in words and numbers.
        pub quality: Option<QualityView>,
        /// Something to say about a device or the connection, most urgent first.
        pub alerts: Vec<AlertView>,
    }
}

view! {
    /// The states of product.md B3.9.
    pub enum PhaseView {
        /// Outgoing: nothing rings yet. Ends by itself at this time (Unix ms).
        Preparing { rings_at_ms: f64 },
        /// Outgoing: the server has been told.
        Calling,
        /// Outgoing: a device of the other side rings.
        Ringing,
        /// Incoming: rings here until this time (Unix ms). `silenced` after the first Escape.
        Incoming { until_ms: f64, silenced: bool },
        /// Answered; finding a way.
        Connecting { slow: bool },
        /// Talking since (Unix ms).
        Active { since_ms: f64 },
        /// The other side cannot be heard for a moment. Nothing is being sent.
        Reconnecting { since_ms: f64, gives_up_at_ms: f64 },
        /// Over.
        Ended { reason: EndReason, duration_s: f64 },
    }
}

word! {
    /// Why a call ended.
    pub enum EndReason {
        /// Somebody hung up.
        HungUp,
        /// The other side said no.
        Declined,
        /// The other side was in another call.
        Busy,
        /// Nobody answered in time.
        NoAnswer,
        /// Another device of mine answered.
        AnsweredElsewhere,
        /// Another device of mine said no.
        DeclinedElsewhere,
        /// The caller gave up before an answer; on the caller's side also the undo.
        Cancelled,
        /// No way through the network, or it was lost for too long.
        Network,
        /// The server could not be told.
        Server,
        /// The other side's app speaks another version.
        Version,
        /// Signalling did not carry the other side's key, or the DTLS certificate is another one.
        Security,
        /// A glare was resolved in favour of the other call.
        Superseded,
        /// Neither microphone nor sound could be set up at all.
        Media,
        /// The program ended.
        Quit,
    }
}

view! {
    /// How one of my devices stands in the call.
    pub enum OwnDeviceView {
        /// Off, because I want it so, or it was never asked for.
        Off,
        /// The question waits for an answer.
        Asking,
        /// Being opened.
        Opening,
        /// Open, and sent when the call runs. Picture size for a camera, else 0.
        On { since_ms: f64, width: u32, height: u32 },
        /// Wanted, but it does not work.
        Failed { problem: DeviceProblem, device: String },
    }
}

word! {
    /// Which layer blocks a device; asked from the top.
    pub enum DeviceProblem {
        /// Jasmin was told "not now", or the grant was taken back.
        Consent,
        /// The system says no.
        System,
        /// Another program holds it.
        Busy,
        /// It was unplugged.
        Gone,
        /// It stopped delivering.
        Stalled,
        /// None was found.
        NoneFound,
        /// Something else; the log says what.
        Other,
    }
}

view! {
    /// The other side's devices, by its own word.
    pub struct RemoteView {
        /// Its microphone is on.
        pub microphone: bool,
        /// Its camera is on.
        pub camera: bool,
        /// A picture can be pulled.
        pub has_picture: bool,
    }
}

view! {
    /// One of the four safety words.
    pub struct SafetyWord {
        /// The word.
        pub word: String,
        /// Its picture.
        pub emoji: String,
    }
}

word! {
    /// What was said of the safety words.
    pub enum WordsVerdict {
        /// Nothing yet.
        Open,
        /// They match.
        Matched,
        /// They differ.
        Differ,
    }
}

view! {
    /// The connection.
    pub struct QualityView {
        /// In a word.
        pub level: QualityLevel,
        /// Whose connection is weak, when it is.
        pub weak_side: WeakSide,
        /// Round trip, milliseconds.
        pub rtt_ms: f64,
        /// Share of packets lost on the way here, 0 to 1.
        pub loss: f64,
        /// Size of the picture that arrives.
        pub received_width: u32,
        /// See `received_width`.
        pub received_height: u32,
        /// Pictures a second that arrive.
        pub received_fps: f64,
        /// Bits a second sent, all of it.
        pub sent_bps: f64,
        /// Bits a second received, all of it.
        pub received_bps: f64,
        /// The way: `host`, `srflx`, `relay`.
        pub path: String,
    }
}

word! {
    /// The connection in a word.
    pub enum QualityLevel {
        /// Nothing to say.
        Good,
        /// Less video, clear sound.
        Weak,
        /// Sound only gets through.
        Poor,
    }
}

word! {
    /// Whose connection is weak.
    pub enum WeakSide {
        /// Nobody's.
        None,
        /// Mine.
        Mine,
        /// The other side's.
        Theirs,
    }
}

view! {
    /// Something to say in a call.
    pub enum AlertView {
        /// The microphone is off and hears speech.
        SpeakingWhileMuted,
        /// The microphone is on and hears nothing at all.
        SilentMicrophone { device: String },
        /// A new device is there.
        DevicePlugged { kind: DeviceKind, id: String, name: String },
        /// A device in use is gone.
        DeviceGone { kind: DeviceKind, name: String },
        /// The other side's identity key is not the one that was pinned.
        KeyChanged,
    }
}

view! {
    /// A call that comes in.
    pub struct IncomingView {
        /// Which.
        pub call_id: CallId,
        /// From whom.
        pub user_id: UserId,
        /// The name.
        pub name: String,
        /// What it starts with.
        pub kind: CallKind,
        /// Rings until (Unix ms).
        pub until_ms: f64,
    }
}

view! {
    /// Devices.
    pub struct DevicesView {
        /// Cameras. Listed without opening them.
        pub cameras: Vec<DeviceView>,
        /// Microphones.
        pub microphones: Vec<DeviceView>,
        /// Speakers.
        pub speakers: Vec<DeviceView>,
        /// The chosen camera; `None` follows the default.
        pub camera: Option<String>,
        /// The chosen microphone.
        pub microphone: Option<String>,
        /// The chosen speaker.
        pub speaker: Option<String>,
        /// Voice processing.
        pub processing: Processing,
        /// What helps where the system blocks a device.
        pub system_way: SystemWay,
    }
}

word! {
    /// How a person lets an application use a device that the system blocks.
    pub enum SystemWay {
        /// On a page of the system's settings; [`Command::OpenSystemSettings`](crate::Command) opens it.
        Settings,
        /// By the rights of the person's account on this computer.
        Rights,
    }
}

view! {
    /// One device.
    pub struct DeviceView {
        /// Stable name for settings.
        pub id: String,
        /// Name for people.
        pub name: String,
        /// The system's default.
        pub is_default: bool,
    }
}

view! {
    /// The device check.
    pub struct CheckView {
        /// The camera.
        pub camera: OwnDeviceView,
        /// The microphone that is chosen.
        pub microphone: OwnDeviceView,
        /// Sound level of each microphone, by id: peak, 0 to 1. Updated at most 15 times a second.
        pub levels: Vec<LevelView>,
        /// What the level of the chosen microphone means.
        pub verdict: MicVerdict,
        /// The test tone plays.
        pub tone_playing: bool,
        /// The clip.
        pub clip: ClipView,
    }
}

view! {
    /// A microphone's level.
    pub struct LevelView {
        /// Which microphone.
        pub id: String,
        /// Peak, 0 to 1.
        pub peak: f64,
    }
}

word! {
    /// What a microphone's level means.
    pub enum MicVerdict {
        /// Nothing heard yet.
        Listening,
        /// We hear you.
        Heard,
        /// Very quiet.
        Quiet,
        /// Too loud.
        Loud,
    }
}

view! {
    /// The six-second clip of the device check.
    pub enum ClipView {
        /// None.
        None,
        /// Being recorded, for so many seconds more.
        Recording { seconds_left: f64 },
        /// Being played, for so many seconds more; pulled as the stream `clip`.
        Playing { seconds_left: f64 },
        /// It could not be made.
        Failed { detail: String },
    }
}

view! {
    /// What is being captured or sent.
    pub struct SendingView {
        /// The camera is open.
        pub camera: bool,
        /// The microphone is open.
        pub microphone: bool,
        /// To whom, when somebody gets it.
        pub to: Option<String>,
    }
}
