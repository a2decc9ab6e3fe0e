import { describe, expect, it } from 'vitest';
import notices from '../../../crates/consent/notices/en.json';
import type { PromptContext, Purpose } from '../generated/bindings';
import { say } from '../words/words';
import { questionOf } from './consent';

/** The lines of a question in the order in which the catalogue keeps them. */
function shown(purpose: Purpose, context: PromptContext): string[] {
  const { title, text, facts, answers, otherwise } = questionOf({ id: 1, purpose, context });
  return [
    title,
    text,
    ...facts.map((fact) => `${fact.label}: ${fact.text}`),
    answers.map(({ word }) => word).join(' · '),
    otherwise,
    say('prompt.allow.means'),
  ];
}

describe('the texts of the catalogue', () => {
  for (const purpose of ['camera', 'microphone'] as const) {
    for (const where of ['call', 'check', 'settings'] as const) {
      it(`are what is shown: ${purpose}, ${where}`, () => {
        const context: PromptContext =
          where === 'call' ? { is: 'call', name: 'Ana Lima' } : { is: where };
        const lines = notices[purpose][where].map((line) =>
          line.replaceAll('{first}', 'Ana').replaceAll('{name}', 'Ana Lima'),
        );
        expect(shown(purpose, context)).toEqual(lines);
      });
    }
  }
});
