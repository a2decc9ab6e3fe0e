// The words between the page and the window. Made from the Rust types by a test of `src-tauri`; not edited by hand.

/** An answer about the whole account. */
export type AccountAnswer = "deny" | "allow" | "withdraw";

/** A purpose of the whole account and how it stands. */
export type AccountConsentView = {
  /** What for. */
  purpose: AccountPurpose,
  /** How it stands; never `allowed_once`. */
  state: ConsentState,
  /** Since when (Unix ms); `None` when never asked. */
  sinceMs: number | null,
  /** The server has heard of it. */
  told: boolean,
};

/** What a grant for the whole account is for. */
export type AccountPurpose =
  | { "is": "share",
/** Its id. */
partner: string,
/** Which. */
field: ShareField }
  | { "is": "statistics" }
  | { "is": "policy_news" };

/** Who is signed in. */
export type AccountView =
  | { "is": "signed_out" }
  | { "is": "awaiting_code", email: string }
  | { "is": "signed_in", userId: UserId, name: string, email: string }
  | { "is": "revoked", email: string };

/** Something to say in a call. */
export type AlertView =
  | { "is": "speaking_while_muted" }
  | { "is": "silent_microphone", device: string }
  | { "is": "device_plugged", kind: DeviceKind, id: string, name: string }
  | { "is": "device_gone", kind: DeviceKind, name: string }
  | { "is": "key_changed" };

/** Where somebody decided. */
export type AskedIn = "call" | "check" | "settings";

/** I asked an address for contact. */
export type AskedView = {
  /** The address. */
  email: string,
  /** When (Unix ms). */
  sinceMs: number,
};

/** A paragraph or a point of a list. */
export type Block = {
  /** Which of the two. */
  shape: Shape,
  /** Its words. */
  spans: Array<Span>,
};

/** One attempt to call, chosen by the caller. In a glare the smaller one wins. */
export type CallId = string;

/** What a call starts with. */
export type CallKind = "audio" | "video";

/** The call on the screen. */
export type CallView = {
  /** Which. */
  callId: CallId,
  /** With whom. */
  userId: UserId,
  /** The name. */
  name: string,
  /** Whether I called. */
  outgoing: boolean,
  /** What it started with. */
  kind: CallKind,
  /** How it stands. */
  phase: PhaseView,
  /** My microphone. */
  microphone: OwnDeviceView,
  /** My camera. */
  camera: OwnDeviceView,
  /** The other side's microphone and camera. */
  remote: RemoteView,
  /** Four words with their emoji, once both nonces are open. */
  safetyWords: Array<SafetyWord>,
  /** What was said of the words, for this person's present key. */
  wordsVerdict: WordsVerdict,
  /** The connection in words and numbers. */
  quality: QualityView | null,
  /** Something to say about a device or the connection, most urgent first. */
  alerts: Array<AlertView>,
};

/** What became of some words. */
export type Change = "added" | "removed";

/** What a change means for people. */
export type ChangeKind = "editorial" | "narrows" | "widens";

/** A section that is not what it was. */
export type ChangedSection = {
  /** Its name. */
  name: string,
  /** Its heading now; for one that is gone, the one it had. */
  heading: string,
  /** The whole section came or went; `None` where it changed. */
  change: Change | null,
  /** Its words, old and new. */
  blocks: Array<Block>,
};

/** The device check. */
export type CheckView = {
  /** The camera. */
  camera: OwnDeviceView,
  /** The microphone that is chosen. */
  microphone: OwnDeviceView,
  /** Sound level of each microphone, by id: peak, 0 to 1. Updated at most 15 times a second. */
  levels: Array<LevelView>,
  /** What the level of the chosen microphone means. */
  verdict: MicVerdict,
  /** The test tone plays. */
  tonePlaying: boolean,
  /** The clip. */
  clip: ClipView,
};

/** The six-second clip of the device check. */
export type ClipView =
  | { "is": "none" }
  | { "is": "recording", secondsLeft: number }
  | { "is": "playing", secondsLeft: number }
  | { "is": "failed", detail: string };

/** One request. Answered at once with `Ok(())` or a [`Failure`]; what it changes shows in the next
 * [`View`](crate::View). */
