/** Values for the arguments of a message. */
export type Values = Readonly<Record<string, string | number>>;

interface Cursor {
  readonly text: string;
  at: number;
}

type Part =
  | { is: 'text'; text: string }
  | { is: 'value'; name: string; rule: 'plain' | 'plural' | 'select'; cases: Map<string, Part[]> };

function parseParts(cursor: Cursor): Part[] {
  const parts: Part[] = [];
  let text = '';
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (char === '}') break;
    cursor.at += 1;
    if (char !== '{') {
      text += char;
      continue;
    }
    if (text !== '') parts.push({ is: 'text', text });
    text = '';
    parts.push(parseArgument(cursor));
  }
  if (text !== '') parts.push({ is: 'text', text });
  return parts;
}

function parseArgument(cursor: Cursor): Part {
  const head = takeUntil(cursor, /[,}]/).trim();
  if (cursor.text.charAt(cursor.at) === '}') {
    cursor.at += 1;
    return { is: 'value', name: head, rule: 'plain', cases: new Map() };
  }
  cursor.at += 1;
  const rule = takeUntil(cursor, /,/).trim();
  if (rule !== 'plural' && rule !== 'select') throw new Error(`unknown message rule: ${rule}`);
  cursor.at += 1;
  const cases = new Map<string, Part[]>();
  for (;;) {
    const label = takeUntil(cursor, /[{}]/).trim();
    if (cursor.text.charAt(cursor.at) !== '{') break;
    cursor.at += 1;
    cases.set(label, parseParts(cursor));
    cursor.at += 1;
  }
  if (!cases.has('other')) throw new Error(`a ${rule} message needs the case "other"`);
  cursor.at += 1;
  return { is: 'value', name: head, rule, cases };
}

function takeUntil(cursor: Cursor, stop: RegExp): string {
  const start = cursor.at;
  while (cursor.at < cursor.text.length && !stop.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
  if (cursor.at >= cursor.text.length) throw new Error(`unclosed message: ${cursor.text}`);
  return cursor.text.slice(start, cursor.at);
}

function writeParts(parts: Part[], values: Values, locale: string, count: string | null): string {
  return parts
    .map((part) => {
      if (part.is === 'text') return count === null ? part.text : part.text.replaceAll('#', count);
      const value = values[part.name];
      if (value === undefined) throw new Error(`missing message value: ${part.name}`);
      if (part.rule === 'plain') return typeof value === 'number' ? numberText(value, locale) : value;
      const chosen = chooseCase(part.cases, part.rule, value, locale);
      const inner = part.rule === 'plural' ? numberText(Number(value), locale) : count;
      return writeParts(chosen, values, locale, inner);
    })
    .join('');
}

function chooseCase(
  cases: Map<string, Part[]>,
  rule: 'plural' | 'select',
  value: string | number,
  locale: string,
): Part[] {
  const other = cases.get('other') ?? [];
  if (rule === 'select') return cases.get(String(value)) ?? other;
  const exact = cases.get(`=${String(value)}`);
  return exact ?? cases.get(new Intl.PluralRules(locale).select(Number(value))) ?? other;
}

function numberText(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value);
}

/**
 * Writes an ICU message: `{name}`, `{n, plural, =0 {…} one {…} other {… # …}}`,
 * `{what, select, a {…} other {…}}`, nested as deep as wanted.
 */
export function formatMessage(message: string, values: Values, locale: string): string {
  const cursor = { text: message, at: 0 };
  const parts = parseParts(cursor);
  if (cursor.at < message.length) throw new Error(`stray "}" in message: ${message}`);
  return writeParts(parts, values, locale, null);
}
