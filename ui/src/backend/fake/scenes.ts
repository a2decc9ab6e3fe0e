import type {
  CallView,
  CheckView,
  ConsentState,
  DevicesView,
  LogResult,
  LogView,
  PersonView,
  PhaseView,
  QualityView,
  View,
} from '../../generated/bindings';
import { emptyLedger, longLedger, pastLedger, sharedLedger, supersededLedger } from './ledger';
import { noPartners, partnersOfMinor, policyNews, shutPartners, statistics, twoPartners } from './partners';
import { changedPolicies, comingPolicies, noPolicies, opened, policies } from './policies';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function person(index: number, name: string, email: string, verified = false): PersonView {
  const userId = `0195c000-0000-7000-8000-00000000000${String(index)}`;
  return { userId, name, email, verified, keyChanged: false, lastCallMs: null };
}

const ANA = person(1, 'Ana Lima', 'ana@lima.example', true);
const PEOPLE: PersonView[] = [
  ANA,
  person(2, 'Chidi Okafor', 'chidi@okafor.example'),
  person(3, 'Jonas Weber', 'jonas@weber.example'),
  person(4, 'Léa Fontaine', 'lea@fontaine.example'),
  person(5, 'Noor Haddad', 'noor@haddad.example'),
  person(6, 'Priya Nair', 'priya@nair.example'),
  person(7, 'Tomás Rivera', 'tomas@rivera.example'),
];

function logEntry(
  who: number,
  agoMs: number,
  outgoing: boolean,
  kind: 'audio' | 'video',
  result: LogResult,
  minutes: number,
): LogView {
  const { userId, name } = PEOPLE[who] ?? ANA;
  return {
    callId: `0195d000-0000-7000-8000-${String(Math.round(agoMs / 1000)).padStart(12, '0')}`,
    userId,
    name,
    outgoing,
    kind,
    result,
    startedMs: Date.now() - agoMs,
    durationS: minutes * 60,
  };
}

const DEVICES: DevicesView = {
  cameras: [
    { id: 'cam-1', name: 'Built-in camera', isDefault: true },
    { id: 'cam-2', name: 'Desk camera', isDefault: false },
  ],
  microphones: [
    { id: 'mic-1', name: 'Headset microphone', isDefault: true },
    { id: 'mic-2', name: 'Built-in microphone', isDefault: false },
  ],
  speakers: [{ id: 'spk-1', name: 'Headset', isDefault: true }],
  camera: null,
  microphone: null,
  speaker: null,
  processing: { echoCancellation: true, noiseSuppression: true, automaticGain: true },
  systemWay: 'rights',
};

function consents(state: ConsentState, inUse = false): View['consents'] {
  const sinceMs = state === 'never_asked' ? null : Date.now() - 19 * DAY;
  return [
    { purpose: 'camera', state, sinceMs, inUse },
    { purpose: 'microphone', state, sinceMs, inUse },
  ];
}

/** Signed in, with nobody yet. */
function emptyHome(): View {
  return {
    revision: 1,
    server: { url: 'http://127.0.0.1:8420/', link: { is: 'online' }, outboxUrl: null },
    vault: { is: 'open', keeper: 'keyring' },
    account: {
      is: 'signed_in',
      userId: '0195c000-0000-7000-8000-00000000000f',
      name: 'Maya Hart',
      email: 'maya@hart.example',
    },
    people: [],
    requests: [],
    asked: [],
    log: [],
    call: null,
    waiting: null,
    prompt: null,
    consents: consents('never_asked'),
    ledger: emptyLedger(),
    policies: noPolicies(),
    disclosures: { known: false, unread: 0, list: [] },
    partners: noPartners({ known: false }),
    statistics: statistics(),
    policyNews: policyNews(),
    devices: DEVICES,
    check: null,
    sending: { camera: false, microphone: false, to: null },
  };
}

function home(): View {
  return {
    ...emptyHome(),
    people: PEOPLE,
    requests: [
      {
        userId: '0195c000-0000-7000-8000-00000000000a',
        name: 'Marta Kowalska',
        email: 'marta@kowalska.example',
        sinceMs: Date.now() - HOUR,
      },
    ],
    asked: [{ email: 'yuki@sato.example', sinceMs: Date.now() - DAY }],
    log: [
      logEntry(0, 40 * MINUTE, true, 'video', 'answered', 26),
      logEntry(2, 70 * MINUTE, false, 'video', 'missed', 0),
      logEntry(3, DAY + 2 * HOUR, false, 'audio', 'answered', 8),
      logEntry(1, DAY + 3 * HOUR, true, 'video', 'declined', 0),
      logEntry(4, 3 * DAY, true, 'video', 'missed', 0),
    ],
    consents: consents('allowed'),
    ledger: pastLedger(),
    policies: policies(),
    disclosures: { known: true, unread: 0, list: [] },
    partners: noPartners(),
  };
}

