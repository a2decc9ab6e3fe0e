import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FakeStage } from '../src/backend/fake';
import { callWith } from '../src/backend/fake/scenes';
import { handle, Stage, told } from './stage';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());
beforeEach(() => {
  stage.errors.length = 0;
});

const at = (testid: string): ReturnType<typeof handle> => handle(stage.page, testid);

async function commands(): Promise<string[]> {
  return stage.page.evaluate(() => {
    const acted: FakeStage | undefined = window.jasminStage;
    return acted?.commands.map((command) => command.do) ?? [];
  });
}

/** Waits until the question for this device takes an answer. */
async function ready(purpose: 'camera' | 'microphone'): Promise<void> {
  await stage.page.waitForSelector(
    `[data-testid="consent-prompt"][data-purpose="${purpose}"][data-ready="true"]`,
  );
}

/** What has the focus, by its handle or its words. */
async function focused(): Promise<string> {
  return stage.page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('data-testid') ?? element?.textContent.trim() ?? '';
  });
}

describe('becoming somebody', () => {
  test('sign up, with a whole date in one field, then the code', async () => {
    await stage.show('welcome');
    await at('sign-up').click();
    await at('name').fill('Maya Hart');
    await at('email').fill('maya@hart.example');
    await at('password').fill('four grey herons nest');
    await at('birthday').pressSequentially('1990-05-17');
    expect(await at('birthday').inputValue()).toBe('17');
    expect(await at('birthday-month').inputValue()).toBe('5');
    expect(await at('birthday-year').inputValue()).toBe('1990');
    await at('submit').click();
    expect(await told(stage.page, 'sign_up')).toEqual({
      do: 'sign_up',
      name: 'Maya Hart',
      email: 'maya@hart.example',
      password: 'four grey herons nest',
      birthday: '1990-05-17',
      policy: null,
    });
    await at('code').fill('0000-0000');
    await at('submit').click();
    await stage.page.getByText('This is not the code').waitFor();
    await at('code').fill('ab12-cd34');
    await at('code').press('Enter');
    await at('add-email').waitFor();
    expect(stage.errors).toEqual([]);
  });

  test('what is missing is said at the field, and the first of them has the focus', async () => {
    await stage.show('welcome');
    await at('sign-up').click();
    await at('submit').click();
    await stage.page.getByText('Type the name that your people know').waitFor();
    await expect.poll(focused).toBe('name');
    expect(await commands()).toEqual([]);
  });

  test('the age rule ends it with a neutral word', async () => {
    await stage.show('welcome');
    await at('sign-up').click();
    await at('name').fill('Kim');
    await at('email').fill('kim@example.org');
    await at('password').fill('four grey herons nest');
    await at('birthday').fill('2020-01-01');
    await at('submit').click();
    await stage.page.getByText('We cannot make this account').waitFor();
    expect(await stage.page.getByText(/\b(13|16|age|old)\b/).count()).toBe(0);
  });

  test('sign in, wrong and right; another server first', async () => {
    await stage.show('welcome');
    await at('server').click();
    await at('server-url').fill('http://far.example');
    await at('server-save').click();
    await stage.page.getByText('not encrypted').waitFor();
    await at('server-url').fill('http://127.0.0.1:9000');
    await at('server-save').click();
    await at('sign-in').click();
    await at('email').fill('maya@hart.example');
    await at('password').fill('wrong');
    await at('submit').click();
    await stage.page.getByText('do not fit together').waitFor();
    await at('password').fill('four grey herons nest');
    await at('submit').click();
    await at('person-ana@lima.example').waitFor();
  });

  test('the vault asks what to do without a keyring', async () => {
    await stage.show('vault-choose');
    await at('use-passphrase').click();
    await at('password').fill('four grey herons');
    await at('password-again').fill('four grey heron');
    await at('submit').click();
    await stage.page.getByText('The two are not the same').waitFor();
    await at('password-again').fill('four grey herons');
    await at('submit').click();
    expect(await told(stage.page, 'use_passphrase')).toMatchObject({ passphrase: 'four grey herons' });
    await stage.show('vault-choose');
    await at('use-session').click();
    await told(stage.page, 'use_session_only');
  });
});

