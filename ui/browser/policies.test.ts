import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command, PoliciesView } from '../src/generated/bindings';
import { handle, Stage, told, type Look } from './stage';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());
beforeEach(() => {
  stage.errors.length = 0;
});

const at = (testid: string): ReturnType<typeof handle> => handle(stage.page, testid);
const press = (key: string): Promise<void> => stage.page.keyboard.press(key);
const NARROW: Look = { width: 360, height: 480 };

async function focused(): Promise<string> {
  return stage.page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('data-testid') ?? element?.id ?? '';
  });
}

async function commands(): Promise<readonly Command[]> {
  return stage.page.evaluate(() => window.jasminStage?.commands ?? []);
}

/** What the program knows of the policies from now on. */
async function now(change: Partial<PoliciesView>): Promise<void> {
  await stage.page.evaluate((changed) => {
    const acted = window.jasminStage;
    acted?.show({ policies: { ...acted.view().policies, ...changed } });
  }, change);
}

describe('the news of a change', () => {
  test('leads to what changes and is gone when it was opened, by keyboard alone', async () => {
    await stage.show('policy-coming');
    const banner = at('policy-banner');
    await banner.getByText('The policies change on 1 February 2027.').waitFor();
    expect(await focused(), 'it takes no focus').toBe('');
    await at('policy-banner-open').focus();
    await press('Enter');
    expect(await told(stage.page, 'show_policy')).toEqual({ do: 'show_policy', version: '2.0.0' });
    await at('policy-reader').waitFor();
    await expect.poll(() => banner.count()).toBe(0);
    for (const stop of ['policy-version', 'policy-close']) {
      await press('Tab');
      expect(await focused()).toBe(stop);
    }
    await press('Tab');
    const region = stage.page.getByRole('region', { name: 'Both texts, version 2.0.0' });
    expect(await region.evaluate((element) => element === document.activeElement)).toBe(true);
    await press('PageDown');
    await expect.poll(() => region.evaluate((element) => element.scrollTop)).toBeGreaterThan(0);
    await press('Escape');
    await expect.poll(() => at('policy-reader').count()).toBe(0);
    expect(await commands()).toContainEqual({ do: 'show_policy', version: null });
    await expect.poll(focused, { message: 'the focus is not lost' }).toBe('main');
    expect(stage.errors).toEqual([]);
  });

  test('is heard when it comes, and moves nothing in a call', async () => {
    await stage.show('home');
    const status = stage.page.locator('[role="status"]', { has: at('policy-banner') });
    expect(await status.count()).toBe(0);
    const { sets } = await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      if (acted === undefined) throw new Error('nobody acts');
      return acted.view().policies;
    });
    await now({ unread: sets[0]?.version ?? null });
    await at('policy-banner').getByText('The policies changed on 1 December 2026.').waitFor();
    expect(await status.count()).toBe(1);
    await stage.show('policy-call');
    await at('hang-up').waitFor();
    expect(await at('policy-banner').count()).toBe(0);
    expect(await at('policy-reader').count()).toBe(0);
  });

  test('waits while a question is asked, and its texts are put away by a call', async () => {
    await stage.show('policy-diff');
    await at('policy-reader').waitFor();
    await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      acted?.show({ prompt: { id: 3, purpose: 'camera', context: { is: 'settings' } } });
    });
    await at('consent-prompt').waitFor();
    expect(await at('policy-reader').count()).toBe(0);
    await stage.page.evaluate(() => {
      window.jasminStage?.show({ prompt: null });
    });
    await at('policy-reader').waitFor();
    await press('Escape');
    await at('policy-reader').waitFor({ state: 'detached' });
    await at('nav-privacy').click();
    await at('policy-read-current').click();
    await at('policy-reader').waitFor();
    await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      const [person] = acted?.view().people ?? [];
      if (acted === undefined || person === undefined) throw new Error('nobody acts');
      const off = { is: 'off' } as const;
      acted.show({
        call: {
          callId: '0195e000-0000-7000-8000-000000000009',
          userId: person.userId,
          name: person.name,
          outgoing: false,
          kind: 'video',
          phase: { is: 'incoming', untilMs: Date.now() + 45_000, silenced: false },
          microphone: off,
          camera: off,
          remote: { microphone: false, camera: false, hasPicture: false },
          safetyWords: [],
          wordsVerdict: 'open',
          quality: null,
          alerts: [],
        },
      });
    });
    await at('accept-audio').waitFor();
    expect(await at('policy-reader').count()).toBe(0);
    await expect
      .poll(async () => (await commands()).at(-1))
      .toEqual({ do: 'show_policy', version: null });
  });
});

