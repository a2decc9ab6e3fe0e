import { describe, expect, it } from 'vitest';
import { failureOf } from '../backend/backend';
import { act } from '../backend/fake/act';
import { callWith, goodQuality, SCENES } from '../backend/fake/scenes';
import type { Command, EndReason, LogView, PhaseView, View } from '../generated/bindings';
import { announcements } from './announce';
import { App } from './app';
import { deviceButton, endedWords, phaseWords } from './call-words';
import { consentCommand, consentRow, questionOf } from './consent';
import { cornerByKey, nearestCorner } from './corner';
import type { CoverWorld } from './frames/cover';
import { litSegments, microphoneInUse, pickerOf } from './devices';
import { actionFor, ariaKeys, keySheet, type Pressed, type Where } from './keys';
import { firstName, initials, tint } from './names';
import { findPeople, jumpTo, logByDay, secondLine } from './people';
import { screenOf, START, type Place } from './place';
import { pathWords, qualityNumbers, qualityWords } from './quality';
import { quietLine } from './sending';
import { clockText, dayHeading, dayText } from './time';
import { troubleOf } from './trouble';

function scene(name: string): View {
  const made = SCENES[name]?.();
  if (made === undefined) throw new Error(`no scene ${name}`);
  return made;
}

describe('screenOf', () => {
  it.each([
    ['opening', 'opening'],
    ['vault-locked', 'vault'],
    ['welcome', 'welcome'],
    ['revoked', 'welcome'],
    ['code', 'code'],
    ['home', 'people'],
    ['check', 'check'],
    ['undo', 'outgoing'],
    ['incoming', 'incoming'],
    ['connecting', 'call'],
    ['reconnecting', 'call'],
    ['ended', 'ended'],
  ])('%s shows %s', (name, screen) => {
    expect(screenOf(scene(name), START, false)).toBe(screen);
  });

  it('keeps the preview in the audio and video page until the full check is wanted', () => {
    const place: Place = { is: 'settings', page: 'av', door: 'settings' };
    expect(screenOf(scene('check'), place, false)).toBe('settings');
    expect(screenOf(scene('check'), place, true)).toBe('check');
    expect(screenOf(scene('call'), place, true), 'a call comes first').toBe('call');
  });
});

const pageDraws = {
  cover: () => Promise.resolve(false),
  onPaneSize: () => Promise.resolve(() => undefined),
};

/** A page without a screen. */
function nowhere(cover: CoverWorld['cover']): CoverWorld {
  return { cover, visible: () => true, blocked: () => false, above: () => [], now: () => 0 };
}

describe('App', () => {
  function stage(): { app: App; push: (view: View) => void; lose: () => void; sent: Command[] } {
    let callback: (view: View) => void = () => undefined;
    let lost: (thrown: unknown) => void = () => undefined;
    const sent: Command[] = [];
    const app = new App(
      {
        view: () => Promise.resolve({ ...scene('home'), revision: 5 }),
        onView: (given, onlost) => {
          callback = given;
          lost = onlost;
          return Promise.resolve(() => undefined);
        },
        dispatch: (command) => {
          sent.push(command);
          const refused = { code: 'no-device', detail: '', field: null, retryAfterMs: null };
          return command.do === 'call' ? Promise.reject(Object.assign(new Error('refused'), refused)) : Promise.resolve();
        },
        frames: () => Promise.resolve(new ArrayBuffer(0)),
        ...pageDraws,
      },
      null,
      nowhere,
    );
    return {
      app,
      sent,
      push: (view) => {
        callback(view);
      },
      lose: () => {
        lost(new Error('no window'));
      },
    };
  }

  it('ignores a snapshot that is older than the one it has', async () => {
    const { app, push } = stage();
    await app.start();
    push({ ...scene('empty'), revision: 4 });
    expect(app.view.get()?.people.length).toBe(7);
    push({ ...scene('empty'), revision: 6 });
    expect(app.view.get()?.people.length).toBe(0);
  });

  it('says why a button did not work, until the next thing works', async () => {
    const { app } = stage();
    expect(await app.act({ do: 'call', userId: 'x', kind: 'video' })).toBe(false);
    expect(app.notice.get()).toContain('signed in nowhere');
    expect(await app.act({ do: 'refresh_devices' })).toBe(true);
    expect(app.notice.get()).toBeNull();
  });

  it('says when the program does not answer', async () => {
    const broken = () => Promise.reject(new Error('no window'));
    const frames = () => Promise.resolve(new ArrayBuffer(0));
    const app = new App(
      { view: broken, onView: broken, dispatch: broken, frames, ...pageDraws },
      null,
      nowhere,
    );
    await app.start();
    expect(app.unreachable.get()).toBe(true);
  });

  it('says so, too, when a later snapshot cannot be had, until one can', async () => {
    const { app, push, lose } = stage();
    await app.start();
    lose();
    expect(app.unreachable.get()).toBe(true);
    push({ ...scene('home'), revision: 6 });
    expect(app.unreachable.get()).toBe(false);
  });

  it('makes a failure of whatever was thrown', () => {
    expect(failureOf({ code: 'wrong-code' })).toEqual({
      code: 'wrong-code',
      detail: '',
      field: null,
      retryAfterMs: null,
    });
    expect(failureOf('boom')).toMatchObject({ code: 'internal', detail: 'boom' });
    expect(failureOf({ code: 'unheard-of' })).toMatchObject({ code: 'internal' });
  });
});

