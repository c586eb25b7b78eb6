import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, expect, it } from 'vitest';
import type { CachedSession } from '@codex/cloudflare-clients';
import { countedCache } from 'readme:events';
import { published, unpublish } from 'readme:cache';
import { signedIn, tokenOf } from 'readme:hook';
import { mayExport } from 'readme:limits';
import { login } from 'readme:login';
import { cacheInMemory } from 'readme:minimal';
import names from 'readme:names';
import { exactLimiter, RateLimitAuthority } from 'readme:objects';
import { currentSession, forget, forgetOthers } from 'readme:sessions';
import worker from 'readme:worker';

const HOUR_MS = 3_600_000;

/** A session of a user of its own, so that no test sees another's. */
function sessionOf(id: string): CachedSession {
  const expiresAt = new Date(Date.now() + HOUR_MS).toISOString();
  return {
    session: { id: `session-${id}`, userId: id, token: `token-of-${id}`, expiresAt },
    user: { id, email: `${id}@example.com`, name: id, role: 'customer', emailVerified: true },
  };
}

/** A loader that counts how often it was asked. */
function counting<T>(value: T): { load: () => Promise<T>; loads: () => number } {
  let loads = 0;
  const load = async (): Promise<T> => {
    loads++;
    return value;
  };
  return { load, loads: () => loads };
}

/** A namespace that fails as KV does when it is out of order. */
function broken(namespace: KVNamespace): KVNamespace {
  return new Proxy(namespace, {
    get: () => async () => {
      throw new Error('KV GET failed: 500 Internal Server Error');
    },
  });
}

