import { env } from 'cloudflare:workers';
import {
  CacheClient,
  type ClientEvent,
  type ClientOptions,
  RateLimiterClient,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { core, freshMinutes, instance, ruin, turns } from './support/core.ts';
import { HeldStore, stored } from './support/held-store.ts';
import { sessionOf } from './support/sessions.ts';

// Real traps: the memory of the instance is overwritten, and the next entry runs into it.

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:trap:' };
const WINDOW_MS = 60_000;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  await freshMinutes();
});
afterEach(() => void vi.useRealTimers());

/** Traps the instance under a call of its own; the replacement is there when this resolves, if there is to be one. */
async function trap(): Promise<void> {
  ruin();
  await new CacheClient(new HeldStore().kv).get('the call that traps');
  await turns();
}

describe('with twenty calls in flight', () => {
  const begin = (store: HeldStore, options: ClientOptions) => {
    const sessions = new SessionCacheClient(store.kv, options);
    const limiter = new RateLimiterClient(store.kv, options);
    const cache = new CacheClient(store.kv, { ...options, waitUntil: () => {} });
    const refused = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);
    return {
      verdicts: Array.from({ length: 6 }, () => limiter.checkLimit('somebody', RULE)),
      misses: [...Array.from({ length: 4 }, (_, at) => sessions.get(`token ${at}`)), cache.get('key 1'), cache.get('key 2')],
      loaded: [cache.getOrSet('key 3', 60, () => 'loaded 3'), cache.getOrSet('key 4', 60, async () => 'loaded 4')],
      sets: [cache.set('key 5', 1, 60), sessions.set('token', sessionOf('token'))],
      rejected: [
        refused(sessions.delete('token 5')),
        refused(sessions.deleteUserSessions('user')),
        refused(limiter.reset('somebody else', RULE)),
        refused(cache.delete('key 6')),
      ],
    };
  };

  it('each falls back as promised, and the next call works on a new instance', async () => {
    const store = new HeldStore();
    const events: ClientEvent[] = [];
    const calls = begin(store, { onEvent: (event) => events.push(event) });
    expect(store.held).toHaveLength(20);
    const [before, traps] = [instance(), core.traps];
    ruin();
    for (const { verb, answer } of store.held.splice(0)) answer(verb === 'get' ? stored({ a: 1 }) : undefined);

    const verdicts = await Promise.all(calls.verdicts);
    // The plain counter of the shim decides: five of the six.
    expect(verdicts.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false]);
    for (const verdict of verdicts) {
      expect(verdict).toMatchObject({ reason: 'degraded', scope: 'isolate', exact: false, limit: 5 });
    }
    expect(await Promise.all(calls.misses)).toEqual([null, null, null, null, null, null]);
    expect(await Promise.all(calls.loaded)).toEqual(['loaded 3', 'loaded 4']);
    expect(await Promise.all(calls.sets)).toEqual([undefined, undefined]);
    for (const error of await Promise.all(calls.rejected)) expect(error).toMatchObject({ code: 'core-failed' });

    await turns();
    const failed = events.filter(({ errorCode }) => errorCode === 'core-failed');
    expect(failed).toHaveLength(20);
    // The two that were loaded are being stored, by the new instance.
    expect(store.held.map(({ verb, key }) => `${verb} ${key}`)).toEqual(['put key 3', 'put key 4']);
    expect(new Set(failed.map(({ outcome }) => outcome))).toEqual(new Set(['degraded', 'failed']));
    expect(core.traps).toBe(traps + 1);
    expect(instance().number).toBeGreaterThan(before.number);
    const cache = new CacheClient(env.KV);
    await cache.set('after', 'the trap', 60);
    expect(await cache.get('after')).toBe('the trap');
  });

  it('a deleteMany says what is left', async () => {
    const store = new HeldStore();
    const pending = new CacheClient(store.kv).deleteMany(['a', 'b', 'c']).catch((error: unknown) => error);
    await turns();
    store.take('a').answer();
    await turns();
    ruin();
    store.take('b').answer();
    store.take('c').answer();
    const error = await pending;
    expect(error).toMatchObject({ code: 'core-failed' });
    expect((error as { remaining: string[] }).remaining.toSorted()).toEqual(['b', 'c']);
  });

  it.each([
    ['deny', [false, false]],
    ['allow', [true, true]],
    ['local', [true, false]],
  ] as const)('attempts are decided by onUnavailable %s', async (onUnavailable, expected) => {
    const store = new HeldStore();
    const limiter = new RateLimiterClient(store.kv, { onUnavailable });
    const rule = { ...RULE, limit: 1, keyPrefix: `rl:${onUnavailable}:` };
    const verdicts = [limiter.checkLimit('somebody', rule), limiter.checkLimit('somebody', rule)];
    ruin();
    for (const { answer } of store.held) answer(null);
    expect((await Promise.all(verdicts)).map(({ allowed }) => allowed)).toEqual(expected);
  });
});