describe('the words of a call', () => {
  it('counts the undo window down', () => {
    const call = callWith({ is: 'preparing', ringsAtMs: 3000 });
    expect(phaseWords(call, 0)).toEqual({
      title: 'Calling Ana Lima in 3…',
      text: 'Nothing rings yet.',
    });
    expect(phaseWords(call, 2100).title).toBe('Calling Ana Lima in 1…');
    expect(phaseWords(call, 9000).title).toBe('Calling Ana Lima');
  });

  const ended = (reason: EndReason, durationS = 0): Extract<PhaseView, { is: 'ended' }> => ({
    is: 'ended',
    reason,
    durationS,
  });

  it.each<[EndReason, boolean, number, string]>([
    ['hung_up', true, 180, 'Call ended'],
    ['declined', true, 0, 'Ana cannot talk now'],
    ['declined', false, 0, 'You declined the call'],
    ['busy', true, 0, 'Ana is in another call'],
    ['no_answer', true, 0, 'No answer'],
    ['no_answer', false, 0, 'You missed the call'],
    ['cancelled', true, 0, 'Call undone'],
    ['cancelled', false, 0, 'Ana gave up calling'],
    ['answered_elsewhere', false, 0, 'Answered on another device'],
    ['network', true, 0, 'The call could not connect'],
    ['network', true, 90, 'The connection was lost'],
    ['version', true, 0, 'Ana needs a newer Jasmin'],
    ['security', true, 0, 'Stopped, because the keys did not fit'],
  ])('%s (outgoing: %s)', (reason, outgoing, durationS, title) => {
    const phase = ended(reason, durationS);
    expect(endedWords(callWith(phase, { outgoing }), phase).title).toBe(title);
  });

  it('offers only what makes sense at the end', () => {
    const actions = (reason: EndReason): readonly string[] =>
      endedWords(callWith(ended(reason)), ended(reason)).actions;
    expect(actions('hung_up')).toEqual(['close', 'again']);
    expect(actions('network')).toEqual(['close', 'sound', 'again']);
    expect(actions('answered_elsewhere')).toEqual(['close']);
  });

  it('says the state of a device in a word, and what pressing does', () => {
    const on = { is: 'on', sinceMs: 0, width: 0, height: 0 } as const;
    expect(deviceButton('microphone', on, false)).toMatchObject({ word: 'Mic on', turnsOn: false });
    expect(deviceButton('microphone', on, true)).toMatchObject({ word: 'Paused', look: 'paused' });
    expect(deviceButton('camera', { is: 'off' }, false)).toMatchObject({
      word: 'Camera off',
      label: 'Camera, off',
      turnsOn: true,
    });
    const gone = { is: 'failed', problem: 'gone', device: 'X' } as const;
    expect(deviceButton('camera', gone, false)).toMatchObject({ look: 'failed', turnsOn: true });
  });

  it('names whose connection is weak', () => {
    const weak = { ...goodQuality(), level: 'weak', weakSide: 'theirs' } as const;
    expect(qualityWords('active', weak, 'Ana Lima')).toMatchObject({
      sentence: 'Ana’s connection is weak. Less video, clear sound.',
      soundHelps: false,
      bars: 2,
    });
    expect(qualityWords('reconnecting', weak, 'Ana').short).toBe('No connection');
    expect(qualityNumbers(goodQuality())).toEqual([
      '38 ms · 0.2 % lost',
      'Arrives: 1280 × 720, 30 pictures a second',
      'Sent 1.4 Mbit/s, received 1.4 Mbit/s',
    ]);
    expect(pathWords('relay', 'Ana Lima').text).toBe('Ana cannot see your network address');
    expect(pathWords('host', 'Ana Lima').text).toBe('Ana can see your network address');
  });
});

