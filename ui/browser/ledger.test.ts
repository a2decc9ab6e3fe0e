import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LedgerView } from '../src/generated/bindings';
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
const press = (key: string): Promise<void> => stage.page.keyboard.press(key);

async function open(scene: string): Promise<void> {
  await stage.show(scene);
  await at('nav-privacy').click();
}

async function count(name: string): Promise<number> {
  return stage.page.evaluate(
    (wanted) => window.jasminStage?.commands.filter((command) => command.do === wanted).length ?? 0,
    name,
  );
}

async function focused(): Promise<string> {
  return stage.page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? '');
}

/** What the program knows of the records from now on. */
async function now(change: Partial<LedgerView>): Promise<void> {
  await stage.page.evaluate((changed) => {
    const acted = window.jasminStage;
    acted?.show({ ledger: { ...acted.view().ledger, ...changed } });
  }, change);
}

const RECORD = '[data-testid="ledger-record"]';
/** Decisions that are listed below this handle, newest first. */
async function decisions(testid: string): Promise<string[]> {
  return at(testid)
    .locator(RECORD)
    .evaluateAll((found) => found.map((record) => (record as HTMLElement).dataset['decision'] ?? ''));
}

describe('a purpose', () => {
  test('shows the text that it was asked with, by keyboard', async () => {
    await open('home');
    await at('consent-switch-camera').focus();
    await press('Tab');
    await press('Enter');
    const text = at('consent-text-camera');
    await text.getByText('Open the camera for …?').waitFor();
    await text.getByText('As it was shown to you').waitFor();
    await press('Space');
    await expect.poll(() => text.getByText('Open the camera for').count()).toBe(0);
    expect(stage.errors).toEqual([]);
  });

  test('has a history of its own, by keyboard', async () => {
    await open('home');
    await at('consent-switch-camera').focus();
    await press('Tab');
    await press('Tab');
    await press('Enter');
    const history = at('consent-history-camera');
    await history.getByText('History (7)').waitFor();
    await history.locator(RECORD).first().waitFor();
    expect(await decisions('consent-history-camera')).toEqual([
      'granted',
      'expired',
      'granted',
      'withdrawn',
      'denied',
      'superseded',
      'granted',
    ]);
    expect(await history.locator(`${RECORD}[data-purpose="microphone"]`).count()).toBe(0);
    await history.getByText('In the device check, on this computer').waitFor();
    await history.getByText('old-workstation').first().waitFor();
  });

  test('that was never asked for has no text, and says so', async () => {
    await open('empty');
    expect(await at('consent-text-camera').count()).toBe(0);
    await at('consent-history-camera').click();
    await at('consent-history-camera').getByText('You were never asked.').waitFor();
    expect(await stage.page.locator(RECORD).count()).toBe(0);
  });

  test('gets a record by each decision, and what was opened stays open', async () => {
    await open('home');
    await at('consent-history-microphone').click();
    await expect.poll(() => decisions('consent-history-microphone')).toEqual(['granted', 'granted']);
    await at('consent-switch-microphone').click();
    await expect
      .poll(() => decisions('consent-history-microphone'))
      .toEqual(['withdrawn', 'granted', 'granted']);
    await at('consent-switch-microphone').click();
    await stage.page.locator('[data-testid="consent-prompt"][data-ready="true"]').waitFor();
    await at('consent-deny').click();
    await at('consent-history-microphone').getByText('History (4)').waitFor();
    expect((await decisions('consent-history-microphone'))[0]).toBe('denied');
  });
});

