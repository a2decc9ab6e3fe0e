import type {
  AccountPurpose,
  CallView,
  Command,
  ConsentState,
  Failure,
  FailureCode,
  OwnDeviceView,
  PersonView,
  PromptAnswer,
  PromptContext,
  PromptView,
  Purpose,
  View,
} from '../../generated/bindings';
import { decided, took } from './ledger';
import { allowedForAccount, decidedForAccount, knownForAccount } from './partners';
import { opened as openedPolicy } from './policies';
import { callWith, goodQuality, openCheck, SCENES } from './scenes';

/** What a command makes of a snapshot, or why it is refused. */
export type Outcome = { view: View } | { failure: Failure };

function refuse(code: FailureCode, field: string | null = null): Outcome {
  return { failure: { code, detail: '', field, retryAfterMs: null } };
}

const OFF: OwnDeviceView = { is: 'off' };

function opened(purpose: Purpose): OwnDeviceView {
  const camera = purpose === 'camera';
  return { is: 'on', sinceMs: Date.now(), width: camera ? 1280 : 0, height: camera ? 720 : 0 };
}

function stateOf(view: View, purpose: Purpose): ConsentState {
  return view.consents.find((consent) => consent.purpose === purpose)?.state ?? 'never_asked';
}

function withCall(view: View, change: Partial<CallView>): View {
  if (view.call === null) return view;
  const call = { ...view.call, ...change };
  const [camera, microphone] = [call.camera.is === 'on', call.microphone.is === 'on'];
  const to = call.phase.is === 'active' ? call.name : null;
  return { ...view, call, sending: { camera, microphone, to } };
}

function withDevice(view: View, purpose: Purpose, state: OwnDeviceView): View {
  if (view.check !== null) return { ...view, check: { ...view.check, [purpose]: state } };
  return withCall(view, purpose === 'camera' ? { camera: state } : { microphone: state });
}

/** Asks for the first wanted device that was never answered for, or is asked anew. */
function askNext(view: View, wanted: readonly Purpose[]): View {
  const purpose = wanted.find((one) => ['never_asked', 'superseded'].includes(stateOf(view, one)));
  const ready = wanted.filter((one) => ['allowed', 'allowed_once'].includes(stateOf(view, one)));
  let next = view;
  for (const one of ready) next = withDevice(next, one, opened(one));
  if (purpose === undefined) return next;
  return { ...next, prompt: { id: view.revision, purpose, context: contextOf(view) } };
}

function contextOf(view: View): PromptContext {
  if (view.call !== null) return { is: 'call', name: view.call.name };
  return view.check === null ? { is: 'settings' } : { is: 'check' };
}

/** A press on a device's own control asks again, whatever was said before. */
function turned(view: View, purpose: Purpose, on: boolean): View {
  if (!on) return withDevice(view, purpose, OFF);
  if (['allowed', 'allowed_once'].includes(stateOf(view, purpose))) {
    return withDevice(view, purpose, opened(purpose));
  }
  const context = contextOf(view);
  const asking = withDevice(view, purpose, { is: 'asking' });
  return { ...asking, prompt: { id: view.revision, purpose, context } };
}

function answer(view: View, { purpose, context }: PromptView, said: PromptAnswer): View {
  const state: ConsentState =
    said === 'allow' ? 'allowed' : said === 'once' ? 'allowed_once' : 'denied';
  const consents = view.consents.map((consent) =>
    consent.purpose === purpose ? { ...consent, state, sinceMs: Date.now() } : consent,
  );
  const device: OwnDeviceView =
    said === 'deny' ? { is: 'failed', problem: 'consent', device: '' } : opened(purpose);
  const ledger = decided(view, purpose, context.is, said);
  const next = withDevice({ ...view, consents, ledger, prompt: null }, purpose, device);
  return view.call === null && view.check === null ? next : askNext(next, ['camera', 'microphone']);
}

function withdrawn(view: View, purpose: Purpose): View {
  const consents = view.consents.map((consent) =>
    consent.purpose === purpose
      ? { ...consent, state: 'withdrawn' as const, sinceMs: Date.now(), inUse: false }
      : consent,
  );
  const shut: OwnDeviceView = { is: 'failed', problem: 'consent', device: '' };
  const ledger = took(view, purpose, contextOf(view).is);
  return withDevice({ ...view, consents, ledger }, purpose, shut);
}

