import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCENES } from '../src/backend/fake/scenes';
import { handle, Stage, type Look } from './stage';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Pages that are a click away from a scene. */
const PAGES: Record<string, { scene: string; clicks: string[] }> = {
  'sign-up': { scene: 'welcome', clicks: ['sign-up', 'submit'] },
  'sign-up-policies': { scene: 'policy-welcome', clicks: ['sign-up', 'submit'] },
  'policies-all': { scene: 'policy-coming', clicks: ['nav-privacy', 'policy-all'] },
  server: { scene: 'welcome', clicks: ['server'] },
  person: { scene: 'home', clicks: ['person-ana@lima.example'] },
  removing: { scene: 'home', clicks: ['person-ana@lima.example', 'remove-person'] },
  privacy: { scene: 'home', clicks: ['nav-privacy'] },
  'privacy-never': { scene: 'empty', clicks: ['nav-privacy', 'consent-history-camera'] },
  'privacy-open': {
    scene: 'ledger-waiting',
    clicks: [
      'nav-privacy',
      'consent-text-camera',
      'consent-history-camera',
      'consent-text-microphone',
      'consent-history-microphone',
      'ledger-all',
    ],
  },
  'privacy-law': { scene: 'law-told', clicks: ['nav-privacy'] },
  'privacy-offline': { scene: 'offline', clicks: ['nav-privacy', 'consent-switch-camera'] },
  'partners-open': {
    scene: 'partners',
    clicks: [
      'nav-privacy',
      'partner-document-acme',
      'passings-acme',
      'consent-text-partner-acme',
      'consent-history-partner-acme',
      'passings-club-of-the-valley',
      'consent-text-statistics',
      'consent-history-statistics',
      'consent-text-policy-news',
      'consent-history-policy-news',
    ],
  },
  'share-ask': { scene: 'partners', clicks: ['nav-privacy', 'share-switch-acme-email'] },
  'share-taken': { scene: 'partners', clicks: ['nav-privacy', 'share-switch-acme-name'] },
  'share-stop': { scene: 'partners', clicks: ['nav-privacy', 'stop-sharing-club-of-the-valley'] },
  'statistics-ask': { scene: 'home', clicks: ['nav-privacy', 'statistics-switch'] },
  'policy-news-ask': { scene: 'home', clicks: ['nav-privacy', 'policy-news-switch'] },
  'policy-news-untold': { scene: 'partners-offline', clicks: ['nav-privacy', 'policy-news-switch', 'policy-news-deny'] },
  everything: { scene: 'partners', clicks: ['nav-privacy', 'withdraw-all'] },
  'withdraw-all': { scene: 'home', clicks: ['nav-privacy', 'withdraw-all'] },
  'ledger-long': { scene: 'ledger-long', clicks: ['nav-privacy', 'ledger-all'] },
  av: { scene: 'home', clicks: ['nav-settings', 'settings-av'] },
  keys: { scene: 'home', clicks: ['nav-settings', 'settings-keys'] },
  account: { scene: 'home', clicks: ['nav-settings', 'settings-account'] },
  'privacy-panel': { scene: 'call', clicks: ['privacy'] },
  'devices-panel': { scene: 'call', clicks: ['devices'] },
};
// What is acted about records and policies shows on the page that lists them.
const ON_PRIVACY = ['withdrawn', 'policy-superseded', 'policy-trouble', 'policy-unknown'];
const onPrivacy = (scene: string): boolean =>
  /^(ledger-|partners)/u.test(scene) || ON_PRIVACY.includes(scene);
for (const scene of Object.keys(SCENES)) {
  PAGES[scene] ??= { scene, clicks: onPrivacy(scene) ? ['nav-privacy'] : [] };
}

const LOOKS: Record<string, Look> = {
  light: { width: 1280, height: 800 },
  dark: { width: 1280, height: 800, colorScheme: 'dark' },
  small: { width: 360, height: 480 },
  huge: { width: 3840, height: 2160 },
  mirrored: { width: 1024, height: 700, rtl: true },
};

/** What is cut off: wider than the window, or out of reach of any scrolling. */
function cutOff(): string[] {
  const found: string[] = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) found.push(`page is ${String(root.scrollWidth)} wide`);
  for (const element of document.querySelectorAll<HTMLElement>('#app *, dialog *')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    if (element.closest('svg, .hidden, .skip, canvas, select')) continue;
    const name = `${element.tagName}.${element.className} "${element.textContent.trim().slice(0, 30)}"`;
    if (box.left < -1 || box.right > window.innerWidth + 1) found.push(`${name} leaves the window`);
    if (!element.matches('button, input, select, a')) continue;
    let scroller = element.parentElement;
    while (scroller !== null && !/auto|scroll/.test(getComputedStyle(scroller).overflowY)) {
      scroller = scroller.parentElement;
    }
    if (scroller === null && (box.top < -1 || box.bottom > window.innerHeight + 1)) {
      found.push(`${name} is out of reach`);
    }
  }
  return found;
}

describe('every screen', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  for (const [look, size] of Object.entries(LOOKS)) {
    test.each(Object.keys(PAGES))(`%s, ${look}`, async (name) => {
      const { scene, clicks } = PAGES[name] ?? { scene: name, clicks: [] };
      stage.errors.length = 0;
      await stage.show(scene, size);
      for (const testid of clicks) {
        const target = handle(stage.page, testid).first();
        await target.click();
      }
      // Focus shows at once, movement is off: what is there now stays.
      expect(await stage.page.evaluate(cutOff), 'nothing is cut off').toEqual([]);
      expect(stage.errors, 'no errors, and nothing against the policy').toEqual([]);
      if (look !== 'light' && look !== 'dark') return;
      await stage.page.evaluate(AXE);
      const options: RunOptions = {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
        resultTypes: ['violations'],
      };
      const { violations } = await stage.page.evaluate(
        (given): Promise<AxeResults> =>
          (window as unknown as { axe: { run(what: Document, how: RunOptions): Promise<AxeResults> } }).axe.run(
            document,
            given,
          ),
        options,
      );
      const told = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`,
      );
      expect(told.join('\n'), 'accessibility').toBe('');
    });
  }
});
