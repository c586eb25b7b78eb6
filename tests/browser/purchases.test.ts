import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TwoWorkers } from '../webhook/outside/two-workers.ts';
import { findChromium, launch } from './chromium.ts';

const chromium = findChromium();

describe.skipIf(chromium === null)('buying, in a browser', () => {
  const workers = new TwoWorkers();
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    [browser] = await Promise.all([launch(chromium ?? ''), workers.start()]);
  });

  afterAll(async () => {
    await browser?.close();
    await workers.stop();
  });

  beforeEach(async () => {
    complaints = [];
    context = await browser.newContext();
    context.setDefaultTimeout(15_000);
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (line) => {
      const refusal = /^Failed to load resource: .* status of 401 /.test(line.text());
      if (['error', 'warning'].includes(line.type()) && !refusal) complaints.push(`${line.type()}: ${line.text()}`);
    });
    await page.goto(workers.origin.replace('127.0.0.1', 'localhost'));
    await button('Use the account of Cory').click();
    await button('Sign in').click();
    await page.locator('#offers li').first().waitFor();
  });

  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  const button = (name: string): ReturnType<Page['getByRole']> => page.getByRole('button', { name, exact: true });
  const focused = (): Promise<string | null> => page.locator(':focus').getAttribute('aria-label');
  const text = (selector: string): Promise<string> => page.locator(selector).innerText();

  it('shows what was bought at once, says where it came from, and takes it back with the money', async () => {
    expect(await text('#purchases-none')).toBe('Nothing yet.');
    await button('Buy Ten staircases').click();
    await expect.poll(() => text('#owned')).toContain('Ten staircases');
    expect(await text('#purchases-message')).toContain('the webhook worker recorded the purchase');
    expect(await text('#purchases-served')).toBe('from D1');
    expect(await text('#log')).toMatch(/Buy\s+200/);
    await expect.poll(focused).toBe('Refund Ten staircases');
    expect(await button('Buy Ten staircases').count()).toBe(0);

    await expect
      .poll(async () => {
        await button('Reload what you own').click();
        return text('#purchases-served');
      })
      .toMatch(/^from (KV|memory)$/);
    expect(await text('#owned')).toContain('Ten staircases');

    await button('Refund Ten staircases').focus();
    await page.keyboard.press('Enter');
    await page.locator('#purchases-none').waitFor();
    expect(await text('#purchases-message')).toContain('recorded the refund');
    await expect.poll(focused).toBe('Buy Ten staircases');
  });

  it('signs out everywhere whose payment is disputed', async () => {
    await button('Buy Prints from the sun').click();
    await button('Dispute the payment for Prints from the sun').click();
    await expect.poll(() => text('#purchases-message')).toContain('signed out everywhere');
    await expect
      .poll(
        async () => {
          await button('Who am I?').click();
          return text('#account-message');
        },
        { timeout: 15_000 },
      )
      .toBe('Nobody is signed in here.');
    expect(await page.locator('#purchases').isVisible()).toBe(false);
  });
});