describe('what a screen reader is told', () => {
  it('hears a ring at once and a hang-up politely', () => {
    const incoming = announcements(scene('home'), scene('incoming'));
    expect(incoming.assertive).toBe('Ana Lima calls with video. In your people.');
    expect(announcements(scene('call'), scene('ended')).polite).toContain('Call ended');
  });

  it('hears changes of either side and nothing twice', () => {
    const before = scene('call');
    const now = scene('call-muted');
    expect(announcements(before, now).polite).toBe('Microphone, off Ana, microphone off');
    expect(announcements(now, now)).toEqual({ polite: '', assertive: '' });
  });

  it('hears of the connection where it may be spoken of', () => {
    const sentence = 'Your connection is weak. Less video, clear sound.';
    expect(announcements(scene('call'), scene('call-weak')).polite).toBe(sentence);
    expect(announcements(scene('call'), scene('call-weak'), false).polite).toBe('');
  });

  it('hears a lost connection at once, and the return', () => {
    expect(announcements(scene('call'), scene('reconnecting')).assertive).toContain('not being sent');
    expect(announcements(scene('reconnecting'), scene('call')).polite).toBe('Back');
  });
});

describe('questions', () => {
  it('name the person and keep the order of answers', () => {
    const context = { is: 'call', name: 'Ana Lima' } as const;
    const question = questionOf({ id: 1, purpose: 'camera', context });
    expect(question.title).toBe('Open the camera for Ana?');
    expect(question.answers.map(({ word }) => word)).toEqual(['Not now', 'Only this call', 'Allow']);
    expect(question.facts.map(({ text }) => text)[0]).toBe('Ana Lima only');
    expect(question.otherwise).toBe('If not, you call with sound only.');
    const words = `${question.title} ${question.text}`.split(' ').length;
    expect(words).toBeLessThanOrEqual(60);
  });

  it('have words for every place where they come up', () => {
    for (const purpose of ['camera', 'microphone'] as const) {
      for (const context of [{ is: 'check' }, { is: 'settings' }] as const) {
        const question = questionOf({ id: 1, purpose, context });
        expect(question.answers.map(({ answer }) => answer)).toEqual(
          context.is === 'check' ? ['deny', 'once', 'allow'] : ['deny', 'allow'],
        );
        expect(question.facts.length).toBe(3);
      }
    }
  });

  it('are listed with what was said', () => {
    const [camera] = scene('home').consents;
    if (camera === undefined) throw new Error('no consent');
    expect(consentRow(camera, Date.now())).toMatchObject({ on: true, now: 'Not in use' });
    expect(consentRow({ ...camera, state: 'denied' }, Date.now()).on).toBe(false);
    const never = consentRow({ ...camera, state: 'never_asked', sinceMs: null }, 0);
    expect(never.said).toContain('never asked');
  });

  it('are taken back at once; a yes is asked for where it is needed', () => {
    const [camera] = scene('home').consents;
    if (camera === undefined) throw new Error('no consent');
    const taken = { ...camera, state: 'withdrawn' } as const;
    expect(consentCommand(camera, true, 'key')).toEqual({
      do: 'withdraw_consent',
      purpose: 'camera',
      gesture: 'key',
    });
    expect(consentCommand(taken, true, 'key')).toEqual({ do: 'set_camera', on: true });
    expect(consentCommand(taken, false, 'key')).toEqual({ do: 'ask_consent', purpose: 'camera' });
  });
});

