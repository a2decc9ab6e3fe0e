import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command, PartnersView } from '../src/generated/bindings';
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
const EMAIL = { is: 'share', partner: 'acme', field: 'email' };
const NARROW: Look = { width: 360, height: 480 };

async function open(scene: string, look?: Look): Promise<void> {
  await stage.show(scene, look);
  await at('nav-privacy').click();
}

async function commands(name: string): Promise<Command[]> {
  return stage.page.evaluate(
    (wanted) => window.jasminStage?.commands.filter((command) => command.do === wanted) ?? [],
    name,
  );
}

async function focused(): Promise<string> {
  return stage.page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('data-testid') ?? element?.textContent ?? '';
  });
}

/** Waits until a question takes an answer. */
async function ready(testid: string): Promise<void> {
  await stage.page.locator(`[data-testid="${testid}"][data-ready="true"]`).waitFor();
}

async function checked(testid: string): Promise<string | null> {
  return at(testid).getAttribute('aria-checked');
}

/** What the program knows of partners from now on. */
async function now(change: Partial<PartnersView>): Promise<void> {
  await stage.page.evaluate((changed) => {
    const acted = window.jasminStage;
    acted?.show({ partners: { ...acted.view().partners, ...changed } });
  }, change);
}

/** The passes that are listed for a partner, newest first. */
async function passings(partner: string): Promise<(string | undefined)[]> {
  return at(`passings-${partner}`)
    .locator('[data-testid="passing"]')
    .evaluateAll((found) =>
      found.map((one) => {
        const { kind, state, fields } = (one as HTMLElement).dataset;
        return [kind, state, fields].join(' ');
      }),
    );
}

async function unfold(partner: string): Promise<void> {
  await at(`passings-${partner}`).locator('summary').click();
  await at(`passings-${partner}`).locator('[data-testid="passing"]').first().waitFor();
}

/** The words of the elements that describe this one. */
async function described(testid: string): Promise<string> {
  return at(testid).evaluate((element) =>
    (element.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id)?.textContent ?? `no ${id}`)
      .join(' '),
  );
}

