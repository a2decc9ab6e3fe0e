import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Stage, type Look } from './stage';

const FOLDER = process.env['SHOTS'] ?? '';
const ONLY = (process.env['SCENES'] ?? '').split(',').filter(Boolean);

const WIDE = { width: 1280, height: 800 };
const SMALL = { width: 360, height: 480 };
type Steps = (stage: Stage) => Promise<void>;
const click =
  (...testids: string[]): Steps =>
  async ({ page }) => {
    for (const testid of testids) await page.locator(`[data-testid="${testid}"]`).click();
  };

/** For what only narrow windows have. */
const narrowly =
  (testid: string): Steps =>
  async ({ page }) => {
    const target = page.locator(`[data-testid="${testid}"]`);
    if (await target.isVisible()) await target.click();
  };

/** For what stands further down. */
const unfolded =
  (door: string, testid: string, ...also: string[]): Steps =>
  async ({ page }) => {
    await page.locator(`[data-testid="${door}"]`).click();
    for (const one of also) await page.locator(`[data-testid="${one}"]`).click();
    await page.locator(`[data-testid="${testid}"]`).evaluate((found) => {
      found.scrollIntoView({ block: 'start' });
    });
  };

/** The stop after this one, as the keyboard finds it. */
const focused =
  (door: string, testid: string): Steps =>
  async ({ page }) => {
    await page.locator(`[data-testid="${door}"]`).click();
    await page.locator(`[data-testid="${testid}"]`).focus();
    await page.keyboard.press('Tab');
  };

/** The texts themselves, below what changed in them. */
const atText: Steps = async ({ page }) => {
  await page.locator('#policy-privacy_policy-collection').evaluate((found) => {
    found.scrollIntoView({ block: 'start' });
  });
};

const atWords: Steps = async ({ page }) => {
  await page.locator('#policy-diff-privacy_policy-keeping').evaluate((found) => {
    found.scrollIntoView({ block: 'start' });
  });
};

const SHOTS: [name: string, scene: string, steps?: Steps][] = [
  ['welcome', 'welcome'],
  ['server', 'welcome', click('server')],
  ['signup', 'welcome', click('sign-up')],
  ['signup-errors', 'welcome', click('sign-up', 'submit')],
  ['code', 'code'],
  ['vault-choose', 'vault-choose'],
  ['vault-locked', 'vault-locked'],
  ['vault-broken', 'vault-broken'],
  ['empty', 'empty'],
  ['home', 'home'],
  ['home-page', 'home', narrowly('open-home')],
  ['person', 'home', click('person-ana@lima.example')],
  ['key-changed', 'key-changed', click('person-ana@lima.example')],
  ['offline', 'offline'],
  ['prompt-camera', 'prompt-camera'],
  ['prompt-check', 'prompt-check'],
  ['prompt-settings', 'prompt-settings'],
  ['check', 'check'],
  ['check-trouble', 'check-trouble'],
  ['undo', 'undo'],
  ['ringing', 'ringing'],
  ['denied', 'denied'],
  ['incoming', 'incoming'],
  ['incoming-audio', 'incoming-audio'],
  ['connecting', 'connecting'],
  ['call', 'call'],
  ['call-privacy', 'call', click('privacy')],
  ['call-withdrawn', 'call', click('privacy', 'consent-switch-camera')],
  ['call-devices', 'call', click('devices')],
  ['call-sound', 'call-sound'],
  ['call-muted', 'call-muted'],
  ['call-weak', 'call-weak'],
  ['call-gone', 'call-gone'],
  ['call-differ', 'call-differ'],
  ['call-matched', 'call-matched', click('privacy')],
  ['call-waiting', 'call-waiting'],
  ['reconnecting', 'reconnecting'],
  ['ended', 'ended'],
  ['ended-declined', 'ended-declined'],
  ['ended-network', 'ended-network'],
  ['privacy', 'home', click('nav-privacy')],
  ['privacy-never', 'empty', click('nav-privacy')],
  ['privacy-text', 'home', click('nav-privacy', 'consent-text-camera')],
  ['privacy-history', 'home', click('nav-privacy', 'consent-history-camera')],
  ['privacy-list', 'ledger-waiting', unfolded('nav-privacy', 'ledger-waiting')],
  ['privacy-all', 'home', click('nav-privacy', 'withdraw-all')],
  ['privacy-withdrawn', 'withdrawn', click('nav-privacy')],
  ['partners-none', 'home', unfolded('nav-privacy', 'partners-title')],
  ['partners-unknown', 'empty', unfolded('nav-privacy', 'partners-title')],
  ['partners', 'partners', unfolded('nav-privacy', 'partners-title')],
  [
    'partners-open',
    'partners',
    unfolded('nav-privacy', 'partners-title', 'partner-document-acme', 'passings-acme', 'consent-text-partner-acme'),
  ],
  [
    'partners-other',
    'partners',
    unfolded('nav-privacy', 'partner-club-of-the-valley', 'passings-club-of-the-valley', 'consent-history-partner-acme'),
  ],
  ['partners-minor', 'partners-minor', unfolded('nav-privacy', 'partners-title')],
  ['partners-shut', 'partners-shut', unfolded('nav-privacy', 'partners-title')],
  ['partners-offline', 'partners-offline', unfolded('nav-privacy', 'partners-title', 'share-switch-acme-name')],
  ['share-ask', 'partners', click('nav-privacy', 'share-switch-acme-email')],
  ['share-taken', 'partners', click('nav-privacy', 'share-switch-acme-name')],
  ['share-stop', 'partners', click('nav-privacy', 'stop-sharing-acme')],
  ['statistics', 'partners', unfolded('nav-privacy', 'statistics', 'consent-text-statistics')],
  ['statistics-ask', 'home', click('nav-privacy', 'statistics-switch')],
  ['policy-news', 'partners', unfolded('nav-privacy', 'policies', 'consent-text-policy-news')],
  ['policy-news-never', 'policy-coming', unfolded('nav-privacy', 'policies')],
  ['policy-news-ask', 'policy-coming', click('nav-privacy', 'policy-news-switch')],
  ['policy-news-taken', 'partners', unfolded('nav-privacy', 'policies', 'policy-news-switch')],
  ['everything', 'partners', click('nav-privacy', 'withdraw-all')],
  ['partners-ledger', 'partners', unfolded('nav-privacy', 'ledger-export')],
  ['privacy-focus', 'home', focused('nav-privacy', 'consent-switch-camera')],
  ['privacy-trouble', 'ledger-missing', click('nav-privacy')],
  ['privacy-saving', 'ledger-saving', unfolded('nav-privacy', 'ledger-export')],
  ['privacy-saved', 'ledger-saved', unfolded('nav-privacy', 'ledger-exported')],
  ['privacy-failed', 'ledger-failed', unfolded('nav-privacy', 'ledger-export-failed')],
  ['policy-signup', 'policy-welcome', click('sign-up')],
  ['policy-signup-end', 'policy-welcome', unfolded('sign-up', 'signup-policy')],
  ['policy-signup-errors', 'policy-welcome', unfolded('sign-up', 'signup-policy', 'submit')],
  ['policy-first', 'policy-first'],
  ['policy-reader', 'policy-reader'],
  ['policy-reader-texts', 'policy-reader', atText],
  ['policy-banner', 'policy-coming'],
  ['policy-come', 'policy-come'],
  ['policy-diff', 'policy-diff'],
  ['policy-diff-more', 'policy-diff', atWords],
  ['policy-texts', 'policy-diff', atText],
  ['policy-settings', 'policy-coming', unfolded('nav-privacy', 'policies', 'policy-all')],
  ['policy-superseded', 'policy-superseded', click('nav-privacy', 'consent-history-camera')],
  ['law-told', 'law-told'],
  ['law-privacy', 'law-told', unfolded('nav-privacy', 'disclosures-title')],
  ['policy-trouble', 'policy-trouble', click('nav-privacy')],
  ['policy-unknown', 'policy-unknown', unfolded('nav-privacy', 'policies')],
  ['policy-loading', 'policy-loading'],
  ['policy-failed', 'policy-failed'],
  ['prompt-superseded', 'prompt-superseded'],
  ['settings', 'home', click('nav-settings')],
  ['av', 'home', click('nav-settings', 'settings-av')],
  ['keys', 'home', click('nav-settings', 'settings-keys')],
  ['account', 'home', click('nav-settings', 'settings-account')],
];