describe('devices', () => {
  const { devices } = scene('home');

  it('name the first layer that blocks and the button that helps', () => {
    const failed = (problem: 'consent' | 'gone' | 'busy', device = 'Desk camera') =>
      troubleOf('camera', { is: 'failed', problem, device }, devices, 'call');
    expect(failed('consent')?.actions.map(({ word }) => word)).toEqual(['Ask me again']);
    const state = { is: 'failed', problem: 'consent', device: '' } as const;
    expect(troubleOf('camera', state, devices, 'call', 'withdrawn')?.title).toBe('You took the camera back');
    expect(failed('gone')?.actions.map(({ word }) => word)).toEqual([
      'Use Built-in camera',
      'Stay without',
    ]);
    expect(failed('busy')?.actions.map(({ word }) => word)).toEqual(['Choose another', 'Try now']);
    expect(troubleOf('camera', { is: 'off' }, devices, 'call')).toBeNull();
  });

  it('leads to the settings where the system has a page for it, and to the rights where not', () => {
    const blocked = (systemWay: 'settings' | 'rights') =>
      troubleOf(
        'camera',
        { is: 'failed', problem: 'system', device: 'Desk camera' },
        { ...devices, systemWay },
        'call',
      );
    expect(blocked('settings')?.actions[0]?.does).toEqual({ is: 'settings' });
    expect(blocked('rights')?.actions[0]?.does).toEqual({ is: 'try' });
    expect(blocked('rights')?.text).toContain('the group “video”');
  });

  it('can be picked, with the system first', () => {
    const picker = pickerOf('camera', devices);
    expect(picker.options[0]).toEqual({ value: '', word: 'Same as the system (Built-in camera)' });
    expect(pickerOf('camera', { ...devices, cameras: [] })).toMatchObject({ none: true });
    expect(microphoneInUse(devices)).toBe('mic-1');
    expect(microphoneInUse({ ...devices, microphone: 'mic-2' })).toBe('mic-2');
  });

  it('show loudness in decibels', () => {
    expect([0, 0.001, 0.05, 1, 7].map((peak) => litSegments(peak, 22))).toEqual([0, 0, 11, 22, 22]);
  });

  it('say what leaves the computer', () => {
    expect(quietLine({ camera: false, microphone: false, to: null })).toBe('Nothing is being sent');
    expect(quietLine({ camera: true, microphone: false, to: null })).toBe('Camera on, not sent');
    expect(quietLine({ camera: true, microphone: true, to: 'Ana' })).toBe(
      'Camera and microphone go to Ana',
    );
  });
});

describe('people', () => {
  const { people, log } = scene('home');

  it('are found without accents, by name or address', () => {
    expect(findPeople(people, 'lea').map(({ name }) => name)).toEqual(['Léa Fontaine']);
    expect(findPeople(people, 'OKAFOR.ex').length).toBe(1);
    expect(findPeople(people, ' ').length).toBe(7);
  });

  it('are jumped to by letters, round and round', () => {
    expect(jumpTo(people, 0, 'n')).toBe(4);
    expect(jumpTo(people, 4, 'a')).toBe(0);
    expect(jumpTo(people, 0, 'x')).toBe(-1);
  });

  it('have a second line that tells the last call', () => {
    const [ana, , jonas, , , priya] = people;
    const now = log[0]?.startedMs ?? 0;
    if (ana === undefined || jonas === undefined || priya === undefined) throw new Error('nobody');
    expect(secondLine(ana, log, now)).toBe('Called today');
    expect(secondLine(jonas, log, now)).toBe('You missed a call');
    expect(secondLine(priya, log, now)).toBe('priya@nair.example');
  });

  it('have a log by days, in which a caller who gave up is a missed call', () => {
    const noon = new Date(2026, 10, 22, 12).getTime();
    const entry = (agoH: number, change: Partial<LogView>): LogView => ({
      callId: String(agoH),
      userId: 'u',
      name: 'Ana',
      outgoing: false,
      kind: 'audio',
      result: 'cancelled',
      startedMs: noon - agoH * 3_600_000,
      durationS: 0,
      ...change,
    });
    const days = logByDay([entry(1, {}), entry(2, { result: 'answered', durationS: 500 }), entry(20, {})], noon);
    expect(days.map(({ day, rows }) => [day, rows.length])).toEqual([
      ['Today', 2],
      ['Yesterday', 1],
    ]);
    expect(days[0]?.rows.map(({ what, length }) => [what, length])).toEqual([
      ['Missed', ''],
      ['Sound only', '8 min'],
    ]);
  });

  it('have initials in their own script and a lasting tint', () => {
    expect(['Ana Lima', 'ana', 'Anna Maria Silva', 'نور حداد', '山田 太郎'].map(initials)).toEqual([
      'AL',
      'A',
      'AS',
      'ن',
      '山',
    ]);
    expect(tint('abc')).toBe(tint('abc'));
    expect(firstName('  Ana  Lima ')).toBe('Ana');
  });
});