describe('a field for a partner', () => {
  test('is asked for, and Esc says no; by keyboard alone', async () => {
    await open('partners');
    await at('share-switch-acme-email').focus();
    await press('Space');
    await at('share-ask').waitFor();
    expect(await focused()).toBe('share-ask');
    await press('Escape');
    expect(await at('share-ask').count(), 'keys within 400 ms do nothing').toBe(1);
    await ready('share-ask');
    await press('Enter');
    expect(await commands('decide_for_account'), 'only a chosen button answers').toEqual([]);
    for (const expected of ['share-deny', 'share-allow', 'share-deny']) {
      await press('Tab');
      expect(await focused()).toBe(expected);
    }
    await press('Escape');
    expect(await told(stage.page, 'decide_for_account')).toEqual({
      do: 'decide_for_account',
      purpose: EMAIL,
      answer: 'deny',
      gesture: 'key',
    });
    await expect.poll(() => at('share-ask').count()).toBe(0);
    await expect.poll(focused).toBe('share-switch-acme-email');
    expect(await checked('share-switch-acme-email')).toBe('false');
    await at('share-acme-email').getByText('You said “Not now”, today').waitFor();
    expect(stage.errors).toEqual([]);
  });

  test('is asked for with all that it is about', async () => {
    await open('partners');
    await at('share-switch-acme-email').click();
    const text = await at('share-ask').textContent();
    for (const words of [
      'Give Acme Lenses your e-mail address?',
      'Acme Lenses B.V., Netherlands, wants it for: a discount on cameras for members of clubs.',
      'Acme Lenses only',
      '12 months after the last purchase',
      'One press. Acme Lenses is told to delete it.',
      'as long as what Acme Lenses has signed is in date.',
    ]) {
      expect(text).toContain(words);
    }
    await ready('share-ask');
    const boxes = await Promise.all(['deny', 'allow'].map((answer) => at(`share-${answer}`).boundingBox()));
    expect(boxes[0]?.width).toBeCloseTo(boxes[1]?.width ?? 0, 0);
    expect(boxes[0]?.height).toBe(boxes[1]?.height);
    expect(boxes[0]?.height).toBeGreaterThanOrEqual(44);
    expect(boxes[0]?.x, 'no comes first').toBeLessThan(boxes[1]?.x ?? 0);
  });

  test('is given when it is allowed, and taken back at once', async () => {
    await open('partners');
    await unfold('acme');
    const before = (await passings('acme')).length;
    await at('share-switch-acme-email').focus();
    await press('Enter');
    await ready('share-ask');
    await press('Tab');
    await press('Tab');
    await press('Enter');
    expect(await told(stage.page, 'decide_for_account')).toMatchObject({ purpose: EMAIL, answer: 'allow' });
    await expect.poll(() => checked('share-switch-acme-email')).toBe('true');
    await expect.poll(focused).toBe('share-switch-acme-email');
    await expect.poll(async () => (await passings('acme'))[0]).toBe('given done email');
    await at('share-acme-email').getByText('Allowed since today').waitFor();
    await press('Enter');
    await stage.page.getByText(/^Taken back\. .*is told to delete your/u).waitFor();
    await expect.poll(() => checked('share-switch-acme-email')).toBe('false');
    expect((await commands('decide_for_account')).at(-1)).toMatchObject({ answer: 'withdraw', gesture: 'key' });
    await expect.poll(async () => (await passings('acme'))[0]).toBe('deletion waiting email');
    expect((await passings('acme')).length).toBe(before + 2);
    expect(await at('share-ask').count(), 'no question for a no').toBe(0);
    const newest = stage.page.locator('[data-testid="ledger-record"]').first();
    expect(await newest.getAttribute('data-purpose')).toBe('share');
    expect(await newest.textContent()).toContain('E-mail address for \u2068Acme Lenses\u2069');
  });

  test('takes one press, and none that began before the question could be read', async () => {
    await open('partners');
    await at('share-switch-acme-email').dblclick();
    await at('share-ask').waitFor();
    expect(await at('share-allow').getAttribute('aria-disabled')).toBe('true');
    await at('share-allow').dispatchEvent('click');
    expect(await commands('decide_for_account')).toEqual([]);
    await ready('share-ask');
    await at('share-allow').dblclick();
    await expect.poll(() => at('share-ask').count()).toBe(0);
    expect(await commands('decide_for_account')).toHaveLength(1);
    expect(await checked('share-switch-acme-email')).toBe('true');
  });

  test('moves nothing else when it is switched', async () => {
    await open('partners');
    const place = async (): Promise<number | undefined> => (await at('partner-club-of-the-valley').boundingBox())?.y;
    const before = await place();
    await at('share-switch-acme-name').click();
    await expect.poll(() => checked('share-switch-acme-name')).toBe('false');
    expect(await place()).toBe(before);
    await at('share-switch-acme-name').click();
    await ready('share-ask');
    await at('share-allow').click();
    await expect.poll(() => checked('share-switch-acme-name')).toBe('true');
    expect(await place()).toBe(before);
  });

  test('that the server was not told of says so', async () => {
    await open('partners-offline');
    await at('share-switch-acme-name').click();
    await at('share-acme-name').getByText('You took it back, today · The server will be told.').waitFor();
    expect(await at('share-acme-name').getAttribute('data-told')).toBe('false');
  });

  test('is not asked for any more when it cannot be given, or another question comes', async () => {
    await open('partners');
    await at('share-switch-acme-email').click();
    await at('share-ask').waitFor();
    await now({ mayShare: false });
    await expect.poll(() => at('share-ask').count()).toBe(0);
    await now({ mayShare: true });
    await at('share-switch-acme-email').click();
    await at('share-ask').waitFor();
    await stage.page.evaluate(() => {
      window.jasminStage?.show({ prompt: { id: 3, purpose: 'camera', context: { is: 'settings' } } });
    });
    await at('consent-prompt').waitFor();
    expect(await at('share-ask').count()).toBe(0);
    await stage.page.evaluate(() => {
      window.jasminStage?.show({ prompt: null });
    });
    await expect.poll(() => at('consent-prompt').count()).toBe(0);
    expect(await at('share-ask').count(), 'it does not come back by itself').toBe(0);
    expect(await commands('decide_for_account'), 'nobody answered').toEqual([]);
  });
});

