import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Browser, newEmail, PASSWORD, Site, signedIn, signedUp } from './support/site.ts';

// better-auth's own package; nothing of it is replaced. It and the objects go by the clock of the tests.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

const rowsOf = async (token: string): Promise<number> =>
  (await env.DB.prepare('SELECT count(*) AS n FROM session WHERE token = ?').bind(token).first<number>('n')) ?? 0;

describe('sign-up and sign-in', () => {
  it('make a session that stands in the database and in KV, until it ends', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    expect(await rowsOf(browser.token)).toBe(1);
    const { keys } = await env.KV.list({ prefix: `auth:${browser.token}` });
    expect((keys[0]?.expiration ?? 0) - Date.now() / 1000).toBeGreaterThan(7 * 86_400 - 60);
    expect(await browser.whoAmI()).toBe(email);
    const other = await signedIn(site, email);
    expect(other.token).not.toBe(browser.token);
    expect(await other.whoAmI()).toBe(email);
  });

  it('with a wrong password make none', async () => {
    const site = await Site.open();
    const { email } = await signedUp(site);
    const browser = new Browser(site);
    expect((await browser.post('sign-in/email', { email, password: 'wrong horse' })).status).toBe(401);
    expect(await browser.whoAmI()).toBeNull();
  });
});

describe('a session', () => {
  it('is read from the cache: the session and the user’s mark, two keys, and no statement', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    site.forget();
    expect(await browser.whoAmI()).toBe(email);
    expect(site.asked()).toEqual({ reads: 2, writes: 0, deletes: 0, statements: 0 });
  });

  it('that KV does not show is read from the database', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    await env.KV.delete(`auth:${browser.token}`);
    site.forget();
    expect(await browser.whoAmI()).toBe(email);
    expect(site.asked()).toMatchObject({ reads: 1, statements: 2 });
  });

  it('that KV does not show is none where sessions are not kept in the database, of which there is a warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await Site.open();
    expect(warn).not.toHaveBeenCalled();
    const site = await Site.open({ auth: { session: {} } });
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('session.storeSessionInDatabase'));
    const { browser, email } = await signedUp(site);
    expect(await browser.whoAmI()).toBe(email);
    await env.KV.delete(`auth:${browser.token}`);
    expect(await browser.whoAmI()).toBeNull();
    new Site({ auth: { session: {} } });
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  it('ends when it ends, in the cache as in the database', async () => {
    const site = await Site.open({
      auth: { session: { storeSessionInDatabase: true, expiresIn: 30, disableSessionRefresh: true } },
    });
    const { browser, email } = await signedUp(site);
    // better-auth rounds what is left down to seconds.
    later(28_000);
    site.forget();
    expect(await browser.whoAmI()).toBe(email);
    expect(site.asked().statements).toBe(0);
    later(2_001);
    expect(await browser.whoAmI()).toBeNull();
  });

  it('is refreshed by use, in both', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    later(6 * 86_400_000);
    expect(await browser.whoAmI()).toBe(email);
    later(6 * 86_400_000);
    site.forget();
    expect(await browser.whoAmI()).toBe(email);
  });
});

describe('sign-out', () => {
  it('ends the session in the cache and in the database, and no other', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    const other = await signedIn(site, email);
    const { token, headers } = browser;
    expect((await browser.post('sign-out')).status).toBe(200);
    expect(await rowsOf(token)).toBe(0);
    expect(await env.KV.get(`auth:${token}`)).toBeNull();
    // Also for whoever kept the cookie.
    expect(await site.auth.api.getSession({ headers })).toBeNull();
    expect(await other.whoAmI()).toBe(email);
  });
});

describe('a refresh in flight', () => {
  it('does not bring back a session that was signed out meanwhile', async () => {
    const site = await Site.open();
    const { browser } = await signedUp(site);
    const { headers, token } = browser;
    later(2 * 86_400_000);
    // Another isolate reads the session, finds that it is to be refreshed, and is slow to write it.
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: writing, resolve: wrote } = Promise.withResolvers<void>();
    const slow = new Proxy(env.KV, {
      get(target, name) {
        if (name !== 'put') return (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
        return async (...args: Parameters<KVNamespace['put']>): Promise<void> => {
          wrote();
          await released;
          await target.put(...args);
        };
      },
    });
    const elsewhere = new Site({ kv: slow, storage: { storeTimeoutMs: 60_000 } });
    const refresh = elsewhere.auth.api.getSession({ headers }).catch(() => null);
    await writing;
    await browser.post('sign-out');
    release();
    await refresh;
    expect(await env.KV.get(`auth:${token}`)).toBeNull();
    expect(await site.auth.api.getSession({ headers })).toBeNull();
  });
});

