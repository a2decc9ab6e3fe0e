import type { LogView, PersonView } from '../generated/bindings';
import { say } from '../words/words';
import { lengthText } from './call-words';
import { firstName } from './names';
import { dayHeading, dayText, timeText } from './time';

/** People whose name or address holds what was typed. */
export function findPeople(people: readonly PersonView[], typed: string): PersonView[] {
  const wanted = plain(typed.trim());
  if (wanted === '') return [...people];
  return people.filter((person) => [person.name, person.email].some((text) => plain(text).includes(wanted)));
}

/** Without accents and capitals, so that "lea" finds "Léa". */
function plain(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

/** The person to whom typing these first letters jumps, from the one after `from` on. */
export function jumpTo(people: readonly PersonView[], from: number, letters: string): number {
  const wanted = plain(letters);
  for (let step = 1; step <= people.length; step += 1) {
    const index = (from + step) % people.length;
    if (plain(people[index]?.name ?? '').startsWith(wanted)) return index;
  }
  return -1;
}

/** The second line of a row: the last that we had to do with each other, else the address. */
export function secondLine(person: PersonView, log: readonly LogView[], now: number): string {
  const last = log.find((entry) => entry.userId === person.userId);
  if (last === undefined) {
    return person.lastCallMs === null
      ? person.email
      : say('people.last.out', { when: dayText(person.lastCallMs, now) });
  }
  const when = dayText(last.startedMs, now);
  if (isMissed(last)) return say('people.last.missed');
  if (last.outgoing) return say('people.last.out', { when });
  return say('people.last.in', { first: firstName(person.name), when });
}

/** Somebody called, and I did not answer or refuse. */
function isMissed(entry: LogView): boolean {
  return !entry.outgoing && (entry.result === 'missed' || entry.result === 'cancelled');
}

/** A row of the call log. */
export interface LogRow {
  readonly entry: LogView;
  readonly icon: 'in' | 'out' | 'missed';
  readonly what: string;
  readonly length: string;
  readonly time: string;
  readonly label: string;
}

function whatHappened(entry: LogView): string {
  if (isMissed(entry)) return say('log.missed');
  switch (entry.result) {
    case 'answered':
      return say(entry.kind === 'video' ? 'log.video' : 'log.audio');
    case 'missed':
      return say('log.unanswered');
    case 'declined':
      return say(entry.outgoing ? 'log.declined.out' : 'log.declined.in');
    case 'busy':
      return say(entry.outgoing ? 'log.busy.out' : 'log.busy.in');
    case 'cancelled':
      return say('log.cancelled');
  }
}

function logRow(entry: LogView): LogRow {
  const what = whatHappened(entry);
  const length = lengthText(entry.durationS);
  const time = timeText(entry.startedMs);
  return {
    entry,
    icon: isMissed(entry) ? 'missed' : entry.outgoing ? 'out' : 'in',
    what,
    length,
    time,
    label: say('log.row', {
      direction: say('log.direction', { outgoing: String(entry.outgoing) }),
      name: entry.name,
      what,
      when: time,
      length: length === '' ? '' : `, ${length}`,
    }),
  };
}

/** The call log by days, newest first. */
export function logByDay(
  log: readonly LogView[],
  now: number,
): { readonly day: string; readonly rows: readonly LogRow[] }[] {
  const days: { day: string; rows: LogRow[] }[] = [];
  for (const entry of log) {
    const day = dayHeading(entry.startedMs, now);
    const last = days.at(-1);
    if (last?.day === day) last.rows.push(logRow(entry));
    else days.push({ day, rows: [logRow(entry)] });
  }
  return days;
}