describe('a refusal of the program', () => {
  test('is said, and nobody is held in the question', async () => {
    await open('partners');
    await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      const view = acted?.view();
      // The partner went, and the page was not told yet.
      if (view !== undefined) view.partners = { ...view.partners, list: [] };
    });
    await at('share-switch-acme-email').click();
    await ready('share-ask');
    await at('share-allow').click();
    await at('notice').waitFor();
    expect(await at('share-ask').count()).toBe(1);
    await ready('share-ask');
    await press('Escape');
    await expect.poll(() => at('share-ask').count()).toBe(0);
    expect(await commands('decide_for_account')).toHaveLength(2);
  });
});

describe('what cannot be switched on', () => {
  test.each([
    ['partners', 'share-switch-club-of-the-valley-birthday', 'It is suspended'],
    ['partners-minor', 'share-switch-acme-name', 'Under 18, nothing can be shared.'],
    ['partners-shut', 'share-switch-ended-email', 'cannot get anything any more'],
    ['partners-shut', 'share-switch-new-email', 'has signed nothing yet'],
    ['partners-shut', 'share-switch-old-email', 'is out of date'],
    ['partners-shut', 'share-switch-signed-email', 'is not active yet'],
  ])('says why: %s, %s', async (scene, testid, why) => {
    await open(scene);
    expect(await at(testid).getAttribute('aria-disabled')).toBe('true');
    expect(await described(testid)).toContain(why);
    expect(await described(testid)).not.toContain('asks you');
    await at(testid).focus();
    await press('Enter');
    await press('Space');
    expect(await at('share-ask').count()).toBe(0);
  });

  test('can be switched off where it is on', async () => {
    await open('partners');
    const testid = 'share-switch-club-of-the-valley-name';
    expect(await at(testid).getAttribute('aria-disabled')).toBe('false');
    await at(testid).focus();
    await press('Enter');
    await expect.poll(() => checked(testid)).toBe('false');
    expect(await at(testid).getAttribute('aria-disabled')).toBe('true');
    expect(await focused()).toBe(testid);
  });
});

describe('stopping with a partner', () => {
  test('is asked for first; by keyboard alone', async () => {
    await open('partners');
    await at('stop-sharing-acme').focus();
    await press('Enter');
    await at('confirm').getByText('Stop sharing with').waitFor();
    await press('Escape');
    await expect.poll(() => at('confirm').count()).toBe(0);
    expect(await focused()).toBe('stop-sharing-acme');
    expect(await commands('stop_sharing')).toEqual([]);
    await press('Enter');
    await at('confirm').waitFor();
    await press('Tab');
    await press('Tab');
    expect(await focused()).toBe('confirm-go');
    await press('Enter');
    expect(await told(stage.page, 'stop_sharing')).toEqual({
      do: 'stop_sharing',
      partner: 'acme',
      gesture: 'key',
    });
    await stage.page.getByText('is told to delete what it got.').waitFor();
    expect(await checked('share-switch-acme-name')).toBe('false');
    await expect.poll(() => at('stop-sharing-acme').count()).toBe(0);
    expect(await focused(), 'the focus stays in the card').toBe('Acme Lenses');
    await unfold('acme');
    expect((await passings('acme'))[0]).toBe('deletion waiting name');
    expect(await checked('share-switch-club-of-the-valley-name'), 'the other keeps what it has').toBe('true');
  });

  test('is not offered where nothing was given', async () => {
    await open('partners-shut');
    await at('partner-ended').waitFor();
    expect(await stage.page.locator('[data-testid^="stop-sharing-"]').count()).toBe(0);
    await at('passings-ended').locator('summary').click();
    await at('passings-ended').getByText('Nothing went to them.').waitFor();
  });
});

