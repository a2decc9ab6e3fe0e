import type { DisclosureGround } from '../generated/bindings';
import { locale, say } from '../words/words';

/** On which ground something was given. */
export function groundText(ground: DisclosureGround): string {
  return say(`law.ground.${ground}`);
}

/** What was given, in one sentence. */
export function givenText(fields: readonly string[]): string {
  return say('law.what', { what: new Intl.ListFormat(locale()).format(fields) });
}

/** Why it is told only now. */
export function barText(until: string): string {
  return say('law.barred', { until });
}
