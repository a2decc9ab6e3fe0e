import type {
  Command,
  ConsentState,
  ConsentView,
  Gesture,
  PromptAnswer,
  PromptView,
} from '../generated/bindings';
import { say } from '../words/words';
import { firstName } from './names';
import { dayText } from './time';

/** A fact of a question: who, how long, how to stop. */
interface Fact {
  readonly icon: 'seen' | 'heard' | 'kept' | 'stop';
  readonly label: string;
  readonly text: string;
}

/** A question as it is shown. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly facts: readonly Fact[];
  readonly answers: readonly { readonly answer: PromptAnswer; readonly word: string }[];
  readonly otherwise: string;
  /** How long a yes counts. */
  readonly means: string;
}

/** The words of a consent prompt. Always the same order: refuse, limited, allow. */
export function questionOf({ purpose, context }: PromptView): Question {
  const where = context.is;
  const name = context.is === 'call' ? context.name : '';
  const first = firstName(name);
  const only =
    context.is === 'call'
      ? say('prompt.only', { name })
      : say(context.is === 'check' ? 'prompt.only.you' : 'prompt.only.called');
  const stop = where === 'check' && purpose === 'microphone' ? 'microphone.check' : purpose;
  return {
    title: say(`prompt.${purpose}.${where}.title`, { first }),
    text: say(`prompt.${purpose}.${where}.text`, { name }),
    facts: [
      purpose === 'camera'
        ? { icon: 'seen', label: say('prompt.seen'), text: only }
        : { icon: 'heard', label: say('prompt.heard'), text: only },
      {
        icon: 'kept',
        label: say('prompt.kept'),
        text: say(where === 'check' ? 'prompt.kept.nothing.here' : 'prompt.kept.nothing'),
      },
      { icon: 'stop', label: say('prompt.stop'), text: say(`prompt.stop.${stop}`) },
    ],
    // In the settings there is no call or check that a limited answer could be for.
    answers: [
      { answer: 'deny', word: say('prompt.deny') },
      ...(where === 'settings'
        ? []
        : [{ answer: 'once', word: say(`prompt.once.${where}`) } as const]),
      { answer: 'allow', word: say('prompt.allow') },
    ],
    otherwise: where === 'call' ? say(`prompt.not.${purpose}.call`) : say(`prompt.not.${where}`),
    means: say('prompt.allow.means'),
  };
}

/** How long a question must have been seen before it takes keys and presses. */
export const DEAF_MS = 400;

/** A row of the consent list. */
export interface ConsentRow {
  readonly purpose: ConsentView['purpose'];
  readonly title: string;
  readonly said: string;
  readonly now: string;
  readonly on: boolean;
}

/** Whether it is allowed at this moment. */
export function consentOn({ state }: { readonly state: ConsentState }): boolean {
  return state === 'allowed' || state === 'allowed_once';
}

/**
 * What pressing the switch of a consent asks for. Off acts at once; on is a question, in a call the
 * question for that call.
 */
export function consentCommand(
  consent: ConsentView,
  inCall: boolean,
  gesture: Gesture,
): Command {
  const { purpose } = consent;
  if (consentOn(consent)) return { do: 'withdraw_consent', purpose, gesture };
  if (!inCall) return { do: 'ask_consent', purpose };
  return { do: purpose === 'camera' ? 'set_camera' : 'set_microphone', on: true };
}

/** How a consent stands, in a call that is on the screen. */
export function consentInCall(consent: ConsentView, now: number): string {
  const { state, sinceMs } = consent;
  const when = sinceMs === null ? '' : dayText(sinceMs, now);
  return state === 'denied' || state === 'withdrawn'
    ? say(`consent.${state}`, { when })
    : say(`consent.${state}.call`, { when });
}

export function consentRow(consent: ConsentView, now: number): ConsentRow {
  const { purpose, state, sinceMs, inUse } = consent;
  const when = sinceMs === null ? '' : dayText(sinceMs, now);
  return {
    purpose,
    title: say(`consent.${purpose}`),
    said: say(`consent.${state}`, { when }),
    now: say(inUse ? 'consent.in.use' : 'consent.not.in.use'),
    on: consentOn(consent),
  };
}

/** What is said after a consent was taken back. */
export function withdrawnText(consent: ConsentView, inCall: boolean): string {
  const { purpose } = consent;
  return inCall ? say(`consent.closed.${purpose}`) : say(`consent.closed.${purpose}.idle`);
}
