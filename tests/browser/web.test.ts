import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linkedSite } from '../web/site.ts';
import { findChromium, launch } from './chromium.ts';
import { faintTexts } from './faint-texts.ts';
import type { LocalWorker } from './local-worker.ts';

const chromium = findChromium();

/** Long enough for a build, a database and a server on a machine that has much else to do. */
const BUILD_MS = 300_000;

/** The SvelteKit application exactly as it would be deployed. */
describe.skipIf(chromium === null)('the application, in a browser', () => {
  let folder: string;
  let worker: LocalWorker;
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-web-page-'));
    const site = linkedSite();
    await site.build();
    await site.prepare(folder);
    [browser, worker] = await Promise.all([launch(chromium ?? ''), site.serve(folder, 'wrangler.toml')]);
  }, BUILD_MS);

  afterAll(async () => {
    await browser?.close();
    await worker?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  /** A page in a browser of somebody else's, from an address of their own. */
  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const address = `203.0.113.${Math.floor(Math.random() * 256)}`;
    const context = await browser.newContext({ ...options, extraHTTPHeaders: { 'CF-Connecting-IP': address } });
    contexts.push(context);
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
    });
    await page.goto(`${worker.url}/login`);
    return page;
  }

  async function signUp(page: Page, email: string): Promise<void> {
    const form = page.locator('section', { has: page.getByRole('heading', { name: 'Make an account' }) });
    await form.getByLabel('Name').fill('Ada');
    await form.getByLabel('Email').fill(email);
    await form.getByLabel('Password').fill('a password to try');
    await form.getByRole('button').click();
    await heading(page, 'You are Ada');
  }

  const heading = (page: Page, name: string): Promise<void> => page.getByRole('heading', { name, exact: true }).waitFor();

  it.each([true, false])(
    'says who you are and what knew it, until you sign out everywhere (scripts: %s)',
    async (javaScriptEnabled) => {
      const email = `ada-${crypto.randomUUID()}@codex.example`;
      const page = await open({ javaScriptEnabled });
      await signUp(page, email);
      const from = async (): Promise<string> => {
        await page.goto(worker.url);
        return page.locator('#session-from').innerText();
      };
      await expect.poll(from).toMatch(/^(?:Workers KV|this isolate’s memory)$/);

      const elsewhere = await open();
      const form = elsewhere.locator('section', { has: elsewhere.getByRole('heading', { name: 'Sign in' }) });
      await form.getByLabel('Email').fill(email);
      await form.getByLabel('Password').fill('a password to try');
      await form.getByRole('button').click();
      await heading(elsewhere, 'You are Ada');

      await page.getByRole('button', { name: 'Sign out everywhere' }).click();
      await heading(page, 'Sign in');
      await elsewhere.goto(worker.url);
      await heading(elsewhere, 'Nobody is signed in');
      expect(await elsewhere.context().cookies()).toEqual([]);
    },
  );

  it.each(['light', 'dark'] as const)('is legible in the %s scheme, on a phone and on a desktop', async (colorScheme) => {
    for (const width of [320, 1280]) {
      const page = await open({ colorScheme, viewport: { width, height: 800 } });
      const looksRight = async (): Promise<void> => {
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(await page.evaluate(faintTexts)).toEqual([]);
      };
      await looksRight();
      await signUp(page, `a-rather-long-name-of-somebody-${crypto.randomUUID()}@codex.example`);
      await page.getByRole('link', { name: 'Sound' }).click();
      await page.getByText('Room tone', { exact: true }).waitFor();
      await looksRight();
    }
  });
});