describe('revoking', () => {
  it('the others ends every other session of the user, and nobody else’s', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    const others = [await signedIn(site, email), await signedIn(site, email)];
    const somebodyElse = await signedUp(site);
    expect((await browser.post('revoke-other-sessions')).status).toBe(200);
    expect(await Promise.all(others.map((other) => other.whoAmI()))).toEqual([null, null]);
    for (const { token } of others) expect(await rowsOf(token)).toBe(0);
    expect(await browser.whoAmI()).toBe(email);
    expect(await somebodyElse.browser.whoAmI()).toBe(somebodyElse.email);
    site.forget();
    expect(await browser.whoAmI()).toBe(email);
    expect(site.asked().statements).toBe(0);
  });

  it('one ends that one', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    const other = await signedIn(site, email);
    expect((await browser.post('revoke-session', { token: other.token })).status).toBe(200);
    expect([await other.whoAmI(), await browser.whoAmI()]).toEqual([null, email]);
  });

  it('all holds also where KV still shows a session as it was', async () => {
    const site = await Site.open();
    const { browser, email } = await signedUp(site);
    const other = await signedIn(site, email);
    const stale = (await env.KV.get(`auth:${other.token}`)) ?? '';
    later(5);
    expect((await browser.post('revoke-sessions')).status).toBe(200);
    await env.KV.put(`auth:${other.token}`, stale);
    expect([await other.whoAmI(), await browser.whoAmI()]).toEqual([null, null]);
    later(5);
    expect(await (await signedIn(site, email)).whoAmI()).toBe(email);
  });
});

describe('the rate limit', () => {
  const LIMITED = { auth: { rateLimit: { enabled: true } } };

  async function guess(site: Site, times: number, address: string, email = newEmail()): Promise<number[]> {
    const attempt = async (): Promise<number> =>
      (await new Browser(site, address).post('sign-in/email', { email, password: 'wrong horse' })).status;
    return (await Promise.all(Array.from({ length: times }, attempt))).sort();
  }

  it('admits as many as it says, of those that come at once as well: three sign-ins in ten seconds', async () => {
    const site = await Site.open(LIMITED);
    const { email } = await signedUp(site);
    expect(await guess(site, 12, '203.0.113.20', email)).toEqual([401, 401, 401, ...Array(9).fill(429)]);
    expect(await guess(site, 1, '203.0.113.21', email)).toEqual([401]);
    later(9_999);
    expect(await guess(site, 1, '203.0.113.20', email)).toEqual([429]);
    later(1);
    expect(await guess(site, 4, '203.0.113.20', email)).toEqual([401, 401, 401, 429]);
  });

  it('counts in one place for all isolates: another application on the same objects goes on', async () => {
    const [one, another] = [await Site.open(LIMITED), await Site.open(LIMITED)];
    expect(await guess(one, 2, '203.0.113.22')).toEqual([401, 401]);
    expect(await guess(another, 2, '203.0.113.22')).toEqual([401, 429]);
  });

  it('asks neither KV nor the database', async () => {
    const site = await Site.open(LIMITED);
    await guess(site, 3, '203.0.113.23');
    site.forget();
    expect(await guess(site, 1, '203.0.113.23')).toEqual([429]);
    expect(site.asked()).toEqual({ reads: 0, writes: 0, deletes: 0, statements: 0 });
  });
});

describe('a code that may be used once', () => {
  async function mailed(site: Site, email: string): Promise<string> {
    await new Browser(site).post('request-password-reset', { email });
    return site.mailed.at(-1) ?? '';
  }

  const reset = async (site: Site, token: string, newPassword: string): Promise<number> =>
    (await new Browser(site).post('reset-password', { token, newPassword })).status;

  it('is taken by one of those who use it at once', async () => {
    const site = await Site.open();
    const { email } = await signedUp(site);
    const token = await mailed(site, email);
    const statuses = await Promise.all([1, 2, 3, 4].map((n) => reset(site, token, `new password ${n}`)));
    expect(statuses.sort()).toEqual([200, 400, 400, 400]);
    expect((await new Browser(site).post('sign-in/email', { email, password: PASSWORD })).status).toBe(401);
  });

  it('is not taken again where KV still shows it, and the next one is', async () => {
    const site = await Site.open();
    const { email } = await signedUp(site);
    const token = await mailed(site, email);
    const name = `auth:verification:reset-password:${token}`;
    const stale = (await env.KV.get(name)) ?? '';
    expect(stale).not.toBe('');
    expect(await reset(site, token, 'the first password')).toBe(200);
    expect(await env.KV.get(name)).toBeNull();
    await env.KV.put(name, stale);
    expect(await reset(site, token, 'the second password')).toBe(400);
    expect(await reset(site, await mailed(site, email), 'the third password')).toBe(200);
  });
});
