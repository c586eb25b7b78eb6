import { env } from 'cloudflare:workers';
import { type ClientEvent, type RateLimitConfig, RateLimiterClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import limitKeys from '../contract/limit-keys.json';
import { MemoryKV } from '../contract/memory-kv.ts';
import storedCounters from '../contract/stored-counters.json';
import { Later } from './support/later.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

// The ids are those of the list of what the platform's first limiter got wrong; what each means is said in the test's name.

const PREFIX = 'rl:test:';
const rule = (fields: Partial<RateLimitConfig> = {}): RateLimitConfig => ({
  limit: 5,
  window: 60,
  keyPrefix: PREFIX,
  ...fields,
});
const somebody = (): string => crypto.randomUUID();

let later: Later;
beforeEach(() => {
  later = new Later();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  await later.settled();
  vi.useRealTimers();
});

/** Seconds from now on for which KV keeps a key. */
async function secondsKept(key: string): Promise<number> {
  const { keys } = await env.KV.list({ prefix: key });
  return (keys[0]?.expiration ?? 0) - Date.now() / 1000;
}

async function attempts(limiter: RateLimiterClient, identifier: string, count: number, config = rule()): Promise<boolean[]> {
  const allowed: boolean[] = [];
  for (let attempt = 0; attempt < count; attempt++) allowed.push((await limiter.checkLimit(identifier, config)).allowed);
  return allowed;
}

describe('windows and TTLs', () => {
  it('R2: an attempt counts in every second of a window of 60 s, and is written', async () => {
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    for (let second = 0; second < 60; second++) {
      const verdict = await limiter.checkLimit(who, rule({ limit: 100 }));
      expect(verdict).toMatchObject({ allowed: true, remaining: 99 - second, reason: 'ok' });
      await later.done();
      expect(await env.KV.get(PREFIX + who, 'json')).toEqual({ count: second + 1, resetAt: verdict.resetAt });
      await later.pass(1000);
    }
  });

  it.each([60, 900, 3600])('R2: the last millisecond of a window of %d s counts, and its record is kept', async (window) => {
    const { clock } = later;
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    const { resetAt } = await limiter.checkLimit(who, rule({ window }));
    await later.done();
    expect(await secondsKept(PREFIX + who)).toBeGreaterThanOrEqual(window);

    clock.set(resetAt - 1);
    const last = await limiter.checkLimit(who, rule({ window }));
    expect(last).toMatchObject({ allowed: true, remaining: 3, resetAt, reason: 'ok' });
    await later.done();
    expect(await env.KV.get(PREFIX + who, 'json')).toEqual({ count: 2, resetAt });
    const kept = await secondsKept(PREFIX + who);
    expect(kept).toBeGreaterThan(55);
    expect(kept).toBeLessThan(75);
  });

  it('3.3: a second attempt 1.2 s into a window of 60 s counts', async () => {
    const { clock } = later;
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    await limiter.checkLimit(who, rule());
    clock.advance(1200);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 3 });
  });

  it.each([0.001, 0.5, 1, 1.005, 59, 2_678_400])('R3, 3.3: a window of %d s works', async (window) => {
    const { clock } = later;
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    const first = await limiter.checkLimit(who, rule({ window, limit: 1 }));
    expect(first).toMatchObject({ allowed: true, remaining: 0, resetAt: clock.now() + Math.round(window * 1000) });
    await later.done();
    expect(await secondsKept(PREFIX + who)).toBeGreaterThan(55);
    expect(await limiter.checkLimit(who, rule({ window, limit: 1 }))).toMatchObject({ allowed: false });
    clock.set(first.resetAt);
    expect(await limiter.checkLimit(who, rule({ window, limit: 1 }))).toMatchObject({ allowed: true });
  });

  it('R5: a window has ended at the instant resetAt and not a millisecond before', async () => {
    const { clock } = later;
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    expect(await attempts(limiter, who, 6)).toEqual([true, true, true, true, true, false]);
    const { resetAt, retryAfterMs } = await limiter.checkLimit(who, rule());
    expect(retryAfterMs).toBe(60_000);

    clock.set(resetAt - 1);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: false, retryAfterMs: 1, resetAt });
    clock.set(resetAt);
    const fresh = { allowed: true, remaining: 4, retryAfterMs: 0, resetAt: resetAt + 60_000 };
    expect(await limiter.checkLimit(who, rule())).toMatchObject(fresh);
  });
});

