import type { View } from '../generated/bindings';
import { locale, say } from '../words/words';
import { consentOn } from './consent';
import { sharesOn } from './partners';

/** What asks before everything is taken back; `null` when nothing is allowed. */
export function withdrawAllText({
  consents,
  partners,
  statistics,
  policyNews,
}: Pick<View, 'consents' | 'partners' | 'statistics' | 'policyNews'>): string | null {
  const devices = consents.filter(consentOn).map(({ purpose }) => say('consent.in', { purpose }));
  const shares = sharesOn(partners);
  const whole = [statistics, policyNews]
    .filter(consentOn)
    .map(({ purpose }) => say('consent.in', { purpose: purpose.is }));
  const allowed = [...devices, ...shares, ...whole];
  if (allowed.length === 0) return null;
  return say('consent.all.what', {
    what: new Intl.ListFormat(locale()).format(allowed),
    shares: String(shares.length > 0),
  });
}
