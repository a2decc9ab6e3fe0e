import { say } from '../words/words';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
// Controls, and the marks that turn the direction of text around.
const INVISIBLE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function lengthOf(text: string): number {
  return [...graphemes.segment(text)].length;
}

export function checkName(name: string): string | null {
  const trimmed = name.normalize('NFC').trim();
  if (trimmed === '') return say('field.name.missing');
  if (INVISIBLE.test(trimmed)) return say('field.name.control');
  return lengthOf(trimmed) > 64 ? say('field.name.long') : null;
}

export function checkEmail(email: string): string | null {
  const trimmed = email.trim();
  if (trimmed === '') return say('field.email.missing');
  const [local, domain, ...more] = trimmed.split('@');
  if (!local || domain === undefined || more.length > 0 || /\s/u.test(trimmed)) {
    return say('field.email.at');
  }
  if (trimmed.length > 254) return say('field.email.long');
  return /^[^.]+(\.[^.]+)+$/u.test(domain) || domain === 'localhost' ? null : say('field.email.domain');
}

export function checkNewPassword(password: string): string | null {
  const { length } = Array.from(password.normalize('NFKC'));
  if (length === 0) return say('field.password.missing');
  if (length < 10) return say('field.password.short', { n: 10 - length });
  return length > 256 ? say('field.password.long') : null;
}

export function checkPassword(password: string): string | null {
  return password === '' ? say('field.password.missing') : null;
}

export function checkCode(code: string): string | null {
  return plainCode(code).length === 8 ? null : say('field.code.wrong');
}

/** The code as the server spells it: capitals, no dashes or spaces, Crockford's look-alikes read. */
export function plainCode(code: string): string {
  const letters = code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '');
  return letters.replaceAll('O', '0').replaceAll(/[IL]/g, '1');
}

export function checkServer(url: string): string | null {
  const parsed = URL.canParse(url.trim()) ? new URL(url.trim()) : null;
  const known = parsed !== null && (parsed.protocol === 'https:' || parsed.protocol === 'http:');
  return known && parsed.hostname !== '' ? null : say('server.bad');
}

/**
 * How hard a password is to guess, 0 (empty) to 4. A rough estimate from its length and from how
 * many different characters it has; a hint for a person, not a rule.
 */
export function passwordStrength(password: string): 0 | 1 | 2 | 3 | 4 {
  const letters = Array.from(password);
  if (letters.length === 0) return 0;
  const different = new Set(letters).size;
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}]/u].filter((kind) =>
    kind.test(password),
  ).length;
  const bits = Math.min(letters.length, different * 1.7) * (2.2 + 0.7 * kinds);
  if (letters.length < 10 || bits < 30) return 1;
  if (bits < 45) return 2;
  return bits < 60 ? 3 : 4;
}
