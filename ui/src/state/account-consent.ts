import type { AccountConsentView, View } from '../generated/bindings';
import { say } from '../words/words';
import { consentOn, type Question } from './consent';
import { dayText } from './time';

/** A purpose of the whole account as a row. */
export interface AccountRow {
  readonly on: boolean;
  readonly said: string;
}

function stands({ state, sinceMs }: AccountConsentView, now: number, shut: boolean): string {
  const when = sinceMs === null ? '' : dayText(sinceMs, now);
  switch (state) {
    case 'never_asked':
    case 'superseded': {
      const said = say(`account.${state}`, { when });
      return shut ? said : say('account.asks', { said });
    }
    case 'allowed':
    case 'allowed_once':
      return say('account.allowed', { when });
    case 'denied':
    case 'withdrawn':
      return say(`consent.${state}`, { when });
  }
}

/** `shut`: it cannot be switched on. */
export function accountRow(consent: AccountConsentView, now: number, shut = false): AccountRow {
  const said = stands(consent, now, shut);
  // In the same line: that something was not told goes away again soon.
  return { on: consentOn(consent), said: consent.told ? said : say('account.untold', { said }) };
}

/** All of them. */
export function accountConsents({ partners, statistics }: View): AccountConsentView[] {
  return [...partners.list.flatMap(({ fields }) => fields), statistics];
}

/** The answers to a question about the whole account: refuse, allow. */
export function accountAnswers(): Question['answers'] {
  return [
    { answer: 'deny', word: say('prompt.deny') },
    { answer: 'allow', word: say('prompt.allow') },
  ];
}