describe('the list of all decisions', () => {
  test('is asked for while somebody looks at it, and leaves the page in its shape', async () => {
    await stage.show('home');
    await stage.page.evaluate(() => {
      const sizes = new Set<number>();
      const look = (): void => {
        const row = document.querySelector('[data-testid="consent-camera"]');
        if (row !== null) sizes.add(row.getBoundingClientRect().height);
        requestAnimationFrame(look);
      };
      look();
      Object.assign(window, { rowHeights: sizes });
    });
    await at('nav-privacy').click();
    expect(await told(stage.page, 'show_ledger')).toMatchObject({ shown: true });
    await stage.page.locator(RECORD).first().waitFor();
    await stage.page.evaluate(() => new Promise(requestAnimationFrame));
    const heights = await stage.page.evaluate(
      () => (window as unknown as { rowHeights: Set<number> }).rowHeights.size,
    );
    expect(heights, 'the row has one height').toBe(1);
    await at('nav-people').click();
    await expect.poll(() => count('show_ledger')).toBe(2);
  });

  test('shows the newest, and all when wanted, without losing the focus', async () => {
    await open('ledger-long');
    await expect.poll(() => stage.page.locator(RECORD).count()).toBe(6);
    await at('ledger-all').press('Enter');
    await expect.poll(() => stage.page.locator(RECORD).count()).toBe(200);
    await stage.page.getByText('Only the newest 200').waitFor();
    expect(await focused()).toBe('ledger-all');
    await press('Enter');
    await expect.poll(() => stage.page.locator(RECORD).count()).toBe(6);
  });

  test('says what the server was not told, until it was', async () => {
    await open('ledger-waiting');
    const status = stage.page.locator('[role="status"]', { has: at('ledger-waiting') });
    expect(await status.textContent()).toContain(
      '2 decisions will be told to the server when it is reachable.',
    );
    expect(await stage.page.locator(`${RECORD}[data-told="false"]`).count()).toBe(2);
    await stage.page.getByText('The server does not know this yet').first().waitFor();
    await now({ waiting: 1 });
    await at('ledger-waiting').getByText('1 decision will be told').waitFor();
    await now({ waiting: 0 });
    await expect.poll(() => at('ledger-waiting').count()).toBe(0);
  });

  test('is written down without a server', async () => {
    await open('offline');
    await at('consent-switch-camera').click();
    await at('ledger-waiting').waitFor();
    const newest = stage.page.locator(RECORD).first();
    expect(await newest.getAttribute('data-told')).toBe('false');
    expect(await newest.getAttribute('data-decision')).toBe('withdrawn');
  });
});

