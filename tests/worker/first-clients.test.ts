import { env } from 'cloudflare:workers';
import { reset } from 'cloudflare:test';
import { CacheClient, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { recording } from './support/recording-store.ts';

// The unit tests that the platform's document has for its first clients, as they stand there but for the waiting: the clock
// moves instead. They ran on the double with three methods; here they also run on real KV.

const STORES: [string, () => Promise<KVLike>][] = [
  ['the double with three methods', async () => new ThreeMethodKV()],
  [
    'real KV',
    async () => {
      await reset();
      return recording(env.KV);
    },
  ],
];

describe.each(STORES)('on %s', (_, fresh) => {
  let kv: KVLike;
  const left: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>): void => void left.push(work);
  beforeEach(async () => {
    kv = await fresh();
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(async () => {
    // What one test has left for after its answers must not come out in the next.
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all(left.splice(0));
    vi.useRealTimers();
  });

  describe('SessionCacheClient', () => {
    const sessionData = (lifetimeMs: number) => ({
      session: {
        id: 'session-123',
        userId: 'user-456',
        token: 'token-789',
        expiresAt: new Date(Date.now() + lifetimeMs).toISOString(),
      },
      user: { id: 'user-456', email: 'test@example.com', name: 'Test User', role: 'customer' as const, emailVerified: true },
    });

    it('should cache and retrieve session', async () => {
      const client = new SessionCacheClient(kv);
      const data = sessionData(3_600_000);
      await client.set('token-789', data);
      expect(await client.get('token-789')).toEqual(data);
    });

    it('should return null for non-existent session', async () => {
      expect(await new SessionCacheClient(kv).get('non-existent')).toBeNull();
    });

    it('should delete session', async () => {
      const client = new SessionCacheClient(kv);
      await client.set('token-789', sessionData(3_600_000));
      await client.delete('token-789');
      expect(await client.get('token-789')).toBeNull();
    });

    it('should set TTL based on session expiry', async () => {
      const client = new SessionCacheClient(kv);
      const data = sessionData(120_000);
      await client.set('token-789', data);
      expect(await client.get('token-789')).toEqual(data);
      vi.setSystemTime(Date.now() + 120_000);
      expect(await client.get('token-789')).toBeNull();
    });
  });

  describe('RateLimiterClient', () => {
    const config = { limit: 5, window: 60, keyPrefix: 'rl:test:' };

    it('should allow requests within limit', async () => {
      const result = await new RateLimiterClient(kv, { waitUntil }).checkLimit('192.168.1.1', config);
      expect(result.allowed).toBe(true);
      expect(result.remaining).toBe(4);
    });

    it('should block requests exceeding limit', async () => {
      const client = new RateLimiterClient(kv, { waitUntil });
      for (let i = 0; i < 5; i++) await client.checkLimit('192.168.1.1', config);
      const result = await client.checkLimit('192.168.1.1', config);
      expect(result.allowed).toBe(false);
      expect(result.remaining).toBe(0);
    });

    it('should reset counter after window expires', async () => {
      const client = new RateLimiterClient(kv, { waitUntil });
      for (let i = 0; i < 5; i++) await client.checkLimit('192.168.1.1', { ...config, window: 1 });
      vi.setSystemTime(Date.now() + 1100);
      const result = await client.checkLimit('192.168.1.1', config);
      expect(result.allowed).toBe(true);
      expect(result.remaining).toBe(4);
    });

    it('should track different identifiers separately', async () => {
      const client = new RateLimiterClient(kv, { waitUntil });
      await client.checkLimit('192.168.1.1', config);
      expect((await client.checkLimit('192.168.1.2', config)).remaining).toBe(4);
    });
  });

  describe('CacheClient', () => {
    it('should cache and retrieve value', async () => {
      const client = new CacheClient(kv);
      await client.set('test-key', { foo: 'bar' }, 300);
      expect(await client.get('test-key')).toEqual({ foo: 'bar' });
    });

    it('should implement read-through cache pattern', async () => {
      const client = new CacheClient(kv);
      let fetchCalled = false;
      const fetchFn = async () => {
        fetchCalled = true;
        return { data: 'from-source' };
      };
      expect(await client.getOrSet('cache-key', 300, fetchFn)).toEqual({ data: 'from-source' });
      expect(fetchCalled).toBe(true);
      // In a Worker the write goes on after the answer.
      await expect.poll(() => kv.get('cache-key', 'text')).not.toBeNull();

      fetchCalled = false;
      expect(await client.getOrSet('cache-key', 300, fetchFn)).toEqual({ data: 'from-source' });
      expect(fetchCalled).toBe(false);
    });

    it('should delete cached value', async () => {
      const client = new CacheClient(kv);
      await client.set('test-key', { foo: 'bar' }, 300);
      await client.delete('test-key');
      expect(await client.get('test-key')).toBeNull();
    });

    it('should batch delete multiple keys', async () => {
      const client = new CacheClient(kv);
      for (const [key, value] of Object.entries({ key1: 'value1', key2: 'value2', key3: 'value3' })) {
        await client.set(key, value, 300);
      }
      await client.deleteMany(['key1', 'key2']);
      expect(await client.get('key1')).toBeNull();
      expect(await client.get('key2')).toBeNull();
      expect(await client.get('key3')).toBe('value3');
    });
  });
});
