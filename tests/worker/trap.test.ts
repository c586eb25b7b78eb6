import { env } from 'cloudflare:workers';
import {
  CacheClient,
  type ClientEvent,
  type ClientOptions,
  type RateLimitConfig,
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

describe('what an instance had counted', () => {
  const ALGORITHMS = ['fixed-window', 'sliding-window', 'gcra'] as const;
  const AUTHORITIES = ['kv', 'memory'] as const;
  const CASES = AUTHORITIES.flatMap((authority) => ALGORITHMS.map((algorithm) => [authority, algorithm] as const));
  const admits = async (limiter: RateLimiterClient, who: string, rule: RateLimitConfig, count = 10): Promise<number> => {
    const verdicts = await Promise.all(Array.from({ length: count }, () => limiter.checkLimit(who, rule)));
    return verdicts.filter(({ allowed }) => allowed).length;
  };
  /** A namespace to which nothing is written while the test lasts: what it knows is no help. */
  const silent = (): MemoryKV => Object.assign(new MemoryKV(), { put: () => new Promise<void>(() => {}) });
  const never = { waitUntil: () => {} };

  describe.each(CASES)('by %s, %s', (authority, algorithm) => {
    const rule = { ...RULE, algorithm, keyPrefix: `rl:outlived:${authority}:${algorithm}:` };

    it.each(['local', 'deny', 'allow'] as const)(
      'refuses whoever had used it up, in the next one: %s',
      async (onUnavailable) => {
        const kv = silent();
        const [who, traps] = [crypto.randomUUID(), core.traps];
        expect(await admits(new RateLimiterClient(kv, { authority, ...never }), who, rule)).toBe(5);
        const limiter = new RateLimiterClient(kv, { authority, onUnavailable, ...never });
        const { resetAt } = await limiter.peek(who, rule);
        for (let count = 0; count < 3; count++) await trap();
        expect(core.traps).toBe(traps + 3);

        expect(await limiter.checkLimit(who, rule)).toMatchObject({
          allowed: false,
          remaining: 0,
          reason: 'degraded',
          resetAt,
        });
        expect(await limiter.peek(who, rule)).toMatchObject({ allowed: false, reason: 'degraded' });
        expect(await limiter.checkAll([{ identifier: who, config: rule }])).toMatchObject({ allowed: false });
        expect(await limiter.checkLimit(who, rule, { cost: 0 })).toMatchObject({ allowed: true });
        vi.setSystemTime(resetAt);
        expect(await admits(new RateLimiterClient(kv, { authority, ...never }), who, rule)).toBe(5);
      },
    );

    it('leaves whoever had not what was left, to the attempt, and the next one counts along', async () => {
      const limiter = new RateLimiterClient(silent(), { authority, ...never });
      const who = crypto.randomUUID();
      expect(await admits(limiter, who, rule, 2)).toBe(2);
      await trap();
      expect(await limiter.peek(who, rule)).toMatchObject({ allowed: true, remaining: 3, reason: 'ok' });
      expect(await limiter.checkLimit(who, rule, { cost: 4 })).toMatchObject({ allowed: false });
      expect(await limiter.checkLimit(who, rule)).toMatchObject({ allowed: true, remaining: 2, reason: 'ok' });
      await trap();
      expect(await admits(limiter, who, rule, 200)).toBe(2);
      await trap();
      expect(await admits(limiter, who, rule, 200)).toBe(0);
    });

    it('refuses whoever was blocked, until the block ends or is lifted', async () => {
      const kv = silent();
      const limiter = new RateLimiterClient(kv, { authority, storeTimeoutMs: 10, ...never });
      const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
      const until = Date.now() + 600_000;
      for (const who of [one, other]) {
        const blocked = limiter.block(who, rule, 600).catch((error: unknown) => error);
        await vi.advanceTimersByTimeAsync(10);
        if (authority === 'kv') expect(await blocked).toMatchObject({ code: 'store-unavailable' });
        else expect(await blocked).toBeUndefined();
      }
      await trap();
      for (const who of [one, other]) expect(await admits(limiter, who, rule)).toBe(0);
      await limiter.unblock(other, rule);
      expect(await admits(limiter, other, rule)).toBe(5);
      vi.setSystemTime(until - 1);
      expect(await admits(limiter, one, rule)).toBe(0);
      vi.setSystemTime(until);
      expect(await admits(limiter, one, rule)).toBe(5);
    });

    it('is forgotten by a reset', async () => {
      const limiter = new RateLimiterClient(silent(), { authority, ...never });
      const who = crypto.randomUUID();
      expect(await admits(limiter, who, rule)).toBe(5);
      await trap();
      await limiter.reset(who, rule);
      expect(await admits(limiter, who, rule)).toBe(5);
    });
  });

  it('is told apart for long identifiers, of which little is kept', async () => {
    const limiter = new RateLimiterClient(new MemoryKV(), { authority: 'memory' });
    const rule = { ...RULE, keyPrefix: 'rl:long:' };
    const long = crypto.randomUUID().padEnd(100_000, 'x');
    expect(await admits(limiter, `${long}1`, rule)).toBe(5);
    await trap();
    expect(await admits(limiter, `${long}1`, rule)).toBe(0);
    expect(await admits(limiter, `${long}2`, rule)).toBe(5);
  });

  it('follows an object that keeps the count, which goes on being asked', async () => {
    let left = 5;
    let asked = 0;
    const object = {
      async check(requests: readonly unknown[], counts: boolean): Promise<unknown[]> {
        asked++;
        const allowed = left > 0;
        if (allowed && counts) left--;
        const [resetAt, sequence] = [Date.now() + 60_000, allowed && counts ? 5 - left : 0];
        const known = [1, resetAt, 5 - left, 0, 1, sequence, 0, 0];
        const verdict = { allowed, remaining: left, resetAt, retryAfterMs: allowed ? 0 : 60_000, reason: allowed ? 0 : 1 };
        return requests.map(() => ({ ...verdict, opening: 1, sequence, known }));
      },
    };
    const authority = { idFromName: (name: string) => name, get: () => object };
    const limiter = new RateLimiterClient(new MemoryKV(), { authority });
    const rule = { ...RULE, keyPrefix: 'rl:object:' };
    for (let at = 0; at < 3; at++) {
      expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, remaining: 4 - at, scope: 'global' });
    }
    for (let count = 0; count < 4; count++) await trap();
    ruin();
    // Without a core the isolate goes on from what the object had said.
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, remaining: 1, reason: 'degraded' });
    expect(core.acquire(Date.now())).toBeNull();
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, remaining: 0, reason: 'degraded' });
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: false, reason: 'degraded' });
    expect([asked, left]).toEqual([3, 2]);
  });
});

