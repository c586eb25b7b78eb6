import { env } from 'cloudflare:workers';
import {
  type CachedSession,
  type KVLike,
  RateLimiterClient,
  SessionCacheClient,
  type SessionInput,
} from '@codex/cloudflare-clients';
import { session, type SessionOptions, type SessionVariables } from '@codex/cloudflare-clients/hono';
import { type Context, Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { FAULTS, failingAt } from './support/failing-store.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';
import { signed } from './support/signed-cookies.ts';

const SECRET = 'a secret of at least thirty-two characters';
const COOKIE = 'better-auth.session_token';

const newToken = (): string => crypto.randomUUID();
const newAddress = (): string => `198.51.100.${Math.floor(Math.random() * 256)}`;

/** A database that knows some sessions and counts how often it is asked. */
class Database {
  asked = 0;
  readonly #sessions = new Map<string, CachedSession>();

  signIn(fields: Partial<CachedSession['session']> = {}): string {
    const token = newToken();
    this.#sessions.set(token, sessionOf(token, fields));
    return token;
  }

  signOut(token: string): void {
    this.#sessions.delete(token);
  }

  readonly load = async (token: string): Promise<CachedSession | null> => {
    this.asked++;
    return this.#sessions.get(token) ?? null;
  };
}

type App = { Bindings: { KV?: KVLike }; Variables: SessionVariables };

interface Site {
  /** What the handler saw, by the cookie's value; the status where it was not reached. */
  visit(
    value: string | null,
    headers?: Record<string, string>,
  ): Promise<{ status: number; user: string | null; session: string | null }>;
  app: Hono<App>;
  /** Ends when everything that was left for after the answers is done. */
  settled(): Promise<unknown>;
}

function site(kv: KVLike | undefined, database: Pick<SessionOptions, 'load'>, options: Partial<SessionOptions> = {}): Site {
  const app = new Hono<App>();
  const left: Promise<unknown>[] = [];
  app.use(
    session((c: Context<App>) => ({
      kv: c.env.KV,
      secret: SECRET,
      load: database.load,
      waitUntil: (work) => void left.push(work),
      ...options,
    })),
  );
  app.get('/', (c) => c.json({ user: c.get('user')?.email ?? null, session: c.get('session')?.token ?? null }));
  return {
    app,
    settled: () => Promise.all(left.splice(0)),
    async visit(value, headers = {}) {
      const cookie = value === null ? {} : { Cookie: `theme=dark; ${COOKIE}=${value}; a=b` };
      const response = await app.request('/', { headers: { ...cookie, ...headers } }, kv === undefined ? {} : { KV: kv });
      const body = response.status === 200 ? await response.json<{ user: string | null; session: string | null }>() : null;
      return { status: response.status, user: body?.user ?? null, session: body?.session ?? null };
    },
  };
}

const NOBODY = { status: 200, user: null, session: null };
const somebody = (token: string): object => ({ status: 200, user: 'test@example.com', session: token });

describe('the session middleware for Hono', () => {
  it('finds a session in the database, and the next time in the cache', async () => {
    const database = new Database();
    const token = database.signIn();
    const { visit, settled } = site(env.KV, database);
    expect(await visit(await signed(token, SECRET))).toEqual(somebody(token));
    await settled();
    expect(await visit(await signed(token, SECRET))).toEqual(somebody(token));
    expect(database.asked).toBe(1);
  });

  it('hands over the same dates from the database and from the cache', async () => {
    const token = newToken();
    const { session: stored, user } = sessionOf(token);
    const expiresAt = new Date(stored.expiresAt);
    const load = async (): Promise<SessionInput> => ({ session: { ...stored, expiresAt, createdAt: new Date(0) }, user });
    const { app, settled } = site(env.KV, { load });
    app.get('/session', (c) => c.json({ ...c.get('session'), isText: typeof c.get('session')?.createdAt === 'string' }));
    const seen = async (): Promise<unknown> => {
      const headers = { Cookie: `${COOKIE}=${await signed(token, SECRET)}` };
      return (await app.request('/session', { headers }, { KV: env.KV })).json();
    };
    const loaded = await seen();
    expect(loaded).toEqual({ ...stored, createdAt: '1970-01-01T00:00:00.000Z', isText: true });
    await settled();
    expect(await seen()).toEqual(loaded);
  });

  it('does not make the answer wait for the write', async () => {
    const database = new Database();
    const token = database.signIn();
    const kv = new MemoryKV() as unknown as KVLike;
    const stuck = Object.assign(Object.create(kv) as KVLike, { put: () => new Promise<void>(() => {}) });
    expect(await site(stuck, database, { storeTimeoutMs: 600_000 }).visit(await signed(token, SECRET))).toEqual(
      somebody(token),
    );
  });

  it('asks the database each time where no namespace is bound', async () => {
    const database = new Database();
    const token = database.signIn();
    const { visit } = site(undefined, database);
    expect(await visit(await signed(token, SECRET))).toEqual(somebody(token));
    expect(await visit(await signed(token, SECRET))).toEqual(somebody(token));
    expect(await visit(await signed(newToken(), SECRET))).toEqual(NOBODY);
    expect(database.asked).toBe(3);
  });

  it.each(FAULTS)('signs nobody out when an operation of the cache fails: %s', async (_, fault) => {
    for (let step = 1; step <= 6; step++) {
      const database = new Database();
      const token = database.signIn();
      const { visit, settled } = site(failingAt(step, fault, env.KV), database, { storeTimeoutMs: 20 });
      for (const _visit of ['cold', 'cached', 'again']) {
        expect(await visit(await signed(token, SECRET), { 'CF-Connecting-IP': newAddress() })).toEqual(somebody(token));
        await settled();
      }
    }
  });

  it('throws on what the database throws, to the application', async () => {
    const { visit, app } = site(env.KV, { load: () => Promise.reject(new Error('D1_ERROR')) });
    app.onError((error, c) => c.text(error.message, 503));
    expect(await visit(await signed(newToken(), SECRET))).toMatchObject({ status: 503 });
  });

  it.each([
    ['is another’s', (session: CachedSession['session']) => ({ ...session, token: newToken() })],
    ['has ended', (session: CachedSession['session']) => ({ ...session, expiresAt: new Date().toISOString() })],
    ['is of another user', (session: CachedSession['session']) => ({ ...session, userId: 'user-457' })],
  ])('does not believe a loader whose session %s', async (_, changed) => {
    for (const kv of [env.KV, undefined]) {
      const load = async (token: string): Promise<CachedSession> => {
        const found = sessionOf(token);
        return { ...found, session: changed(found.session) };
      };
      expect(await site(kv, { load }).visit(await signed(newToken(), SECRET))).toEqual(NOBODY);
    }
  });

  it('says so where there is no secret', async () => {
    const { app, visit } = site(env.KV, new Database(), { secret: undefined as unknown as string });
    app.onError((error, c) => c.text((error as Error & { code: string }).code, 500));
    expect(await visit(null)).toMatchObject({ status: 500 });
  });
});

describe('cookies', () => {
  const token = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ';

  async function asked(value: string | null): Promise<{ user: string | null; asked: number; operations: string[] }> {
    const kv = recording(env.KV);
    let asked = 0;
    const load = async (): Promise<CachedSession> => {
      asked++;
      return sessionOf(token);
    };
    const { user } = await site(kv, { load }).visit(value);
    return { user, asked, operations: kv.operations };
  }

  it.each<[string, (value: string) => string | null]>([
    ['no cookie', () => null],
    ['an empty one', () => ''],
    ['a token without a signature', () => token],
    ['a signature of nothing', (value) => decodeURIComponent(value).slice(token.length)],
    ['another token under the signature', (value) => value.replace('aB3', 'aB4')],
    ['a signature that is cut off', (value) => encodeURIComponent(decodeURIComponent(value).slice(0, -2))],
    ['a signature of the right length that is none', () => encodeURIComponent(`${token}.${'A'.repeat(43)}=`)],
    ['a signature that is no base64', () => encodeURIComponent(`${token}.${'!'.repeat(43)}=`)],
    ['a broken escape', (value) => `%E0%A4%A${value}`],
    ['a token of 100 KB', (value) => `${'a'.repeat(100_000)}${value}`],
  ])('%s costs neither a read nor a query', async (_, made) => {
    expect(await asked(made(await signed(token, SECRET)))).toEqual({ user: null, asked: 0, operations: [] });
  });

  it('signed by another secret costs neither a read nor a query', async () => {
    expect(await asked(await signed(token, `${SECRET}!`))).toEqual({ user: null, asked: 0, operations: [] });
    expect(await asked(await signed(token, SECRET))).toMatchObject({ user: 'test@example.com' });
    expect(await asked(await signed(token, `${SECRET}!`))).toEqual({ user: null, asked: 0, operations: [] });
    const after = site(env.KV, { load: async () => sessionOf(token) }, { secret: `${SECRET}!` });
    expect(await after.visit(await signed(token, `${SECRET}!`))).toEqual(somebody(token));
    expect(await after.visit(await signed(token, SECRET))).toEqual(NOBODY);
  });

  it('the token may hold dots, as its own characters', async () => {
    const dotted = newToken().replaceAll('-', '.');
    const { visit } = site(env.KV, { load: async (presented) => sessionOf(presented) });
    expect(await visit(await signed(dotted, SECRET))).toEqual(somebody(dotted));
  });

  it('the one sent over HTTPS only goes before the other, and the first before the next', async () => {
    const [one, other] = [newToken(), newToken()];
    const [ofOne, ofOther] = [await signed(one, SECRET), await signed(other, SECRET)];
    const { app } = site(env.KV, { load: async (presented) => sessionOf(presented) });
    const seen = async (Cookie: string): Promise<unknown> => {
      const response = await app.request('/', { headers: { Cookie } }, { KV: env.KV });
      return (await response.json<{ session: string | null }>()).session;
    };
    expect(await seen(`${COOKIE}=${ofOther}; __Secure-${COOKIE}=${ofOne}`)).toBe(one);
    expect(await seen(`${COOKIE}=${ofOne}; ${COOKIE}=${ofOther}`)).toBe(one);
    expect(await seen(`x${COOKIE}=${ofOther};${COOKIE}="${ofOne}"`)).toBe(one);
    // What was put before a good cookie of the other name is not made up for.
    expect(await seen(`__Secure-${COOKIE}=${ofOne}x; ${COOKIE}=${ofOther}`)).toBeNull();
  });

  it('named with its prefix, the other form is not looked at', async () => {
    const value = await signed(newToken(), SECRET);
    const { app } = site(env.KV, { load: async (presented) => sessionOf(presented) }, { cookie: '__Secure-codex-session' });
    const statusOf = async (Cookie: string): Promise<unknown> =>
      (await (await app.request('/', { headers: { Cookie } }, { KV: env.KV })).json<{ user: unknown }>()).user;
    expect(await statusOf(`codex-session=${value}`)).toBeNull();
    expect(await statusOf(`__Secure-codex-session=${value}`)).toBe('test@example.com');
  });
});

describe('guessing', () => {
  const UNKNOWN = { limit: 3, window: 60, keyPrefix: 'rl:guess-test:' };

  async function guess(at: Site, times: number, address: Record<string, string>): Promise<number[]> {
    const statuses: number[] = [];
    for (let n = 0; n < times; n++) statuses.push((await at.visit(await signed(newToken(), SECRET), address)).status);
    return statuses;
  }

  it('an address that presents too many unknown tokens is answered 429, and the database is not asked', async () => {
    const database = new Database();
    const at = site(env.KV, database, { unknownTokens: UNKNOWN });
    expect(await guess(at, 5, { 'CF-Connecting-IP': '203.0.113.1' })).toEqual([200, 200, 200, 429, 429]);
    expect(database.asked).toBe(3);
    const response = await at.app.request(
      '/',
      { headers: { Cookie: `${COOKIE}=${await signed(newToken(), SECRET)}`, 'CF-Connecting-IP': '203.0.113.1' } },
      { KV: env.KV },
    );
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(response.headers.get('RateLimit')).toContain('unknown-sessions');
    expect(await guess(at, 1, { 'CF-Connecting-IP': '203.0.113.2' })).toEqual([200]);
  });

  it('is stopped after twenty in a minute, unless told otherwise', async () => {
    const statuses = await guess(site(env.KV, new Database()), 22, { 'CF-Connecting-IP': '203.0.113.20' });
    expect(statuses).toEqual([...Array<number>(20).fill(200), 429, 429]);
  });

  it('counts a token once: who comes again with an old cookie locks out nobody, and asks the database three times', async () => {
    const database = new Database();
    const at = site(env.KV, database, { unknownTokens: UNKNOWN });
    const address = { 'CF-Connecting-IP': '203.0.113.21' };
    const old = await signed(newToken(), SECRET);
    const statuses = [];
    for (let n = 0; n < 9; n++) statuses.push((await at.visit(old, address)).status);
    expect(statuses).toEqual(Array<number>(9).fill(200));
    expect(database.asked).toBe(3);
    const token = database.signIn();
    expect(await at.visit(await signed(token, SECRET), address)).toEqual(somebody(token));
    expect(await guess(at, 3, address)).toEqual([200, 200, 429]);
    // Too many guesses from there, but this is none.
    expect(await at.visit(old, address)).toEqual({ status: 200, user: null, session: null });
  });

  it('counts a token once that comes many times at once', async () => {
    const at = site(env.KV, new Database(), { unknownTokens: UNKNOWN });
    const address = { 'CF-Connecting-IP': '203.0.113.22' };
    const old = await signed(newToken(), SECRET);
    await Promise.all(Array.from({ length: 10 }, () => at.visit(old, address)));
    expect(await guess(at, 3, address)).toEqual([200, 200, 429]);
  });

  it('whoever shares that address and is cached stays signed in; who is not is told to wait, not signed out', async () => {
    const database = new Database();
    const at = site(env.KV, database, { unknownTokens: UNKNOWN });
    const address = { 'CF-Connecting-IP': '203.0.113.3' };
    const [cached, uncached] = [database.signIn(), database.signIn()];
    await at.visit(await signed(cached, SECRET), address);
    await at.settled();
    await guess(at, 4, address);
    expect(await at.visit(await signed(cached, SECRET), address)).toEqual(somebody(cached));
    expect((await at.visit(await signed(uncached, SECRET), address)).status).toBe(429);
    expect(await at.visit(await signed(uncached, SECRET), { 'CF-Connecting-IP': '203.0.113.4' })).toEqual(somebody(uncached));
  });

  it('is not helped by known tokens, and costs them nothing', async () => {
    const database = new Database();
    const at = site(env.KV, database, { unknownTokens: UNKNOWN });
    const address = { 'CF-Connecting-IP': '203.0.113.5' };
    for (let n = 0; n < 10; n++) {
      const token = database.signIn();
      expect(await at.visit(await signed(token, SECRET), address)).toEqual(somebody(token));
    }
    expect(await guess(at, 4, address)).toEqual([200, 200, 200, 429]);
  });

  it('one whose load is awaited by another address refuses only itself', async () => {
    const database = new Database();
    const token = database.signIn();
    const value = await signed(token, SECRET);
    const blocked = { 'CF-Connecting-IP': '203.0.113.6' };
    await guess(site(env.KV, database, { unknownTokens: UNKNOWN }), 4, blocked);
    // Slow enough for the second to come upon the load of the first.
    const counting = new RateLimiterClient(env.KV);
    const asked: string[] = [];
    const limiter = Object.assign(Object.create(counting) as RateLimiterClient, {
      checkLimit: counting.checkLimit.bind(counting),
      async peek(...args: Parameters<RateLimiterClient['peek']>) {
        asked.push(args[0]);
        await scheduler.wait(50);
        return counting.peek(...args);
      },
    });
    const at = site(env.KV, database, { unknownTokens: UNKNOWN, limiter });
    const [refused, welcome] = await Promise.all([
      at.visit(value, blocked),
      at.visit(value, { 'CF-Connecting-IP': '203.0.113.7' }),
    ]);
    expect([refused.status, welcome]).toEqual([429, somebody(token)]);
    expect(asked).toEqual(['203.0.113.6', '203.0.113.7']);
  });

  it('is not counted where there is no address, nor where nobody is to count', async () => {
    const at = site(env.KV, new Database(), { unknownTokens: UNKNOWN });
    expect(await guess(at, 5, {})).toEqual([200, 200, 200, 200, 200]);
    const uncounted = site(env.KV, new Database(), { unknownTokens: UNKNOWN, limiter: null });
    expect(await guess(uncounted, 5, { 'CF-Connecting-IP': '203.0.113.8' })).toEqual([200, 200, 200, 200, 200]);
  });

  it('is counted by whom the application says', async () => {
    const limiter = new RateLimiterClient(env.KV, { authority: 'memory' });
    const at = site(undefined, new Database(), { unknownTokens: UNKNOWN, limiter });
    expect(await guess(at, 4, { 'CF-Connecting-IP': '203.0.113.9' })).toEqual([200, 200, 200, 429]);
  });
});

describe('what is revoked', () => {
  it('is signed out for the middleware, once the cache and the database know', async () => {
    const database = new Database();
    const token = database.signIn();
    const { visit, settled } = site(env.KV, database);
    const value = await signed(token, SECRET);
    await visit(value);
    await settled();
    database.signOut(token);
    await new SessionCacheClient(env.KV).delete(token);
    expect(await visit(value)).toEqual(NOBODY);
  });
});