describe('R4: a KV that takes one write a second for a key', () => {
  it.each(['local', 'deny', 'allow'] as const)('admits the limit and no more, with onUnavailable %s', async (onUnavailable) => {
    const kv = new MemoryKV({ now: later.clock.now, oneWritePerSecond: true });
    const who = somebody();
    // Somebody else has written the key just now.
    await kv.delete(PREFIX + who);
    const events: ClientEvent[] = [];
    const onEvent = (event: ClientEvent): void => void events.push(event);
    const limiter = new RateLimiterClient(kv, { ...later.options, onUnavailable, onEvent });
    expect(await attempts(limiter, who, 7)).toEqual([true, true, true, true, true, false, false]);
    const decided = events.filter(({ op }) => op === 'checkLimit');
    expect(decided.map(({ outcome }) => outcome)).toEqual([...Array(5).fill('allowed'), 'denied', 'denied']);
  });

  it('ends up with what was counted, once a write is let through', async () => {
    const kv = new MemoryKV({ now: later.clock.now, oneWritePerSecond: true });
    const who = somebody();
    await kv.delete(PREFIX + who);
    const events: ClientEvent[] = [];
    const limiter = new RateLimiterClient(kv, { ...later.options, onEvent: (event) => events.push(event) });
    await attempts(limiter, who, 3);
    await later.settled();
    expect(await kv.get(PREFIX + who, 'json')).toMatchObject({ count: 3 });
    const writes = events.filter(({ op }) => op === 'write').map(({ outcome, errorCode }) => [outcome, errorCode]);
    expect(writes).toEqual([
      ['failed', 'store-rate-limited'],
      ['stored', undefined],
    ]);
  });

  it.each([false, true])('never sees a second write within a second, whether the host can write later: %s', async (defers) => {
    const kv = new MemoryKV({ now: later.clock.now, oneWritePerSecond: true });
    const put = vi.spyOn(kv, 'put');
    // A host that cannot is one on which the outcome of a write decides: both are written before the answer.
    const limiter = new RateLimiterClient(kv, { ...later.options, onUnavailable: defers ? 'local' : 'deny' });
    const who = somebody();
    for (let tenth = 0; tenth < 50; tenth++) {
      await limiter.checkLimit(who, rule({ limit: 1000 }));
      await later.pass(100);
    }
    await later.settled();
    expect(put.mock.calls.length).toBeGreaterThanOrEqual(5);
    for (const { type } of put.mock.settledResults) expect(type).toBe('fulfilled');
    if (defers) expect(await kv.get(PREFIX + who, 'json')).toMatchObject({ count: 50 });
  });
});

describe('configurations', () => {
  it('R6: a limit of 0 denies everybody, for ever', async () => {
    const kv = recording(env.KV);
    const verdict = await new RateLimiterClient(kv, later.options).checkLimit(somebody(), rule({ limit: 0 }));
    await later.settled();
    expect(verdict).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: -1, reason: 'limit', limit: 0 });
    expect(kv.operations.filter((operation) => operation.startsWith('put'))).toEqual([]);
  });

  it.each([-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9 + 1, '5'])('R6: a limit of %s is refused', async (limit) => {
    const kv = recording(env.KV);
    const limiter = new RateLimiterClient(kv);
    expect(await codeOf(() => limiter.checkLimit('a', rule({ limit: limit as number })))).toBe('invalid-config');
    expect(kv.operations).toEqual([]);
  });

  it.each([Number.NaN, 1e12, 0, -1, 0.0001, 0.0015, Number.POSITIVE_INFINITY, 2_678_401, '60'])(
    'R7: a window of %s s is refused',
    async (window) => {
      const kv = recording(env.KV);
      const limiter = new RateLimiterClient(kv);
      expect(await codeOf(() => limiter.checkLimit('a', rule({ window: window as number })))).toBe('invalid-config');
      expect(kv.operations).toEqual([]);
    },
  );
});

describe('stored values', () => {
  const inWindow = (text: string, clock: Later['clock']): string => text.replaceAll('RESET', String(clock.now() + 30_000));

  it.each(storedCounters.counts)('%s counts', async (text) => {
    const { clock } = later;
    const who = somebody();
    await env.KV.put(PREFIX + who, inWindow(text, clock));
    const verdict = await new RateLimiterClient(env.KV, later.options).checkLimit(who, rule());
    expect(verdict).toMatchObject({ allowed: true, remaining: 0, resetAt: clock.now() + 30_000 });
  });

  it.each(storedCounters.absent)('R8, R9: %s counts as absent, is reported and is written over', async (text) => {
    const { clock } = later;
    const who = somebody();
    await env.KV.put(PREFIX + who, inWindow(text, clock));
    const events: ClientEvent[] = [];
    const limiter = new RateLimiterClient(env.KV, { ...later.options, onEvent: (event) => events.push(event) });
    const resetAt = clock.now() + 60_000;
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4, resetAt, reason: 'ok' });
    await later.done();
    expect(events).toMatchObject([
      { op: 'checkLimit', outcome: 'corrupt', source: 'kv', kvReads: 2, kvWrites: 0 },
      { op: 'write', outcome: 'stored', source: 'kv', kvReads: 0, kvWrites: 1 },
    ]);
    expect(await env.KV.get(PREFIX + who, 'json')).toEqual({ count: 1, resetAt });
  });

  it.each([60_001, 11 * 86_400_000, 8.64e15 - Date.now()])('R10: a window that ends %d ms from now is nobody’s', async (ms) => {
    const { clock } = later;
    const who = somebody();
    await env.KV.put(PREFIX + who, JSON.stringify({ count: 99, resetAt: clock.now() + ms }));
    const limiter = new RateLimiterClient(env.KV, later.options);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4, resetAt: clock.now() + 60_000 });
  });

  it('R10: a window that ends with one opened now is honoured', async () => {
    const { clock } = later;
    const who = somebody();
    await env.KV.put(PREFIX + who, JSON.stringify({ count: 99, resetAt: clock.now() + 60_000 }));
    const limiter = new RateLimiterClient(env.KV, later.options);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: false, remaining: 0 });
  });
});

