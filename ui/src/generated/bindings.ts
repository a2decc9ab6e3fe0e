// The words between the page and the window. Made from the Rust types by a test; not edited by hand.

export type UserId = string;
export type CallId = string;

export type CallKind = 'audio' | 'video';

export type View = {
  revision: number;
  server: ServerView;
  vault: VaultView;
  account: AccountView;
  people: Array<PersonView>;
  requests: Array<RequestView>;
  asked: Array<AskedView>;
  log: Array<LogView>;
  call: CallView | null;
  waiting: IncomingView | null;
  prompt: PromptView | null;
  consents: Array<ConsentView>;
  devices: DevicesView;
  check: CheckView | null;
  sending: SendingView;
};

export type ServerView = { url: string; link: LinkView; outboxUrl: string | null };

export type LinkView =
  | { is: 'idle' }
  | { is: 'connecting' }
  | { is: 'online' }
  | { is: 'offline'; retryAtMs: number }
  | { is: 'refused'; detail: string };

export type VaultView =
  | { is: 'opening' }
  | { is: 'open'; keeper: VaultKeeper }
  | { is: 'choose'; reason: string }
  | { is: 'locked' }
  | { is: 'broken'; reason: string };

export type VaultKeeper = 'keyring' | 'passphrase' | 'session';

export type AccountView =
  | { is: 'signed_out' }
  | { is: 'awaiting_code'; email: string }
  | { is: 'signed_in'; userId: UserId; name: string; email: string }
  | { is: 'revoked'; email: string };

export type PersonView = {
  userId: UserId;
  name: string;
  email: string;
  verified: boolean;
  keyChanged: boolean;
  lastCallMs: number | null;
};

export type RequestView = { userId: UserId; name: string; email: string; sinceMs: number };

export type AskedView = { email: string; sinceMs: number };

export type LogView = {
  callId: CallId;
  userId: UserId;
  name: string;
  outgoing: boolean;
  kind: CallKind;
  result: LogResult;
  startedMs: number;
  durationS: number;
};

export type LogResult = 'answered' | 'missed' | 'declined' | 'busy' | 'cancelled';

export type CallView = {
  callId: CallId;
  userId: UserId;
  name: string;
  outgoing: boolean;
  kind: CallKind;
  phase: PhaseView;
  microphone: OwnDeviceView;
  camera: OwnDeviceView;
  remote: RemoteView;
  safetyWords: Array<SafetyWord>;
  wordsVerdict: WordsVerdict;
  quality: QualityView | null;
  alerts: Array<AlertView>;
};

export type PhaseView =
  | { is: 'preparing'; ringsAtMs: number }
  | { is: 'calling' }
  | { is: 'ringing' }
  | { is: 'incoming'; untilMs: number; silenced: boolean }
  | { is: 'connecting'; slow: boolean }
  | { is: 'active'; sinceMs: number }
  | { is: 'reconnecting'; sinceMs: number; givesUpAtMs: number }
  | { is: 'ended'; reason: EndReason; durationS: number };

export type EndReason =
  | 'hung_up'
  | 'declined'
  | 'busy'
  | 'no_answer'
  | 'answered_elsewhere'
  | 'declined_elsewhere'
  | 'cancelled'
  | 'network'
  | 'server'
  | 'version'
  | 'security'
  | 'superseded'
  | 'quit';

export type OwnDeviceView =
  | { is: 'off' }
  | { is: 'asking' }
  | { is: 'opening' }
  | { is: 'on'; sinceMs: number; width: number; height: number }
  | { is: 'failed'; problem: DeviceProblem; device: string };

export type DeviceProblem =
  | 'consent'
  | 'system'
  | 'busy'
  | 'gone'
  | 'stalled'
  | 'none_found'
  | 'other';

export type RemoteView = { microphone: boolean; camera: boolean; hasPicture: boolean };

export type SafetyWord = { word: string; emoji: string };

export type WordsVerdict = 'open' | 'matched' | 'differ';

export type QualityView = {
  level: QualityLevel;
  weakSide: WeakSide;
  rttMs: number;
  loss: number;
  receivedWidth: number;
  receivedHeight: number;
  receivedFps: number;
  sentBps: number;
  receivedBps: number;
  path: string;
};

export type QualityLevel = 'good' | 'weak' | 'poor';

export type WeakSide = 'none' | 'mine' | 'theirs';

