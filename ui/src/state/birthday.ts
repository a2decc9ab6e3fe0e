import { say } from '../words/words';

/** A birthday as typed: three texts. */
export interface Birthday {
  readonly day: string;
  readonly month: string;
  readonly year: string;
}

export const NO_BIRTHDAY: Birthday = { day: '', month: '', year: '' };

const ISO = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*$/;

/** Reads a whole date that was typed or pasted into one field; `null` for anything else. */
export function readWholeDate(text: string): Birthday | null {
  const found = ISO.exec(text);
  if (found === null) return null;
  const [, year, month, day] = found;
  return { day: String(Number(day)), month: String(Number(month)), year: year ?? '' };
}

/** `YYYY-MM-DD`, or nothing while a part is missing. */
export function isoDate({ day, month, year }: Birthday): string {
  if (day === '' || month === '' || year === '') return '';
  return `${year.padStart(4, '0')}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}

/** Says what is wrong with a date written by {@link isoDate}. */
export function checkBirthday(iso: string, today: Date): string | null {
  if (iso === '') return say('field.birthday.missing');
  const parts = iso.split('-').map(Number);
  const [year, month, day] = parts;
  if (year === undefined || month === undefined || day === undefined || parts.some(Number.isNaN)) {
    return say('field.birthday.unreal');
  }
  if (year < 1900) return say('field.birthday.past');
  const date = new Date(year, month - 1, day);
  const real =
    date.getFullYear() === year && date.getMonth() === month - 1 && date.getDate() === day;
  if (!real) return say('field.birthday.unreal');
  return date.getTime() > today.getTime() ? say('field.birthday.future') : null;
}

/** The months by name, in order, in a language. */
export function monthNames(locale: string): string[] {
  const names = new Intl.DateTimeFormat(locale, { month: 'long', timeZone: 'UTC' });
  return Array.from({ length: 12 }, (_, month) => names.format(new Date(Date.UTC(2000, month, 1))));
}
