import { describe, expect, it } from 'vitest';
import { act } from '../backend/fake/act';
import { saved } from '../backend/fake/ledger';
import { SCENES } from '../backend/fake/scenes';
import type { Command, LedgerRecord, View } from '../generated/bindings';
import {
  askedText,
  emptyHistory,
  ledgerRow,
  olderText,
  recordsFor,
  shownRecords,
  troubleWords,
} from './ledger';
import { withdrawAllText } from './withdraw-all';

function scene(name: string): View {
  const made = SCENES[name]?.();
  if (made === undefined) throw new Error(`no scene ${name}`);
  return made;
}

const RECORD: LedgerRecord = {
  id: '1',
  purpose: 'camera',
  share: null,
  decision: 'granted',
  duration: 'until_withdrawn',
  askedIn: 'call',
  atMs: new Date(2026, 10, 3, 18, 20).getTime(),
  device: 'Maya’s laptop',
  here: true,
  told: true,
  notice: ['Open the camera for …?', '… will see your picture.'],
  policy: null,
};

describe('a record', () => {
  it.each<[Partial<LedgerRecord>, string]>([
    [{}, 'Allowed until you take it back'],
    [{ duration: 'this_call' }, 'Allowed for one call'],
    [{ duration: 'once' }, 'Allowed once'],
    [{ duration: null }, 'Allowed'],
    [{ decision: 'denied', duration: null }, 'You said “Not now”'],
    [{ decision: 'withdrawn', duration: null }, 'You took it back'],
    [{ decision: 'expired', duration: null }, 'Ended by itself'],
    [{ decision: 'superseded', duration: null }, 'Ended, because the text changed'],
  ])('has words for what was decided: %o', (change, what) => {
    expect(ledgerRow({ ...RECORD, ...change }).what).toBe(what);
  });

  it('says where, on which device and when', () => {
    expect(ledgerRow(RECORD)).toMatchObject({
      purpose: 'Camera',
      where: 'In a call, on this computer',
      untold: null,
    });
    expect(ledgerRow(RECORD).moment).toMatch(/3.*2026.*20/);
    expect(ledgerRow({ ...RECORD, askedIn: 'check' }).where).toMatch(/^In the device check/);
  });

  it('keeps the name of another device apart from the sentence around it', () => {
    const row = ledgerRow({ ...RECORD, here: false, askedIn: 'settings', device: 'حاسوب' });
    expect(row.where).toBe('In Settings, on \u2068حاسوب\u2069');
  });

  it('names what is shared and with whom, what is counted, and what is written', () => {
    const share = { partner: 'acme', name: 'Acme', field: 'email' } as const;
    expect(ledgerRow({ ...RECORD, purpose: 'share', share }).purpose).toBe('E-mail address for \u2068Acme\u2069');
    expect(ledgerRow({ ...RECORD, purpose: 'statistics' }).purpose).toBe('Statistics');
    expect(ledgerRow({ ...RECORD, purpose: 'policy_news' }).purpose).toBe('E-mails about new policies');
  });

  it('says when the server does not know it', () => {
    expect(ledgerRow({ ...RECORD, told: false }).untold).toBe('The server does not know this yet');
  });
});

describe('the history', () => {
  it('belongs to a purpose, in the order of the ledger', () => {
    const { records } = scene('home').ledger;
    const camera = recordsFor(records, 'camera');
    expect(camera.length).toBe(7);
    expect(camera.every(({ purpose }) => purpose === 'camera')).toBe(true);
    expect(camera.map(({ atMs }) => atMs)).toEqual([...camera.map(({ atMs }) => atMs)].sort((a, b) => b - a));
  });

  it('of sharing belongs to one partner', () => {
    const { records } = scene('partners').ledger;
    expect(recordsFor(records, 'share', 'acme').map(({ share }) => share?.field)).toEqual(['birthday', 'name']);
    expect(recordsFor(records, 'share', 'other')).toEqual([]);
    expect(recordsFor(records, 'share').length).toBe(2);
  });

  it('is folded when it is long, and says when there is more than is shown', () => {
    const { records } = scene('ledger-long').ledger;
    expect(shownRecords(records, false)).toMatchObject({ more: true });
    expect(shownRecords(records, false).shown).toEqual(records.slice(0, 6));
    expect(shownRecords(records, true).shown.length).toBe(200);
    expect(shownRecords(records.slice(0, 6), false)).toMatchObject({ more: false });
    expect(olderText(records)).toContain('newest 200');
    expect(olderText(records.slice(1))).toBeNull();
  });

  it('tells never asked from not recorded', () => {
    expect(emptyHistory(scene('empty').consents)).toBe('You were never asked.');
    expect(emptyHistory(scene('home').consents)).toBe('Nothing is recorded here yet.');
  });
});