/** Pictures for people to look at: `SHOTS=<folder> [SCENES=a,b] [LOOK=small,desk,full-dark,4k,rtl,hc]`. */
describe.runIf(FOLDER !== '')('pictures', () => {
  let stage: Stage;
  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true });
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  const all: Record<string, Look> = {
    wide: WIDE,
    small: SMALL,
    dark: { ...WIDE, colorScheme: 'dark' },
    'small-dark': { ...SMALL, colorScheme: 'dark' },
    middle: { width: 800, height: 600 },
    mock: { width: 1120, height: 760 },
    desk: { width: 1000, height: 700 },
    'desk-dark': { width: 1000, height: 700, colorScheme: 'dark' },
    full: { width: 1920, height: 1080 },
    'full-dark': { width: 1920, height: 1080, colorScheme: 'dark' },
    '4k': { width: 3840, height: 2160 },
    rtl: { ...WIDE, rtl: true },
    hc: { ...WIDE, contrast: 'more' },
    ring: { width: 360, height: 220 },
  };
  const looks = (process.env['LOOK'] ?? 'wide').split(',');

  for (const look of looks) {
    for (const [name, scene, steps] of SHOTS) {
      if (ONLY.length > 0 && !ONLY.includes(name)) continue;
      test(`${name} ${look}`, async () => {
        await stage.show(scene, all[look] ?? WIDE);
        await steps?.(stage);
        const video = stage.page.locator('canvas[data-testid="remote-video"]');
        if (scene.startsWith('call') && (await video.count()) > 0) {
          await stage.page
            .waitForFunction(
              () =>
                Number(document.querySelector<HTMLElement>('[data-testid="remote-video"]')?.dataset['frames'] ?? 0) > 2,
              undefined,
              { timeout: 3000 },
            )
            .catch(() => undefined);
        }
        if (scene.startsWith('prompt')) {
          await stage.page.locator('[data-testid="consent-prompt"][data-ready="true"]').waitFor();
        }
        await stage.page.waitForTimeout(350);
        await stage.page.screenshot({ path: `${FOLDER}/${name}-${look}.png` });
      });
    }
  }
});