describe('without a core', () => {
  beforeEach(async () => {
    for (let count = 0; count < 5; count++) await trap();
    expect(core.acquire(Date.now())).toBeNull();
  });

  it('nobody is denied in shadow mode', async () => {
    const limiter = new RateLimiterClient(new MemoryKV(), { shadow: true });
    const rule = { ...RULE, limit: 1, keyPrefix: 'rl:shadow:' };
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, reason: 'degraded' });
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, reason: 'shadow', retryAfterMs: 0 });
  });

  it('a peek, a cost of 0 and a denial count nothing', async () => {
    const limiter = new RateLimiterClient(new MemoryKV());
    const rule = { ...RULE, limit: 2, keyPrefix: 'rl:peeked:' };
    for (let time = 0; time < 5; time++) {
      expect(await limiter.peek('who', rule)).toMatchObject({ allowed: true, remaining: 2 });
      expect(await limiter.checkLimit('who', rule, { cost: 0 })).toMatchObject({ allowed: true, remaining: 2 });
      expect(await limiter.checkLimit('who', rule, { cost: 3 })).toMatchObject({
        allowed: false,
        remaining: 2,
        retryAfterMs: -1,
      });
      vi.setSystemTime(Date.now() + 1000);
    }
    const { resetAt } = await limiter.checkLimit('who', rule);
    expect(resetAt).toBe(Date.now() + 60_000);
    const deny = new RateLimiterClient(new MemoryKV(), { onUnavailable: 'deny' });
    for (let time = 0; time < 5; time++) {
      expect(await deny.checkLimit('who', rule)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1000 });
    }
  });

  it('a limit of 0 admits nobody, whatever the burst, and a burst is what may come at once', async () => {
    const limiter = new RateLimiterClient(new MemoryKV());
    const rule = { ...RULE, algorithm: 'gcra', burst: 3, keyPrefix: 'rl:burst:' } as const;
    expect(await limiter.checkLimit('none', { ...rule, limit: 0 })).toMatchObject({ allowed: false, retryAfterMs: -1 });
    expect(await limiter.checkLimit('who', rule, { cost: 4 })).toMatchObject({ allowed: false, retryAfterMs: -1 });
    expect(await limiter.checkLimit('who', rule, { cost: 3 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('a block rejects, and holds', async () => {
    const limiter = new RateLimiterClient(new MemoryKV(), { onUnavailable: 'allow' });
    const rule = { ...RULE, keyPrefix: 'rl:blocked:' };
    await expect(limiter.block('who', rule, 600)).rejects.toMatchObject({ code: 'core-failed' });
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 600_000 });
    await freshMinutes();
    expect(await limiter.checkLimit('who', rule)).toMatchObject({ allowed: true, reason: 'ok' });
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
    const limiter = new RateLimiterClient(kv);
    const odd = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ code });
    for (const fields of [
      { burst: 5 },
      { algorithm: 'gcra', burst: 0 },
      { algorithm: 'gcra', burst: Number.POSITIVE_INFINITY },
    ]) {
      await odd(limiter.checkLimit('a', { ...RULE, ...fields } as never), 'invalid-config');
    }
    for (const cost of [-1, 0.5, Number.NaN]) await odd(limiter.checkLimit('a', RULE, { cost }), 'invalid-argument');
    for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      await odd(limiter.block('a', RULE, seconds), 'invalid-argument');
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
