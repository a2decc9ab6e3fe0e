import type { ConsentState, LedgerRecord, LedgerTrouble, PurposeKind } from '../generated/bindings';
import { say } from '../words/words';
import { isolated } from './names';
import { momentText } from './time';

/** The program shows no more records than this. */
const MOST_SHOWN = 200;

/** Shown without being asked for. */
const FIRST_SHOWN = 6;

/** Stands for a name: records keep none. */
const LEFT_OUT = '…';

/** A record as it is shown. */
export interface LedgerRow {
  readonly record: LedgerRecord;
  readonly purpose: string;
  readonly what: string;
  readonly where: string;
  readonly moment: string;
  /** ISO 8601, for machines. */
  readonly iso: string;
  /** What the server was not told yet, in words. */
  readonly untold: string | null;
}

function decided({ decision, duration }: LedgerRecord): string {
  return decision === 'granted'
    ? say('ledger.granted', { duration: duration ?? 'other' })
    : say(`ledger.${decision}`);
}

function named({ purpose, share }: LedgerRecord): string {
  if (share === null) return say(`consent.${purpose}`);
  return say('share.for', { field: share.field, partner: isolated(share.name) });
}

export function ledgerRow(record: LedgerRecord): LedgerRow {
  const { atMs, askedIn, device, here, told, policy } = record;
  const where = say('ledger.where', {
    where: askedIn,
    device: here ? say('ledger.here') : isolated(device),
  });
  return {
    record,
    purpose: named(record),
    what: decided(record),
    where: policy === null ? where : say('ledger.where.under', { where, version: policy }),
    moment: momentText(atMs),
    iso: new Date(atMs).toISOString(),
    untold: told ? null : say('ledger.untold'),
  };
}

/** What was decided for a purpose, newest first; of sharing, with one partner. */
export function recordsFor(
  records: readonly LedgerRecord[],
  purpose: PurposeKind,
  partner?: string,
): LedgerRecord[] {
  return records.filter(
    (record) =>
      record.purpose === purpose && (partner === undefined || record.share?.partner === partner),
  );
}

/** The list of everything: the newest, or all. */
export function shownRecords(
  records: readonly LedgerRecord[],
  all: boolean,
): { readonly shown: readonly LedgerRecord[]; readonly more: boolean } {
  const more = records.length > FIRST_SHOWN;
  return { shown: all || !more ? records : records.slice(0, FIRST_SHOWN), more };
}

/** Said where the program holds more records than it shows. */
export function olderText(records: readonly LedgerRecord[]): string | null {
  return records.length < MOST_SHOWN ? null : say('ledger.newest', { n: MOST_SHOWN });
}

/** Why a history is empty: nobody asked, or it was before there were records. */
export function emptyHistory(consents: readonly { readonly state: ConsentState }[]): string {
  const never = consents.every(({ state }) => state === 'never_asked');
  return say(never ? 'consent.history.never' : 'consent.history.none');
}

/** The text that was asked with. */
export interface AskedText {
  readonly title: string;
  readonly lines: readonly string[];
  readonly shown: string;
  /** Said where a name was left out. */
  readonly named: string | null;
}

/** The newest text that was shown for a purpose: on this device, else wherever one was. */
export function askedText(
  records: readonly LedgerRecord[],
  purpose: PurposeKind,
  partner?: string,
): AskedText | null {
  const asked = recordsFor(records, purpose, partner).filter(({ notice }) => notice.length > 0);
  const record = asked.find(({ here }) => here) ?? asked[0];
  if (record === undefined) return null;
  const [title = '', ...lines] = record.notice;
  const leftOut = record.notice.some((line) => line.includes(LEFT_OUT));
  return {
    title,
    lines,
    shown: say('consent.text.shown', { moment: momentText(record.atMs) }),
    named: leftOut ? say(purpose === 'share' ? 'consent.text.named.share' : 'consent.text.named') : null,
  };
}

/** What does not fit, what it means, what to do. */
export function troubleWords({ fault, sequence }: LedgerTrouble): readonly string[] {
  return [
    say(`ledger.trouble.${fault}`, { n: sequence }),
    say('ledger.trouble.means'),
    say('ledger.trouble.do'),
  ];
}