describe('keys', () => {
  it.each(limitKeys)('R12: $prefix and $identifier are kept under $key', async ({ prefix, identifier, key }) => {
    const kv = recording(env.KV);
    await new RateLimiterClient(kv, later.options).checkLimit(identifier, rule({ keyPrefix: prefix }));
    await later.done();
    const blockKey = `${prefix}%b:${key.slice(prefix.length).replace(/^%:/, '')}`;
    expect(kv.operations).toEqual([`get ${key},${blockKey}`, `put ${key}`]);
  });

  it('R12: no identifier is kept where another’s block is', async () => {
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    await limiter.block(who, rule(), 600);
    for (const odd of [`%b:${who}`, `b:${who}`, `:${who}`]) {
      expect(await limiter.checkLimit(odd, rule())).toMatchObject({ allowed: true, remaining: 4 });
    }
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: false, reason: 'blocked' });
  });

  it('R14: a prefix that keeps blocks, or belongs to the other clients, is refused', async () => {
    const kv = recording(env.KV);
    const limiter = new RateLimiterClient(kv);
    for (const keyPrefix of ['rl:a%b:', 'rl:%b:a:', 'rl:%:', 'session:', 'usess:x:', 'urev:', 'srev:', 'cache:', 'e:']) {
      expect(await codeOf(() => limiter.checkLimit('a', rule({ keyPrefix })))).toBe('invalid-config');
      expect(await codeOf(() => limiter.reset('a', keyPrefix))).toBe('invalid-config');
      expect(await codeOf(() => limiter.block('a', rule({ keyPrefix }), 60))).toBe('invalid-config');
    }
    expect(kv.operations).toEqual([]);
  });

  it('R12: identifiers and prefixes that meet when joined are told apart', async () => {
    const limiter = new RateLimiterClient(env.KV, later.options);
    const address = somebody();
    await attempts(limiter, `login:${address}`, 5, rule({ keyPrefix: 'rl:' }));
    expect(await limiter.checkLimit(address, rule({ keyPrefix: 'rl:login:' }))).toMatchObject({ allowed: true, remaining: 4 });
  });

  it.each([504, 600, 10_000_000])(
    'R13: an identifier of %d bytes counts, apart from one that ends otherwise',
    async (bytes) => {
      const kv = recording(env.KV);
      const limiter = new RateLimiterClient(kv, later.options);
      const long = somebody().padEnd(bytes, 'x');
      expect(await attempts(limiter, `${long}1`, 6)).toEqual([true, true, true, true, true, false]);
      expect(await limiter.checkLimit(`${long}2`, rule())).toMatchObject({ allowed: true, remaining: 4 });
      await later.settled();
      const keys = kv.operations.flatMap((operation) => operation.replace(/^\w+ /, '').split(','));
      expect(Math.max(...keys.map((key) => key.length))).toBeLessThanOrEqual(512);
    },
  );
});

describe('R15: reset', () => {
  it.each([
    ['the prefix', PREFIX],
    ['the configuration', rule()],
  ])('takes %s, and lets a blocked identifier in again', async (_, prefixOrConfig) => {
    const limiter = new RateLimiterClient(env.KV, later.options);
    const who = somebody();
    expect((await attempts(limiter, who, 6)).at(-1)).toBe(false);
    await limiter.reset(who, prefixOrConfig);
    // A write that was under way may have come after it, and is taken back.
    await later.settled();
    expect(await env.KV.get(PREFIX + who)).toBeNull();
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('finds what a long or odd identifier is kept under', async () => {
    const limiter = new RateLimiterClient(env.KV, later.options);
    for (const who of [`2001:db8::${somebody()}`, somebody().padEnd(600, 'x'), `${somebody()}\ud800`]) {
      expect((await attempts(limiter, who, 6)).at(-1)).toBe(false);
      await limiter.reset(who, rule());
      expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
    }
  });

  it('refuses a configuration where the identifier belongs', async () => {
    const kv = recording(env.KV);
    const swapped = rule() as unknown as string;
    expect(await codeOf(() => new RateLimiterClient(kv).reset(swapped, 'somebody'))).toBe('invalid-argument');
    expect(kv.operations).toEqual([]);
  });
});

it('3.3: of 20 logins at once, an isolate admits 5', async () => {
  const limiter = new RateLimiterClient(env.KV, later.options);
  const who = somebody();
  const verdicts = await Promise.all(Array.from({ length: 20 }, () => limiter.checkLimit(who, rule())));
  expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(5);
});
