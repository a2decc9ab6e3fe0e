import { describe, expect, it } from 'vitest';
import { en } from './en';
import { formatMessage } from './format';

describe('formatMessage', () => {
  it('puts values in', () => {
    expect(formatMessage('Calling {name} in {n}…', { name: 'Ana', n: 2 }, 'en')).toBe(
      'Calling Ana in 2…',
    );
  });

  it('chooses plural cases, exact ones first, and writes the number by locale', () => {
    const message = '{n, plural, =0 {none} one {# point} other {# points}}';
    expect([0, 1, 1200].map((n) => formatMessage(message, { n }, 'en'))).toEqual([
      'none',
      '1 point',
      '1,200 points',
    ]);
  });

  it('follows the plural rules of the language', () => {
    const message = '{n, plural, one {# minuta} few {# minuty} other {# minut}}';
    expect([1, 3, 5].map((n) => formatMessage(message, { n }, 'pl'))).toEqual([
      '1 minuta',
      '3 minuty',
      '5 minut',
    ]);
  });

  it('nests values in cases', () => {
    const message = '{kind, select, video {{name} calls with video} other {{name} calls}}';
    expect(formatMessage(message, { kind: 'video', name: 'Ana' }, 'en')).toBe('Ana calls with video');
    expect(formatMessage(message, { kind: 'audio', name: 'Ana' }, 'en')).toBe('Ana calls');
  });

  it('says what is wrong with a message', () => {
    expect(() => formatMessage('{name', {}, 'en')).toThrow('unclosed');
    expect(() => formatMessage('a } b', {}, 'en')).toThrow('stray');
    expect(() => formatMessage('{n, plural, one {x}}', { n: 1 }, 'en')).toThrow('other');
    expect(() => formatMessage('{name}', {}, 'en')).toThrow('missing message value: name');
  });

  it('keeps what a person typed as it is', () => {
    expect(formatMessage('Hello {name}', { name: '{n} # }' }, 'en')).toBe('Hello {n} # }');
  });
});

describe('the English words', () => {
  const values = new Proxy({}, { get: () => 1, has: () => true }) as Record<string, number>;

  it('are whole messages that keep the house rules', () => {
    for (const [key, message] of Object.entries(en)) {
      expect(formatMessage(message, values, 'en').trim(), key).not.toBe('');
      expect(message, key).not.toMatch(/!|\boops\b|\bsorry\b|\b(he|she|his|her|him)\b/i);
    }
  });
});