const programs: Record<string, () => Promise<void>> = {
  async worker() {
    const { session, user } = sessionOf('ada');
    await env.AUTH_SESSION_KV.put(`session:${session.token}`, JSON.stringify({ session, user }));
    const ask = (cookie: string): Promise<Response> =>
      worker.fetch(new Request('https://x.example/', { headers: { Cookie: cookie, 'CF-Connecting-IP': '192.0.2.1' } }), env);
    const featured = [{ title: 'Ten staircases' }];
    expect(await (await ask(`a=b; session=${session.token}`)).json()).toEqual({ hello: 'ada', featured });
    await expect.poll(() => env.CACHE_KV.get('cache:content:featured', 'json')).toEqual(featured);
    expect(await (await ask('')).json()).toEqual({ hello: null, featured });

    const resetAt = Date.now() + 30_000;
    await env.RATE_LIMIT_KV.put('rl:api:192.0.2.9', JSON.stringify({ count: 100, resetAt }));
    const refused = await worker.fetch(
      new Request('https://x.example/', { headers: { 'CF-Connecting-IP': '192.0.2.9' } }),
      env,
    );
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('Retry-After'))).toBeLessThanOrEqual(30);
  },

  async sessions() {
    const record = sessionOf('bea');
    const { load, loads } = counting(record);
    const { token } = record.session;
    const ask = (): Promise<CachedSession | null> => currentSession(env, token, load);
    expect(await ask()).toEqual(record);
    await expect.poll(() => env.AUTH_SESSION_KV.get(`session:${token}`)).not.toBeNull();
    expect(await ask()).toEqual(record);
    expect(loads()).toBe(1);

    const another = { ...record, session: { ...record.session, id: 'another', token: 'another-token-of-bea' } };
    const other = counting(another);
    const askOther = (): Promise<CachedSession | null> => currentSession(env, another.session.token, other.load);
    await askOther();
    await expect.poll(() => env.AUTH_SESSION_KV.get('session:another-token-of-bea')).not.toBeNull();
    expect(await forgetOthers(env, 'bea', token)).toBeGreaterThan(0);
    expect(await ask()).toEqual(record);
    expect(await askOther()).toEqual(another);
    expect([loads(), other.loads()]).toEqual([1, 2]);

    await forget(env, token);
    expect(await ask()).toEqual(record);
    expect(loads()).toBe(2);
    await expect(forget({ ...env, AUTH_SESSION_KV: broken(env.AUTH_SESSION_KV) }, record.session.token)).rejects.toThrow();
  },

  async limits() {
    expect([await mayExport(env, 'cy'), await mayExport(env, 'cy')]).toEqual([null, null]);
    const third = await mayExport(env, 'cy');
    expect(await third?.text()).toBe('Too many exports');
    expect(third?.headers.get('Retry-After')).toBe('1');
    const outage = await mayExport({ ...env, RATE_LIMIT_KV: broken(env.RATE_LIMIT_KV) }, 'dee');
    expect(await outage?.text()).toBe('Try again soon');
  },

  async login() {
    const ask = (isRight: boolean): Promise<Response> =>
      login(
        new Request('https://x.example/', { headers: { 'CF-Connecting-IP': '192.0.2.77' } }),
        env,
        'fay@example.com',
        async () => isRight,
      );
    for (let attempt = 0; attempt < 10; attempt++) expect((await ask(true)).status).toBe(200);
    for (let attempt = 0; attempt < 5; attempt++) expect((await ask(false)).status).toBe(401);
    const refused = await ask(true);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('RateLimit')).toContain('"address";r=0');
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800);
  },

  async objects() {
    expect(RateLimitAuthority).toBeTypeOf('function');
    const limiter = exactLimiter(env);
    const attempts = Array.from({ length: 20 }, () => limiter.checkLimit('gil', { limit: 3, window: 60, keyPrefix: 'rl:x:' }));
    const verdicts = await Promise.all(attempts);
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(3);
    expect(verdicts.every(({ exact, scope }) => exact && scope === 'global')).toBe(true);
  },

  async cache() {
    const { load, loads } = counting(['a', 'b']);
    expect(await published(env, 'film', load)).toEqual(['a', 'b']);
    await expect.poll(() => env.CACHE_KV.get('cache:content:published:film', 'json')).toEqual(['a', 'b']);
    expect(await published(env, 'film', load)).toEqual(['a', 'b']);
    expect(loads()).toBe(1);

    expect(await unpublish(env, 'film')).toEqual([]);
    expect(await published(env, 'film', load)).toEqual(['a', 'b']);
    expect(loads()).toBe(2);
    const remaining = await unpublish({ ...env, CACHE_KV: broken(env.CACHE_KV) }, 'film');
    expect([...remaining].sort()).toEqual(['cache:content:featured', 'cache:content:published:film']);
  },

  async events() {
    const counts: Record<string, number> = {};
    const cache = countedCache(env, (name, by) => {
      counts[name] = (counts[name] ?? 0) + by;
    });
    await cache.set('counted', 1, 60);
    await cache.get('counted');
    await cache.get('absent');
    expect(counts).toEqual({
      'cache.set.stored': 1,
      'cache.get.hit': 1,
      'cache.get.miss': 1,
      // The one that is there is answered from memory.
      'kv.reads': 1,
      'kv.writes': 1,
    });
  },

  async minimal() {
    const cache = cacheInMemory();
    await cache.set('k', { a: [1, null] }, 60);
    expect(await cache.get('k')).toEqual({ a: [1, null] });
    await cache.delete('k');
    expect(await cache.get('k')).toBeNull();
  },

  async hook() {
    const { session, user } = sessionOf('eve');
    const data = { session: { ...session, expiresAt: new Date(session.expiresAt) }, user };
    const cookie = await betterAuthCookie(session.token, env.BETTER_AUTH_SECRET);
    const { load, loads } = counting(data);
    const ask = async (presented: string): Promise<unknown> => {
      const ctx = createExecutionContext();
      const found = await signedIn(env, ctx, presented, load);
      await waitOnExecutionContext(ctx);
      return found;
    };
    expect(await ask(cookie)).toEqual(data);
    expect(await ask(cookie)).toEqual({ session, user });
    // Frameworks hand the cookie over decoded.
    expect(await ask(decodeURIComponent(cookie))).toEqual({ session, user });
    expect(loads()).toBe(1);

    const forged = await betterAuthCookie(session.token, 'another secret');
    for (const wrong of [forged, session.token, '', '.', '%', `.${cookie}`, cookie.slice(1)]) {
      expect(await tokenOf(wrong, env.BETTER_AUTH_SECRET)).toBeNull();
      expect(await ask(wrong)).toBeNull();
    }
    expect(loads()).toBe(1);
  },
};

/** A cookie as better-auth signs it: the token, a dot and the HMAC-SHA-256 of the token in base64, URL-encoded. */
async function betterAuthCookie(token: string, secret: string): Promise<string> {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey('raw', bytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(token)));
  return encodeURIComponent(`${token}.${btoa(String.fromCharCode(...signature))}`);
}

beforeAll(async () => {
  await env.DB.exec('CREATE TABLE content (title TEXT NOT NULL, featured INTEGER NOT NULL)');
  await env.DB.exec("INSERT INTO content VALUES ('Ten staircases', 1), ('Draft', 0)");
});

it.each(Object.entries(programs))('the program "%s" of the README does what is said of it', (_name, run) => run());

it('runs every program of the READMEs', () => {
  expect(Object.keys(programs).sort()).toEqual(names.toSorted());
});