export type Command =
  | { "do": "set_server", url: string }
  | { "do": "sign_up", name: string, email: string, password: string, birthday: string,
/** The version of the policies that the person accepts; `null` where the server has none. */
policy: string | null }
  | { "do": "verify_email", code: string }
  | { "do": "resend_code" }
  | { "do": "abandon_sign_up" }
  | { "do": "sign_in", email: string, password: string }
  | { "do": "sign_out" }
  | { "do": "open_system_settings", purpose: Purpose }
  | { "do": "withdraw_all", gesture: Gesture }
  | { "do": "show_ledger", shown: boolean }
  | { "do": "show_policy", version: string | null }
  | { "do": "export_ledger" }
  | { "do": "use_passphrase", passphrase: string }
  | { "do": "use_session_only" }
  | { "do": "unlock", passphrase: string }
  | { "do": "reset_vault" }
  | { "do": "add_person", email: string }
  | { "do": "accept_person", userId: UserId }
  | { "do": "remove_person", userId: UserId }
  | { "do": "accept_new_key", userId: UserId }
  | { "do": "call", userId: UserId, kind: CallKind }
  | { "do": "call_now" }
  | { "do": "accept", kind: CallKind }
  | { "do": "accept_waiting", kind: CallKind }
  | { "do": "decline" }
  | { "do": "decline_waiting" }
  | { "do": "silence_ring" }
  | { "do": "hang_up" }
  | { "do": "set_microphone", on: boolean }
  | { "do": "set_camera", on: boolean }
  | { "do": "safety_words", matched: boolean }
  | { "do": "dismiss_ended" }
  | { "do": "answer_prompt", prompt: number, answer: PromptAnswer, gesture: Gesture }
  | { "do": "withdraw_consent", purpose: Purpose, gesture: Gesture }
  | { "do": "ask_consent", purpose: Purpose }
  | { "do": "decide_for_account", purpose: AccountPurpose, answer: AccountAnswer, gesture: Gesture }
  | { "do": "stop_sharing", partner: string, gesture: Gesture }
  | { "do": "start_check" }
  | { "do": "stop_check" }
  | { "do": "play_tone" }
  | { "do": "record_clip" }
  | { "do": "choose_device", kind: DeviceKind, id: string | null }
  | { "do": "set_processing", processing: Processing }
  | { "do": "refresh_devices" }
  | { "do": "quit" };

/** How a purpose stands. */
export type ConsentState = "never_asked" | "allowed" | "allowed_once" | "denied" | "withdrawn" | "superseded";

/** One purpose and how it stands. */
export type ConsentView = {
  /** What for. */
  purpose: Purpose,
  /** How it stands. */
  state: ConsentState,
  /** Since when (Unix ms); `None` when never asked. */
  sinceMs: number | null,
  /** The device is open at this moment. */
  inUse: boolean,
};

/** What the page wants to be covered with pictures. */
export type Cover = {
  /** The page can be seen; pictures of a hidden one are not even decoded. */
  visible: boolean,
  /** At most one for each stream; oneself lies above the other side. */
  panes: Array<Pane>,
};

/** A kind of device that can be chosen. */
export type DeviceKind = "camera" | "microphone" | "speaker";

/** Which layer blocks a device; asked from the top. */
export type DeviceProblem = "consent" | "system" | "busy" | "gone" | "stalled" | "none_found" | "other";

/** One device. */
export type DeviceView = {
  /** Stable name for settings. */
  id: string,
  /** Name for people. */
  name: string,
  /** The system's default. */
  isDefault: boolean,
};

/** Devices. */
export type DevicesView = {
  /** Cameras. Listed without opening them. */
  cameras: Array<DeviceView>,
  /** Microphones. */
  microphones: Array<DeviceView>,
  /** Speakers. */
  speakers: Array<DeviceView>,
  /** The chosen camera; `None` follows the default. */
  camera: string | null,
  /** The chosen microphone. */
  microphone: string | null,
  /** The chosen speaker. */
  speaker: string | null,
  /** Voice processing. */
  processing: Processing,
  /** What helps where the system blocks a device. */
  systemWay: SystemWay,
};

/** On which ground: the grounds a to e of the founding policy, and legal process. */
export type DisclosureGround = "authorised" | "law" | "authority" | "public_interest" | "operators_rights" | "legal_process";

/** One disclosure. */
export type DisclosureView = {
  /** The case's number. */
  case: string,
  /** On which ground. */
  ground: DisclosureGround,
  /** Who asked. */
  authority: string,
  /** Their reference. */
  reference: string,
  /** By which law or reason. */
  legalBasis: string,
  /** When it was asked for: `YYYY-MM-DD`. */
  received: string,
  /** When it was given (Unix ms). */
  givenAtMs: number,
  /** What, in words. */
  fields: Array<string>,
  /** Until when the person must not be told, `YYYY-MM-DD`; `null` where there was no bar. */
  barredUntil: string | null,
};