describe('people', () => {
  test('ask an address, answer a request', async () => {
    await stage.show('home');
    await at('add-email').fill('maya@hart.example');
    await at('submit').click();
    await stage.page.getByText('This is your own address').waitFor();
    await at('add-email').fill('yuki@hart.example');
    await at('add-email').press('Enter');
    expect(await told(stage.page, 'add_person')).toMatchObject({ email: 'yuki@hart.example' });
    await stage.page.getByText('yuki@hart.example was asked').waitFor();
    await at('request-accept-marta@kowalska.example').click();
    await at('person-marta@kowalska.example').waitFor();
  });

  test('a refusal of the program is said in words', async () => {
    await stage.show('home');
    await at('person-noor@haddad.example').click();
    await at('call-video').click();
    await at('notice').getByText('signed in nowhere').waitFor();
  });

  test('one handle for calling the chosen person', async () => {
    await stage.show('home');
    await at('person-ana@lima.example').click();
    expect([await at('call-video').count(), await at('call-audio').count()]).toEqual([1, 1]);
  });
});

describe('a call', () => {
  test('from asking to hanging up', async () => {
    await stage.show('empty');
    await stage.page.evaluate(() => {
      const acted: FakeStage | undefined = window.jasminStage;
      const person = { userId: 'u1', name: 'Ana Lima', email: 'ana@lima.example' };
      acted?.show({ people: [{ ...person, verified: false, keyChanged: false, lastCallMs: null }] });
    });
    await at('person-ana@lima.example').click();
    await at('call-video').click();
    await ready('camera');
    await at('consent-once').click();
    await stage.page.getByText('Open the microphone for Ana?').waitFor();
    await ready('microphone');
    await at('consent-allow').click();
    await expect.poll(() => at('call-state').getAttribute('data-state')).toBe('preparing');
    await expect.poll(focused).toBe('undo');
    await at('call-now').click();
    await expect.poll(() => at('call-state').getAttribute('data-state')).toBe('ringing');
    await at('hang-up').click();
    await at('ended-reason').waitFor();
    await at('dismiss').click();
    await at('call-video').waitFor();
  });

  test('pictures are decoded and drawn, and counted', async () => {
    await stage.show('call');
    const frames = async (testid: string): Promise<number> =>
      Number((await at(testid).getAttribute('data-frames')) ?? 0);
    await expect.poll(() => frames('remote-video'), { timeout: 10_000 }).toBeGreaterThan(5);
    await expect.poll(() => frames('self-view'), { timeout: 10_000 }).toBeGreaterThan(5);
    expect(await at('remote-video').getAttribute('data-size')).toBe('640x360');
    const colours = await at('remote-video').evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')?.getImageData(canvas.width / 2, canvas.height / 2, 1, 1) ?? {};
      return [...(data ?? [])];
    });
    expect(colours[3], 'painted').toBe(255);
    expect(colours[0], 'skin is redder than blue').toBeGreaterThan(colours[2] ?? 255);
  });

  test('mute, camera, words and the notes about them', async () => {
    await stage.show('call');
    await at('toggle-mic').click();
    await expect.poll(() => at('toggle-mic').textContent()).toContain('Mic off');
    await at('toggle-camera').click();
    await expect.poll(() => at('self-view').count()).toBe(0);
    await at('privacy').click();
    expect(await at('safety-words').textContent()).toBe('river lemon ladder stone');
    await at('words-match').click();
    await at('words-verdict').waitFor();
    expect(await at('said').textContent()).toBe('Camera, off');
    expect(await at('remote-state').getAttribute('data-microphone')).toBe('true');
  });

  test('a consent is taken back in the call, and asked for again', async () => {
    await stage.show('call');
    await at('privacy').click();
    await at('consent-switch-camera').click();
    expect(await told(stage.page, 'withdraw_consent')).toMatchObject({ purpose: 'camera' });
    await expect.poll(() => at('consent-camera').getAttribute('data-state')).toBe('withdrawn');
    await expect.poll(() => at('self-view').count()).toBe(0);
    await stage.page.getByText('Camera closed.').waitFor();
    expect(await at('trouble-camera').count(), 'what was done just now is no news').toBe(0);
    await at('consent-switch-camera').click();
    await ready('camera');
    await stage.page.getByText('Open the camera for Ana?').waitFor();
    expect(await at('consent-switch-camera').getAttribute('aria-checked')).toBe('false');
    await at('consent-once').click();
    await at('self-view').waitFor();
    await stage.page.getByText('Allowed for this call only').waitFor();
    await expect.poll(focused).toBe('consent-switch-camera');
  });

  test('keys: mute, talk, self-view, panel, leave', async () => {
    await stage.show('call');
    const { keyboard } = stage.page;
    await keyboard.press('m');
    await expect.poll(() => at('toggle-mic').getAttribute('data-state')).toBe('off');
    await keyboard.down(' ');
    await expect.poll(() => at('toggle-mic').getAttribute('data-state')).toBe('on');
    await keyboard.up(' ');
    await expect.poll(() => at('toggle-mic').getAttribute('data-state')).toBe('off');
    await keyboard.press('p');
    await at('privacy-panel').waitFor();
    await keyboard.press('Escape');
    await expect.poll(() => at('privacy-panel').count()).toBe(0);
    const self = stage.page.locator('[data-corner]');
    await self.focus();
    await keyboard.press('ArrowUp');
    expect(await self.getAttribute('data-corner')).toBe('top-end');
    await keyboard.press('Alt+Shift+E');
    await at('ended-reason').waitFor();
  });

  test('the self-view is dragged to the nearest corner', async () => {
    await stage.show('call');
    const self = stage.page.locator('[data-corner]');
    const box = await self.boundingBox();
    if (box === null) throw new Error('no self-view');
    await stage.page.mouse.move(box.x + 50, box.y + 50);
    await stage.page.mouse.down();
    await stage.page.mouse.move(200, 150, { steps: 4 });
    await stage.page.mouse.up();
    expect(await self.getAttribute('data-corner')).toBe('top-start');
  });

  test('ringing: silence first, then an answer', async () => {
    await stage.show('incoming');
    await stage.page.keyboard.press('Escape');
    await told(stage.page, 'silence_ring');
    await stage.page.getByText('The ring is silent here').waitFor();
    await at('accept-audio').click();
    await expect.poll(() => at('call-state').getAttribute('data-state')).toBe('active');
  });

  test('Escape undoes a call that does not ring yet', async () => {
    await stage.show('undo');
    await stage.page.keyboard.press('Escape');
    await told(stage.page, 'hang_up');
    expect(await at('ended-reason').getAttribute('data-reason')).toBe('cancelled');
  });

  test('a second call is let ring, or taken', async () => {
    await stage.show('call-waiting');
    await at('waiting-let').click();
    await expect.poll(() => at('waiting').count()).toBe(0);
    await stage.show('call-waiting');
    await at('waiting-accept-video').click();
    await stage.page.getByText('Chidi Okafor').first().waitFor();
  });

  test('a picture that ends leaves the words, and one that comes back is drawn again', async () => {
    await stage.show('call');
    await expect
      .poll(async () => Number(await at('remote-video').getAttribute('data-frames')), { timeout: 10_000 })
      .toBeGreaterThan(2);
    const off = callWith({ is: 'active', sinceMs: Date.now() }, { remote: { microphone: true, camera: false, hasPicture: false } });
    await stage.page.evaluate((call) => {
      window.jasminStage?.show({ call });
    }, off);
    await stage.page.getByText('The camera of Ana is off.').waitFor();
    expect(await at('remote-video').isVisible()).toBe(false);
  });
});

