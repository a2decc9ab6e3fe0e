import { describe, expect, it } from 'vitest';
import { act } from '../backend/fake/act';
import { SCENES } from '../backend/fake/scenes';
import type {
  AccountConsentView,
  Command,
  PartnerView,
  PassingView,
  PoliciesView,
  ShareField,
  View,
} from '../generated/bindings';
import { accountConsents, accountRow, wholeConsent } from './account-consent';
import {
  canStop,
  olderPassings,
  passingRow,
  sharesOf,
  sharesOn,
  shortHash,
  shutText,
  signedText,
  standingOf,
} from './partners';
import { askedAnew } from './policies';
import { statisticsPage } from './statistics';

function scene(name: string): View {
  const made = SCENES[name]?.();
  if (made === undefined) throw new Error(`no scene ${name}`);
  return made;
}

function partner(name: string, id: string): PartnerView {
  const found = scene(name).partners.list.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no partner ${id}`);
  return found;
}

const ACME = partner('partners', 'acme');
const MAY = { known: true, mayShare: true };
const NOW = new Date(2026, 10, 20, 12).getTime();
const STATISTICS: AccountConsentView = {
  purpose: { is: 'statistics' },
  state: 'allowed',
  sinceMs: new Date(2026, 10, 3).getTime(),
  told: true,
};

describe('a purpose of the whole account', () => {
  it.each<[Partial<AccountConsentView>, boolean, string]>([
    [{}, true, 'Allowed since 3 November'],
    [{ state: 'never_asked', sinceMs: null }, false, 'You were never asked. Switching on asks you.'],
    [{ state: 'denied' }, false, 'You said “Not now”, 3 November'],
    [{ state: 'withdrawn', sinceMs: NOW }, false, 'You took it back, today'],
    [{ state: 'superseded' }, false, 'Ended, because the text changed (3 November). Switching on asks you.'],
  ])('says how it stands: %o', (change, on, said) => {
    const row = accountRow({ ...STATISTICS, ...change }, NOW);
    expect(row.on).toBe(on);
    expect(row.said.replace('November 3', '3 November')).toBe(said);
  });

  it('promises no question where it cannot be switched on', () => {
    const never: AccountConsentView = { ...STATISTICS, state: 'never_asked', sinceMs: null };
    expect(accountRow(never, NOW, true).said).toBe('You were never asked.');
  });

  it('says what the server was not told', () => {
    const { said } = accountRow({ ...STATISTICS, state: 'withdrawn', sinceMs: NOW, told: false }, NOW);
    expect(said).toBe('You took it back, today · The server will be told.');
  });

  it('is one of all', () => {
    expect(accountConsents(scene('partners')).map(({ purpose }) => purpose.is)).toEqual([
      ...Array.from({ length: 5 }, () => 'share'),
      'statistics',
      'policy_news',
    ]);
  });

  it.each(['statistics', 'policy_news'] as const)('is found by its name: %s', (purpose) => {
    expect(wholeConsent(scene('home'), purpose).purpose.is).toBe(purpose);
  });

  it('is asked anew with what the policies do more', () => {
    const { policies } = scene('policy-come');
    const set = policies.sets[0];
    if (set === undefined) throw new Error('no set');
    const widened = {
      ...policies,
      sets: [{ ...set, changes: set.changes.map((one) => ({ ...one, purposes: ['share', 'policy_news'] })) }],
    } satisfies PoliciesView;
    for (const purpose of ['share', 'policy_news'] as const) {
      expect(askedAnew(widened, purpose, 'superseded')?.summaries).toHaveLength(1);
    }
    expect(askedAnew(widened, 'statistics', 'superseded')?.summaries).toEqual([]);
    expect(askedAnew(widened, 'share', 'withdrawn')).toBeNull();
  });
});

describe('a partner', () => {
  it('has each field that it wants once', () => {
    expect(sharesOf(ACME).map(({ field }) => field)).toEqual(['name', 'email', 'birthday']);
    expect(sharesOn(scene('partners').partners)).toEqual([
      'name for \u2068Acme Lenses\u2069',
      'name for \u2068نادي المصورين في الوادي الكبير\u2069',
    ]);
  });

  it.each([
    ['ended', 'ended', 'cannot get anything any more'],
    ['new', 'proposed', 'has signed nothing yet'],
    ['old', 'outdated', 'is out of date'],
    ['signed', 'undertaking_signed', 'is not active yet'],
  ])('that cannot get anything says why: %s', (id, standing, why) => {
    const shut = partner('partners-shut', id);
    expect(standingOf(shut)).toBe(standing);
    expect(shutText(shut, MAY)).toContain(why);
    expect(shutText(shut, { ...MAY, mayShare: false }), 'its own reason comes first').toContain(why);
  });

  it('gets nothing from anybody under 18', () => {
    expect(standingOf(ACME)).toBe('active');
    expect(shutText(ACME, MAY)).toBeNull();
    expect(shutText(ACME, { known: true, mayShare: false })).toContain('Under 18');
    expect(shutText(ACME, { known: false, mayShare: false })).toContain('was not asked yet');
  });

  it('says what it signed, until when, and by which hash', () => {
    expect(signedText(ACME)).toMatch(/^On .*September.*2026, counts until .*August.*2027$/u);
    expect(signedText(partner('partners-shut', 'new'))).toBe('Nothing yet');
    expect(shortHash(ACME.undertaking ?? '')).toBe('3f2a 9c1e 77b0 4d12');
  });

  const passing = (kind: PassingView['kind'], fields: ShareField[], state: PassingView['state'] = 'done'): PassingView => ({
    id: kind + state,
    kind,
    fields,
    atMs: NOW,
    state,
    answeredAtMs: state === 'done' ? NOW : null,
  });
  const off: AccountConsentView[] = ACME.fields.map((one) => ({ ...one, state: 'withdrawn' }));
  it.each<[string, Partial<PartnerView>, boolean]>([
    ['one is allowed', { passings: [] }, true],
    ['nothing ever was', { fields: off, passings: [] }, false],
    ['something was given', { fields: off, passings: [passing('given', ['name'])] }, true],
    ['it waits to be given', { fields: off, passings: [passing('given', ['name'], 'waiting')] }, true],
    ['it never went out', { fields: off, passings: [passing('given', ['name'], 'cancelled')] }, false],
    [
      'one of two is left',
      { fields: off, passings: [passing('deletion', ['name']), passing('given', ['name', 'email'])] },
      true,
    ],
    [
      'it was told to delete all',
      { fields: off, passings: [passing('deletion', ['name'], 'waiting'), passing('given', ['name'])] },
      false,
    ],
  ])('can be stopped where %s', (_, change, can) => {
    expect(canStop({ ...ACME, ...change })).toBe(can);
  });

  it('has a list of what went to it, in words and for machines', () => {
    const rows = ACME.passings.map(passingRow);
    expect(rows.map(({ what }) => what)).toEqual([
      'Given: name',
      'Told to delete: e-mail address and name',
      'Given: birthday',
      'Given: e-mail address and name',
    ]);
    expect(rows[0]?.became).toMatch(/^Answered .*20/u);
    expect(rows[2]?.became).toBe('Taken back. In case it arrived, they are told to delete it.');
    expect(rows[3]?.fields).toBe('email name');
    expect(passingRow(passing('deletion', ['name'], 'waiting')).became).toBe('Waiting for its answer');
  });

  it('says where there may be older ones', () => {
    expect(olderPassings(ACME.passings)).toBeNull();
    const many = Array.from({ length: 1_000 }, () => passing('given', ['name'], 'done'));
    expect(olderPassings(many)).toContain('the newest 1,000');
  });
});

describe('statistics', () => {
  it('are published by the server', () => {
    expect(statisticsPage('https://chat.example/')).toBe('https://chat.example/legal/statistics');
    expect(statisticsPage('https://chat.example')).toBe('https://chat.example/legal/statistics');
  });
});

describe('the acted program', () => {
  function acted(view: View, command: Command): View {
    const outcome = act(view, command);
    if ('failure' in outcome) throw new Error(outcome.failure.code);
    return outcome.view;
  }
  const of = (view: View, id = 'acme'): PartnerView | undefined =>
    view.partners.list.find((one) => one.id === id);
  const email = { is: 'share', partner: 'acme', field: 'email' } as const;

  it('writes down, gives, and tells to delete', () => {
    const given = acted(scene('partners'), {
      do: 'decide_for_account',
      purpose: email,
      answer: 'allow',
      gesture: 'key',
    });
    expect(given.ledger.records[0]).toMatchObject({
      purpose: 'share',
      share: { partner: 'acme', name: 'Acme Lenses', field: 'email' },
      decision: 'granted',
    });
    expect(of(given)?.passings[0]).toMatchObject({ kind: 'given', fields: ['email'], state: 'done' });
    const taken = acted(given, { do: 'stop_sharing', partner: 'acme', gesture: 'key' });
    expect(of(taken)?.fields.map(({ state }) => state)).toEqual(['withdrawn', 'withdrawn', 'denied']);
    expect(of(taken)?.passings.filter(({ state }) => state === 'waiting')).toHaveLength(2);
    expect(of(taken, 'club-of-the-valley')).toEqual(of(given, 'club-of-the-valley'));
  });

  it('takes all back at once', () => {
    const taken = acted(scene('partners'), { do: 'withdraw_all', gesture: 'key' });
    expect([taken.statistics.state, taken.policyNews.state]).toEqual(['withdrawn', 'withdrawn']);
    expect(accountConsents(taken).some(({ state }) => state === 'allowed')).toBe(false);
    expect(taken.consents.some(({ state }) => state === 'allowed')).toBe(false);
  });

  it('writes down what is decided about the account', () => {
    const view = acted(scene('home'), {
      do: 'decide_for_account',
      purpose: { is: 'policy_news' },
      answer: 'deny',
      gesture: 'key',
    });
    expect(view.policyNews).toMatchObject({ state: 'denied', told: true });
    expect(view.statistics.state).toBe('never_asked');
    expect(view.ledger.records[0]).toMatchObject({ purpose: 'policy_news', share: null, decision: 'denied' });
  });

  it('without a server has told nobody', () => {
    const view = acted(scene('partners-offline'), {
      do: 'decide_for_account',
      purpose: email,
      answer: 'allow',
      gesture: 'key',
    });
    expect(of(view)?.fields[1]).toMatchObject({ state: 'allowed', told: false });
    expect(of(view)?.passings).toHaveLength(4);
    expect(view.ledger.waiting).toBe(1);
  });
});