/** What was given about the person under the law, as far as they may know. */
export type DisclosuresView = {
  /** The server was asked in this session. */
  known: boolean,
  /** How many of them the person has not looked at. The page that shows the ledger
   * ([`Command::ShowLedger`](crate::Command)) shows them, too. */
  unread: number,
  /** Newest first. */
  list: Array<DisclosureView>,
};

/** A document. */
export type Document = {
  /** Its title. */
  title: string,
  /** What stands before the first section. */
  opening: Array<Block>,
  /** Its sections. */
  sections: Array<Section>,
};

/** Why a call ended. */
export type EndReason = "hung_up" | "declined" | "busy" | "no_answer" | "answered_elsewhere" | "declined_elsewhere" | "cancelled" | "network" | "server" | "version" | "security" | "superseded" | "media" | "quit";

/** Why a command was refused. */
export type Failure = {
  /** For the page to choose words by. */
  code: FailureCode,
  /** For people who look closer: no personal data. */
  detail: string,
  /** Which field of the form it is about. */
  field: string | null,
  /** When to try again, where that is known. */
  retryAfterMs: number | null,
};

/** The closed list of reasons. */
export type FailureCode = "unreachable" | "not-a-server" | "insecure-server" | "wrong-credentials" | "wrong-code" | "invalid" | "age-restricted" | "not-now" | "not-a-contact" | "no-device" | "key-changed" | "rate-limited" | "vault" | "wrong-passphrase" | "server" | "internal";

/** One pull. */
export type FrameRequest = {
  /** Which pictures. */
  stream: Stream,
  /** In which form. */
  mode: PictureMode,
  /** The page's decoder lost track: only a keyframe helps. */
  needKey: boolean,
  /** Width of the tile in device pixels; raw pictures come no larger. */
  width: number,
  /** Height of the tile in device pixels. */
  height: number,
};

/** How somebody decided. */
export type Gesture = "pointer" | "key" | "program";

/** A call that comes in. */
export type IncomingView = {
  /** Which. */
  callId: CallId,
  /** From whom. */
  userId: UserId,
  /** The name. */
  name: string,
  /** What it starts with. */
  kind: CallKind,
  /** Rings until (Unix ms). */
  untilMs: number,
};

/** What was decided. */
export type LedgerDecision = "granted" | "denied" | "withdrawn" | "expired" | "superseded";

/** How long a yes counts. */
export type LedgerDuration = "once" | "this_call" | "until_withdrawn";

/** The ledger as a file. */
export type LedgerExport =
  | { "is": "none" }
  | { "is": "writing" }
  | { "is": "done",
/** The folder, with the page that checks it. */
folder: string,
/** How many records. */
records: number }
  | { "is": "failed" };

/** What is wrong with the server's ledger. */
export type LedgerFault = "missing" | "changed" | "reordered" | "unsigned" | "uncommitted";

/** One decision. */
export type LedgerRecord = {
  /** Its id. */
  id: string,
  /** What for. */
  purpose: PurposeKind,
  /** Which field for which partner, where it is about sharing. */
  share: ShareView | null,
  /** What was decided. */
  decision: LedgerDecision,
  /** How long a yes counts. */
  duration: LedgerDuration | null,
  /** Where. */
  askedIn: AskedIn,
  /** When (Unix ms, by the server's clock). */
  atMs: number,
  /** On which device. */
  device: string,
  /** That is this one. */
  here: boolean,
  /** The server has it. */
  told: boolean,
  /** The text that was on the screen, title first, without names; empty where nothing was asked. */
  notice: Array<string>,
  /** The version of the policies that it was decided under. */
  policy: string | null,
};

/** What is wrong, and where. */
export type LedgerTrouble = {
  /** What. */
  fault: LedgerFault,
  /** At which entry, from 1. */
  sequence: number,
};

/** The person's consent ledger. */
export type LedgerView = {
  /** Newest first, at most 200; empty unless the page asked for them with
   * [`Command::ShowLedger`](crate::Command). */
  records: Array<LedgerRecord>,
  /** How many the server has yet to hear of. */
  waiting: number,
  /** The server's ledger does not fit what this device knows. */
  trouble: LedgerTrouble | null,
  /** The last time that it was saved as a file. */
  export: LedgerExport,
};