describe('a question', () => {
  test('takes the focus, is deaf at first, ignores Enter, and begins with no', async () => {
    await stage.show('home');
    await at('nav-privacy').click();
    await at('consent-switch-camera').click();
    await told(stage.page, 'withdraw_consent');
    await at('consent-switch-camera').press('Enter');
    await at('consent-prompt').waitFor();
    await stage.page.keyboard.press('Escape');
    expect(await at('consent-prompt').count(), 'keys within 400 ms do nothing').toBe(1);
    expect(await focused()).toBe('consent-prompt');
    await ready('camera');
    await stage.page.keyboard.press('Enter');
    expect(await commands()).not.toContain('answer_prompt');
    for (const expected of ['consent-deny', 'consent-allow', 'consent-deny']) {
      await stage.page.keyboard.press('Tab');
      expect(await focused()).toBe(expected);
    }
    await stage.page.keyboard.press('Escape');
    expect(await told(stage.page, 'answer_prompt')).toMatchObject({ answer: 'deny' });
    // The focus goes back to where it was.
    await expect.poll(focused).toBe('consent-switch-camera');
  });

  test('a fast second press answers neither this question nor the next', async () => {
    await stage.show('empty');
    await stage.page.evaluate(() => {
      const person = { userId: 'u1', name: 'Ana Lima', email: 'ana@lima.example' };
      window.jasminStage?.show({
        people: [{ ...person, verified: false, keyChanged: false, lastCallMs: null }],
      });
    });
    await at('person-ana@lima.example').click();
    await at('call-video').click();
    await at('consent-prompt').waitFor();
    expect(await at('consent-allow').getAttribute('aria-disabled')).toBe('true');
    await at('consent-allow').dispatchEvent('click');
    expect(await commands()).not.toContain('answer_prompt');
    await ready('camera');
    await at('consent-allow').dblclick();
    await stage.page.getByText('Open the microphone for Ana?').waitFor();
    await ready('microphone');
    const answers = (await commands()).filter((name) => name === 'answer_prompt');
    expect(answers, 'one answer for the camera, none for the microphone').toHaveLength(1);
    expect(await at('notice').count()).toBe(0);
    expect(await focused()).toBe('consent-prompt');
  });

  test('waits again when the window comes to the front, and keeps its shape', async () => {
    await stage.show('prompt-camera');
    await ready('camera');
    const before = await at('consent-prompt').boundingBox();
    const inFront = await at('consent-prompt').evaluate((prompt) => {
      window.dispatchEvent(new Event('focus'));
      return new Promise((told) => {
        const watch = new MutationObserver(() => {
          told([prompt.dataset['ready'], JSON.stringify(prompt.getBoundingClientRect())]);
        });
        watch.observe(prompt, { attributeFilter: ['data-ready'] });
      });
    });
    expect((inFront as string[])[0]).toBe('false');
    expect(JSON.parse((inFront as string[])[1] ?? '')).toMatchObject(before ?? {});
    await ready('camera');
  });

  test('has answers of one size', async () => {
    await stage.show('prompt-camera');
    const boxes = await Promise.all(
      ['consent-deny', 'consent-once', 'consent-allow'].map((testid) => at(testid).boundingBox()),
    );
    const sizes = new Set(boxes.map((box) => `${String(Math.round(box?.width ?? 0))}x${String(Math.round(box?.height ?? 0))}`));
    expect(sizes.size).toBe(1);
    expect(boxes[0]?.height).toBeGreaterThanOrEqual(44);
  });
});

