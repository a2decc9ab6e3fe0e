import type {
  AccountAnswer,
  AccountConsentView,
  AccountPurpose,
  ConsentState,
  PartnersView,
  PartnerView,
  PassingKind,
  PassingView,
  ShareField,
  ShareView,
  View,
} from '../../generated/bindings';
import { added } from './ledger';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function consentOf(purpose: AccountPurpose, state: ConsentState, days: number | null): AccountConsentView {
  const sinceMs = days === null ? null : Date.now() - days * DAY;
  return { purpose, state, sinceMs, told: true };
}

function share(partner: string, field: ShareField, state: ConsentState, days: number | null): AccountConsentView {
  return consentOf({ is: 'share', partner, field }, state, days);
}

function passing(
  index: number,
  kind: PassingKind,
  fields: readonly ShareField[],
  days: number,
  state: PassingView['state'] = 'done',
): PassingView {
  const atMs = Date.now() - days * DAY;
  return {
    id: `0195f100-0000-7000-8000-${String(index).padStart(12, '0')}`,
    kind,
    fields: [...fields],
    atMs,
    state,
    answeredAtMs: state === 'done' ? atMs + MINUTE : null,
  };
}

/** Nobody is counted unless asked. */
export function statistics(state: ConsentState = 'never_asked'): AccountConsentView {
  return consentOf({ is: 'statistics' }, state, state === 'never_asked' ? null : 12);
}

/** Nobody gets mail about the policies unless asked. */
export function policyNews(state: ConsentState = 'never_asked'): AccountConsentView {
  return consentOf({ is: 'policy_news' }, state, state === 'never_asked' ? null : 6);
}

/** A server without partners. */
export function noPartners(change: Partial<PartnersView> = {}): PartnersView {
  return { known: true, mayShare: true, list: [], ...change };
}

function acme(): PartnerView {
  return {
    id: 'acme',
    name: 'Acme Lenses',
    legalEntity: 'Acme Lenses B.V.',
    country: 'Netherlands',
    purpose: 'a discount on cameras for members of clubs',
    retention: '12 months after the last purchase',
    status: 'active',
    open: true,
    signedOn: '2026-09-01',
    reviewBy: '2027-08-31',
    undertaking: '3f2a9c1e77b04d12a6c8e5f01b2d3c4e5f60718293a4b5c6d7e8f90a1b2c3d4e',
    fields: [
      share('acme', 'name', 'allowed', 9),
      share('acme', 'email', 'never_asked', null),
      share('acme', 'birthday', 'denied', 9),
    ],
    passings: [
      passing(4, 'given', ['name'], 9),
      passing(3, 'deletion', ['email', 'name'], 16),
      passing(2, 'given', ['birthday'], 17, 'cancelled'),
      passing(1, 'given', ['email', 'name'], 17),
    ],
  };
}

function club(): PartnerView {
  return {
    ...acme(),
    id: 'club-of-the-valley',
    name: 'نادي المصورين في الوادي الكبير',
    legalEntity: 'Foundation for the Club of Photographers in the Great Valley and Beyond',
    country: 'Egypt',
    purpose: 'invitations to walks, and a card for the birthday',
    retention: 'until the end of the membership, and the year after it for the books',
    status: 'suspended',
    open: false,
    fields: [
      share('club-of-the-valley', 'name', 'allowed', 30),
      share('club-of-the-valley', 'birthday', 'withdrawn', 0),
    ],
    passings: [
      passing(6, 'deletion', ['birthday'], 0, 'waiting'),
      passing(5, 'given', ['birthday', 'name'], 30),
    ],
  };
}

/** One that can get something, and one that cannot for now and has yet to delete a field. */
export function twoPartners(change: Partial<PartnersView> = {}): PartnersView {
  return noPartners({ list: [acme(), club()], ...change });
}