/** A microphone's level. */
export type LevelView = {
  /** Which microphone. */
  id: string,
  /** Peak, 0 to 1. */
  peak: number,
};

/** The connection to the server. */
export type LinkView =
  | { "is": "idle" }
  | { "is": "connecting" }
  | { "is": "online" }
  | { "is": "offline", retryAtMs: number }
  | { "is": "refused", detail: string };

/** How a past call ended. */
export type LogResult = "answered" | "missed" | "declined" | "busy" | "cancelled";

/** A past call. */
export type LogView = {
  /** Which. */
  callId: CallId,
  /** With whom. */
  userId: UserId,
  /** The name, as known on this device. */
  name: string,
  /** Whether I called. */
  outgoing: boolean,
  /** What it started with. */
  kind: CallKind,
  /** How it ended. */
  result: LogResult,
  /** When it began (Unix ms). */
  startedMs: number,
  /** How long people talked; 0 when nobody answered. */
  durationS: number,
};

/** What a microphone's level means. */
export type MicVerdict = "listening" | "heard" | "quiet" | "loud";

/** How one of my devices stands in the call. */
export type OwnDeviceView =
  | { "is": "off" }
  | { "is": "asking" }
  | { "is": "opening" }
  | { "is": "on", sinceMs: number, width: number, height: number }
  | { "is": "failed", problem: DeviceProblem, device: string };

/** Room for one stream's pictures, in pixels of the screen from the corner of the page, as they would
 * be without a zoom of the web view. */
export type Pane = {
  /** Whose pictures. */
  stream: Stream,
  /** The tile. */
  tile: Round,
  /** Fill the tile at any price; else no more than a fifth of a picture is cut off for it. */
  filling: boolean,
  /** As in a mirror. */
  mirrored: boolean,
  /** What the page shows above the pictures: they keep clear of it. */
  holes: Array<Round>,
};

/** Tells the page that pictures of another size came to a pane. */
export type PaneSize = {
  /** Whose pictures. */
  stream: Stream,
  /** As they came, in pixels. */
  width: number,
  /** As they came, in pixels. */
  height: number,
};

/** How far a partner has come. Only with an active one anything can be shared. */
export type PartnerStatus = "proposed" | "undertaking_signed" | "active" | "suspended" | "ended";

/** One partner. */
export type PartnerView = {
  /** Its id. */
  id: string,
  /** Its name. */
  name: string,
  /** The company behind it. */
  legalEntity: string,
  /** Where that is. */
  country: string,
  /** What it wants the data for. */
  purpose: string,
  /** For how long it promises to keep them. */
  retention: string,
  /** How far it has come. */
  status: PartnerStatus,
  /** Whether anything can go to it on this day. */
  open: boolean,
  /** When it signed that it protects what it gets: `YYYY-MM-DD`. */
  signedOn: string | null,
  /** The last day on which that counts: `YYYY-MM-DD`. */
  reviewBy: string | null,
  /** SHA-256 of what it signed, in hexadecimal digits. */
  undertaking: string | null,
  /** Each field that it wants, and how it stands. */
  fields: Array<AccountConsentView>,
  /** What went to it, newest first. */
  passings: Array<PassingView>,
};

/** Partners. */
export type PartnersView = {
  /** The server was asked in this session. */
  known: boolean,
  /** Whether the person is of an age at which anything can be shared. */
  mayShare: boolean,
  /** By name. */
  list: Array<PartnerView>,
};

/** What passed the gate. */
export type PassingKind = "given" | "deletion";

/** What became of it. */
export type PassingState = "waiting" | "done" | "cancelled";

/** One pass through the gate. */
export type PassingView = {
  /** Its number. */
  id: string,
  /** What. */
  kind: PassingKind,
  /** Which fields. */
  fields: Array<ShareField>,
  /** When (Unix ms, by the server's clock). */
  atMs: number,
  /** What became of it. */
  state: PassingState,
  /** When the partner answered (Unix ms, by the server's clock). */
  answeredAtMs: number | null,
};

/** An accepted contact. */
export type PersonView = {
  /** Who. */
  userId: UserId,
  /** The name. */
  name: string,
  /** The address. */
  email: string,
  /** Whether the safety words were compared and matched. */
  verified: boolean,
  /** The identity key changed since it was last seen. */
  keyChanged: boolean,
  /** When we last had something to do with each other (Unix ms). */
  lastCallMs: number | null,
};