export type AlertView =
  | { is: 'speaking_while_muted' }
  | { is: 'silent_microphone'; device: string }
  | { is: 'device_plugged'; kind: DeviceKind; id: string; name: string }
  | { is: 'device_gone'; kind: DeviceKind; name: string }
  | { is: 'key_changed' };

export type IncomingView = {
  callId: CallId;
  userId: UserId;
  name: string;
  kind: CallKind;
  untilMs: number;
};

export type PromptView = { id: number; purpose: Purpose; context: PromptContext };

export type PromptContext = { is: 'call'; name: string } | { is: 'check' } | { is: 'settings' };

export type ConsentView = {
  purpose: Purpose;
  state: ConsentState;
  sinceMs: number | null;
  inUse: boolean;
};

export type ConsentState = 'never_asked' | 'allowed' | 'allowed_once' | 'denied' | 'withdrawn';

export type DevicesView = {
  cameras: Array<DeviceView>;
  microphones: Array<DeviceView>;
  speakers: Array<DeviceView>;
  camera: string | null;
  microphone: string | null;
  speaker: string | null;
  processing: Processing;
};

export type DeviceView = { id: string; name: string; isDefault: boolean };

export type CheckView = {
  camera: OwnDeviceView;
  microphone: OwnDeviceView;
  levels: Array<LevelView>;
  verdict: MicVerdict;
  tonePlaying: boolean;
  clip: ClipView;
};

export type LevelView = { id: string; peak: number };

export type MicVerdict = 'listening' | 'heard' | 'quiet' | 'loud';

export type ClipView =
  | { is: 'none' }
  | { is: 'recording'; secondsLeft: number }
  | { is: 'playing'; secondsLeft: number }
  | { is: 'failed'; detail: string };

export type SendingView = { camera: boolean; microphone: boolean; to: string | null };

export type Command =
  | { do: 'set_server'; url: string }
  | { do: 'sign_up'; name: string; email: string; password: string; birthday: string }
  | { do: 'verify_email'; code: string }
  | { do: 'resend_code' }
  | { do: 'abandon_sign_up' }
  | { do: 'sign_in'; email: string; password: string }
  | { do: 'sign_out' }
  | { do: 'use_passphrase'; passphrase: string }
  | { do: 'use_session_only' }
  | { do: 'unlock'; passphrase: string }
  | { do: 'reset_vault' }
  | { do: 'add_person'; email: string }
  | { do: 'accept_person'; userId: UserId }
  | { do: 'remove_person'; userId: UserId }
  | { do: 'call'; userId: UserId; kind: CallKind }
  | { do: 'call_now' }
  | { do: 'accept'; kind: CallKind }
  | { do: 'accept_waiting'; kind: CallKind }
  | { do: 'decline' }
  | { do: 'decline_waiting' }
  | { do: 'silence_ring' }
  | { do: 'hang_up' }
  | { do: 'set_microphone'; on: boolean }
  | { do: 'set_camera'; on: boolean }
  | { do: 'safety_words'; matched: boolean }
  | { do: 'dismiss_ended' }
  | { do: 'answer_prompt'; prompt: number; answer: PromptAnswer }
  | { do: 'withdraw_consent'; purpose: Purpose }
  | { do: 'ask_consent'; purpose: Purpose }
  | { do: 'start_check' }
  | { do: 'stop_check' }
  | { do: 'play_tone' }
  | { do: 'record_clip' }
  | { do: 'choose_device'; kind: DeviceKind; id: string | null }
  | { do: 'set_processing'; processing: Processing }
  | { do: 'refresh_devices' }
  | { do: 'quit' };

export type PromptAnswer = 'deny' | 'once' | 'allow';

export type Purpose = 'camera' | 'microphone';

export type DeviceKind = 'camera' | 'microphone' | 'speaker';

export type Processing = {
  echoCancellation: boolean;
  noiseSuppression: boolean;
  automaticGain: boolean;
};

export type Failure = {
  code: FailureCode;
  detail: string;
  field: string | null;
  retryAfterMs: number | null;
};

export type FailureCode =
  | 'unreachable'
  | 'not-a-server'
  | 'insecure-server'
  | 'wrong-credentials'
  | 'wrong-code'
  | 'invalid'
  | 'age-restricted'
  | 'not-now'
  | 'not-a-contact'
  | 'no-device'
  | 'key-changed'
  | 'rate-limited'
  | 'vault'
  | 'wrong-passphrase'
  | 'server'
  | 'internal';
