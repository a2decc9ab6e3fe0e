import { describe, expect, it } from 'vitest';
import notices from '../../../crates/consent/notices/en.json';
import { noticeOf } from '../backend/fake/notices';
import { SCENES } from '../backend/fake/scenes';
import type { PromptContext } from '../generated/bindings';
import { wholeQuestion } from './account-consent';
import { questionOf, type Question } from './consent';
import { shareQuestion } from './partners';

/** The lines of a question in the order in which the catalogue keeps them. */
function shown({ title, text, facts, answers, otherwise, means }: Question): string[] {
  return [
    title,
    text,
    ...facts.map((fact) => `${fact.label}: ${fact.text}`),
    answers.map(({ word }) => word).join(' · '),
    otherwise,
    means,
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
        expect(shown(questionOf({ id: 1, purpose, context }))).toEqual(lines);
      });
    }
  }

  const FIELDS = { name: 'name', email: 'e-mail address', birthday: 'birthday' } as const;
  for (const field of ['name', 'email', 'birthday'] as const) {
    it(`are what is shown: share, ${field}`, () => {
      const partner = SCENES['partners']?.().partners.list[0];
      if (partner === undefined) throw new Error('no partner');
      const lines = notices['share:<partner>:<field>'].settings.map((line) =>
        line
          .replaceAll('{partner}', partner.name)
          .replaceAll('{entity}', partner.legalEntity)
          .replaceAll('{country}', partner.country)
          .replaceAll('{purpose}', partner.purpose)
          .replaceAll('{kept}', partner.retention)
          .replaceAll('{field}', FIELDS[field]),
      );
      expect(shown(shareQuestion(partner, field))).toEqual(lines);
    });
  }

  it.each([
    ['statistics', 'aggregate_stats'],
    ['policy_news', 'email.policy_news'],
  ] as const)('are what is shown, and what is acted: %s', (purpose, code) => {
    expect(shown(wholeQuestion(purpose))).toEqual(notices[code].settings);
    expect(noticeOf(purpose, 'settings')).toEqual(notices[code].settings);
  });

  it('has no other', () => {
    expect(Object.keys(notices)).toEqual([
      'camera',
      'microphone',
      'share:<partner>:<field>',
      'aggregate_stats',
      'email.policy_news',
    ]);
  });
});