describe('the reader', () => {
  test('tells each change in words, and which words came and went', async () => {
    await stage.show('policy-diff');
    const changes = at('policy-changes');
    await changes.getByText('More than before').waitFor();
    await changes.getByText('You will be asked again for: camera').waitFor();
    expect(await at('policy-change').count()).toBe(5);
    const heard = await changes.locator('del').nth(1).textContent();
    expect(heard).toMatch(/^removed: is closed\./u);
    const added = changes.locator('ins', { hasText: 'sends nothing' });
    expect(await added.textContent()).toMatch(/^added: .*end of what was added\. $/u);
    const marks = await added.evaluate((element) => getComputedStyle(element).textDecorationLine);
    expect(marks).toBe('underline');
    await changes.getByText('This section is gone').waitFor();
    await press('F7');
    await press('F7');
    expect(await stage.page.evaluate(() => document.activeElement?.tagName)).toBe('INS');
    await press('Shift+F7');
    expect(await stage.page.evaluate(() => document.activeElement?.tagName)).toBe('DEL');
    expect(stage.errors).toEqual([]);
  });

  test('has both texts side by side, and one below the other where it is narrow', async () => {
    const places = async (): Promise<{ x: number; y: number }[]> =>
      Promise.all(
        ['privacy_policy', 'user_agreement'].map(async (kind) => {
          const box = await at(`policy-document-${kind}`).boundingBox();
          return { x: box?.x ?? 0, y: box?.y ?? 0 };
        }),
      );
    await stage.show('policy-reader', { width: 1120, height: 760 });
    const [policy, agreement] = await places();
    expect(policy?.y).toBe(agreement?.y);
    expect(agreement?.x).toBeGreaterThan(policy?.x ?? 0);
    await stage.show('policy-reader', NARROW);
    const [above, below] = await places();
    expect(above?.x).toBe(below?.x);
    expect(below?.y).toBeGreaterThan(above?.y ?? 0);
    await at('policy-to-user_agreement').press('Enter');
    expect(await focused()).toBe('policy-user_agreement');
  });

  test('goes from one text to a place in the other, and on from there', async () => {
    await stage.show('policy-first');
    const link = at('policy-document-privacy_policy').getByRole('link', { name: 'user agreement' });
    await link.focus();
    await press('Enter');
    expect(await focused()).toBe('policy-user_agreement-you');
    await press('Tab');
    const next = await stage.page.evaluate(() => document.activeElement?.textContent);
    expect(next, 'the next stop is behind that place').toBe('privacy policy');
    expect(await at('policy-document-privacy_policy').getByText('(privacy@chat.example)').count()).toBe(1);
    expect(await at('policy-reader').locator('a[href^="http"], a[href^="mailto"]').count()).toBe(0);
  });

  test('shows every version, and says how it stands', async () => {
    await stage.show('policy-reader');
    const choice = at('policy-version');
    expect(await choice.locator('option').allTextContents()).toEqual([
      '1.1.0 · In force since 1 December 2026',
      '1.0.0 · Was in force from 1 September 2026',
    ]);
    await choice.selectOption('1.0.0');
    await at('policy-state').getByText('Was in force from 1 September 2026').waitFor();
    await at('policy-reader').getByText('This is the first version').waitFor();
    expect(await at('policy-changes').count()).toBe(0);
  });

  test('says that it waits, and when it waits in vain', async () => {
    await stage.show('policy-loading');
    await at('policy-reader').getByText('Fetching the texts…').waitFor();
    await stage.show('policy-failed');
    expect(await at('policy-failed').getAttribute('role')).toBe('alert');
    await at('policy-again').click();
    await at('policy-document-privacy_policy').waitFor();
    expect(await told(stage.page, 'show_policy')).toEqual({ do: 'show_policy', version: '2.0.0' });
  });

  test.each(['policy-reader', 'policy-diff', 'policy-failed', 'policy-coming'])(
    'needs no sideways scrolling in the narrowest window: %s',
    async (scene) => {
      await stage.show(scene, NARROW);
      const wider = await stage.page.evaluate(() =>
        [...document.querySelectorAll('.scroll, dialog')]
          .filter((element) => element.scrollWidth > element.clientWidth)
          .map((element) => element.className),
      );
      expect(wider).toEqual([]);
    },
  );
});

