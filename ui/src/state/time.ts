import { locale, say } from '../words/words';

const DAY = 86_400_000;

function midnight(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** Whole calendar days between two moments. */
function daysBetween(earlier: number, later: number): number {
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}

/** `4:07`, `1:02:03`. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${String(hours)}:${two(minutes)}:${two(whole % 60)}`;
  return `${two(minutes)}:${two(whole % 60)}`;
}

/** The time of day. */
export function timeText(ms: number): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'short' }).format(ms);
}

/** Today's date in full. */
export function todayText(ms: number): string {
  return new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long' }).format(
    ms,
  );
}

/** A day as people say it inside a sentence: today, yesterday, on Thursday, on 3 November. */
export function dayText(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  if (days <= 1) {
    const relative = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
    return relative.format(-Math.max(0, days), 'day');
  }
  return dateText(ms, now);
}

/** A day as a heading: Today, Yesterday, Thursday, 3 November. */
export function dayHeading(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  if (days <= 0) return say('log.today');
  return days === 1 ? say('log.yesterday') : dateText(ms, now);
}

function dateText(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  const format: Intl.DateTimeFormatOptions =
    days < 7
      ? { weekday: 'long' }
      : { day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) };
  return new Intl.DateTimeFormat(locale(), format).format(ms);
}

/** Day and time of what was decided: 3 Nov 2026, 18:20. */
export function momentText(ms: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(ms);
}

/** A length of talk in minutes. */
export function minutesText(seconds: number): string {
  return say('log.minutes', { n: Math.floor(seconds / 60) });
}

/** Which greeting fits the hour. */
export function greeting(ms: number, first: string): string {
  const hour = new Date(ms).getHours();
  if (hour < 12) return say('home.morning', { first });
  return hour < 18 ? say('home.afternoon', { first }) : say('home.evening', { first });
}

/** A day of the calendar, which is the same for everybody: where one begins in UTC. */
export function calendarDay(ms: number): string {
  const day = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat(locale(), day).format(ms);
}
