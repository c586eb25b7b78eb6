import { env } from 'cloudflare:workers';
import { SessionCacheClient } from '@codex/cloudflare-clients';
import { cachedSessionHooks } from '@codex/cloudflare-clients/better-auth';
import { session, type SessionVariables } from '@codex/cloudflare-clients/hono';
import { type Context, Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recording } from '../worker/support/recording-store.ts';
import { type Browser, SECRET, Site, signedIn, signedUp } from './support/site.ts';

// The cookies that better-auth itself signs, the sessions that it keeps, and a middleware that asks it only where it must.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

type App = { Bindings: Cloudflare.Env; Variables: SessionVariables };

interface Running {
  site: Site;
  /** The application's answer, when all that was left for after it is done. */
  ask(headers: Headers): Promise<Response>;
  /** The address and role of whom the application takes a browser for. */
  sees(browser: Browser | Headers): Promise<string | null>;
}

/** An application beside better-auth, with a cache of its own that better-auth tells of changes. */
async function running(kv = env.KV): Promise<Running> {
  const sessions = new SessionCacheClient(kv);
  const site = await Site.open({ auth: { databaseHooks: cachedSessionHooks(sessions) } });
  const left: Promise<unknown>[] = [];
  const app = new Hono<App>();
  app.use(
    session((c: Context<App>) => ({
      kv,
      secret: SECRET,
      async load() {
        const { headers, response } = await site.auth.api.getSession({ headers: c.req.raw.headers, returnHeaders: true });
        for (const cookie of headers.getSetCookie()) c.header('Set-Cookie', cookie, { append: true });
        return response;
      },
      waitUntil: (work) => void left.push(work),
    })),
  );
  app.get('/', (c) => c.json(c.get('user') === null ? null : `${c.get('user')?.email} ${c.get('user')?.role}`));
  const ask = async (headers: Headers): Promise<Response> => {
    const response = await app.request('/', { headers }, env);
    await Promise.all(left.splice(0));
    return response;
  };
  return { site, ask, sees: async (browser) => (await ask(browser instanceof Headers ? browser : browser.headers)).json() };
}

describe('an application on better-auth and the Hono middleware', () => {
  it('asks better-auth once for a session, and the cache from then on', async () => {
    const { site, sees } = await running();
    const { browser, email } = await signedUp(site);
    expect(await sees(browser)).toBe(`${email} customer`);
    site.forget();
    for (let time = 0; time < 3; time++) expect(await sees(browser)).toBe(`${email} customer`);
    expect(site.asked()).toEqual({ reads: 0, writes: 0, deletes: 0, statements: 0 });
  });

  it('asks nobody for a cookie that better-auth has not signed', async () => {
    const kv = recording(env.KV);
    const { site, sees } = await running(kv as unknown as KVNamespace);
    const { browser } = await signedUp(site);
    const [name = '', value = ''] = (browser.headers.get('Cookie') ?? '').split('=');
    const forged = decodeURIComponent(value).replace(/^[^.]*/, browser.token.split('').reverse().join(''));
    site.forget();
    kv.operations.splice(0);
    expect(await sees(new Headers({ Cookie: `${name}=${encodeURIComponent(forged)}` }))).toBeNull();
    expect([site.asked(), kv.operations]).toEqual([{ reads: 0, writes: 0, deletes: 0, statements: 0 }, []]);
  });

  it('sees a sign-out at once, also of who kept the cookie', async () => {
    const { site, sees } = await running();
    const { browser, email } = await signedUp(site);
    expect(await sees(browser)).toBe(`${email} customer`);
    const { headers } = browser;
    await browser.post('sign-out');
    expect(await sees(headers)).toBeNull();
  });

  it('sees that the other sessions were revoked', async () => {
    const { site, sees } = await running();
    const { browser, email } = await signedUp(site);
    const other = await signedIn(site, email);
    expect([await sees(browser), await sees(other)]).toEqual([`${email} customer`, `${email} customer`]);
    await browser.post('revoke-other-sessions');
    expect([await sees(browser), await sees(other)]).toEqual([`${email} customer`, null]);
  });

  it('sees another role at once, and signs nobody out for it', async () => {
    const { site, sees } = await running();
    const { browser, email } = await signedUp(site);
    expect(await sees(browser)).toBe(`${email} customer`);
    const { internalAdapter } = await site.auth.$context;
    await internalAdapter.updateUserByEmail(email, { role: 'creator' });
    later(5_000);
    expect(await sees(browser)).toBe(`${email} creator`);
  });

  it('passes on the cookie that better-auth renews while it is asked', async () => {
    const { site, ask, sees } = await running();
    const { browser, email } = await signedUp(site);
    expect((await ask(browser.headers)).headers.getSetCookie()).toEqual([]);
    later(2 * 86_400_000);
    const [renewed = ''] = (await ask(browser.headers)).headers.getSetCookie();
    expect(renewed).toContain(browser.token);
    expect(renewed).toContain('Max-Age=604800');
    later(6 * 86_400_000);
    expect(await sees(browser)).toBe(`${email} customer`);
  });

  it('is told of a change that cannot be recorded', async () => {
    const hooks = cachedSessionHooks({
      delete: () => Promise.reject(new Error('KV DELETE failed: 500')),
      invalidateUser: () => Promise.reject(new Error('KV PUT failed: 500')),
    });
    const site = await Site.open({ auth: { databaseHooks: hooks } });
    const { browser, email } = await signedUp(site);
    const other = await signedIn(site, email);
    expect((await browser.post('revoke-session', { token: other.token })).status).toBe(500);
    expect((await browser.post('update-user', { name: 'Grace' })).status).toBe(500);
  });
});
