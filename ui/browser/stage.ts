import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import type { FakeStage } from '../src/backend/fake';

const BUILT = fileURLToPath(new URL('../dist-fake/', import.meta.url));

/** What the window sends with the page. The tests run under the same words. */
const CSP = [
  "default-src 'self'",
  'connect-src ipc: http://ipc.localhost',
  "img-src 'self' blob: data:",
  "style-src 'self'",
  "script-src 'self'",
  "worker-src 'none'",
  "frame-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Partial<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

async function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = normalize(pathname === '/' ? '/index.html' : pathname);
    readFile(join(BUILT, path)).then(
      (body) => {
        const type = TYPES[extname(path)] ?? 'application/octet-stream';
        response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP });
        response.end(body);
      },
      () => {
        response.writeHead(404).end();
      },
    );
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return server;
}

export interface Look {
  width: number;
  height: number;
  colorScheme?: 'light' | 'dark';
  rtl?: boolean;
  contrast?: 'more';
}

/** A browser on the built page, its acted backend, and what went wrong in it. */
export class Stage {
  readonly page: Page;
  readonly errors: string[] = [];
  readonly #context: BrowserContext;
  readonly #server: Server;
  readonly #profile: string;

  private constructor(context: BrowserContext, page: Page, server: Server, profile: string) {
    this.#context = context;
    this.page = page;
    this.#server = server;
    this.#profile = profile;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.errors.push(message.text());
    });
    page.on('pageerror', (error) => {
      this.errors.push(error.message);
    });
  }

  static async open(): Promise<Stage> {
    const server = await serve();
    const profile = await mkdtemp(join(tmpdir(), 'jasmin-ui-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env['JASMIN_CHROMIUM'] ?? '/usr/bin/chromium',
      headless: true,
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    // As the window does before the page's own script runs.
    await context.addInitScript(() => {
      Object.freeze(Object.prototype);
    });
    const page = context.pages()[0] ?? (await context.newPage());
    return new Stage(context, page, server, profile);
  }

  async show(scene: string, look: Look = { width: 1280, height: 800 }): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    await this.page.emulateMedia({
      colorScheme: look.colorScheme ?? 'light',
      contrast: look.contrast ?? 'no-preference',
      reducedMotion: 'reduce',
    });
    await this.page.setViewportSize({ width: look.width, height: look.height });
    await this.page.goto(`http://127.0.0.1:${String(port)}/?scene=${scene}`);
    await this.page.locator('[data-screen]').waitFor();
    if (look.rtl === true) {
      await this.page.evaluate(() => {
        document.documentElement.dir = 'rtl';
      });
    }
  }

  async close(): Promise<void> {
    await this.#context.close();
    await new Promise((done) => {
      this.#server.close(done);
    });
    await rm(this.#profile, { recursive: true, force: true });
  }
}

/** The control with this handle. */
export function handle(page: Page, testid: string): ReturnType<Page['locator']> {
  return page.locator(`[data-testid="${testid}"]`);
}

/** Waits until the acted program was told such a command, and returns it. */
export async function told(page: Page, name: string): Promise<unknown> {
  const found = await page.waitForFunction((wanted) => {
    const stage: FakeStage | undefined = window.jasminStage;
    return stage?.commands.find((command) => command.do === wanted);
  }, name);
  return found.jsonValue();
}
