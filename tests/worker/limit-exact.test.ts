import { env } from 'cloudflare:workers';
import {
  type ClientEvent,
  type KVLike,
  type RateLimitAlgorithm,
  type RateLimitConfig,
  RateLimiterClient,
  type RateLimiterOptions,
  type RateLimitResult,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { callsWaiting } from './support/core.ts';
import { Later } from './support/later.ts';

// Two hundred attempts at once at a limit of five: what one isolate admits, whatever KV does.

const ALGORITHMS: readonly RateLimitAlgorithm[] = ['fixed-window', 'sliding-window', 'gcra'];
const ruleOf = (algorithm: RateLimitAlgorithm): RateLimitConfig => ({
  limit: 5,
  window: 900,
  keyPrefix: `rl:exact:${algorithm}:`,
  algorithm,
});
const somebody = (): string => crypto.randomUUID();

let later: Later;
beforeEach(() => {
  later = new Later();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  await later.settled();
  expect(vi.getTimerCount()).toBe(0);
  expect(callsWaiting()).toBe(0);
  vi.useRealTimers();
});

/** Two hundred attempts begun at once. A store that never answers is given the time that it may take. */
async function twoHundred(kv: KVLike, options: RateLimiterOptions, rule: RateLimitConfig): Promise<RateLimitResult[]> {
  const limiter = new RateLimiterClient(kv, { ...later.options, storeTimeoutMs: 20, ...options });
  const who = somebody();
  const verdicts = Promise.all(Array.from({ length: 200 }, () => limiter.checkLimit(who, rule)));
  for (let turn = 0; turn < 5; turn++) await vi.advanceTimersByTimeAsync(20);
  return verdicts;
}

const admitted = (verdicts: readonly RateLimitResult[]): number => verdicts.filter(({ allowed }) => allowed).length;

const fails = (status: string) => (): Promise<never> => Promise.reject(new Error(`KV PUT failed: ${status}`));
const hangs = (): Promise<never> => new Promise(() => {});
const FAILURES: [name: string, operation: () => Promise<never>][] = [
  ['answers 429', fails('429 Too Many Requests')],
  ['fails', fails('500 Internal Server Error')],
  ['hangs', hangs],
];

/** A full KV that does nothing but what it is told, or what a sound one does. */
function storeWith(operations: { get?: () => Promise<never>; put?: () => Promise<never> }): KVLike {
  const kv = new MemoryKV();
  const { get = kv.getWithMetadata.bind(kv), put = kv.put.bind(kv) } = operations;
  return { get, getWithMetadata: get, put, delete: kv.delete.bind(kv) } as unknown as KVLike;
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const rule = ruleOf(algorithm);

  it('by memory: exactly five, and exact within the isolate', async () => {
    const verdicts = await twoHundred(env.KV, { authority: 'memory' }, rule);
    expect(admitted(verdicts)).toBe(5);
    for (const verdict of verdicts) expect(verdict).toMatchObject({ exact: true, scope: 'isolate' });
    expect(verdicts.map(({ remaining }) => remaining).slice(0, 6)).toEqual([4, 3, 2, 1, 0, 0]);
  });

  it.each([
    ['real KV', () => env.KV as KVLike],
    ['the memory double', () => new MemoryKV() as KVLike],
    ['an object with three methods', () => new ThreeMethodKV() as KVLike],
  ])('by %s: exactly five', async (_, store) => {
    const verdicts = await twoHundred(store(), { storeTimeoutMs: 3000 }, rule);
    expect(admitted(verdicts)).toBe(5);
    for (const verdict of verdicts) expect(verdict).toMatchObject({ exact: false, scope: 'colo' });
    for (const { allowed, reason, retryAfterMs } of verdicts) {
      expect(reason).toBe(allowed ? 'ok' : 'limit');
      expect(retryAfterMs > 0).toBe(!allowed);
    }
  });

  describe.each(FAILURES)('while every write %s', (name, put) => {
    it.each(['local', 'allow'] as const)('%s: exactly five, decided by what was read', async (onUnavailable) => {
      const verdicts = await twoHundred(storeWith({ put }), { onUnavailable }, rule);
      expect(admitted(verdicts)).toBe(5);
      expect(new Set(verdicts.map(({ reason }) => reason))).toEqual(new Set(['ok', 'limit']));
      // Written again a few times, and then no more until somebody comes.
      await later.settled(4);
    });

    it('deny: nobody whose count was not written, and never more than five', async () => {
      const verdicts = await twoHundred(storeWith({ put }), { onUnavailable: 'deny' }, rule);
      // A 429 says that somebody else has counted within the second. Of those that were admitted within it, the first waits
      // for the write; the others go along with the next.
      if (name === 'answers 429') expect(admitted(verdicts)).toBe(5);
      else expect(admitted(verdicts)).toBeLessThanOrEqual(4);
      for (const { allowed, reason, ticket } of verdicts) {
        if (reason === 'degraded') expect({ allowed, ticket }).toEqual({ allowed: false, ticket: undefined });
      }
      await later.settled(name === 'answers 429' ? 4 : 1);
    });
  });

  describe.each(FAILURES)('while every read and write %s', (_, operation) => {
    const store = (): KVLike => storeWith({ get: operation, put: operation });

    it('local: exactly five', async () => {
      const verdicts = await twoHundred(store(), { onUnavailable: 'local' }, rule);
      expect(admitted(verdicts)).toBe(5);
      for (const verdict of verdicts) expect(verdict).toMatchObject({ exact: false, scope: 'isolate' });
      for (const { allowed, reason } of verdicts) if (allowed) expect(reason).toBe('degraded');
    });

    it('deny: nobody', async () => {
      const verdicts = await twoHundred(store(), { onUnavailable: 'deny' }, rule);
      expect(admitted(verdicts)).toBe(0);
      for (const verdict of verdicts) expect(verdict).toMatchObject({ reason: 'degraded', remaining: 0, retryAfterMs: 1000 });
    });

    it('allow: everybody', async () => {
      const verdicts = await twoHundred(store(), { onUnavailable: 'allow' }, rule);
      expect(admitted(verdicts)).toBe(200);
      for (const verdict of verdicts) expect(verdict).toMatchObject({ reason: 'degraded', retryAfterMs: 0 });
    });
  });

  it('what was admitted while KV hung is still counted when it is back', async () => {
    const kv = new MemoryKV({ now: later.clock.now });
    let down = true;
    const whenUp =
      (operation: (...args: never[]) => unknown) =>
      (...args: unknown[]) =>
        down ? hangs() : (operation.apply(kv, args as never[]) as Promise<unknown>);
    const store = {
      get: whenUp(kv.get as never),
      getWithMetadata: whenUp(kv.getWithMetadata as never),
      put: whenUp(kv.put as never),
      delete: whenUp(kv.delete as never),
    } as unknown as KVLike;
    const limiter = new RateLimiterClient(store, { ...later.options, storeTimeoutMs: 20 });
    const who = somebody();
    const attempt = async (): Promise<boolean> => {
      const verdict = limiter.checkLimit(who, rule);
      await later.pass(20);
      return (await verdict).allowed;
    };
    const before = [await attempt(), await attempt(), await attempt()];
    down = false;
    await later.pass(1000);
    const after = [await attempt(), await attempt(), await attempt()];
    expect([before, after]).toEqual([
      [true, true, true],
      [true, true, false],
    ]);
  });
});

