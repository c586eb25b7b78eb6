import { CacheClient, RATE_LIMITS, RateLimiterClient, SessionCacheClient, stats } from '@codex/cloudflare-clients';
import { expect, it } from 'vitest';
import { kvContract } from '../../contract/kv-contract.ts';
import { clientsContract } from '../../contract/clients-contract.ts';
import { MemoryKV } from '../../contract/memory-kv.ts';
import { ThreeMethodKV } from '../../contract/three-method-kv.ts';
import { sessionOf } from '../support/sessions.ts';

// In Node, where the platform's tests and its prerendering run: no Worker, no waitUntil, the wasm inlined.

kvContract('the memory double in Node', () => new MemoryKV());
clientsContract('the memory double in Node', () => new MemoryKV());
clientsContract('an object with get, put and delete in Node', () => new ThreeMethodKV());

it('the write after a load is done when the value is there, since nobody keeps Node alive for it', async () => {
  let written = false;
  const kv = new MemoryKV();
  const put = kv.put.bind(kv);
  kv.put = async (...args) => {
    await new Promise((resolve) => setImmediate(resolve));
    await put(...args);
    written = true;
  };
  expect(await new CacheClient(kv).getOrSet('k', 60, () => 'loaded')).toBe('loaded');
  expect(written).toBe(true);
});

it('a loader that asks for its own key after it has waited for something else loads', async () => {
  const cache = new CacheClient(new MemoryKV());
  const began = Date.now();
  const value = await cache.getOrSet('k', 60, async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return await cache.getOrSet('k', 60, async () => 'inner');
  });
  expect(value).toBe('inner');
  expect(Date.now() - began).toBeLessThan(1500);
});

it('a store that never answers is not waited for', async () => {
  const kv = { get: () => new Promise<never>(() => {}), put: async () => {}, delete: async () => {} };
  expect(await new SessionCacheClient(kv, { storeTimeoutMs: 1 }).get('token')).toBeNull();
  expect(
    await new RateLimiterClient(kv, { storeTimeoutMs: 1 }).checkLimit('who', { limit: 1, window: 1, keyPrefix: 'rl:' }),
  ).toMatchObject({
    allowed: true,
    reason: 'degraded',
  });
});

it('nothing is used that Node 20 lacks', async () => {
  const { withResolvers } = Promise;
  const { groupBy } = Map;
  Object.assign(Promise, { withResolvers: undefined });
  Object.assign(Map, { groupBy: undefined });
  try {
    const cache = new CacheClient(new MemoryKV());
    await cache.setMany({ a: 1, b: 2 }, 60);
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map(Object.entries({ a: 1, b: 2 })));
    const answer = {
      allowed: true,
      remaining: 1,
      resetAt: Date.now() + 1000,
      retryAfterMs: 0,
      reason: 0,
      opening: 1,
      sequence: 1,
    };
    const object = { check: async (requests: unknown[]) => requests.map(() => ({ ...answer, known: Array(8).fill(0) })) };
    const authority = { idFromName: (name: string) => name, get: () => object };
    const limiter = new RateLimiterClient(new MemoryKV(), { authority });
    const checks = ['a', 'b'].map((identifier) => ({ identifier, config: RATE_LIMITS.login }));
    expect(await limiter.checkAll(checks)).toMatchObject({ allowed: true });
  } finally {
    Object.assign(Promise, { withResolvers });
    Object.assign(Map, { groupBy });
  }
});

it('a stored session that is nested too deeply to be written as JSON is shown, and is no trap', async () => {
  const kv = new MemoryKV();
  const deep = JSON.stringify(sessionOf('deep')).replace('"id":', `"odd":${'['.repeat(200_000)}${']'.repeat(200_000)},"id":`);
  await kv.put('session:deep', deep, { metadata: { l: Date.now() } });
  expect((await new SessionCacheClient(kv, { hashTokens: true }).get('deep'))?.session.token).toBe('deep');
  expect(stats().traps).toBe(0);
});
