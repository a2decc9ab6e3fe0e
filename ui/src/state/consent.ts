import type { ConsentView, PromptAnswer, PromptView } from '../generated/bindings';
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
    answers: [
      { answer: 'deny', word: say('prompt.deny') },
      { answer: 'once', word: say(`prompt.once.${where}`) },
      { answer: 'allow', word: say('prompt.allow') },
    ],
    otherwise: where === 'call' ? say(`prompt.not.${purpose}.call`) : say(`prompt.not.${where}`),
  };
}

/** How long after it appears a question ignores keys: whoever was typing answers nothing by it. */
export const DEAF_MS = 400;

/** A row of the consent list. */
export interface ConsentRow {
  readonly purpose: ConsentView['purpose'];
  readonly title: string;
  readonly said: string;
  readonly now: string;
  readonly on: boolean;
}

export function consentRow(consent: ConsentView, now: number): ConsentRow {
  const { purpose, state, sinceMs, inUse } = consent;
  const when = sinceMs === null ? '' : dayText(sinceMs, now);
  return {
    purpose,
    title: say(`consent.${purpose}`),
    said: say(`consent.${state}`, { when }),
    now: say(inUse ? 'consent.in.use' : 'consent.not.in.use'),
    on: state === 'allowed' || state === 'allowed_once',
  };
}

/** What is said after a consent was taken back. */
export function withdrawnText(consent: ConsentView, inCall: boolean): string {
  const { purpose } = consent;
  return inCall ? say(`consent.closed.${purpose}`) : say(`consent.closed.${purpose}.idle`);
}
