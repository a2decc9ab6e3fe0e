const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What a name is called by in a sentence where the whole would be long. */
export function firstName(name: string): string {
  return name.trim().split(/\s+/u)[0] ?? name;
}

/** Keeps a name in another script from reordering the sentence around it (UAX 9, FSI and PDI). */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}

/** Two initials for Latin, Greek and Cyrillic; the first sign for other scripts. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const signs = words.map((word) => [...graphemes.segment(word)][0]?.segment ?? '');
  const [first = '', ...rest] = signs;
  if (!/^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u.test(first)) return first;
  return (first + (rest.at(-1) ?? '')).toUpperCase();
}

/** Which of the six tints stands for a person. The same on every start. */
export function tint(userId: string): number {
  let hash = 0;
  for (const char of userId) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % 6;
}