describe('a hot key, at 1,000 checks a second', () => {
  it.each([
    ['of which all pass', 1_000_000],
    ['of which few pass', 100],
  ])('%s: at most 0.02 KV operations for each', async (_, limit) => {
    const kv = new MemoryKV({ now: later.clock.now, oneWritePerSecond: true });
    const events: ClientEvent[] = [];
    const limiter = new RateLimiterClient(kv, { ...later.options, onEvent: (event) => events.push(event) });
    const rule = { limit, window: 60, keyPrefix: 'rl:hot:' };
    const checks = 90_000;
    for (let check = 0; check < checks; check++) {
      await limiter.checkLimit('everybody', rule);
      if (check % 100 === 99) await later.pass(100);
    }
    await later.settled();
    const reads = events.reduce((sum, { kvReads }) => sum + kvReads, 0);
    const writes = events.reduce((sum, { kvWrites }) => sum + kvWrites, 0);
    expect(reads).toBeGreaterThan(0);
    expect(writes).toBeGreaterThan(0);
    expect((reads + writes) / checks).toBeLessThanOrEqual(0.02);
    // Two keys every 30 s, and a write a second; where few pass, a write for each of the two windows and one after it.
    expect(reads).toBeLessThanOrEqual(2 * (checks / 30_000 + 1));
    expect(writes).toBeLessThanOrEqual(limit === 100 ? 5 : checks / 1000 + 1);
    expect(events.filter(({ errorCode }) => errorCode !== undefined)).toEqual([]);
    const stored = (await kv.get('rl:hot:everybody', 'json')) as { count: number };
    expect(stored.count).toBe(limit === 100 ? 100 : 30_000);
  });
});

describe('several isolates on one KV', () => {
  it.each(ALGORITHMS)('%s: see one another’s counts after 30 s, and admit each their own until then', async (algorithm) => {
    // Two store objects of one namespace: the isolate knows each by itself.
    const here = new MemoryKV({ now: later.clock.now });
    const [one, other] = [here, here.elsewhere()].map((kv) => new RateLimiterClient(kv, later.options)) as [
      RateLimiterClient,
      RateLimiterClient,
    ];
    const who = somebody();
    const rule = { ...ruleOf(algorithm), window: 86_400 };
    const admits = async (limiter: RateLimiterClient, count: number): Promise<number> => {
      let passed = 0;
      for (let at = 0; at < count; at++) if ((await limiter.checkLimit(who, rule)).allowed) passed++;
      return passed;
    };
    expect(await admits(one, 2)).toBe(2);
    await later.settled();
    expect(await admits(other, 1)).toBe(1);
    await later.settled();
    await later.pass(30_000);
    expect(await admits(one, 5)).toBe(2);
    await later.settled();
    await later.pass(30_000);
    expect(await admits(other, 5)).toBe(0);
  });
});
