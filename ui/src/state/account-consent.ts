import type { AccountConsentView, AccountPurpose, View } from '../generated/bindings';
import { say } from '../words/words';
import { consentOn, type Question } from './consent';
import { dayText } from './time';

/** A purpose that is about nobody but the account. */
export type WholePurpose = Exclude<AccountPurpose['is'], 'share'>;

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
export function accountConsents({ partners, statistics, policyNews }: View): AccountConsentView[] {
  return [...partners.list.flatMap(({ fields }) => fields), statistics, policyNews];
}

/** The answers to a question about the whole account: refuse, allow. */
export function accountAnswers(): Question['answers'] {
  return [
    { answer: 'deny', word: say('prompt.deny') },
    { answer: 'allow', word: say('prompt.allow') },
  ];
}

const KEPT_AS = { statistics: 'statistics', policy_news: 'policyNews' } as const satisfies Record<
  WholePurpose,
  keyof View
>;

/** How such a purpose stands. */
export function wholeConsent(view: View, purpose: WholePurpose): AccountConsentView {
  return view[KEPT_AS[purpose]];
}

/** The question whether such a purpose is allowed. */
export function wholeQuestion(purpose: WholePurpose): Question {
  return {
    title: say(`prompt.${purpose}.title`),
    text: say(`prompt.${purpose}.text`),
    facts: [
      { icon: 'seen', label: say('prompt.seen'), text: say(`prompt.seen.${purpose}`) },
      { icon: 'kept', label: say('prompt.kept'), text: say(`prompt.kept.${purpose}`) },
      { icon: 'stop', label: say('prompt.stop'), text: say(`prompt.stop.${purpose}`) },
    ],
    answers: accountAnswers(),
    otherwise: say('prompt.not.account'),
    means: say('prompt.allow.means.whole'),
  };
}
