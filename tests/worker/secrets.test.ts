import { CacheClient, KVClientError, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { failingAt, FAULTS } from './support/failing-store.ts';

// What is handed to the clients must not come out of them again but as an answer: errors and events are logged.

const MARK = 'planted-marker';
const mark = (what: string): string => `${MARK}-${what}`;
const RULE = { limit: 5, window: 60, keyPrefix: `rl:${MARK}:` };
const SESSION = {
  session: {
    id: mark('session id'),
    userId: mark('user id'),
    token: mark('token'),
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    ipAddress: mark('address'),
    userAgent: mark('agent'),
  },
  user: { id: mark('user id'), email: mark('email'), name: mark('name'), role: 'customer' as const, emailVerified: true },
};
const cyclic: Record<string, unknown> = { value: mark('value') };
cyclic['self'] = cyclic;

type Use = (kv: KVLike, options: object) => Promise<unknown>;
const USES: [name: string, use: Use][] = [
  ['sessions.get', (kv, options) => new SessionCacheClient(kv, options).get(mark('token'))],
  ['sessions.set', (kv, options) => new SessionCacheClient(kv, options).set(mark('token'), SESSION)],
  ['sessions.delete', (kv, options) => new SessionCacheClient(kv, options).delete(mark('token'))],
  ['sessions.deleteUserSessions', (kv, options) => new SessionCacheClient(kv, options).deleteUserSessions(mark('user id'))],
  [
    'sessions.deleteUserSessions, but one',
    (kv, options) => new SessionCacheClient(kv, options).deleteUserSessions(mark('user id'), { except: mark('token') }),
  ],
  [
    'sessions.deleteSession',
    (kv, options) => new SessionCacheClient(kv, options).deleteSession(mark('user id'), mark('session id')),
  ],
  ['sessions.invalidateUser', (kv, options) => new SessionCacheClient(kv, options).invalidateUser(mark('user id'))],
  ['sessions.touch', (kv, options) => new SessionCacheClient(kv, options).touch(mark('token'), new Date(4e12))],
  ['sessions.getOrLoad', (kv, options) => new SessionCacheClient(kv, options).getOrLoad(mark('token'), async () => SESSION)],
  [
    'sessions.getOrLoad, of another token',
    (kv, options) => new SessionCacheClient(kv, options).getOrLoad(mark('other'), async () => SESSION),
  ],
  ['sessions.list', (kv, options) => new SessionCacheClient(kv, options).list(mark('user id'))],
  ['sessions.get, hashed', (kv, options) => new SessionCacheClient(kv, { ...options, hashTokens: true }).get(mark('token'))],
  ['limiter.checkLimit', (kv, options) => new RateLimiterClient(kv, options).checkLimit(mark('address'), RULE)],
  ['limiter.reset', (kv, options) => new RateLimiterClient(kv, options).reset(mark('address'), RULE)],
  ['cache.get', (kv, options) => new CacheClient(kv, options).get(mark('key'))],
  ['cache.set', (kv, options) => new CacheClient(kv, options).set(mark('key'), mark('value'), 60)],
  ['cache.delete', (kv, options) => new CacheClient(kv, options).delete(mark('key'))],
  ['cache.deleteMany', (kv, options) => new CacheClient(kv, options).deleteMany([mark('key'), mark('other key')])],
  ['cache.getOrSet', (kv, options) => new CacheClient(kv, options).getOrSet(mark('key'), 60, () => mark('value'))],
  [
    'cache.getOrSet with tags',
    (kv, options) =>
      new CacheClient(kv, { ...options, namespace: mark('namespace') }).getOrSet(mark('key'), 60, () => mark('value'), {
        tags: [mark('tag')],
        validate: () => false,
      }),
  ],
  ['cache.getMany', (kv, options) => new CacheClient(kv, options).getMany([mark('key'), mark('other key')])],
  ['cache.setMany', (kv, options) => new CacheClient(kv, options).setMany({ [mark('key')]: mark('value') }, 60)],
  ['cache.invalidateTags', (kv, options) => new CacheClient(kv, options).invalidateTags([mark('tag')])],
];
const REFUSED: [name: string, use: Use][] = [
  ['a session of another token', (kv) => new SessionCacheClient(kv).set(mark('other'), SESSION)],
  ['a session without a date', (kv) => new SessionCacheClient(kv).set(mark('token'), spoilt({ expiresAt: mark('date') }))],
  ['a session of another user', (kv) => new SessionCacheClient(kv).set(mark('token'), spoilt({ userId: mark('other') }))],
  ['a session with an odd address', (kv) => new SessionCacheClient(kv).set(mark('token'), spoilt({ ipAddress: [mark('a')] }))],
  ['a token too long', (kv) => new SessionCacheClient(kv).set(mark('x'.repeat(600)), SESSION)],
  ['a token that is a list', (kv) => new SessionCacheClient(kv).get([mark('token')] as never)],
  [
    'an identifier that is an object',
    (kv) => new RateLimiterClient(kv).checkLimit({ toString: () => mark('id') } as never, RULE),
  ],
  ['a prefix of others', (kv) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, keyPrefix: `session:${MARK}` })],
  ['an algorithm unheard of', (kv) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, algorithm: MARK } as never)],
  ['a limit that is a text', (kv) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, limit: MARK as never })],
  ['a TTL that is a text', (kv) => new CacheClient(kv).set('k', 1, MARK as never)],
  ['a value with a cycle', (kv) => new CacheClient(kv).set(mark('key'), cyclic, 60)],
  ['a value with a bigint', (kv) => new CacheClient(kv).set(mark('key'), [mark('value'), 1n], 60)],
  ['a value too large', (kv) => new CacheClient(kv).set(mark('key'), MARK.repeat(2_000_000), 60)],
  [
    'a tag too long',
    (kv) => new CacheClient(kv).set(mark('key'), 1, 60, { tags: Array.from({ length: 60 }, (_, at) => mark(`${at}`)) }),
  ],
  ['a key among many to read', (kv) => new CacheClient(kv).getMany([mark('key'), ''])],
  ['an odd list of tags', (kv) => new CacheClient(kv).invalidateTags([mark('tag'), 5 as never])],
  ['a key among many', (kv) => new CacheClient(kv).deleteMany([mark('key'), ''])],
];

