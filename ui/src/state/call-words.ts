import type { CallView, EndReason, OwnDeviceView, PhaseView } from '../generated/bindings';
import { say, type WordKey } from '../words/words';
import { firstName } from './names';
import { minutesText } from './time';

/** The two lines that say how a call stands. */
export interface PhaseWords {
  readonly title: string;
  readonly text: string;
}

/** Whole seconds until a moment, never below zero. */
export function secondsUntil(ms: number, now: number): number {
  return Math.max(0, Math.ceil((ms - now) / 1000));
}

export function phaseWords(call: CallView, now: number): PhaseWords {
  const { name } = call;
  const first = firstName(name);
  const { phase } = call;
  switch (phase.is) {
    case 'preparing': {
      const n = secondsUntil(phase.ringsAtMs, now);
      const title = n > 0 ? say('call.in', { name, n }) : say('call.preparing', { name });
      return { title, text: say('call.in.text') };
    }
    case 'calling':
      return { title: say('call.calling', { name }), text: say('call.calling.text', { first }) };
    case 'ringing':
      return { title: say('call.ringing', { name }), text: say('call.ringing.text', { name }) };
    case 'incoming': {
      const kind = call.kind === 'video' ? 'call.incoming.video' : 'call.incoming.audio';
      return {
        title: name,
        text: phase.silenced ? say('call.incoming.silenced') : say(kind),
      };
    }
    case 'connecting':
      return {
        title: say('call.connecting', { name }),
        text: phase.slow ? say('call.connecting.slow') : '',
      };
    case 'active':
      return { title: say('call.active', { name }), text: '' };
    case 'reconnecting':
      return { title: say('call.lost.title'), text: '' };
    case 'ended': {
      const ended = endedWords(call, phase);
      return { title: ended.title, text: ended.text };
    }
  }
}

/** What the end of a call says and offers. */
export interface EndedWords extends PhaseWords {
  /** Something is wrong, and not only over. */
  readonly failed: boolean;
  readonly actions: readonly ('close' | 'sound' | 'again')[];
}

type Ended = Extract<PhaseView, { is: 'ended' }>;

const TITLES: Record<EndReason, WordKey> = {
  hung_up: 'ended.hung.up',
  declined: 'ended.declined',
  busy: 'ended.busy',
  no_answer: 'ended.no.answer',
  answered_elsewhere: 'ended.elsewhere',
  declined_elsewhere: 'ended.declined.elsewhere',
  cancelled: 'ended.cancelled.out',
  network: 'ended.network',
  server: 'ended.server',
  version: 'ended.version',
  security: 'ended.security',
  superseded: 'ended.superseded',
  media: 'ended.media',
  quit: 'ended.quit',
};

const TEXTS: Partial<Record<EndReason, WordKey>> = {
  cancelled: 'ended.cancelled.out.text',
  network: 'ended.network.text',
  server: 'ended.server.text',
  version: 'ended.version.text',
  security: 'ended.security.text',
  superseded: 'ended.superseded.text',
  media: 'ended.media.text',
};

/** Where it matters who called: the same reasons as somebody sees them who was called. */
const INCOMING: Partial<Record<EndReason, { title: WordKey; text?: WordKey }>> = {
  declined: { title: 'ended.declined.in', text: 'ended.declined.in.text' },
  busy: { title: 'ended.busy.in' },
  cancelled: { title: 'ended.cancelled.in' },
  no_answer: { title: 'ended.missed' },
  server: { title: 'ended.server', text: 'ended.server.in.text' },
};

export function endedWords(call: CallView, phase: Ended): EndedWords {
  const { name, outgoing } = call;
  const first = firstName(name);
  const n = Math.floor(phase.durationS / 60);
  const failed = ['network', 'server', 'version', 'security', 'media'].includes(phase.reason);
  const actions = endedActions(phase.reason, failed);
  if (phase.reason === 'hung_up') {
    const title = say('ended.hung.up');
    return { title, text: say('ended.hung.up.text', { n, name }), failed, actions };
  }
  if (phase.reason === 'network' && phase.durationS > 0) {
    return { title: say('ended.lost'), text: say('ended.lost.text', { n }), failed, actions };
  }
  const turned = outgoing ? undefined : INCOMING[phase.reason];
  const textKey = turned === undefined ? TEXTS[phase.reason] : turned.text;
  return {
    title: say(turned?.title ?? TITLES[phase.reason], { first }),
    text: textKey === undefined ? name : say(textKey, { first, name }),
    failed,
    actions,
  };
}

function endedActions(reason: EndReason, failed: boolean): EndedWords['actions'] {
  switch (reason) {
    case 'answered_elsewhere':
    case 'declined_elsewhere':
    case 'superseded':
    case 'quit':
      return ['close'];
    case 'network':
      return ['close', 'sound', 'again'];
    default:
      return failed && reason === 'version' ? ['close'] : ['close', 'again'];
  }
}

/** A device button of the call bar. */
export interface DeviceButton {
  readonly word: string;
  readonly label: string;
  readonly look: 'on' | 'off' | 'wait' | 'failed' | 'paused';
  /** What pressing it asks for. */
  readonly turnsOn: boolean;
}

export function deviceButton(
  dev: 'camera' | 'microphone',
  state: OwnDeviceView,
  paused: boolean,
): DeviceButton {
  const short = dev === 'camera' ? 'camera' : 'mic';
  switch (state.is) {
    case 'on':
      return {
        word: paused ? say('call.device.paused') : say(`call.${short}.on`),
        label: say(`say.${short}.on`),
        look: paused ? 'paused' : 'on',
        turnsOn: false,
      };
    case 'off':
      return {
        word: say(`call.${short}.off`),
        label: say(`say.${short}.off`),
        look: 'off',
        turnsOn: true,
      };
    case 'asking':
    case 'opening':
      return {
        word: say(state.is === 'asking' ? 'call.device.asking' : 'call.device.opening'),
        label: say('say.device.wait', { dev }),
        look: 'wait',
        turnsOn: false,
      };
    case 'failed': {
      const off = state.problem === 'consent';
      return {
        word: off ? say(`call.${short}.off`) : say(`call.${short}.failed`),
        label: off ? say(`say.${short}.off`) : say('say.device.failed', { dev }),
        look: off ? 'off' : 'failed',
        turnsOn: true,
      };
    }
  }
}

/** The length of a finished talk in the log, or nothing. */
export function lengthText(durationS: number): string {
  return durationS > 0 ? minutesText(durationS) : '';
}
