import type {
  AccountConsentView,
  PartnersView,
  PartnerStatus,
  PartnerView,
  PassingKind,
  PassingView,
  ShareField,
} from '../generated/bindings';
import { locale, say } from '../words/words';
import { accountAnswers } from './account-consent';
import { consentOn, type Question } from './consent';
import { isolated } from './names';
import { calendarDay, momentText } from './time';

/** So much of a hash is shown. */
const SHORT_HASH = 16;

/** Each field that a partner wants, with its consent. */
export function sharesOf({ fields }: PartnerView): { field: ShareField; consent: AccountConsentView }[] {
  return fields.flatMap((consent) =>
    consent.purpose.is === 'share' ? [{ field: consent.purpose.field, consent }] : [],
  );
}

/** What may go to partners at this moment, inside a sentence. */
export function sharesOn({ list }: PartnersView): string[] {
  return list.flatMap((partner) =>
    sharesOf(partner)
      .filter(({ consent }) => consentOn(consent))
      .map(({ field }) => say('share.for.in', { field, partner: isolated(partner.name) })),
  );
}

/** The question whether a partner gets a field. */
export function shareQuestion(partner: PartnerView, field: ShareField): Question {
  const { name, legalEntity: entity, country, purpose } = partner;
  return {
    title: say('prompt.share.title', { partner: name, field }),
    text: say('prompt.share.text', { entity, country, purpose }),
    facts: [
      { icon: 'seen', label: say('prompt.seen'), text: say('prompt.only', { name }) },
      { icon: 'kept', label: say('prompt.kept'), text: partner.retention },
      { icon: 'stop', label: say('prompt.stop'), text: say('prompt.stop.share', { partner: name }) },
    ],
    answers: accountAnswers(),
    otherwise: say('prompt.not.account'),
    means: say('prompt.allow.means.share', { partner: name }),
  };
}

/** How far a partner has come; one with an old signature counts for itself. */
export type Standing = PartnerStatus | 'outdated';

export function standingOf({ status, open }: PartnerView): Standing {
  return status === 'active' && !open ? 'outdated' : status;
}

/** Why nothing can be switched on; `null` where it can. */
export function shutText(
  partner: PartnerView,
  { known, mayShare }: Pick<PartnersView, 'known' | 'mayShare'>,
): string | null {
  const standing = standingOf(partner);
  if (!named(partner)) return say('partner.shut.unknown');
  if (!partner.open && standing !== 'active') return say(`partner.shut.${standing}`);
  if (mayShare) return null;
  return say(known ? 'partner.shut.minor' : 'partner.shut.unknown');
}

/** The server says who it is: else no more is known than that something is allowed. */
export function named({ legalEntity }: Pick<PartnerView, 'legalEntity'>): boolean {
  return legalEntity !== '';
}

/** What a partner has signed, and until when that counts. */
export function signedText({ signedOn, reviewBy }: PartnerView): string {
  if (signedOn === null || reviewBy === null) return say('partner.signed.none');
  const day = (written: string): string => calendarDay(Date.parse(written));
  return say('partner.signed.value', { signed: day(signedOn), until: day(reviewBy) });
}

/** The beginning of a hash, in groups that can be compared. */
export function shortHash(hash: string): string {
  return hash.slice(0, SHORT_HASH).match(/.{1,4}/gu)?.join(' ') ?? '';
}

/** Whether there is something to stop: it may get something, or holds what it was not told to delete. */
export function canStop(partner: PartnerView): boolean {
  const newest = new Map<ShareField, PassingKind>();
  for (const { kind, fields, state } of partner.passings) {
    if (state === 'cancelled') continue;
    for (const field of fields) if (!newest.has(field)) newest.set(field, kind);
  }
  return partner.fields.some(consentOn) || [...newest.values()].includes('given');
}

/** A pass through the gate as it is shown. */
export interface PassingRow {
  readonly passing: PassingView;
  readonly what: string;
  readonly became: string;
  readonly moment: string;
  /** ISO 8601, for machines. */
  readonly iso: string;
  /** Sorted, for machines. */
  readonly fields: string;
}

function became({ state, atMs, answeredAtMs }: PassingView): string {
  return say(`share.${state}`, { moment: momentText(answeredAtMs ?? atMs) });
}

export function passingRow(passing: PassingView): PassingRow {
  const { kind, fields, atMs } = passing;
  const named = fields.map((field) => say('share.in', { field }));
  return {
    passing,
    what: say(`share.${kind}`, { what: new Intl.ListFormat(locale()).format(named) }),
    became: became(passing),
    moment: momentText(atMs),
    iso: new Date(atMs).toISOString(),
    fields: [...fields].sort().join(' '),
  };
}

/** The server tells no more than this of one partner. */
const MOST_TOLD = 1_000;

/** Said where there may be older ones. */
export function olderPassings(passings: readonly PassingView[]): string | null {
  return passings.length < MOST_TOLD ? null : say('share.newest', { n: MOST_TOLD });
}