describe('saving the records', () => {
  test('tells that it is writing, then where, and how to check them', async () => {
    await open('home');
    await at('ledger-export').click();
    await told(stage.page, 'export_ledger');
    await at('ledger-exported').getByText('9 records are saved in').waitFor();
    const folder = at('ledger-exported').locator('code');
    expect(await folder.getAttribute('dir')).toBe('ltr');
    expect(await folder.textContent()).toMatch(/^\/home\/maya\//);
    await folder.selectText();
    const selected = await stage.page.evaluate(() => window.getSelection()?.toString());
    expect(selected, 'it can be copied').toBe(await folder.textContent());
    await at('ledger-exported').getByText('verify.html').waitFor();
    await at('ledger-exported').getByText('jasmin ledger verify').waitFor();
  });

  test('is not asked for twice, and keeps the size of its button', async () => {
    await open('ledger-saving');
    await stage.page.getByText('Writing your records…').waitFor();
    expect(await at('ledger-export').getAttribute('aria-busy')).toBe('true');
    const busy = await at('ledger-export').boundingBox();
    await at('ledger-export').focus();
    await press('Enter');
    expect(await count('export_ledger')).toBe(0);
    await now({ export: { is: 'none' } });
    await expect.poll(() => at('ledger-export').getAttribute('aria-busy')).toBe('false');
    expect((await at('ledger-export').boundingBox())?.width).toBeCloseTo(busy?.width ?? 0, 0);
    expect(await focused()).toBe('ledger-export');
  });

  test('says what to do when it failed', async () => {
    await open('ledger-failed');
    expect(await at('ledger-export-failed').getAttribute('role')).toBe('alert');
    await at('ledger-export-failed').getByText('then save again').waitFor();
    await at('ledger-export').click();
    await at('ledger-exported').waitFor();
    expect(await at('ledger-export-failed').count()).toBe(0);
  });
});

describe('taking everything back', () => {
  test('is asked for first; by keyboard alone', async () => {
    await open('home');
    await at('withdraw-all').focus();
    await press('Enter');
    await at('confirm').waitFor();
    await at('confirm').getByText('camera and microphone').waitFor();
    await press('Escape');
    await expect.poll(() => at('confirm').count()).toBe(0);
    expect(await count('withdraw_all')).toBe(0);
    expect(await focused()).toBe('withdraw-all');
    await press('Enter');
    await at('confirm').waitFor();
    await press('Enter');
    expect(await at('confirm').count(), 'only a chosen button answers').toBe(1);
    for (const expected of ['confirm-keep', 'confirm-go']) {
      await press('Tab');
      expect(await focused()).toBe(expected);
    }
    await press('Enter');
    await told(stage.page, 'withdraw_all');
    await stage.page.getByText('Everything is taken back.').waitFor();
    for (const purpose of ['camera', 'microphone']) {
      expect(await at(`consent-${purpose}`).getAttribute('data-state')).toBe('withdrawn');
    }
    const newest = stage.page.locator(`${RECORD}[data-decision="withdrawn"]`);
    await expect.poll(() => newest.count()).toBeGreaterThanOrEqual(2);
    await expect.poll(focused).toBe('withdraw-all');
  });

  test('has answers of one size', async () => {
    await open('home');
    await at('withdraw-all').click();
    const keep = await at('confirm-keep').boundingBox();
    const go = await at('confirm-go').boundingBox();
    expect(keep?.width).toBeCloseTo(go?.width ?? 0, 0);
    expect(keep?.height).toBeCloseTo(go?.height ?? 0, 0);
  });

  test('is off, with its reason, when nothing is allowed', async () => {
    await open('withdrawn');
    const button = at('withdraw-all');
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    const reason = await button.getAttribute('aria-describedby');
    expect(await stage.page.locator(`[id="${reason ?? ''}"]`).textContent()).toContain('Nothing is allowed');
    await button.focus();
    await press('Enter');
    await press('Space');
    expect(await at('confirm').count()).toBe(0);
    expect(await count('withdraw_all')).toBe(0);
  });

  test('is put away when the last consent ends meanwhile', async () => {
    await open('home');
    await at('withdraw-all').click();
    await at('confirm').waitFor();
    await stage.page.evaluate(() => {
      const acted = window.jasminStage;
      const consents = acted?.view().consents ?? [];
      acted?.show({ consents: consents.map((consent) => ({ ...consent, state: 'withdrawn' })) });
    });
    await expect.poll(() => at('confirm').count()).toBe(0);
    expect(await focused()).toBe('withdraw-all');
  });
});

describe('what was given under the law', () => {
  test('is told above everything else until it is looked at', async () => {
    await stage.show('law-told');
    const banner = at('law-banner');
    await banner.getByText('Data about you was given to an authority.').waitFor();
    await at('law-banner-open').focus();
    await press('Enter');
    await expect.poll(focused).toBe('disclosures-title');
    const first = at('disclosure').first();
    await first.getByText('To District court of Utrecht').waitFor();
    const text = await first.textContent();
    expect(text).toContain('What: when the account was made and e-mail address.');
    expect(text).toContain('An order kept us from telling you before 14 November 2026.');
    expect(await at('disclosure').count()).toBe(2);
  });

  test('is nothing for most people, and that is said', async () => {
    await open('home');
    expect(await at('law-banner').count()).toBe(0);
    expect(await at('disclosures').textContent()).toContain('Nothing about you was given');
  });
});

describe('a copy that does not fit', () => {
  test.each([
    ['missing', 'A record is missing there, at number 1,204.'],
    ['changed', 'Record 3 there is not as it was signed.'],
    ['reordered', 'Record 5 there stands in a wrong place, or twice.'],
    ['unsigned', 'Record 1 there is not signed by whom it should be.'],
    ['uncommitted', 'is another ledger than the one that you know (12 records).'],
  ])('is told: %s', async (fault, words) => {
    await open(`ledger-${fault}`);
    expect(await at('ledger-trouble').getAttribute('role')).toBe('alert');
    const text = await at('ledger-trouble').textContent();
    expect(text).toContain(words);
    expect(text).toContain('What you chose on this computer still holds.');
    expect(text).toContain('tell whoever runs the server');
  });

  test('leads to saving the records, to where that is told', async () => {
    await open('ledger-missing');
    await at('ledger-trouble-save').focus();
    await press('Enter');
    await told(stage.page, 'export_ledger');
    expect(await focused()).toBe('ledger-export');
    await at('ledger-exported').waitFor();
    expect(await count('export_ledger')).toBe(1);
  });

  test('goes away when it fits again', async () => {
    await open('ledger-changed');
    await now({ trouble: null });
    await expect.poll(() => at('ledger-trouble').count()).toBe(0);
  });
});