function takenBack(view: View, given: readonly AccountPurpose[]): View {
  return given.reduce((next, purpose) => decidedForAccount(next, purpose, 'withdraw'), view);
}

/** The acted application: quick, forgetful, and true to the words between page and program. */
export function act(view: View, command: Command): Outcome {
  const ok = (change: Partial<View>): Outcome => ({ view: { ...view, ...change } });
  switch (command.do) {
    case 'set_server':
      if (command.url.startsWith('http://far')) return refuse('insecure-server', 'url');
      return ok({ server: { ...view.server, url: command.url } });
    case 'sign_up':
      if (command.policy !== view.policies.inForce) return refuse('invalid', 'policy_set');
      if (Number(command.birthday.slice(0, 4)) > 2015) return refuse('age-restricted');
      if (command.email.startsWith('slow')) {
        return {
          failure: { code: 'rate-limited', detail: '', field: null, retryAfterMs: 12_000 },
        };
      }
      return ok({
        account: { is: 'awaiting_code', email: command.email },
        server: { ...view.server, outboxUrl: 'http://127.0.0.1:8420/dev/mailbox' },
      });
    case 'verify_email':
      if (command.code === '00000000') return refuse('wrong-code');
      return { view: { ...(SCENES['empty']?.() ?? view), revision: view.revision } };
    case 'resend_code':
      return ok({});
    case 'abandon_sign_up':
    case 'sign_out':
      return ok({ account: { is: 'signed_out' } });
    case 'sign_in':
      if (command.password.startsWith('wrong')) return refuse('wrong-credentials');
      return { view: { ...(SCENES['home']?.() ?? view), revision: view.revision } };
    case 'use_passphrase':
      return ok({ vault: { is: 'open', keeper: 'passphrase' } });
    case 'use_session_only':
      return ok({ vault: { is: 'open', keeper: 'session' } });
    case 'unlock':
      if (command.passphrase.startsWith('wrong')) return refuse('wrong-passphrase');
      return ok({ vault: { is: 'open', keeper: 'passphrase' } });
    case 'reset_vault':
      return ok({ vault: { is: 'open', keeper: 'keyring' } });
    case 'add_person':
      return ok({ asked: [{ email: command.email, sinceMs: Date.now() }, ...view.asked] });
    case 'accept_person': {
      const found = view.requests.find((request) => request.userId === command.userId);
      if (found === undefined) return refuse('not-now');
      const { userId, name, email } = found;
      const person = { userId, name, email, verified: false, keyChanged: false, lastCallMs: null };
      const people = [...view.people, person].sort((a, b) => a.name.localeCompare(b.name));
      return ok({ people, requests: view.requests.filter((request) => request !== found) });
    }
    case 'remove_person':
      return ok({
        people: view.people.filter((person) => person.userId !== command.userId),
        requests: view.requests.filter((request) => request.userId !== command.userId),
      });
    case 'accept_new_key': {
      const { userId } = command;
      const known = (person: PersonView): PersonView =>
        person.userId === userId ? { ...person, keyChanged: false, verified: false } : person;
      return ok({ people: view.people.map(known) });
    }
    case 'call': {
      const person = view.people.find((known) => known.userId === command.userId);
      if (person === undefined) return refuse('not-a-contact');
      if (person.name.startsWith('Noor')) return refuse('no-device');
      const call = callWith(
        { is: 'preparing', ringsAtMs: Date.now() + 3000 },
        {
          callId: `0195e000-0000-7000-8000-${String(view.revision).padStart(12, '0')}`,
          userId: person.userId,
          name: person.name,
          kind: command.kind,
          camera: OFF,
          microphone: OFF,
          remote: { microphone: false, camera: false, hasPicture: false },
          safetyWords: [],
          quality: null,
        },
      );
      const wanted: Purpose[] = command.kind === 'video' ? ['camera', 'microphone'] : ['microphone'];
      return { view: askNext({ ...view, call }, wanted) };
    }
    case 'call_now':
      return { view: withCall(view, { phase: { is: 'ringing' } }) };
    case 'accept':
    case 'accept_waiting': {
      const { waiting } = view;
      const base =
        command.do === 'accept_waiting' && waiting !== null
          ? callWith({ is: 'active', sinceMs: Date.now() }, { ...waiting, outgoing: false })
          : view.call;
      if (base === null) return refuse('not-now');
      const call = {
        ...base,
        phase: { is: 'active', sinceMs: Date.now() } as const,
        camera: command.kind === 'video' ? opened('camera') : OFF,
        microphone: opened('microphone'),
        remote: { microphone: true, camera: base.kind === 'video', hasPicture: true },
        safetyWords: callWith({ is: 'calling' }).safetyWords,
        quality: goodQuality(),
      };
      return { view: withCall({ ...view, call, waiting: null }, {}) };
    }
    case 'decline':
      return ok({ call: null });
    case 'decline_waiting':
      return ok({ waiting: null });
    case 'silence_ring':
      if (view.call?.phase.is !== 'incoming') return refuse('not-now');
      return { view: withCall(view, { phase: { ...view.call.phase, silenced: true } }) };
    case 'hang_up': {
      if (view.call === null) return refuse('not-now');
      const { phase } = view.call;
      const reason = phase.is === 'active' ? 'hung_up' : 'cancelled';
      const durationS = phase.is === 'active' ? (Date.now() - phase.sinceMs) / 1000 : 0;
      const next = withCall(view, { phase: { is: 'ended', reason, durationS }, camera: OFF });
      return { view: { ...next, prompt: null } };
    }
    case 'set_microphone':
      return { view: turned(view, 'microphone', command.on) };
    case 'set_camera':
      return { view: turned(view, 'camera', command.on) };
    case 'safety_words':
      return { view: withCall(view, { wordsVerdict: command.matched ? 'matched' : 'differ' }) };
    case 'dismiss_ended':
      return ok({ call: null });
    case 'answer_prompt':
      if (view.prompt?.id !== command.prompt) return refuse('not-now');
      return { view: answer(view, view.prompt, command.answer) };
    case 'withdraw_consent':
      return { view: withdrawn(view, command.purpose) };
    case 'withdraw_all': {
      const allowed = view.consents.filter(({ state }) => ['allowed', 'allowed_once'].includes(state));
      const shut = allowed.reduce((next, { purpose }) => withdrawn(next, purpose), view);
      const given = allowedForAccount(view);
      if (allowed.length + given.length === 0) return refuse('not-now');
      return { view: takenBack(shut, given) };
    }
    case 'decide_for_account': {
      const { purpose } = command;
      if (!knownForAccount(view, purpose)) return refuse('not-now');
      return { view: decidedForAccount(view, purpose, command.answer) };
    }
    case 'stop_sharing':
      return { view: takenBack(view, allowedForAccount(view, command.partner)) };
    case 'export_ledger':
      return ok({ ledger: { ...view.ledger, export: { is: 'writing' } } });
    case 'show_policy': {
      const { version } = command;
      const { policies } = view;
      if (version === null) return ok({ policies: { ...policies, shown: null } });
      if (policies.sets.every((set) => set.version !== version)) return refuse('not-now');
      return ok({ policies: openedPolicy(policies, version) });
    }
    case 'open_system_settings':
      return view.devices.systemWay === 'settings' ? ok({}) : refuse('not-now');
    case 'ask_consent':
      return ok({
        prompt: { id: view.revision, purpose: command.purpose, context: { is: 'settings' } },
      });
    case 'start_check': {
      const closed = { camera: OFF, microphone: OFF, levels: [] };
      return { view: askNext({ ...view, check: { ...openCheck(), ...closed } }, ['camera', 'microphone']) };
    }
    case 'stop_check':
      return ok({ check: null, sending: { camera: false, microphone: false, to: null } });
    case 'play_tone':
      return ok({ check: view.check === null ? null : { ...view.check, tonePlaying: true } });
    case 'record_clip':
      return ok({
        check:
          view.check === null ? null : { ...view.check, clip: { is: 'recording', secondsLeft: 6 } },
      });
    case 'choose_device':
      return ok({ devices: { ...view.devices, [command.kind]: command.id } });
    case 'set_processing':
      return ok({ devices: { ...view.devices, processing: command.processing } });
    case 'show_ledger':
    case 'refresh_devices':
    case 'quit':
      return ok({});
  }
}