describe('signing up', () => {
  async function fill(): Promise<void> {
    await at('sign-up').click();
    await at('name').fill('Maya Hart');
    await at('email').fill('maya@hart.example');
    await at('password').fill('four grey herons nest');
    await at('birthday').pressSequentially('1990-05-17');
  }

  test('needs the tick, which nobody sets for a person', async () => {
    await stage.show('policy-welcome');
    await fill();
    const tick = at('signup-policy');
    expect(await tick.isChecked()).toBe(false);
    await at('submit').click();
    await stage.page.getByText('An account needs this.').waitFor();
    await expect.poll(focused).toBe('signup-policy');
    expect(await tick.getAttribute('aria-invalid')).toBe('true');
    expect((await commands()).some((command) => command.do === 'sign_up')).toBe(false);
    await press('Space');
    await expect.poll(() => stage.page.getByText('An account needs this.').count()).toBe(0);
    await at('submit').click();
    expect(await told(stage.page, 'sign_up')).toMatchObject({ policy: '1.1.0' });
    await at('code').waitFor();
    expect(stage.errors).toEqual([]);
  });

  test('lets the texts be read first, and keeps what was typed', async () => {
    await stage.show('policy-welcome');
    await fill();
    await at('signup-policy-read').focus();
    await press('Enter');
    await at('policy-document-user_agreement').waitFor();
    await press('Escape');
    await expect.poll(focused).toBe('signup-policy-read');
    expect(await at('name').inputValue()).toBe('Maya Hart');
    expect(await at('signup-policy').isChecked(), 'reading is not accepting').toBe(false);
  });

  test('asks anew when other policies come into force', async () => {
    await stage.show('policy-welcome');
    await fill();
    await at('signup-policy').check();
    await now({ inForce: '1.0.0' });
    await stage.page.getByText('I accept the user agreement, version 1.0.0').waitFor();
    expect(await at('signup-policy').isChecked()).toBe(false);
  });

  test('says at the tick when the server has others by now', async () => {
    await stage.show('policy-welcome');
    await fill();
    await at('signup-policy').check();
    await stage.page.evaluate(() => {
      // The server moved on, and the page was not told yet.
      const acted = window.jasminStage;
      const view = acted?.view();
      if (view !== undefined) view.policies = { ...view.policies, inForce: '9.0.0' };
    });
    await at('submit').click();
    await stage.page.getByText('The policies have changed: read and accept them anew.').waitFor();
    await expect.poll(focused).toBe('signup-policy');
    expect(await at('signup-policy').isChecked()).toBe(false);
  });

  test('says when the server has policies that are not here yet', async () => {
    await stage.show('welcome');
    await fill();
    await stage.page.evaluate(() => {
      const view = window.jasminStage?.view();
      if (view !== undefined) view.policies = { ...view.policies, inForce: '1.1.0' };
    });
    await at('submit').click();
    await stage.page.getByText('and they are not here yet').waitFor();
    await now({});
    await at('signup-policy').check();
    await at('submit').click();
    await at('code').waitFor();
  });

  test('speaks of no policies where the server has none', async () => {
    await stage.show('welcome');
    await at('sign-up').click();
    await at('name').waitFor();
    expect(await at('signup-policy').count()).toBe(0);
    expect(await at('signup-policy-read').count()).toBe(0);
  });
});

describe('the settings', () => {
  test('tell the version in force, the coming one, and all of them', async () => {
    await stage.show('policy-coming');
    await at('nav-privacy').click();
    const policies = at('policies');
    await policies.getByText('In force since 1 December 2026').waitFor();
    await policies.getByText('Comes into force on 1 February 2027').waitFor();
    await at('policy-all').locator('summary').press('Enter');
    await at('policy-read-1.0.0').press('Enter');
    await at('policy-state').getByText('Version 1.0.0').waitFor();
    await at('policy-close').click();
    await expect.poll(focused).toBe('policy-read-1.0.0');
    expect(await at('policy-banner').count(), 'the news was not opened').toBe(1);
  });

  test('say where there are none, and where nobody could ask', async () => {
    await stage.show('empty');
    await at('nav-privacy').click();
    await at('policies').getByText('This server has published no policies.').waitFor();
    await stage.show('policy-unknown');
    await at('nav-privacy').click();
    await at('policies').getByText('could not be asked').waitFor();
  });

  test('warn when the server contradicts itself', async () => {
    await stage.show('policy-trouble');
    await at('nav-privacy').click();
    expect(await at('policy-trouble').getAttribute('role')).toBe('alert');
    const text = await at('policy-trouble').textContent();
    expect(text).toContain('Nothing of it was taken over.');
    expect(text).toContain('ask whoever runs the server');
    await now({ trouble: false });
    await expect.poll(() => at('policy-trouble').count()).toBe(0);
  });
});

describe('a purpose that the policies ended', () => {
  test('is off, says why, and is asked again with the reason', async () => {
    await stage.show('policy-superseded');
    await at('nav-privacy').click();
    const row = at('consent-camera');
    expect(await row.getAttribute('data-state')).toBe('superseded');
    expect(await at('consent-switch-camera').getAttribute('aria-checked')).toBe('false');
    await row.getByText('The policies changed (since today)').waitFor();
    await at('consent-history-camera').locator('summary').click();
    await row.getByText('under policies 2.0.0').waitFor();
    await at('consent-switch-camera').click();
    await at('consent-prompt').waitFor();
    await at('consent-again').getByText('While a call is on hold').waitFor();
    const described = await at('consent-prompt').getAttribute('aria-describedby');
    const why = await at('consent-again').getAttribute('id');
    expect(described?.split(' ')).toContain(why);
  });

  test('has all its answers in sight in the narrowest window', async () => {
    await stage.show('prompt-superseded', NARROW);
    const boxes = await Promise.all(
      ['deny', 'once', 'allow'].map((answer) => at(`consent-${answer}`).boundingBox()),
    );
    for (const box of boxes) {
      expect((box?.y ?? 999) + (box?.height ?? 0)).toBeLessThanOrEqual(480);
      expect(box?.width).toBeCloseTo(boxes[0]?.width ?? 0, 0);
    }
  });

  test('is not spoken of where nothing changed', async () => {
    await stage.show('prompt-camera');
    await at('consent-prompt').waitFor();
    expect(await at('consent-again').count()).toBe(0);
  });
});
