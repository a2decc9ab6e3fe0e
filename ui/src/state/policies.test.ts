import { describe, expect, it } from 'vitest';
import { act } from '../backend/fake/act';
import { changedPolicies, comingPolicies, noPolicies, policies, policyPage } from '../backend/fake/policies';
import { SCENES } from '../backend/fake/scenes';
import type { Block, Command, PolicyDocumentView, Span, View } from '../generated/bindings';
import { consentInCall, consentOn, consentRow } from './consent';
import { failureText } from './failure';
import { ledgerRow } from './ledger';
import {
  askedAgain,
  bannerText,
  canRead,
  comingSet,
  leads,
  passages,
  policyName,
  policySet,
  policyState,
  policyTime,
  runs,
  tellsNews,
  toldChanges,
} from './policies';
import { troubleOf } from './trouble';

function scene(name: string): View {
  const made = SCENES[name]?.();
  if (made === undefined) throw new Error(`no scene ${name}`);
  return made;
}

function documents(version: string): PolicyDocumentView[] {
  const page = policyPage(version);
  return page.is === 'ready' ? page.documents : [];
}

const span = (text: string, change: Partial<Span> = {}): Span => ({
  text,
  strong: false,
  href: null,
  change: null,
  ...change,
});

describe('a version', () => {
  it('is coming, in force, or past, by its place and not by a clock', () => {
    const known = comingPolicies();
    expect(known.sets.map(({ version }) => policyTime(known, version))).toEqual([
      'coming',
      'current',
      'past',
    ]);
    const later = changedPolicies();
    expect(later.sets.map(({ version }) => policyTime(later, version))).toEqual([
      'current',
      'past',
      'past',
    ]);
    expect(policyTime(policies({ inForce: null }), '1.0.0')).toBe('coming');
  });

  it('says since when, in the same day everywhere', () => {
    const known = comingPolicies();
    expect(known.sets.map((set) => policyState(known, set))).toEqual([
      'Comes into force on February 1, 2027',
      'In force since December 1, 2026',
      'Was in force from September 1, 2026',
    ]);
    const [first] = known.sets;
    if (first === undefined) throw new Error('there is a set');
    expect(policyName(known, first)).toBe('2.0.0 · Comes into force on February 1, 2027');
  });

  it('that comes next is the next one, not the last', () => {
    expect(comingSet(policies())).toBeNull();
    expect(comingSet(comingPolicies())?.version).toBe('2.0.0');
    expect(comingSet(comingPolicies({ inForce: '1.0.0' }))?.version).toBe('1.1.0');
    expect(policySet(policies(), '9.9.9')).toBeNull();
  });
});

describe('the news', () => {
  it('tells the day and whether something will be asked again', () => {
    expect(bannerText(comingPolicies())).toBe(
      'The policies change on February 1, 2027. One point does more than before: you will be asked again.',
    );
    expect(bannerText(comingPolicies({ unread: '1.1.0' }))).toBe(
      'The policies changed on December 1, 2026. Nothing needs your answer.',
    );
    expect(bannerText(changedPolicies())).toMatch(/^The policies changed on February 1, 2027\./u);
  });

  it('is silent where there is none', () => {
    expect(bannerText(policies())).toBeNull();
    expect(bannerText(noPolicies())).toBeNull();
  });

  it('never lies over a call', () => {
    expect(['people', 'settings'].every((screen) => tellsNews(screen as 'people'))).toBe(true);
    for (const screen of ['incoming', 'outgoing', 'call', 'ended', 'check'] as const) {
      expect([tellsNews(screen), canRead(screen)]).toEqual([false, false]);
    }
    expect([tellsNews('welcome'), canRead('welcome')]).toEqual([false, true]);
  });
});

describe('a change', () => {
  it('is told in words, with what is asked again', () => {
    const [set] = comingPolicies().sets;
    if (set === undefined) throw new Error('there is a set');
    const told = toldChanges(set, documents('2.0.0'));
    expect(told[0]).toEqual({
      kind: 'widens',
      badge: 'More than before',
      heading: '3. Camera and microphone',
      document: 'Privacy policy',
      summary: 'While a call is on hold, the camera stays ready and is not closed.',
      asked: 'You will be asked again for: camera',
    });
    expect(told.map(({ badge }) => badge).slice(1)).toEqual([
      'Less than before',
      'Less than before',
      'Other words, same meaning',
      'Other words, same meaning',
    ]);
    expect(told.slice(1).every(({ asked }) => asked === null)).toBe(true);
    expect(told[4]?.heading, 'a section that is gone has the heading it had').toBe('5. Advertisements');
    expect(toldChanges(set, [])[0]?.heading, 'without the texts, its name').toBe('use');
    const more = set.changes.map((one) => ({ ...one, purposes: ['camera' as const, 'policy_news' as const] }));
    expect(toldChanges({ ...set, changes: more }, [])[0]?.asked).toBe(
      'You will be asked again for: camera and e-mails about new policies',
    );
  });
});

