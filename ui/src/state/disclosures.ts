import type { DisclosureGround } from '../generated/bindings';
import { locale, say } from '../words/words';
import { calendarDay, momentText } from './time';

/** On which ground something was given. */
export function groundText(ground: DisclosureGround): string {
  return say(`law.ground.${ground}`);
}

/** What was given, in one sentence. */
export function givenText(fields: readonly string[]): string {
  return say('law.what', { what: new Intl.ListFormat(locale()).format(fields) });
}

/** When it was asked for, and when it was given. */
export function whenText(received: string, givenAtMs: number): string {
  const day = calendarDay(Date.parse(received));
  return say('law.when', { received: day, moment: momentText(givenAtMs) });
}

/** Why it is told only now. */
export function barText(until: string): string {
  return say('law.barred', { until: calendarDay(Date.parse(until)) });
}