function spoilt(fields: Record<string, unknown>): never {
  return { ...SESSION, session: { ...SESSION.session, ...fields } } as never;
}

/** Everything that an error shows to a log: all its own properties, its causes', its text and its JSON. */
function shownBy(error: unknown): string {
  const shown: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    for (const name of Object.getOwnPropertyNames(at)) shown.push(`${name}: ${String(Reflect.get(at, name))}`);
    shown.push(String(at), JSON.stringify(at), JSON.stringify(Object.getOwnPropertyDescriptors(at)));
  }
  return shown.join('\n');
}

const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
let written: string[] = [];

beforeEach(() => {
  written = [];
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  for (const method of METHODS) {
    vi.spyOn(console, method).mockImplementation((...parts: unknown[]) => void written.push(parts.map(String).join(' ')));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a use lets out besides its answer; every one that rejects must do so with a KVClientError. */
async function letOut(use: Use, kv: KVLike): Promise<string> {
  const events: unknown[] = [];
  const rejection = use(kv, { onEvent: (event: unknown) => events.push(event), waitUntil: () => {} }).then(
    () => undefined,
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(10_000);
  const error = await rejection;
  if (error !== undefined) expect(error).toBeInstanceOf(KVClientError);
  return [JSON.stringify(events), shownBy(error), ...written].join('\n');
}

describe.each(USES)('%s', (_, use) => {
  it('tells nothing of what it was given while all is well', async () => {
    expect(await letOut(use, new MemoryKV())).not.toContain(MARK);
  });

  it('tells nothing of what is stored where that is nonsense', async () => {
    const kv = new MemoryKV();
    for (const key of [`session:${mark('token')}`, `urev:${mark('user id')}`, RULE.keyPrefix + mark('address'), mark('key')]) {
      await kv.put(key, `{"${MARK}": ${MARK}`, { metadata: { l: MARK, c: MARK } });
    }
    expect(await letOut(use, kv)).not.toContain(MARK);
  });

  it.each(FAULTS)('tells nothing where the store has %s', async (_name, fault) => {
    for (const step of [1, 2]) expect(await letOut(use, failingAt(step, fault, new MemoryKV()))).not.toContain(MARK);
  });

  it('tells nothing where the store’s errors do', async () => {
    const loud = (): never => {
      throw Object.assign(new Error(`KV GET failed: 400 ${MARK}`, { cause: MARK }), { key: MARK });
    };
    for (const step of [1, 2]) expect(await letOut(use, failingAt(step, loud, new MemoryKV()))).not.toContain(MARK);
  });
});

describe('a refusal', () => {
  it.each(REFUSED)('of %s tells nothing of it', async (_, use) => {
    const out = await letOut(use, new MemoryKV());
    expect(out).toContain('KVClientError');
    expect(out).not.toContain(MARK);
  });
});