describe('the partners', () => {
  test('are nobody, and that is said', async () => {
    await open('home');
    expect(await at('partners').textContent()).toContain('Nobody gets anything from you: we have no partners.');
    await open('empty');
    expect(await at('partners').textContent()).toContain('The server was not asked yet');
  });

  test('say who they are, what they want, what they signed, and what went to them', async () => {
    await open('partners');
    const card = at('partner-acme');
    await at('partner-document-acme').locator('summary').click();
    await unfold('acme');
    await at('passings-acme').getByText('What went to them (4)').waitFor();
    expect(await passings('acme')).toEqual([
      'given done name',
      'deletion done email name',
      'given cancelled birthday',
      'given done email name',
    ]);
    const text = await card.textContent();
    for (const words of [
      'Acme Lenses B.V., Netherlands',
      'Active',
      'On 1 September 2026, counts until 31 August 2027',
      '3f2a 9c1e 77b0 4d12',
      'Told to delete: e-mail address and name',
      'Taken back. In case it arrived, they are told to delete it.',
    ]) {
      expect(text).toContain(words);
    }
    await unfold('club-of-the-valley');
    expect(await passings('club-of-the-valley')).toEqual([
      'deletion waiting birthday',
      'given done birthday name',
    ]);
    await at('partner-club-of-the-valley').getByText('Waiting for its answer').waitFor();
  });

  test('have all their answers in sight in the narrowest window', async () => {
    await open('partners', NARROW);
    await at('share-switch-acme-email').click();
    await ready('share-ask');
    for (const answer of ['deny', 'allow']) {
      const box = await at(`share-${answer}`).boundingBox();
      expect((box?.y ?? 999) + (box?.height ?? 0)).toBeLessThanOrEqual(480);
    }
  });
});

describe('what is about the account alone', () => {
  test.each([
    ['statistics', 'statistics', 'Count you in our public statistics?', 'You are not counted from now on.'],
    ['policy-news', 'policy_news', 'Write to you when our policies change?', 'Mails that wait are not sent.'],
  ])('is asked for, allowed and taken back by keyboard alone: %s', async (name, is, title, taken) => {
    await open('home');
    await at(`${name}-switch`).focus();
    await press('Space');
    await at(`${name}-ask`).getByText(title).waitFor();
    expect(await at(`${name}-ask`).getAttribute('data-purpose')).toBe(is);
    expect(await commands('decide_for_account'), 'a question is no answer').toEqual([]);
    await ready(`${name}-ask`);
    await press('Escape');
    await expect.poll(() => at(name).getAttribute('data-state')).toBe('denied');
    await expect.poll(focused).toBe(`${name}-switch`);
    await press('Space');
    await ready(`${name}-ask`);
    await press('Tab');
    expect(await focused()).toBe(`${name}-deny`);
    await press('Tab');
    expect(await focused()).toBe(`${name}-allow`);
    await press('Space');
    await expect.poll(() => checked(`${name}-switch`)).toBe('true');
    await at(name).getByText('Allowed since today').waitFor();
    await press('Space');
    await stage.page.getByText(`Taken back. ${taken}`).waitFor();
    expect(await at(`${name}-ask`).count(), 'no question for a no').toBe(0);
    expect(await described(`${name}-switch`)).toBe('You took it back, today');
    expect(await commands('decide_for_account')).toMatchObject(
      ['deny', 'allow', 'withdraw'].map((answer) => ({ purpose: { is }, answer, gesture: 'key' })),
    );
    await at(`consent-history-${name}`).getByText('History (3)').waitFor();
    await at(`consent-text-${name}`).locator('summary').click();
    await at(`consent-text-${name}`).getByText(title).waitFor();
    const newest = stage.page.locator('[data-testid="ledger-record"]').first();
    expect(await newest.getAttribute('data-purpose')).toBe(is);
    expect(stage.errors).toEqual([]);
  });

  test.each(['statistics', 'policy-news'])('says that the server was not told: %s', async (name) => {
    await open('partners-offline');
    expect(await at(name).getAttribute('data-told')).toBe('true');
    await at(`${name}-switch`).click();
    await ready(`${name}-ask`);
    await at(`${name}-allow`).click();
    await at(name).getByText('Allowed since today · The server will be told.').waitFor();
    expect(await at(name).getAttribute('data-told')).toBe('false');
    await stage.page.evaluate((key) => {
      const acted = window.jasminStage;
      if (acted === undefined) throw new Error('nobody acts');
      acted.show({ [key]: { ...acted.view()[key], told: true } });
    }, name === 'statistics' ? 'statistics' as const : 'policyNews' as const);
    await expect.poll(() => at(name).getAttribute('data-told')).toBe('true');
    await at(name).getByText('Allowed since today', { exact: true }).waitFor();
  });

  test.each(['statistics', 'policy-news'])('has all its answers in sight in the narrowest window: %s', async (name) => {
    await open('home', NARROW);
    await at(`${name}-switch`).click();
    await ready(`${name}-ask`);
    for (const answer of ['deny', 'allow']) {
      const box = await at(`${name}-${answer}`).boundingBox();
      expect((box?.y ?? 999) + (box?.height ?? 0)).toBeLessThanOrEqual(480);
    }
  });

  test('ends with everything else', async () => {
    await open('partners');
    await at('withdraw-all').click();
    const text = await at('confirm').textContent();
    expect(text).toContain('camera, microphone, name for \u2068Acme Lenses\u2069');
    expect(text).toContain(
      'being counted in statistics and e-mails about new policies. Partners are told to delete what they got.',
    );
    await at('confirm-go').click();
    await told(stage.page, 'withdraw_all');
    await expect.poll(() => checked('statistics-switch')).toBe('false');
    expect(await checked('policy-news-switch')).toBe('false');
    expect(await checked('share-switch-acme-name')).toBe('false');
    expect(await at('consent-camera').getAttribute('data-state')).toBe('withdrawn');
  });
});

