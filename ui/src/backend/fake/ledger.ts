import type {
  AskedIn,
  LedgerDecision,
  LedgerDuration,
  LedgerRecord,
  LedgerView,
  PromptAnswer,
  Purpose,
  PurposeKind,
  ShareField,
  View,
} from '../../generated/bindings';
import { noticeOf } from './notices';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** At most so many are shown. */
const MOST_SHOWN = 200;

function record(
  index: number,
  purpose: PurposeKind,
  decision: LedgerDecision,
  askedIn: AskedIn,
  duration: LedgerDuration | null,
  agoMs: number,
): LedgerRecord {
  const asked = decision === 'granted' || decision === 'denied';
  return {
    id: `0195f000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    purpose,
    share: null,
    decision,
    duration,
    askedIn,
    atMs: Date.now() - agoMs,
    device: 'Maya’s laptop',
    here: true,
    told: true,
    notice: asked ? noticeOf(purpose, askedIn) : [],
    policy: null,
  };
}

/** Nothing was asked yet. */
export function emptyLedger(): LedgerView {
  return { records: [], waiting: 0, trouble: null, export: { is: 'none' } };
}

/** Some weeks with every kind of decision, on this computer and on two others. */
export function pastLedger(): LedgerView {
  const elsewhere = { here: false, device: 'حاسوب مايا في المكتب' };
  const under = { policy: '1.1.0' };
  const far = { here: false, device: 'old-workstation-in-the-back-room-next-to-the-window-no-2' };
  const records = [
    { ...record(9, 'microphone', 'granted', 'call', 'until_withdrawn', 19 * DAY), ...under },
    { ...record(8, 'camera', 'granted', 'call', 'until_withdrawn', 19 * DAY + 4000), ...under },
    record(7, 'camera', 'expired', 'call', null, 20 * DAY),
    record(6, 'camera', 'granted', 'call', 'this_call', 20 * DAY + 26 * MINUTE),
    record(5, 'camera', 'withdrawn', 'settings', null, 23 * DAY),
    { ...record(4, 'microphone', 'granted', 'check', 'once', 24 * DAY), ...elsewhere },
    record(3, 'camera', 'denied', 'check', null, 24 * DAY + 9 * HOUR),
    { ...record(2, 'camera', 'superseded', 'settings', null, 31 * DAY), ...far },
    { ...record(1, 'camera', 'granted', 'settings', 'until_withdrawn', 44 * DAY), ...far },
  ];
  return { ...emptyLedger(), records };
}

/** As many as are ever shown. */
export function longLedger(): LedgerView {
  const records = Array.from({ length: MOST_SHOWN }, (_, index) => {
    const purpose = index % 2 === 0 ? 'camera' : 'microphone';
    const decision = index % 4 < 2 ? 'granted' : 'expired';
    const duration = decision === 'granted' ? 'this_call' : null;
    return record(MOST_SHOWN - index, purpose, decision, 'call', duration, (index + 1) * HOUR);
  });
  return { ...emptyLedger(), records };
}

/** With what was decided about a partner, about statistics, and about mail. */
export function sharedLedger(): LedgerView {
  const past = pastLedger();
  const share = (field: ShareField): Pick<LedgerRecord, 'share'> => ({
    share: { partner: 'acme', name: 'Acme Lenses', field },
  });
  const records = [
    record(13, 'policy_news', 'granted', 'settings', 'until_withdrawn', 6 * DAY),
    { ...record(12, 'share', 'denied', 'settings', null, 9 * DAY), ...share('birthday') },
    { ...record(11, 'share', 'granted', 'settings', 'until_withdrawn', 9 * DAY + MINUTE), ...share('name') },
    record(10, 'statistics', 'granted', 'settings', 'until_withdrawn', 12 * DAY),
  ];
  return { ...past, records: [...records, ...past.records] };
}

/** The camera's newest yes was ended by a change of the policies. */
export function supersededLedger(): LedgerView {
  const past = pastLedger();
  const ended = { ...record(10, 'camera', 'superseded', 'settings', null, HOUR), policy: '2.0.0' };
  return { ...past, records: [ended, ...past.records] };
}

/** With one decision more. */
export function added(
  { ledger, policies, server }: View,
  { purpose, share }: Pick<LedgerRecord, 'purpose' | 'share'>,
  decision: LedgerDecision,
  askedIn: AskedIn,
  duration: LedgerDuration | null,
): LedgerView {
  const told = server.link.is === 'online';
  const index = Number(ledger.records[0]?.id.slice(-12) ?? 0) + 1;
  const next = {
    ...record(index, purpose, decision, askedIn, duration, 0),
    share,
    told,
    policy: policies.inForce,
  };
  return {
    ...ledger,
    records: [next, ...ledger.records].slice(0, MOST_SHOWN),
    waiting: ledger.waiting + (told ? 0 : 1),
  };
}

/** An answer to a question. */
export function decided(view: View, purpose: Purpose, where: AskedIn, said: PromptAnswer): LedgerView {
  const what = { purpose, share: null };
  switch (said) {
    case 'deny':
      return added(view, what, 'denied', where, null);
    case 'once':
      return added(view, what, 'granted', where, where === 'call' ? 'this_call' : 'once');
    case 'allow':
      return added(view, what, 'granted', where, 'until_withdrawn');
  }
}

/** A yes that was taken back. */
export function took(view: View, purpose: Purpose, where: AskedIn): LedgerView {
  return added(view, { purpose, share: null }, 'withdrawn', where, null);
}

/** After the writing. */
export function saved(ledger: LedgerView): LedgerView {
  const folder = '/home/maya/Downloads/Jasmin consents';
  return { ...ledger, export: { is: 'done', folder, records: ledger.records.length } };
}
