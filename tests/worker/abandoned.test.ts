import { exports } from 'cloudflare:workers';
import { CacheClient, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { callsWaiting, core, freshMinutes, instance, memoryBytes, turns } from './support/core.ts';
import { HeldStore } from './support/held-store.ts';
import { sessionOf } from './support/sessions.ts';

// Calls whose request has died: nobody answers them, and no timer fires for them.

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:test:' };
const ROUND = 10_000;

afterEach(() => void vi.useRealTimers());

/** Begins calls of every kind that are never answered. */
function abandon(kv: KVLike, count: number, round: number): void {
  const cache = new CacheClient(kv);
  const limiter = new RateLimiterClient(kv);
  const sessions = new SessionCacheClient(kv);
  for (let at = 0; at < count; at++) {
    const name = `${round} ${at} `.padEnd(100 + (at % 400), 'x');
    const begin = [
      () => cache.get(name),
      () => cache.set(name, name, 60),
      () => cache.getOrSet(name, 60, () => 1),
      () => limiter.checkLimit(name, RULE),
      () => sessions.get(name),
      () => sessions.set(name, sessionOf(name)),
      () => sessions.deleteUserSessions(`user ${at % 10}`),
      () => cache.deleteMany([name, `${name}!`]),
    ][at % 8] as () => Promise<unknown>;
    begin().catch(() => {});
  }
}

/** Lets the shim set its timers while they are fake: workerd allows a request 10,000 real ones. */
async function afterThem(): Promise<void> {
  await turns();
  vi.clearAllTimers();
}

/** Fills the limiter's table, which is bounded, with names as long as those that are abandoned. */
async function fillLimits(): Promise<void> {
  const limiter = new RateLimiterClient(new HeldStore().kv, { authority: 'memory' });
  for (let at = 0; at < 20_000; at++) await limiter.checkLimit(`first ${at} `.padEnd(500, 'x'), RULE);
}

describe('10,000 abandoned calls', () => {
  it('at once, in five rounds, leave no more memory and no more slots than one round', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    await freshMinutes();
    await fillLimits();
    const bytes: number[] = [];
    const { number } = instance();
    for (let round = 0; round < 5; round++) {
      abandon(new HeldStore().kv, ROUND, round);
      expect(callsWaiting()).toBeGreaterThan(ROUND * 0.8);
      vi.setSystemTime(Date.now() + 10_000);
      void new CacheClient(new HeldStore().kv).get('whoever comes next');
      expect(callsWaiting()).toBe(1);
      bytes.push(memoryBytes());
    }
    await afterThem();
    expect(bytes).toEqual(Array(5).fill(bytes[0]));
    expect(instance().number).toBe(number);
  });

  it('one after the other keep as many slots as fit into a deadline', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    await freshMinutes();
    const before = memoryBytes();
    for (let at = 0; at < ROUND; at++) {
      abandon(new HeldStore().kv, 1, at);
      vi.setSystemTime(Date.now() + 100);
      // The deadline is 7 s with the default timeout, and calls are reclaimed once a second.
      expect(callsWaiting()).toBeLessThanOrEqual(10 * (7 + 1) + 1);
    }
    await afterThem();
    expect(memoryBytes()).toBe(before);
  });
});

describe('requests that end before their calls do', () => {
  const ask = async (path: string): Promise<unknown> => (await exports.default.fetch(`http://test${path}`)).json();

  it('hundreds of them, on real KV: the isolate goes on answering right', async () => {
    for (let round = 0; round < 10; round++) {
      const requests: Promise<unknown>[] = [];
      for (let at = 0; at < 50; at++) {
        requests.push(ask(`/abandon?name=${round}-${at}`));
        if (at % 5 === 0) requests.push(expectRight(`/use?name=${round}-${at}`));
      }
      await Promise.all(requests);
    }
    await expectRight('/use?name=last');
    expect(core.traps).toBe(0);
    // They did die: nobody has answered their calls, and nobody will. Of the earlier rounds some may be past their deadlines.
    expect(callsWaiting()).toBeGreaterThan(100);

    // Past the deadlines of all tests in this file.
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 86_400_000);
    await expectRight('/use?name=later');
    // The count of the last one is written after its answer, and so are the writes of those that died.
    await expect.poll(() => callsWaiting(), { timeout: 10_000 }).toBe(0);
  });

  it('one in which the core traps: the next ones are answered by a new instance', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await freshMinutes();
    const { number } = instance();
    await ask('/trap');
    for (let at = 0; at < 10; at++) await expectRight(`/use?name=trap-${at}`);
    expect(instance().number).toBeGreaterThan(number);
  });

  async function expectRight(path: string): Promise<void> {
    const name = new URL(path, 'http://test').searchParams.get('name');
    expect(await ask(path)).toEqual({ cached: { name }, token: name, remaining: 4 });
  }
});