describe('time', () => {
  const noon = new Date(2026, 10, 22, 12).getTime();
  const DAY = 86_400_000;

  it('is told as people tell it', () => {
    expect([0, DAY, 3 * DAY].map((ago) => dayText(noon - ago, noon))).toEqual([
      'today',
      'yesterday',
      'Thursday',
    ]);
    expect(dayHeading(noon - DAY, noon)).toBe('Yesterday');
    expect([7, 75, 3723].map(clockText)).toEqual(['00:07', '01:15', '1:02:03']);
  });
});

describe('corners', () => {
  it('follow the pointer and the arrows, in both directions of reading', () => {
    expect(nearestCorner(90, 90, 100, 100, false)).toBe('bottom-end');
    expect(nearestCorner(90, 10, 100, 100, true)).toBe('top-start');
    expect(cornerByKey('bottom-end', 'ArrowUp', false)).toBe('top-end');
    expect(cornerByKey('bottom-end', 'ArrowLeft', false)).toBe('bottom-start');
    expect(cornerByKey('bottom-end', 'ArrowLeft', true)).toBe('bottom-end');
    expect(cornerByKey('bottom-end', 'x', false)).toBeNull();
  });
});

describe('keys', () => {
  const press = (key: string, code = '', mods: Partial<Pressed> = {}): Pressed => ({
    key,
    code,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    repeat: false,
    ...mods,
  });
  const inCall: Where = { scope: 'call', map: 'own', letters: true, typing: false };

  it('do the same with Ctrl and as a letter', () => {
    expect(actionFor(press('m', 'KeyM'), inCall)).toBe('mic');
    expect(actionFor(press('d', 'KeyD', { ctrlKey: true }), inCall)).toBe('mic');
    expect(actionFor(press('d', 'KeyD', { metaKey: true }), inCall)).toBe('mic');
    expect(actionFor(press('E', 'KeyE', { altKey: true, shiftKey: true }), inCall)).toBe('hangup');
  });

  it('leave letters alone while typing, when switched off, and elsewhere', () => {
    expect(actionFor(press('m'), { ...inCall, typing: true })).toBeNull();
    expect(actionFor(press('m'), { ...inCall, letters: false })).toBeNull();
    expect(actionFor(press('m'), { ...inCall, scope: 'people' })).toBeNull();
    expect(actionFor(press('m', 'KeyM', { repeat: true }), inCall)).toBeNull();
    expect(actionFor(press('d', 'KeyD', { ctrlKey: true }), { ...inCall, typing: true })).toBe('mic');
  });

  it('know "?" on any keyboard', () => {
    expect(actionFor(press('?', 'Slash', { shiftKey: true }), inCall)).toBe('help');
    expect(actionFor(press('?', 'KeyX'), inCall)).toBe('help');
  });

  it('can be those of another program, in which Ctrl D may end the call', () => {
    const key = press('d', 'KeyD', { ctrlKey: true });
    expect(actionFor(key, { ...inCall, map: 'meet' })).toBe('mic');
    expect(actionFor(key, { ...inCall, map: 'jami' })).toBe('hangup');
    expect(actionFor(press('m', 'KeyM'), { ...inCall, map: 'meet' })).toBeNull();
    expect(ariaKeys('call-audio', 'jami')).toBe('Control+Shift+C');
  });

  it('fill the sheet and the hints from one table', () => {
    const rows = keySheet('own', false).flatMap((group) => group.rows);
    expect(rows.find(({ words }) => words === 'Leave the call')?.presses).toEqual([
      'Alt Shift E',
      'Ctrl W',
    ]);
    expect(ariaKeys('accept-video', 'own')).toBe('Alt+Shift+V');
  });
});

describe('the acted program', () => {
  it('answers in the words of the real one', () => {
    const home = scene('home');
    const refused = act(home, { do: 'call', userId: 'nobody', kind: 'audio' });
    expect(refused).toMatchObject({ failure: { code: 'not-a-contact' } });
    for (const name of Object.keys(SCENES)) expect(scene(name).revision).toBeGreaterThan(0);
  });
});