function signedOut(): View {
  return {
    ...emptyHome(),
    account: { is: 'signed_out' },
    server: { url: 'http://127.0.0.1:8420/', link: { is: 'idle' }, outboxUrl: null },
  };
}

function withPolicies(change: View['policies']): View {
  return { ...home(), policies: change };
}

/** A court had asked, and the bar on telling it has ended. */
function givenByLaw(): View['disclosures'] {
  const first: View['disclosures']['list'][number] = {
    case: '7d1c1f2e-5f0a-4b60-9d53-3d0a4e6f9c11',
    ground: 'legal_process',
    authority: 'District court of Utrecht',
    reference: '16/994482-26',
    legalBasis: 'Order under section 126n of the code of criminal procedure',
    received: '2026-05-12',
    givenAtMs: Date.UTC(2026, 4, 14, 9, 30),
    fields: ['when the account was made', 'e-mail address'],
    barredUntil: '2026-11-14',
  };
  const second = { ...first, case: '0b9f', ground: 'law', barredUntil: null } as const;
  return { known: true, unread: 1, list: [first, second] };
}

/** The policies do more with the camera since today. */
function superseded(): View {
  const view = home();
  const consents = view.consents.map((consent) =>
    consent.purpose === 'camera'
      ? { ...consent, state: 'superseded' as const, sinceMs: Date.now() - HOUR }
      : consent,
  );
  return { ...view, consents, ledger: supersededLedger(), policies: changedPolicies({ unread: null }) };
}

export function goodQuality(): QualityView {
  return {
    level: 'good',
    weakSide: 'none',
    rttMs: 38,
    loss: 0.002,
    receivedWidth: 1280,
    receivedHeight: 720,
    receivedFps: 30,
    sentBps: 1_420_000,
    receivedBps: 1_380_000,
    path: 'host',
  };
}

export function callWith(phase: PhaseView, change: Partial<CallView> = {}): CallView {
  return {
    callId: '0195e000-0000-7000-8000-000000000001',
    userId: ANA.userId,
    name: ANA.name,
    outgoing: true,
    kind: 'video',
    phase,
    microphone: { is: 'on', sinceMs: Date.now() - 12 * MINUTE, width: 0, height: 0 },
    camera: { is: 'on', sinceMs: Date.now() - 12 * MINUTE, width: 1280, height: 720 },
    remote: { microphone: true, camera: true, hasPicture: true },
    safetyWords: [
      { word: 'river', emoji: '🏞️' },
      { word: 'lemon', emoji: '🍋' },
      { word: 'ladder', emoji: '🪜' },
      { word: 'stone', emoji: '🪨' },
    ],
    wordsVerdict: 'open',
    quality: goodQuality(),
    alerts: [],
    ...change,
  };
}

function withLedger(change: Partial<View['ledger']>): View {
  const view = home();
  return { ...view, ledger: { ...view.ledger, ...change } };
}

function inCall(change: Partial<CallView> = {}): View {
  const since = Date.now() - 12 * MINUTE - 48_000;
  const call = callWith({ is: 'active', sinceMs: since }, change);
  const [camera, microphone] = [call.camera.is === 'on', call.microphone.is === 'on'];
  return {
    ...home(),
    call,
    consents: consents('allowed', true),
    sending: { camera, microphone, to: call.name },
  };
}

export function openCheck(): CheckView {
  return {
    camera: { is: 'on', sinceMs: Date.now(), width: 1280, height: 720 },
    microphone: { is: 'on', sinceMs: Date.now(), width: 0, height: 0 },
    levels: [
      { id: 'mic-1', peak: 0.09 },
      { id: 'mic-2', peak: 0.004 },
    ],
    verdict: 'heard',
    tonePlaying: false,
    clip: { is: 'none' },
  };
}

const BEFORE_ANSWER: Partial<CallView> = {
  remote: { microphone: false, camera: false, hasPicture: false },
  safetyWords: [],
  quality: null,
};

const NOTHING_OPEN: Partial<CallView> = {
  ...BEFORE_ANSWER,
  camera: { is: 'off' },
  microphone: { is: 'off' },
};

