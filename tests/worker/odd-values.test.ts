import { env } from 'cloudflare:workers';
import {
  CacheClient,
  KVClientError,
  type KVLike,
  RateLimiterClient,
  type RateLimitTicket,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { HOSTILE_OBJECTS, ODD_VALUES } from '../contract/odd-values.ts';
import { sessionOf } from './support/sessions.ts';

const CODES = [
  ...['invalid-argument', 'invalid-config', 'key-too-long', 'value-too-large', 'store-unavailable'],
  ...['store-rate-limited', 'not-supported', 'aborted', 'core-failed'],
];

const clients = (kv: KVLike) => ({
  sessions: new SessionCacheClient(kv),
  limiter: new RateLimiterClient(kv),
  cache: new CacheClient(kv),
});
type Clients = ReturnType<typeof clients>;

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:odd:' };
const TICKET: RateLimitTicket = {
  ...{ ...RULE, identifier: 'odd', algorithm: 'fixed-window' },
  ...{ cost: 1, counter: 1, opening: 1, sequence: 1 },
};
const session = (part: 'session' | 'user', field: string, value: unknown): never => {
  const sound = sessionOf('odd');
  return { ...sound, [part]: { ...sound[part], [field]: value } } as never;
};

let keys = 0;

/** A key that was not written before: writes of one key take turns, a second apart. */
const fresh = (): string => `fresh ${++keys}`;

/** Every argument of every method, with something odd in its place. */
const CALLS: Record<string, (clients: Clients, odd: never) => unknown> = {
  'sessions.get(odd)': ({ sessions }, odd) => sessions.get(odd),
  'sessions.set(odd, session)': ({ sessions }, odd) => sessions.set(odd, sessionOf('odd')),
  'sessions.set(odd, its session)': ({ sessions }, odd) => sessions.set(odd, session('session', 'token', odd)),
  'sessions.set(token, odd)': ({ sessions }, odd) => sessions.set('odd', odd),
  'sessions.set(token, { session: odd })': ({ sessions }, odd) => sessions.set('odd', { ...sessionOf('odd'), session: odd }),
  'sessions.set(token, { user: odd })': ({ sessions }, odd) => sessions.set('odd', { ...sessionOf('odd'), user: odd }),
  'sessions.delete(odd)': ({ sessions }, odd) => sessions.delete(odd),
  'sessions.deleteUserSessions(odd)': ({ sessions }, odd) => sessions.deleteUserSessions(odd),
  'limiter.checkLimit(odd, rule)': ({ limiter }, odd) => limiter.checkLimit(odd, RULE),
  'limiter.checkLimit(who, odd)': ({ limiter }, odd) => limiter.checkLimit('odd', odd),
  'limiter.checkLimit(who, { limit: odd })': ({ limiter }, odd) => limiter.checkLimit('odd', { ...RULE, limit: odd }),
  'limiter.checkLimit(who, { window: odd })': ({ limiter }, odd) => limiter.checkLimit('odd', { ...RULE, window: odd }),
  'limiter.checkLimit(who, { keyPrefix: odd })': ({ limiter }, odd) => limiter.checkLimit('odd', { ...RULE, keyPrefix: odd }),
  'limiter.checkLimit(who, { algorithm: odd })': ({ limiter }, odd) =>
    limiter.checkLimit('odd', { ...RULE, algorithm: odd } as never),
  'limiter.checkLimit(who, { burst: odd })': ({ limiter }, odd) =>
    limiter.checkLimit('odd', { ...RULE, algorithm: 'gcra', burst: odd }),
  'limiter.checkLimit(who, rule, odd)': ({ limiter }, odd) => limiter.checkLimit('odd', RULE, odd),
  'limiter.checkLimit(who, rule, { cost: odd })': ({ limiter }, odd) => limiter.checkLimit('odd', RULE, { cost: odd }),
  'limiter.peek(odd, rule)': ({ limiter }, odd) => limiter.peek(odd, RULE),
  'limiter.peek(who, odd)': ({ limiter }, odd) => limiter.peek('odd', odd),
  'limiter.checkAll(odd)': ({ limiter }, odd) => limiter.checkAll(odd),
  'limiter.checkAll([odd])': ({ limiter }, odd) => limiter.checkAll([odd]),
  'limiter.checkAll([sound, odd])': ({ limiter }, odd) => limiter.checkAll([{ identifier: 'odd', config: RULE }, odd]),
  'limiter.refund(odd)': ({ limiter }, odd) => limiter.refund(odd),
  'limiter.refund(ticket with an odd sequence)': ({ limiter }, odd) => limiter.refund({ ...TICKET, sequence: odd }),
  'limiter.refund(ticket with an odd opening)': ({ limiter }, odd) => limiter.refund({ ...TICKET, opening: odd }),
  'limiter.refund(ticket of an odd cost)': ({ limiter }, odd) => limiter.refund({ ...TICKET, cost: odd }),
  'limiter.refund(ticket of an odd burst)': ({ limiter }, odd) => limiter.refund({ ...TICKET, burst: odd }),
  'limiter.block(odd, rule, seconds)': ({ limiter }, odd) => limiter.block(odd, RULE, 1),
  'limiter.block(who, odd, seconds)': ({ limiter }, odd) => limiter.block('odd', odd, 1),
  'limiter.block(who, rule, odd)': ({ limiter }, odd) => limiter.block('odd blocked', RULE, odd),
  'limiter.unblock(odd, rule)': ({ limiter }, odd) => limiter.unblock(odd, RULE),
  'limiter.unblock(who, odd)': ({ limiter }, odd) => limiter.unblock('odd', odd),
  'limiter.reset(odd, prefix)': ({ limiter }, odd) => limiter.reset(odd, RULE.keyPrefix),
  'limiter.reset(who, odd)': ({ limiter }, odd) => limiter.reset('odd', odd),
  'cache.get(odd)': ({ cache }, odd) => cache.get(odd),
  'cache.set(odd, value, ttl)': ({ cache }, odd) => cache.set(odd, 1, 60),
  'cache.set(key, odd, ttl)': ({ cache }, odd) => cache.set(fresh(), odd, 60),
  'cache.set(key, value, odd)': ({ cache }, odd) => cache.set(fresh(), 1, odd),
  'cache.delete(odd)': ({ cache }, odd) => cache.delete(odd),
  'cache.deleteMany(odd)': ({ cache }, odd) => cache.deleteMany(odd),
  'cache.deleteMany([key, odd])': ({ cache }, odd) => cache.deleteMany(['odd', odd]),
  'cache.getMany(odd)': ({ cache }, odd) => cache.getMany(odd),
  'cache.getMany([key, odd])': ({ cache }, odd) => cache.getMany(['odd', odd]),
  'cache.setMany(odd, ttl)': ({ cache }, odd) => cache.setMany(odd, 60),
  'cache.setMany([[odd, odd]], ttl)': ({ cache }, odd) => cache.setMany([[odd, odd]], 60),
  'cache.set(key, value, ttl, odd)': ({ cache }, odd) => cache.set(fresh(), 1, 60, odd),
  'cache.set(key, value, ttl, { tags: [odd] })': ({ cache }, odd) => cache.set(fresh(), 1, 60, { tags: [odd] }),
  'cache.invalidateTags([odd])': ({ cache }, odd) => cache.invalidateTags([odd]),
  'cache.deleteByPrefix(odd)': ({ cache }, odd) => cache.deleteByPrefix(odd),
  'cache.deleteByPrefix(prefix, odd)': ({ cache }, odd) => cache.deleteByPrefix('odd', odd),
  'cache.lookup(odd)': ({ cache }, odd) => cache.lookup(odd),
  'cache.explain(odd)': ({ cache }, odd) => cache.explain(odd),
  'cache.getOrSet(key, ttl, loader, odd)': ({ cache }, odd) => cache.getOrSet(fresh(), 60, () => 1, odd),
  'cache.getOrSet(key, ttl, loader, { validate: odd })': ({ cache }, odd) =>
    cache.getOrSet(fresh(), 60, () => 1, { validate: odd }),
  'cache.getOrSet(key, ttl, loader, odd durations)': ({ cache }, odd) =>
    cache.getOrSet(fresh(), 60, () => 1, {
      staleWhileRevalidateSeconds: odd,
      staleIfErrorSeconds: odd,
      negativeTtlSeconds: odd,
    }),
  'cache.getOrSet(odd, ttl, loader)': ({ cache }, odd) => cache.getOrSet(odd, 60, () => 1),
  'cache.getOrSet(key, odd, loader)': ({ cache }, odd) => cache.getOrSet(fresh(), odd, () => 1),
  'cache.getOrSet(key, ttl, loader of odd)': ({ cache }, odd) => cache.getOrSet(fresh(), 0.001, () => odd),
};

for (const field of ['id', 'userId', 'expiresAt', 'ipAddress', 'userAgent', 'createdAt', 'unheardOf']) {
  CALLS[`sessions.set(token, session.${field} odd)`] = ({ sessions }, odd) =>
    sessions.set('odd', session('session', field, odd));
}
for (const field of ['id', 'email', 'name', 'role', 'emailVerified', 'unheardOf']) {
  CALLS[`sessions.set(token, user.${field} odd)`] = ({ sessions }, odd) => sessions.set('odd', session('user', field, odd));
}

/** What a call threw that is no documented error, if it did. */
async function undocumented(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error instanceof KVClientError && CODES.includes(error.code) ? undefined : String(error);
  }
}

