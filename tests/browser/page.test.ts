import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findChromium, launch } from './chromium.ts';
import { faintTexts } from './faint-texts.ts';
import { localSecrets } from '../../scripts/lib/local-workers.mjs';
import { LocalWorker, freePort, prepare } from './local-worker.ts';
import { tone } from './tone.ts';
import { TranscodingService } from './transcoding-service.ts';

const chromium = findChromium();

describe.skipIf(chromium === null)('the page, in a browser', () => {
  let folder: string;
  let service: TranscodingService;
  let worker: LocalWorker;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let addresses = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-page-'));
    prepare(folder);
    const secrets = localSecrets();
    // Without ffmpeg, whether it is installed here or not.
    service = await TranscodingService.start(secrets['RUNPOD_API_KEY'] ?? '', '');
    const port = await freePort();
    const environment = { ...secrets, RUNPOD_URL: service.url, MEDIA_ORIGIN: `http://127.0.0.1:${port}` };
    worker = new LocalWorker(folder, port, { environment });
    [browser] = await Promise.all([launch(chromium ?? ''), worker.start()]);
  });

  afterAll(async () => {
    await browser?.close();
    await worker?.stop();
    await service?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    complaints = [];
    await open({});
  });

  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  /** Opens the page as somebody else: with no cookies, and from an address of their own. */
  async function open(options: Parameters<Browser['newContext']>[0]): Promise<void> {
    await context?.close();
    addresses += 1;
    context = await browser.newContext({ ...options, extraHTTPHeaders: { 'CF-Connecting-IP': `203.0.113.${addresses}` } });
    context.setDefaultTimeout(15_000);
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective}`));
    });
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // Chromium reports every refused request; the refusals are what these tests are about.
      const refusal = /^Failed to load resource: .* status of (401|415|429) /.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !refusal) complaints.push(`${message.type()}: ${message.text()}`);
    });
    await load();
  }

  /** Loads the page and waits until it has everything it asks for by itself. */
  async function load(): Promise<void> {
    await page.goto(worker.url);
    await page.locator('#entries li').first().waitFor();
    await button('Forget my attempts').waitFor();
  }

  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const button = (name: string): ReturnType<Page['getByRole']> => page.getByRole('button', { name, exact: true });
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '');
  const lastAnswer = (): Promise<string> => text('#log > li:first-child .line');

  async function tryToSignIn(email: string, password: string): Promise<void> {
    const before = await page.locator('#log > li', { hasText: 'Sign in' }).count();
    await page.getByLabel('Email', { exact: true }).fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await button('Sign in').click();
    await expect.poll(() => page.locator('#log > li', { hasText: 'Sign in' }).count()).toBe(before + 1);
  }

  async function signInAsCleo(): Promise<void> {
    await button('Use the account of Cleo').click();
    await button('Sign in').click();
    await page.locator('#managed li').first().waitFor();
  }

  it('refuses the sixth wrong attempt, says until when, and counts down', async () => {
    for (const left of ['4 of 5', '3 of 5', '2 of 5', '1 of 5', 'None of 5']) {
      await tryToSignIn('cleo@codex.example', 'wrong');
      expect(await text('#account-message')).toBe('The email or the password is wrong.');
      expect(await text('#attempts-left')).toBe(`${left} attempts left from this address.`);
    }
    await tryToSignIn('cleo@codex.example', 'demo-creator');
    expect(await text('#account-message')).toMatch(
      /^Too many sign-in attempts from this address, .* Try again at \d+:\d\d:\d\d/,
    );
    expect(await lastAnswer()).toMatch(/^Sign in\s+429\s+from (object|memory)$/);
    expect(await text('#who')).toBe('Not signed in');
    expect(await text('#account-left')).toBe('5 of 10 attempts left on this account.');

    const first = await text('#attempts-reset');
    expect(first).toMatch(/^Starts afresh in 1[45]:\d\d\.$/);
    await expect.poll(() => text('#attempts-reset'), { timeout: 5000 }).not.toBe(first);

    await page.reload();
    expect(await text('#attempts-left')).toBe('None of 5 attempts left from this address.');
    expect(await text('#account-reset')).toMatch(/^Starts afresh in (29|30):\d\d\.$/);

    await button('Forget my attempts').click();
    await expect.poll(() => text('#account-message')).toBe('Your sign-in attempts are forgotten.');
    await signInAsCleo();
    expect(await text('#who')).toBe('Cleo · creator');
  });

  it('refuses the eleventh wrong attempt on an account, from wherever, and says when the next one may pass', async () => {
    for (let attempt = 0; attempt < 10; attempt++) {
      if (attempt % 5 === 0) await open({});
      await tryToSignIn('cory@codex.example', 'wrong');
    }
    expect(await text('#account-left')).toBe('None of 10 attempts left on this account.');
    await open({});
    await tryToSignIn('cory@codex.example', 'demo-customer');
    expect(await text('#account-message')).toMatch(/^Too many sign-in attempts on this account, .* Try again at \d+:\d\d:\d\d/);
    expect(await text('#attempts-left')).toBe('5 of 5 attempts left from this address.');
    const first = await text('#account-reset');
    expect(first).toMatch(/^The next one in [56]:\d\d\.$/);
    await expect.poll(() => text('#account-reset'), { timeout: 5000 }).not.toBe(first);
    await button('Forget my attempts').click();
    await expect.poll(() => text('#account-message')).toBe('Your sign-in attempts are forgotten.');
    expect(await text('#account-left')).toBe('10 an hour on one account, from wherever.');
  });

  it('signs in, says who you are from the cache, and signs out', async () => {
    await signInAsCleo();
    expect(await text('#attempts-left')).toBe('5 of 5 attempts left from this address.');
    expect(await context.cookies()).toEqual([
      expect.objectContaining({ name: 'codex-session', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' }),
    ]);

    await button('Who am I?').click();
    await expect.poll(() => text('#account-message')).toBe('You are Cleo, creator.');
    expect(await lastAnswer()).toMatch(/^Who am I\?\s+200\s+from (KV|memory)$/);

    await button('Sign out').click();
    await expect.poll(() => text('#account-message')).toBe('You are signed out.');
    expect(await context.cookies()).toEqual([]);
    expect(await page.locator('#manage').isVisible()).toBe(false);

    await button('Who am I?').click();
    await expect.poll(() => text('#account-message')).toBe('Nobody is signed in here.');
  });

  it('shows a customer nothing to publish', async () => {
    await button('Use the account of Cory').click();
    await button('Sign in').click();
    await expect.poll(() => text('#who')).toBe('Cory · customer');
    expect(await page.locator('#manage').isVisible()).toBe(false);
    expect(await page.locator('#media').isVisible()).toBe(false);
  });

  it('says whether KV or D1 gave a list', async () => {
    await button('Film').click();
    // One that the featured list, which is shown before, does not have.
    await page.locator('#entries', { hasText: 'The understudy' }).waitFor();
    await expect
      .poll(async () => {
        await button('Reload').click();
        return lastAnswer();
      })
      .toMatch(/^List: Film\s+200\s+from (KV|memory)$/);
    expect(await text('#library-served')).toMatch(/^from (KV|memory)$/);
    expect(await text('#log > li:first-child .cost')).toMatch(/^\d+ KV reads? · 0 KV writes · \d+ ms$/);
  });

  it('publishes, shows the changed list, and has it all after a restart', async () => {
    await signInAsCleo();
    await button('Essays').click();
    await page.locator('#entries', { hasText: 'Maps made by walking' }).waitFor();
    expect(await text('#entries')).not.toContain('Borrowed light');

    await button('Publish Borrowed light').click();
    await expect
      .poll(() => text('#manage-message'))
      .toBe('Published “Borrowed light”. The Essays and Featured lists were dropped from KV.');
    await expect.poll(() => text('#entries')).toContain('Borrowed light');
    expect(await button('Unpublish Borrowed light').isVisible()).toBe(true);

    await worker.stop();
    await worker.start();

    await load();
    await expect.poll(() => text('#who')).toBe('Cleo · creator');
    await button('Essays').click();
    await expect.poll(() => text('#entries')).toContain('Borrowed light');

    await button('Unpublish Borrowed light').click();
    await expect.poll(() => text('#entries')).not.toContain('Borrowed light');
    await button('Publish Borrowed light').waitFor();
  });

  it('uploads, watches the job move, and shows the changed lists', async () => {
    await signInAsCleo();
    await button('Sound').click();
    await page.locator('#entries', { hasText: 'The harbour at four' }).waitFor();
    expect(await page.getByLabel('Category').locator('option').allInnerTexts()).toEqual([
      'Essays',
      'Sound',
      'Film',
      'Workshops',
    ]);

    await button('Upload').click();
    expect(await text('#media-message')).toBe('Choose a file and give it a title.');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('upload-file');

    await page
      .getByLabel('Video or audio file')
      .setInputFiles({ name: 'foghorn.wav', mimeType: 'audio/wav', buffer: Buffer.from(tone(3)) });
    expect(await page.getByLabel('Title').inputValue()).toBe('foghorn');
    await page.getByLabel('Title').fill('A foghorn');
    await page.getByLabel('Category').selectOption('Sound');
    await button('Upload').click();
    await expect.poll(() => text('#media-message')).toMatch(/^Uploaded “A foghorn”\. Its job is in the queue\./);
    const upload = page.locator('#media-list li', { hasText: 'A foghorn' });
    expect(await upload.locator('.pill').innerText()).toMatch(/^(queued|submitted|transcoding|ready)$/);

    await expect.poll(() => upload.locator('.pill').innerText(), { timeout: 60_000 }).toBe('ready');
    expect(await upload.innerText()).toContain('foghorn.wav · 25 kB · Sound · 0:03');
    expect(await upload.innerText()).toContain(
      'ffmpeg is not installed here, so this WAV file was only probed, not transcoded.',
    );
    await expect.poll(() => text('#entries'), { timeout: 60_000 }).toContain('A foghorn');
    expect(await text('#log')).toMatch(/Status: A foghorn\s+200\s+from KV/);
    await button('Unpublish A foghorn').waitFor();
  });

  it('says why an upload failed, and which file it will not take', async () => {
    await signInAsCleo();
    const file = page.getByLabel('Video or audio file');
    await file.setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('text') });
    await button('Upload').click();
    await expect.poll(() => text('#media-message')).toBe('Send a video or audio file, and say which.');

    await file.setInputFiles({ name: 'broken.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no film') });
    await page.getByLabel('Title').fill('Broken');
    await button('Upload').click();
    await expect
      .poll(() => text('#media-message'), { timeout: 60_000 })
      .toBe('“Broken” failed. This is no video or audio file that I know.');
    expect(await page.locator('#media-message').getAttribute('class')).toContain('error');
  });

  it('ends another session of one’s own, which is refused at once', async () => {
    await signInAsCleo();
    const elsewhere = await browser.newContext({ extraHTTPHeaders: { 'CF-Connecting-IP': `198.51.100.${addresses}` } });
    try {
      const headers = { Origin: worker.url };
      const data = { email: 'cleo@codex.example', password: 'demo-creator' };
      await elsewhere.request.post(`${worker.url}/auth/login`, { headers, data });
      const me = async (): Promise<number> => (await elsewhere.request.get(`${worker.url}/auth/me`)).status();
      expect(await me()).toBe(200);
      await load();
      await page.locator('#own-sessions button').first().focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => text('#security-message')).toBe('That session has ended, here and in the cache.');
      expect(await me()).toBe(401);
      // The button is gone; whoever pressed it with the keyboard goes on from its list.
      await expect.poll(focused).toBe('own-sessions');
      await button('Sign out everywhere').focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => text('#account-message')).toBe('You are signed out everywhere.');
      expect(await focused()).toBe('email');
    } finally {
      await elsewhere.close();
    }
  });

  it('says that its own session was ended elsewhere, and asks to sign in again', async () => {
    await signInAsCleo();
    const headers = { Authorization: 'Bearer demo-admin' };
    await context.request.post(`${worker.url}/admin/sessions/revoke`, { headers, data: { userId: 'user-cleo' } });
    await button('Publish Borrowed light').click();
    await expect.poll(() => text('#account-message')).toBe('Your session has ended. Sign in again.');
    expect(await text('#who')).toBe('Not signed in');
    expect([await page.locator('#manage').isVisible(), await focused()]).toEqual([false, 'email']);
    await signInAsCleo();
    expect(await text('#manage-message')).toBe('');
  });

  it('sets a new password by the newest of the letters, of which it shows few, and goes on where one signs in', async () => {
    for (let letter = 0; letter < 7; letter += 1) {
      const headers = { Origin: worker.url, 'CF-Connecting-IP': `198.51.100.${100 + letter}` };
      const data = { email: 'olive@codex.example' };
      await context.request.post(`${worker.url}/account/password-reset`, { headers, data });
    }
    const sent = async (): Promise<number> =>
      (await (await context.request.get(`${worker.url}/demo/outbox`)).json()).mail.length;
    await expect.poll(sent).toBeGreaterThanOrEqual(7);
    await load();
    // On a phone they stand before everything else there is to see.
    await expect.poll(() => page.locator('#letters li').count()).toBe(5);
    await page.locator('#letters li').first().getByRole('link').focus();
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('reset-password');
    await page.keyboard.type('demo-owner for good');
    await page.keyboard.press('Enter');
    await expect.poll(() => text('#account-message')).toMatch(/^Your password is set, and you are signed out everywhere/);
    expect(await focused()).toBe('email');
  });

  it('purges the cached lists for whoever has the secret', async () => {
    await signInAsCleo();
    await page.getByLabel('Administrator’s secret').fill('wrong');
    await button('Purge').click();
    await expect.poll(() => text('#purge-message')).toBe('Send the administrator’s secret as a bearer token.');
    expect(await text('#who')).toBe('Cleo · creator');
    await page.getByLabel('Administrator’s secret').fill('demo-admin');
    await button('Purge').click();
    await expect.poll(() => text('#purge-message')).toMatch(/^[1-9]\d* keys? deleted\.$/);
    await button('Reload').click();
    await expect.poll(lastAnswer).toMatch(/List: Featured\s+200\s+from D1/);
  });

  it('can be used with the keyboard alone', async () => {
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').innerText()).toBe('Skip to the library');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('email');
    await page.keyboard.type('cleo@codex.example');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('password');
    await page.keyboard.type('demo-creator');
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe('signed-in-name');
    await button('Publish Borrowed light').focus();
    await page.keyboard.press('Enter');
    await button('Unpublish Borrowed light').waitFor();
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('Unpublish Borrowed light');
    await page.keyboard.press('Enter');
    await button('Publish Borrowed light').waitFor();
  });

  it('names every control', async () => {
    await signInAsCleo();
    const unnamed = await page.evaluate(() =>
      Array.from(document.querySelectorAll('button, input, select'))
        .filter((control) => {
          const label =
            control.getAttribute('aria-label') ??
            (control instanceof HTMLInputElement || control instanceof HTMLSelectElement
              ? control.labels?.[0]?.textContent
              : control.textContent);
          return !label?.trim();
        })
        .map((control) => control.outerHTML),
    );
    expect(unnamed).toEqual([]);
  });

  it.each([320, 390, 768, 1280])('fits a window %i pixels wide, signed in and with a full log', async (width) => {
    await open({ viewport: { width, height: 800 } });
    await signInAsCleo();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });

  it.each(['light', 'dark'] as const)('is legible in the %s scheme', async (colorScheme) => {
    await open({ colorScheme });
    await signInAsCleo();
    await button('Who am I?').click();
    await expect.poll(() => text('#account-message')).toBe('You are Cleo, creator.');
    expect(await page.evaluate(faintTexts)).toEqual([]);
  });

  it('runs no script that is not a file of its own', async () => {
    await page
      .evaluate(() => {
        const script = document.createElement('script');
        script.append('globalThis.intruded = true');
        document.head.append(script);
      })
      .catch(() => undefined);
    await expect.poll(() => complaints.length).toBeGreaterThan(0);
    expect(await page.evaluate(() => 'intruded' in globalThis)).toBe(false);
    expect(complaints.every((complaint) => /CSP|Content Security Policy|TrustedScript/.test(complaint))).toBe(true);
    complaints = [];
  });
});