/** Every state that the page can be shown in, by name. */
export const SCENES: Readonly<Record<string, () => View>> = {
  opening: () => ({ ...emptyHome(), vault: { is: 'opening' } }),
  'vault-choose': () => ({
    ...emptyHome(),
    account: { is: 'signed_out' },
    vault: { is: 'choose', reason: 'no secret service answers on the session bus' },
  }),
  'vault-locked': () => ({
    ...emptyHome(),
    account: { is: 'signed_out' },
    vault: { is: 'locked' },
  }),
  'vault-broken': () => ({
    ...emptyHome(),
    account: { is: 'signed_out' },
    vault: { is: 'broken', reason: 'the seal does not fit the contents' },
  }),
  welcome: signedOut,
  revoked: () => ({ ...emptyHome(), account: { is: 'revoked', email: 'maya@hart.example' } }),
  code: () => ({
    ...emptyHome(),
    account: { is: 'awaiting_code', email: 'maya@hart.example' },
    server: {
      url: 'http://127.0.0.1:8420/',
      link: { is: 'idle' },
      outboxUrl: 'http://127.0.0.1:8420/dev/mailbox',
    },
  }),
  empty: emptyHome,
  home,
  offline: () => ({
    ...home(),
    server: {
      url: 'https://chat.example/',
      link: { is: 'offline', retryAtMs: Date.now() + 8000 },
      outboxUrl: null,
    },
  }),
  'key-changed': () => ({
    ...home(),
    people: PEOPLE.map((known) =>
      known === ANA ? { ...known, verified: false, keyChanged: true } : known,
    ),
  }),
  'prompt-camera': () => ({
    ...home(),
    consents: consents('never_asked'),
    ledger: emptyLedger(),
    call: callWith(
      { is: 'preparing', ringsAtMs: Date.now() + 600_000 },
      { ...BEFORE_ANSWER, camera: { is: 'asking' }, microphone: { is: 'asking' } },
    ),
    prompt: { id: 7, purpose: 'camera', context: { is: 'call', name: 'Ana Lima' } },
  }),
  'prompt-check': () => ({
    ...home(),
    check: { ...openCheck(), camera: { is: 'asking' }, microphone: { is: 'off' }, levels: [] },
    prompt: { id: 8, purpose: 'camera', context: { is: 'check' } },
  }),
  'prompt-settings': () => ({
    ...home(),
    prompt: { id: 9, purpose: 'microphone', context: { is: 'settings' } },
  }),
  check: () => ({
    ...home(),
    check: openCheck(),
    sending: { camera: true, microphone: true, to: null },
  }),
  'check-trouble': () => ({
    ...home(),
    check: {
      ...openCheck(),
      camera: { is: 'failed', problem: 'busy', device: 'Built-in camera' },
      verdict: 'quiet',
    },
  }),
  undo: () => ({
    ...home(),
    call: callWith({ is: 'preparing', ringsAtMs: Date.now() + 2000 }, BEFORE_ANSWER),
    sending: { camera: true, microphone: true, to: null },
  }),
  ringing: () => ({ ...home(), call: callWith({ is: 'ringing' }, BEFORE_ANSWER) }),
  denied: () => ({
    ...home(),
    call: callWith(
      { is: 'ringing' },
      { ...BEFORE_ANSWER, camera: { is: 'failed', problem: 'consent', device: '' } },
    ),
  }),
  incoming: () => ({
    ...home(),
    call: callWith(
      { is: 'incoming', untilMs: Date.now() + 45_000, silenced: false },
      { ...NOTHING_OPEN, outgoing: false },
    ),
  }),
  'incoming-audio': () => ({
    ...home(),
    call: callWith(
      { is: 'incoming', untilMs: Date.now() + 45_000, silenced: true },
      { ...NOTHING_OPEN, outgoing: false, kind: 'audio' },
    ),
  }),
  connecting: () => ({
    ...inCall(),
    call: callWith({ is: 'connecting', slow: true }, BEFORE_ANSWER),
  }),
  call: inCall,
  'call-sound': () =>
    inCall({
      camera: { is: 'off' },
      remote: { microphone: true, camera: false, hasPicture: false },
    }),
  'call-muted': () =>
    inCall({
      microphone: { is: 'off' },
      remote: { microphone: false, camera: true, hasPicture: true },
      alerts: [{ is: 'speaking_while_muted' }],
    }),
  'call-weak': () =>
    inCall({
      quality: {
        ...goodQuality(),
        level: 'weak',
        weakSide: 'mine',
        rttMs: 210,
        loss: 0.043,
        path: 'relay',
      },
    }),
  'call-gone': () =>
    inCall({ camera: { is: 'failed', problem: 'gone', device: 'Desk camera' } }),
  'call-matched': () => inCall({ wordsVerdict: 'matched' }),
  'call-differ': () => inCall({ wordsVerdict: 'differ' }),
  'call-key': () => inCall({ alerts: [{ is: 'key_changed' }] }),
  'call-waiting': () => ({
    ...inCall(),
    waiting: {
      callId: '0195e000-0000-7000-8000-000000000002',
      userId: PEOPLE[1]?.userId ?? '',
      name: 'Chidi Okafor',
      kind: 'video',
      untilMs: Date.now() + 40_000,
    },
  }),
  reconnecting: () => {
    const view = inCall();
    const sinceMs = Date.now() - 12_000;
    const phase = { is: 'reconnecting', sinceMs, givesUpAtMs: sinceMs + 60_000 } as const;
    return { ...view, call: callWith(phase, { quality: null }) };
  },
  ended: () => ({
    ...home(),
    call: callWith({ is: 'ended', reason: 'hung_up', durationS: 1560 }, NOTHING_OPEN),
  }),
  'ended-declined': () => ({
    ...home(),
    call: callWith({ is: 'ended', reason: 'declined', durationS: 0 }, NOTHING_OPEN),
  }),
  'ended-network': () => ({
    ...home(),
    call: callWith({ is: 'ended', reason: 'network', durationS: 0 }, NOTHING_OPEN),
  }),
  'ended-security': () => ({
    ...home(),
    call: callWith({ is: 'ended', reason: 'security', durationS: 0 }, NOTHING_OPEN),
  }),
  withdrawn: () => ({ ...home(), consents: consents('withdrawn') }),
  'ledger-saving': () => withLedger({ export: { is: 'writing' } }),
  'ledger-saved': () =>
    withLedger({
      export: {
        is: 'done',
        folder: '/home/maya/Downloads on the other disk, where there is more room/Jasmin consents 12',
        records: 34,
      },
    }),
  'ledger-failed': () => withLedger({ export: { is: 'failed' } }),
  'ledger-waiting': () => {
    const view = home();
    const records = view.ledger.records.map((record, index) =>
      index < 2 ? { ...record, told: false } : record,
    );
    return { ...view, ledger: { ...view.ledger, records, waiting: 2 } };
  },
  'ledger-missing': () => withLedger({ trouble: { fault: 'missing', sequence: 1204 } }),
  'ledger-changed': () => withLedger({ trouble: { fault: 'changed', sequence: 3 } }),
  'ledger-reordered': () => withLedger({ trouble: { fault: 'reordered', sequence: 5 } }),
  'ledger-unsigned': () => withLedger({ trouble: { fault: 'unsigned', sequence: 1 } }),
  'ledger-uncommitted': () => withLedger({ trouble: { fault: 'uncommitted', sequence: 12 } }),
  'law-told': () => ({ ...home(), disclosures: givenByLaw() }),
  partners: () => ({
    ...home(),
    partners: twoPartners(),
    statistics: statistics('allowed'),
    policyNews: policyNews('allowed'),
    ledger: sharedLedger(),
  }),
  'partners-minor': () => ({ ...home(), partners: partnersOfMinor() }),
  'partners-shut': () => ({ ...home(), partners: shutPartners(), statistics: statistics('denied') }),
  'partners-offline': () => {
    const view = home();
    const link = { is: 'offline', retryAtMs: Date.now() + 8000 } as const;
    return { ...view, partners: twoPartners({ known: false }), server: { ...view.server, link } };
  },
  'ledger-long': () => ({ ...home(), ledger: longLedger() }),
  'policy-welcome': () => ({ ...signedOut(), policies: policies() }),
  'policy-first': () => ({ ...signedOut(), policies: opened(policies(), '1.0.0') }),
  'policy-reader': () => withPolicies(opened(policies(), '1.1.0')),
  'policy-coming': () => withPolicies(comingPolicies()),
  'policy-come': () => withPolicies(changedPolicies()),
  'policy-diff': () => withPolicies(opened(comingPolicies(), '2.0.0')),
  'policy-superseded': superseded,
  'policy-call': () => ({ ...inCall(), policies: comingPolicies() }),
  'policy-trouble': () => withPolicies(policies({ trouble: true })),
  'policy-unknown': () => withPolicies({ ...noPolicies(), known: false }),
  'policy-loading': () =>
    withPolicies(comingPolicies({ shown: { version: '2.0.0', page: { is: 'loading' } } })),
  'policy-failed': () =>
    withPolicies(comingPolicies({ shown: { version: '2.0.0', page: { is: 'failed' } } })),
  'prompt-superseded': () => ({
    ...superseded(),
    call: callWith(
      { is: 'preparing', ringsAtMs: Date.now() + 600_000 },
      { ...BEFORE_ANSWER, camera: { is: 'asking' } },
    ),
    prompt: { id: 11, purpose: 'camera', context: { is: 'call', name: 'Ana Lima' } },
  }),
};