/** The states of product.md B3.9. */
export type PhaseView =
  | { "is": "preparing", ringsAtMs: number }
  | { "is": "calling" }
  | { "is": "ringing" }
  | { "is": "incoming", untilMs: number, silenced: boolean }
  | { "is": "connecting", slow: boolean }
  | { "is": "active", sinceMs: number }
  | { "is": "reconnecting", sinceMs: number, givesUpAtMs: number }
  | { "is": "ended", reason: EndReason, durationS: number };

/** The form that the page can show. */
export type PictureMode = "vp8" | "rgba";

/** The server's policies. */
export type PoliciesView = {
  /** The server was asked what it has. */
  known: boolean,
  /** Every set that was published, newest first. */
  sets: Array<PolicySetView>,
  /** The version that counts. */
  inForce: string | null,
  /** A version whose changes the person has not opened yet. */
  unread: string | null,
  /** What the server says does not fit what it said before. */
  trouble: boolean,
  /** What the page asked to see with [`Command::ShowPolicy`](crate::Command). */
  shown: ShownPolicy | null,
};

/** One change. */
export type PolicyChangeView = {
  /** In which document. */
  document: PolicyKind,
  /** The name of the section. */
  section: string,
  /** What it means for people. */
  kind: ChangeKind,
  /** What is asked again because of it, of what this app knows. */
  purposes: Array<PurposeKind>,
  /** In plain words. */
  summary: string,
};

/** One document. */
export type PolicyDocumentView = {
  /** Which. */
  kind: PolicyKind,
  /** All of it. */
  document: Document,
  /** The sections that differ from the version before, with what came and what went. */
  changed: Array<ChangedSection>,
};

/** One of the two documents of a set. */
export type PolicyKind = "privacy_policy" | "user_agreement";

/** What there is to show of a version. */
export type PolicyPage =
  | { "is": "loading" }
  | { "is": "failed" }
  | { "is": "ready", documents: Array<PolicyDocumentView> };

/** One version of the policies. */
export type PolicySetView = {
  /** Its version. */
  version: string,
  /** When it was published (Unix ms). */
  announcedAtMs: number,
  /** From when on it counts (Unix ms). */
  effectiveAtMs: number,
  /** Against the version before. */
  changes: Array<PolicyChangeView>,
};

/** Switches of the voice processing. */
export type Processing = {
  /** Echo cancellation. */
  echoCancellation: boolean,
  /** Noise suppression. */
  noiseSuppression: boolean,
  /** Automatic gain. */
  automaticGain: boolean,
};

/** An answer to a consent prompt. The order is the order of the buttons. */
export type PromptAnswer = "deny" | "once" | "allow";

/** Where a question came up. */
export type PromptContext =
  | { "is": "call", name: string }
  | { "is": "check" }
  | { "is": "settings" };

/** A question that waits for an answer. */
export type PromptView = {
  /** Its number, for [`Command::AnswerPrompt`](crate::Command). */
  id: number,
  /** What for. */
  purpose: Purpose,
  /** Where it came up. */
  context: PromptContext,
};

/** What a grant is for. */
export type Purpose = "camera" | "microphone";

/** Every purpose by its kind, for words. */
export type PurposeKind = "camera" | "microphone" | "share" | "statistics" | "policy_news";

/** The connection in a word. */
export type QualityLevel = "good" | "weak" | "poor";

/** The connection. */
export type QualityView = {
  /** In a word. */
  level: QualityLevel,
  /** Whose connection is weak, when it is. */
  weakSide: WeakSide,
  /** Round trip, milliseconds. */
  rttMs: number,
  /** Share of packets lost on the way here, 0 to 1. */
  loss: number,
  /** Size of the picture that arrives. */
  receivedWidth: number,
  /** See `received_width`. */
  receivedHeight: number,
  /** Pictures a second that arrive. */
  receivedFps: number,
  /** Bits a second sent, all of it. */
  sentBps: number,
  /** Bits a second received, all of it. */
  receivedBps: number,
  /** The way: `host`, `srflx`, `relay`. */
  path: string,
};

/** The other side's devices, by its own word. */
export type RemoteView = {
  /** Its microphone is on. */
  microphone: boolean,
  /** Its camera is on. */
  camera: boolean,
  /** A picture can be pulled. */
  hasPicture: boolean,
};