describe('the words of a text', () => {
  it('make lists of the points that follow each other', () => {
    const block = (shape: Block['shape'], text: string): Block => ({ shape, spans: [span(text)] });
    const found = passages([
      block('paragraph', 'a'),
      block('paragraph', 'b'),
      block('point', 'c'),
      block('point', 'd'),
      block('numbered', 'e'),
    ]);
    expect(found.map(({ shape, blocks }) => [shape, blocks.length])).toEqual([
      ['paragraph', 1],
      ['paragraph', 1],
      ['point', 2],
      ['numbered', 1],
    ]);
  });

  it('are marked once for each stretch that came or went, without the space behind it', () => {
    const found = runs([
      span('kept for '),
      span('ninety ', { change: 'removed' }),
      span('thirty', { change: 'added', strong: true }),
      span(' working ', { change: 'added' }),
      span('days.'),
    ]);
    expect(found.map(({ change, spans, space }) => [change, spans.map(({ text }) => text), space])).toEqual([
      [null, ['kept for '], ''],
      ['removed', ['ninety'], ' '],
      ['added', ['thirty', ' working'], ' '],
      [null, ['days.'], ''],
    ]);
  });

  it('lead to the other text, or tell an address that is not opened', () => {
    expect(leads(span('words'))).toEqual({ is: 'nowhere' });
    expect(leads(span('it', { href: 'user-agreement.en.md#end' }))).toEqual({
      is: 'document',
      kind: 'user_agreement',
      section: 'end',
    });
    expect(leads(span('it', { href: 'privacy-policy.en.md' }))).toEqual({
      is: 'document',
      kind: 'privacy_policy',
      section: null,
    });
    expect(leads(span('us', { href: 'mailto:a@b.example' }))).toEqual({ is: 'outside', address: 'a@b.example' });
    expect(leads(span('https://b.example ', { href: 'https://b.example' }))).toEqual({
      is: 'outside',
      address: null,
    });
  });
});

describe('a purpose that the policies ended', () => {
  it('is off, and says why', () => {
    const [camera] = scene('policy-superseded').consents;
    if (camera === undefined) throw new Error('there is a camera');
    expect(consentOn(camera)).toBe(false);
    const now = (camera.sinceMs ?? 0) + 1000;
    expect(consentRow(camera, now).said).toBe(
      'The policies changed (since today): Jasmin asks again when it is needed.',
    );
    expect(consentInCall(camera, now)).toBe('The policies changed (since today). Switching on asks you.');
  });

  it('does not say in a call that somebody refused', () => {
    const { devices } = scene('call');
    const failed = { is: 'failed', problem: 'consent', device: '' } as const;
    expect(troubleOf('camera', failed, devices, 'call', 'superseded')).toMatchObject({
      title: 'The policies changed, so the camera was closed',
      text: 'It stays shut until you allow it under the new text. The call goes on with sound.',
    });
  });

  it('is asked again with what the set in force does more', () => {
    expect(askedAgain(scene('prompt-superseded'))).toEqual({
      text: 'The policies changed, so Jasmin asks you again.',
      summaries: ['While a call is on hold, the camera stays ready and is not closed.'],
    });
    expect(askedAgain({ ...scene('prompt-superseded'), policies: comingPolicies() })?.summaries).toEqual([]);
    expect(askedAgain(scene('prompt-camera'))).toBeNull();
    expect(askedAgain(scene('home'))).toBeNull();
  });

  it('is listed with the policies that it was decided under', () => {
    const [ended] = scene('policy-superseded').ledger.records;
    if (ended === undefined) throw new Error('there is a record');
    const row = ledgerRow(ended);
    expect(row.what).toBe('Ended, because the text changed');
    expect(row.where).toBe('In Settings, on this computer, under policies 2.0.0');
  });
});

describe('the acted server', () => {
  const signUp = (policy: string | null): Command => ({
    do: 'sign_up',
    name: 'Maya',
    email: 'maya@hart.example',
    password: 'four grey herons nest',
    birthday: '1990-05-17',
    policy,
  });

  it('makes an account only under the policies in force', () => {
    const refused = act(scene('policy-welcome'), signUp('1.0.0'));
    if (!('failure' in refused)) throw new Error('it was taken');
    expect(refused.failure).toMatchObject({ code: 'invalid', field: 'policy_set' });
    expect(failureText(refused.failure)).toBe('The policies have changed: read and accept them anew.');
    expect('view' in act(scene('policy-welcome'), signUp('1.1.0'))).toBe(true);
    expect('view' in act(scene('welcome'), signUp(null))).toBe(true);
  });

  it('counts a version as read when its texts were shown', () => {
    const shown = act(scene('policy-coming'), { do: 'show_policy', version: '2.0.0' });
    if (!('view' in shown)) throw new Error('it was refused');
    expect(shown.view.policies).toMatchObject({ unread: null, shown: { version: '2.0.0' } });
    const other = act(scene('policy-coming'), { do: 'show_policy', version: '1.0.0' });
    expect('view' in other && other.view.policies.unread).toBe('2.0.0');
    expect('failure' in act(scene('home'), { do: 'show_policy', version: '7' })).toBe(true);
  });
});