describe('the text that was asked with', () => {
  it('is the newest that was shown on this computer', () => {
    const elsewhere = { ...RECORD, id: '3', here: false, notice: ['Elsewhere?'] };
    const taken: LedgerRecord = { ...RECORD, id: '2', decision: 'withdrawn', notice: [] };
    const text = askedText([elsewhere, taken, RECORD], 'camera');
    expect(text?.title).toBe('Open the camera for …?');
    expect(text?.lines).toEqual(['… will see your picture.']);
    expect(text?.shown).toMatch(/^As it was shown to you, .*2026/);
    expect(text?.named).toContain('“…”');
    expect(askedText([elsewhere, taken], 'camera')).toMatchObject({ title: 'Elsewhere?', named: null });
  });

  it('of sharing says what was left out', () => {
    const { records } = scene('partners').ledger;
    const text = askedText(records, 'share', 'acme');
    expect(text?.title).toBe('Give … your …?');
    expect(text?.named).toContain('the name of the partner');
    expect(askedText(records, 'share', 'other')).toBeNull();
    expect(askedText(records, 'statistics')?.named).toBeNull();
    expect(askedText(records, 'policy_news')).toMatchObject({
      title: 'Write to you when our policies change?',
      named: null,
    });
  });

  it('is not there before anything was asked', () => {
    expect(askedText([RECORD], 'microphone')).toBeNull();
    expect(askedText([{ ...RECORD, notice: [] }], 'camera')).toBeNull();
  });
});

describe('a copy that does not fit', () => {
  it.each(['missing', 'changed', 'reordered', 'unsigned'] as const)('%s: what, meaning, way on', (fault) => {
    const [what, means, todo] = troubleWords({ fault, sequence: 1204 });
    expect(what).toContain('1,204');
    expect(means).toBe('What you chose on this computer still holds.');
    expect(todo).toContain('Save your records');
  });
});

describe('taking everything back', () => {
  it('names what ends, and is not offered when nothing would', () => {
    const home = scene('home');
    expect(withdrawAllText(home)).toContain('camera and microphone. No connection?');
    const consents = home.consents.map((consent) =>
      consent.purpose === 'camera' ? { ...consent, state: 'denied' as const } : consent,
    );
    expect(withdrawAllText({ ...home, consents })).toContain('too: microphone.');
    expect(withdrawAllText(scene('withdrawn'))).toBeNull();
  });

  it('names what partners may have, the statistics, and the mails', () => {
    const all = { ...scene('partners'), consents: [] };
    const text = withdrawAllText(all);
    expect(text).toContain('too: name for \u2068Acme Lenses\u2069, name for ');
    expect(text).toContain(
      ', being counted in statistics, and e-mails about new policies. Partners are told to delete',
    );
    const none = { ...scene('home'), consents: [] };
    expect(withdrawAllText({ ...none, statistics: all.statistics })).toContain(
      'too: being counted in statistics. No connection?',
    );
    expect(withdrawAllText({ ...none, policyNews: all.policyNews })).toContain(
      'too: e-mails about new policies. No connection?',
    );
  });
});

describe('the acted ledger', () => {
  function acted(view: View, command: Command): View {
    const outcome = act(view, command);
    if ('failure' in outcome) throw new Error(outcome.failure.code);
    return outcome.view;
  }

  it('grows by each answer and each withdrawal', () => {
    const asked = scene('prompt-camera');
    const answered = acted(asked, { do: 'answer_prompt', prompt: 7, answer: 'once', gesture: 'key' });
    const [granted] = answered.ledger.records;
    expect(granted).toMatchObject({ decision: 'granted', duration: 'this_call', askedIn: 'call', told: true });
    expect(granted?.notice[0]).toBe('Open the camera for …?');
    const taken = acted(answered, {
      do: 'withdraw_consent',
      purpose: 'camera',
      gesture: 'key',
    });
    expect(taken.ledger.records[0]).toMatchObject({ decision: 'withdrawn', duration: null, notice: [] });
    expect(new Set(taken.ledger.records.map(({ id }) => id)).size).toBe(2);
  });

  it('waits for a server that is not reachable, and takes everything back at once', () => {
    const { ledger, consents } = acted(scene('offline'), { do: 'withdraw_all', gesture: 'key' });
    expect(consents.map(({ state }) => state)).toEqual(['withdrawn', 'withdrawn']);
    expect(ledger.records.slice(0, 2).map(({ told }) => told)).toEqual([false, false]);
    expect(ledger.waiting).toBe(2);
    expect(act(scene('withdrawn'), { do: 'withdraw_all', gesture: 'key' })).toHaveProperty('failure');
  });

  it('is written, then told where', () => {
    const writing = acted(scene('home'), { do: 'export_ledger' });
    expect(writing.ledger.export.is).toBe('writing');
    expect(saved(writing.ledger).export).toMatchObject({ is: 'done', records: 9 });
  });
});