/** Somebody asks for contact. */
export type RequestView = {
  /** Who. */
  userId: UserId,
  /** The name. */
  name: string,
  /** The address. */
  email: string,
  /** When (Unix ms). */
  sinceMs: number,
};

/** A rectangle with round corners. */
export type Round = {
  /** From the left. */
  x: number,
  /** From the top. */
  y: number,
  /** Across. */
  width: number,
  /** Down. */
  height: number,
  /** Of the corners. */
  radius: number,
};

/** One of the four safety words. */
export type SafetyWord = {
  /** The word. */
  word: string,
  /** Its picture. */
  emoji: string,
};

/** What stands under one heading. */
export type Section = {
  /** Its name, the same in each version and language. */
  name: string,
  /** Its heading. */
  heading: string,
  /** What it says. */
  blocks: Array<Block>,
};

/** What is being captured or sent. */
export type SendingView = {
  /** The camera is open. */
  camera: boolean,
  /** The microphone is open. */
  microphone: boolean,
  /** To whom, when somebody gets it. */
  to: string | null,
};

/** The server and the way to it. */
export type ServerView = {
  /** Its address. */
  url: string,
  /** How the connection stands. */
  link: LinkView,
  /** Where mail can be read, on a loopback server. */
  outboxUrl: string | null,
};

/** What a block is. */
export type Shape = "paragraph" | "point" | "numbered";

/** What can be shared. */
export type ShareField = "name" | "email" | "birthday";

/** A field for a partner. */
export type ShareView = {
  /** The partner's id. */
  partner: string,
  /** The partner's name; its id where the partner is not known. */
  name: string,
  /** Which. */
  field: ShareField,
};

/** The documents on the page. */
export type ShownPolicy = {
  /** Of which version. */
  version: string,
  /** What there is to show. */
  page: PolicyPage,
};

/** Words of one kind. */
export type Span = {
  /** The words. */
  text: string,
  /** They stand out. */
  strong: boolean,
  /** They lead to an address, or to the other document. */
  href: string | null,
  /** They were added or removed; `None` where nothing is compared, or nothing changed. */
  change: Change | null,
};

/** Pictures that a page can show. */
export type Stream = "remote" | "self" | "clip";

/** How a person lets an application use a device that the system blocks. */
export type SystemWay = "settings" | "rights";

/** A person's account. Opaque and stable. */
export type UserId = string;

/** What guards the vault. */
export type VaultKeeper = "keyring" | "passphrase" | "session";

/** Where secrets are kept. */
export type VaultView =
  | { "is": "opening" }
  | { "is": "open", keeper: VaultKeeper }
  | { "is": "choose", reason: string }
  | { "is": "locked" }
  | { "is": "broken", reason: string };

/** Everything. */
export type View = {
  /** Grows with every change. */
  revision: number,
  /** The server and the way to it. */
  server: ServerView,
  /** Where secrets are kept. */
  vault: VaultView,
  /** Who is signed in. */
  account: AccountView,
  /** Accepted contacts, by name. */
  people: Array<PersonView>,
  /** People who ask for contact, oldest first. */
  requests: Array<RequestView>,
  /** Addresses that I asked, newest first; known on this device only. */
  asked: Array<AskedView>,
  /** Past calls, newest first. */
  log: Array<LogView>,
  /** The call on the screen: outgoing, incoming, running, or just ended. */
  call: CallView | null,
  /** A second call that comes in while one runs. */
  waiting: IncomingView | null,
  /** The question that waits for an answer. One at a time. */
  prompt: PromptView | null,
  /** Every purpose and how it stands. */
  consents: Array<ConsentView>,
  /** What was decided, and whether the server has heard of it. */
  ledger: LedgerView,
  /** The server's policies. */
  policies: PoliciesView,
  /** What was given about the person under the law. */
  disclosures: DisclosuresView,
  /** Partners, what they may have, and what went to them. */
  partners: PartnersView,
  /** Whether the person is counted in statistics. */
  statistics: AccountConsentView,
  /** Whether the person gets mail when the policies change. */
  policyNews: AccountConsentView,
  /** Cameras, microphones, speakers. */
  devices: DevicesView,
  /** The device check, while it is open. */
  check: CheckView | null,
  /** What is being captured or sent at this moment. */
  sending: SendingView,
};

/** Whose connection is weak. */
export type WeakSide = "none" | "mine" | "theirs";

/** What was said of the safety words. */
export type WordsVerdict = "open" | "matched" | "differ";