/** Every other way that a partner can stand; nothing was ever given to them. */
export function shutPartners(): PartnersView {
  const shut = (id: string, name: string, change: Partial<PartnerView>): PartnerView => ({
    ...acme(),
    id,
    name,
    open: false,
    fields: [share(id, 'email', 'never_asked', null)],
    passings: [],
    ...change,
  });
  const unsigned = { signedOn: null, reviewBy: null, undertaking: null };
  return noPartners({
    list: [
      shut('ended', 'Ended Prints', { status: 'ended' }),
      shut('new', 'New Frames', { status: 'proposed', ...unsigned }),
      shut('old', 'Old Albums', { status: 'active', reviewBy: '2026-11-01' }),
      shut('signed', 'Signed Films', { status: 'undertaking_signed' }),
    ],
  });
}

/** Everything is off, and cannot be switched on. */
export function partnersOfMinor(): PartnersView {
  const fields = acme().fields.map((one) => ({ ...one, state: 'never_asked' as const, sinceMs: null }));
  return noPartners({ mayShare: false, list: [{ ...acme(), fields, passings: [] }] });
}

const STATES: Record<AccountAnswer, ConsentState> = {
  deny: 'denied',
  allow: 'allowed',
  withdraw: 'withdrawn',
};

function viewOf({ partners }: View, purpose: AccountPurpose): ShareView | null {
  if (purpose.is !== 'share') return null;
  const { partner, field } = purpose;
  const name = partners.list.find(({ id }) => id === partner)?.name ?? partner;
  return { partner, name, field };
}

function same(one: AccountPurpose, other: AccountPurpose): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a yes or its end sends to the partner; the acted one answers to gifts at once. */
function passed(partner: PartnerView, field: ShareField, answer: AccountAnswer): PassingView[] {
  if (answer === 'deny') return partner.passings;
  const index = Number(partner.passings[0]?.id.slice(-12) ?? 0) + 10;
  const next =
    answer === 'allow' ? passing(index, 'given', [field], 0) : passing(index, 'deletion', [field], 0, 'waiting');
  return [next, ...partner.passings];
}

/** A decision about the whole account. */
export function decidedForAccount(view: View, purpose: AccountPurpose, answer: AccountAnswer): View {
  const told = view.server.link.is === 'online';
  const now = (consent: AccountConsentView): AccountConsentView =>
    same(consent.purpose, purpose)
      ? { purpose: consent.purpose, state: STATES[answer], sinceMs: Date.now(), told }
      : consent;
  const list = view.partners.list.map((partner) => {
    if (purpose.is !== 'share' || partner.id !== purpose.partner) return partner;
    const passings = told ? passed(partner, purpose.field, answer) : partner.passings;
    return { ...partner, fields: partner.fields.map(now), passings };
  });
  const decision = answer === 'allow' ? 'granted' : answer === 'deny' ? 'denied' : 'withdrawn';
  const duration = answer === 'allow' ? 'until_withdrawn' : null;
  return {
    ...view,
    partners: { ...view.partners, list },
    statistics: now(view.statistics),
    policyNews: now(view.policyNews),
    ledger: added(view, { purpose: purpose.is, share: viewOf(view, purpose) }, decision, 'settings', duration),
  };
}

/** Whether there is such a thing to decide about. */
export function knownForAccount({ partners }: View, purpose: AccountPurpose): boolean {
  const fields = partners.list.flatMap((partner) => partner.fields);
  return purpose.is !== 'share' || fields.some((one) => same(one.purpose, purpose));
}

/** Everything of the account that is allowed; of one partner, where one is named. */
export function allowedForAccount({ partners, ...view }: View, partner?: string): AccountPurpose[] {
  const shares = partners.list
    .filter(({ id }) => partner === undefined || id === partner)
    .flatMap(({ fields }) => fields);
  return [...shares, ...(partner === undefined ? [view.statistics, view.policyNews] : [])]
    .filter(({ state }) => state === 'allowed')
    .map(({ purpose }) => purpose);
}