describe('by keyboard alone', () => {
  test('from the first Tab to a call', async () => {
    await stage.show('home');
    const { keyboard } = stage.page;
    await keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await keyboard.press('F6');
    expect(await focused()).toBe('nav-people');
    await keyboard.press('F6');
    expect(await focused()).toBe('add-person');
    await keyboard.press('Control+k');
    expect(await focused()).toBe('search');
    await keyboard.press('ArrowDown');
    expect(await focused()).toBe('person-ana@lima.example');
    await keyboard.press('End');
    expect(await focused()).toBe('person-tomas@rivera.example');
    await keyboard.press('j');
    expect(await focused()).toBe('person-jonas@weber.example');
    await keyboard.press('Enter');
    await at('call-video').waitFor();
    await keyboard.press('Control+Shift+c');
    expect(await told(stage.page, 'call')).toMatchObject({ kind: 'audio' });
  });

  test('Escape leaves what can be left: a panel, the end of a call, the check, a small form', async () => {
    const { keyboard } = stage.page;
    await stage.show('call');
    await at('privacy').click();
    await at('toggle-mic').focus();
    await keyboard.press('Escape');
    await expect.poll(() => at('privacy-panel').count()).toBe(0);
    expect(await commands()).toEqual([]);
    await stage.show('ended');
    await keyboard.press('Escape');
    await told(stage.page, 'dismiss_ended');
    await stage.show('check');
    await keyboard.press('Escape');
    await told(stage.page, 'stop_check');
    await stage.show('welcome');
    await at('server').click();
    await at('server-url').focus();
    await keyboard.press('Escape');
    await expect.poll(() => at('server-url').count()).toBe(0);
    expect(await focused()).toBe('server');
  });

  test('the focus goes on at the start of the next screen', async () => {
    await stage.show('incoming');
    await at('accept-audio').focus();
    await stage.page.keyboard.press('Enter');
    await at('call-state').waitFor();
    await expect.poll(() => stage.page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  test('the sheet of keys opens and goes away', async () => {
    await stage.show('home');
    await stage.page.keyboard.press('?');
    await at('key-sheet').waitFor();
    await stage.page.keyboard.press('Escape');
    await expect.poll(() => at('key-sheet').count()).toBe(0);
  });

  test('the call bar is one stop, with arrows inside', async () => {
    await stage.show('call');
    await at('toggle-mic').focus();
    for (const expected of ['toggle-camera', 'devices', 'privacy', 'hang-up', 'toggle-mic']) {
      await stage.page.keyboard.press('ArrowRight');
      expect(await focused()).toBe(expected);
    }
  });
});

describe('settings', () => {
  test('devices and sound', async () => {
    await stage.show('home');
    await at('nav-settings').click();
    await at('settings-av').click();
    await at('choose-camera').selectOption('cam-2');
    expect(await told(stage.page, 'choose_device')).toEqual({ do: 'choose_device', kind: 'camera', id: 'cam-2' });
    await at('processing-echo').click();
    expect(await told(stage.page, 'set_processing')).toMatchObject({ processing: { echoCancellation: false } });
    await at('preview-on').click();
    await at('self-view').waitFor();
    await at('full-check').click();
    await at('check-screen').waitFor();
    await at('record-clip').click();
    await told(stage.page, 'record_clip');
    await at('submit').click();
    await at('preview-on').waitFor();
  });

  test('leaving the page shuts the preview', async () => {
    await stage.show('home');
    await at('nav-settings').click();
    await at('settings-av').click();
    await at('preview-on').click();
    await at('self-view').waitFor();
    await at('nav-people').click();
    await told(stage.page, 'stop_check');
  });

  test('the keys of another program', async () => {
    await stage.show('home');
    await at('nav-settings').click();
    await at('settings-keys').click();
    await stage.page.getByText('Meet', { exact: true }).click();
    expect(await at('key-map-meet').isChecked()).toBe(true);
    await stage.page.getByText('Jami', { exact: true }).click();
    await stage.page.getByText('Ctrl Shift X').waitFor();
    await stage.page.getByText('Jasmin', { exact: true }).click();
  });

  test('signing out is asked for', async () => {
    await stage.show('home');
    await at('nav-account').click();
    await at('sign-out').click();
    await at('confirm-keep').click();
    expect(await commands()).toEqual([]);
    await at('sign-out').click();
    await at('confirm-go').click();
    await at('email').waitFor();
  });
});