describe('traps that go on', () => {
  it('leave the isolate on the fallback after five in a minute, and it recovers', async () => {
    const kv = new MemoryKV();
    const cache = new CacheClient(kv, { waitUntil: () => {} });
    const sessions = new SessionCacheClient(kv);
    const limiter = new RateLimiterClient(kv);
    for (let count = 0; count < 5; count++) await trap();
    expect(core.acquire(Date.now())).toBeNull();

    for (const wait of [0, 1000, WINDOW_MS - 1001]) {
      vi.setSystemTime(Date.now() + wait);
      await turns();
      expect(await cache.get('k')).toBeNull();
      expect(await cache.getOrSet('k', 60, () => 'loaded')).toBe('loaded');
      expect(await cache.set('k', 1, 60)).toBeUndefined();
      expect(await sessions.get('token')).toBeNull();
      await expect(sessions.delete('token')).rejects.toMatchObject({ code: 'core-failed' });
      expect(await limiter.checkLimit(`at ${wait}`, RULE)).toMatchObject({ allowed: true, reason: 'degraded' });
    }
    expect((await kv.list()).keys).toEqual([]);

    vi.setSystemTime(Date.now() + 1001);
    await cache.get('k');
    await turns();
    await cache.set('k', 'back', 60);
    expect(await cache.get('k')).toBe('back');
    expect(await limiter.checkLimit('back', RULE)).toMatchObject({ allowed: true, reason: 'ok' });
  });

  it('win nobody an attempt: the limit holds on the fallback, until its window ends', async () => {
    const limiter = new RateLimiterClient(new MemoryKV());
    const rule = { ...RULE, limit: 3, window: 30 };
    for (let count = 0; count < 5; count++) await trap();
    const verdicts = [];
    for (let attempt = 0; attempt < 5; attempt++) verdicts.push(await limiter.checkLimit('attacker', rule));
    expect(verdicts.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    expect(verdicts.at(-1)?.retryAfterMs).toBe(30_000);
    expect(await limiter.checkLimit('somebody else', rule)).toMatchObject({ allowed: true, remaining: 2 });
    vi.setSystemTime(Date.now() + 30_000);
    expect(await limiter.checkLimit('attacker', rule)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it('at every attempt admit the limit and no more', async () => {
    const limiter = new RateLimiterClient(new MemoryKV());
    let allowed = 0;
    for (let attempt = 0; attempt < 12; attempt++) {
      if (core.acquire(Date.now()) !== null) ruin();
      if ((await limiter.checkLimit('trapper', RULE)).allowed) allowed++;
      await turns();
    }
    expect(allowed).toBe(5);
  });

  it('leave refusals what they are', async () => {
    for (let count = 0; count < 5; count++) await trap();
    const kv = new MemoryKV();
    await expect(new CacheClient(kv).set('k', undefined, 60)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(new SessionCacheClient(kv).get(5 as never)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(new RateLimiterClient(kv).checkLimit('a', { ...RULE, keyPrefix: 5 as never })).rejects.toMatchObject({
      code: 'invalid-config',
    });
    await expect(new RateLimiterClient(kv).checkLimit('a', { ...RULE, limit: Number.NaN })).rejects.toMatchObject({
      code: 'invalid-config',
    });
  });
});