describe('statistics', () => {
  test('say where the numbers are', async () => {
    await open('home');
    await at('statistics').getByText('/legal/statistics').waitFor();
  });
});

describe('mail about the policies', () => {
  test('is offered among them, by a name that needs nothing around it', async () => {
    await open('home');
    expect(await at('policies').locator('[data-testid="policy-news"]').count()).toBe(1);
    await at('policy-news').getByText('E-mail me when they change', { exact: true }).waitFor();
    const named = stage.page.getByRole('switch', { name: 'Policies: E-mail me when they change' });
    expect(await named.getAttribute('data-testid')).toBe('policy-news-switch');
    expect(await described('policy-news-switch')).toBe('You were never asked. Switching on asks you.');
  });

  test.each(['empty', 'policy-unknown'])('is not offered where no policies are known: %s', async (scene) => {
    await open(scene);
    await at('policies').waitFor();
    expect(await at('policy-news').count()).toBe(0);
    expect(await at('statistics').count()).toBe(1);
  });

  test('is asked for again with what the policies do more', async () => {
    await open('policy-come');
    await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      if (acted === undefined) throw new Error('nobody acts');
      const { policies, policyNews } = acted.view();
      const sets = policies.sets.map((set) => ({
        ...set,
        changes: set.changes.map((one) => ({ ...one, purposes: ['policy_news' as const] })),
      }));
      acted.show({
        policies: { ...policies, sets },
        policyNews: { ...policyNews, state: 'superseded', sinceMs: Date.now() },
      });
    });
    await at('policy-news').getByText('Ended, because the text changed (today). Switching on asks you.').waitFor();
    await at('policy-news-switch').click();
    await at('consent-again').getByText('While a call is on hold').waitFor();
    await ready('policy-news-ask');
    await press('Escape');
    await at('policy-read-current').click();
    await at('policy-changes').getByText('You will be asked again for: e-mails about new policies').first().waitFor();
  });
});