describe('on real KV, nothing odd throws anything but a KVClientError', () => {
  it.each(Object.entries(CALLS))('%s', async (name, call) => {
    const thrown: Record<string, unknown> = {};
    // A loader's promise of a hostile object fails before anybody has seen the object.
    const values = name.endsWith('loader of odd)') ? ODD_VALUES : [...ODD_VALUES, ...HOSTILE_OBJECTS];
    for (const [what, make] of values) {
      thrown[what] = await undocumented(() => call(clients(env.KV), make() as never));
    }
    expect(Object.entries(thrown).filter(([, error]) => error !== undefined)).toEqual([]);
    // And the clients go on working.
    const { cache } = clients(env.KV);
    const sane = fresh();
    await cache.set(sane, 1, 60);
    expect(await cache.get(sane)).toBe(1);
  });
});

const OPTIONS = ['waitUntil', 'storeTimeoutMs', 'onEvent', 'now', 'maxSessionSeconds', 'maxStaleMs', 'onUnavailable'];
const CONSTRUCTORS = { SessionCacheClient, RateLimiterClient, CacheClient };

describe.each(Object.entries(CONSTRUCTORS))('new %s', (_, Client) => {
  it.each(['the store', 'the options', ...OPTIONS])('throws nothing but a KVClientError for %s being odd', async (what) => {
    const thrown: Record<string, unknown> = {};
    for (const [name, make] of ODD_VALUES) {
      const construct = (odd: never): unknown => {
        if (what === 'the store') return new Client(odd);
        return new Client(env.KV, what === 'the options' ? odd : { [what]: odd });
      };
      thrown[name] = await undocumented(() => construct(make() as never));
    }
    expect(Object.entries(thrown).filter(([, error]) => error !== undefined)).toEqual([]);
  });
});
