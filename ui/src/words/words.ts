import { en } from './en';
import { formatMessage, type Values } from './format';

/** The name of a message. English is the source; another language has the same names. */
export type WordKey = keyof typeof en;

/** A whole language. */
type Words = Readonly<Record<WordKey, string>>;

interface Language {
  readonly tag: string;
  readonly direction: 'ltr' | 'rtl';
  readonly words: Words;
}

const LANGUAGES: readonly [Language, ...Language[]] = [{ tag: 'en', direction: 'ltr', words: en }];

let language: Language = LANGUAGES[0];

/** Chooses the first of these tags that there are words for, and tells the document. */
export function chooseLanguage(tags: readonly string[], root: HTMLElement): void {
  const wanted = tags.map((tag) => tag.split('-')[0]);
  const found = wanted.map((tag) => LANGUAGES.find((known) => known.tag === tag)).find(Boolean);
  language = found ?? LANGUAGES[0];
  root.lang = language.tag;
  root.dir = language.direction;
}

/** The tag that dates and numbers are written by: the person's own, where its words are shown. */
export function locale(): string {
  const own = typeof navigator === 'undefined' ? undefined : navigator.language;
  return own?.startsWith(language.tag) === true ? own : language.tag;
}

/** Says a message in the chosen language. */
export function say(key: WordKey, values: Values = {}): string {
  return formatMessage(language.words[key], values, locale());
}
