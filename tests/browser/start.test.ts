import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isListening } from '../../scripts/lib/listening.mjs';
import { findChromium, launch } from './chromium.ts';
import { NpmStart } from './npm-start.ts';
import { tone } from './tone.ts';

const chromium = findChromium();

/** All of it, as somebody meets it who has just cloned this repository. */
describe.skipIf(chromium === null)('npm start, and a browser', () => {
  let folder: string;
  let started: NpmStart;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-start-'));
    [browser, started] = await Promise.all([launch(chromium ?? ''), NpmStart.in(folder)]);
    context = await browser.newContext();
    context.setDefaultTimeout(30_000);
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (line) => {
      const refusal = /^Failed to load resource: .* status of 401 /.test(line.text());
      if (['error', 'warning'].includes(line.type()) && !refusal) complaints.push(`${line.type()}: ${line.text()}`);
    });
    await page.goto(started.url);
    await page.locator('#entries li').first().waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await started?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const button = (name: string): ReturnType<Page['getByRole']> => page.getByRole('button', { name, exact: true });

  it('registers, verifies, signs in, uploads, watches, publishes, buys and signs out everywhere', async () => {
    const [email, password] = ['nora@codex.example', 'a long enough one'];
    await page.getByText('Create an account').click();
    await page.getByLabel('Name', { exact: true }).fill('Nora');
    await page.getByLabel('Your email').fill(email);
    await page.getByLabel('A password of 12 characters or more').fill(password);
    await page.getByLabel('I publish').check();
    await button('Create').click();
    await expect.poll(() => text('#account-message')).toBe('A letter is on its way to that address. You can sign in already.');
    await page.locator('#letters li', { hasText: email }).getByRole('link').click();
    await expect.poll(() => text('#account-message')).toBe('Your email is verified.');

    await page.getByLabel('Password', { exact: true }).fill(password);
    await button('Sign in').click();
    await expect.poll(() => text('#who')).toBe('Nora · creator');
    await page.locator('#own-sessions', { hasText: 'this one' }).waitFor();
    expect(await page.locator('#verify').isVisible()).toBe(false);

    await page
      .getByLabel('Video or audio file')
      .setInputFiles({ name: 'rain.wav', mimeType: 'audio/wav', buffer: Buffer.from(tone(1)) });
    await page.getByLabel('Category').selectOption('Sound');
    await page.getByLabel('Publish it when it is ready').uncheck();
    await button('Upload').click();
    const upload = page.locator('#media-list li', { hasText: 'rain' });
    await expect.poll(() => upload.locator('.pill').innerText(), { timeout: 60_000 }).toBe('ready');
    expect(await text('#entries')).not.toContain('rain');
    await button('Publish rain').click();
    await expect.poll(() => text('#entries')).toContain('rain');

    const offer = page.locator('#offers li').first();
    const title = await offer.locator('.title').innerText();
    await offer.getByRole('button').click();
    await expect.poll(() => text('#owned')).toContain(title);

    const elsewhere = await browser.newContext();
    const me = async (): Promise<number> => (await elsewhere.request.get(`${started.url}/auth/me`)).status();
    const headers = { Origin: started.url };
    await elsewhere.request.post(`${started.url}/auth/login`, { headers, data: { email, password } });
    expect(await me()).toBe(200);
    await button('Sign out everywhere').click();
    await expect.poll(() => text('#account-message')).toBe('You are signed out everywhere.');
    await button('Who am I?').click();
    await expect.poll(() => text('#account-message')).toBe('Nobody is signed in here.');
    expect(await me()).toBe(401);
    expect(complaints).toEqual([]);
  });

  it('ends with Ctrl-C, and leaves nothing behind that listens', async () => {
    await started.stop();
    expect(await isListening('127.0.0.1', started.port)).toBe(false);
  });

  it.skipIf(!existsSync('/proc/self/status'))('ends when its wrangler dev does, and leaves nothing behind either', async () => {
    started = await NpmStart.in(folder);
    expect(await started.loseWrangler()).toEqual({ code: 1, left: [] });
  });
});
