import { CacheClient, type CachedSession, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RULE = { limit: 3, window: 60, keyPrefix: 'rl:contract:' };

/** What the three clients do on any store, full or not. `fresh` gives an empty one on the real clock. */
export function clientsContract(name: string, fresh: () => KVLike | Promise<KVLike>): void {
  describe(`the clients on ${name}`, () => {
    let kv: KVLike;
    let options: { now: () => number; waitUntil: (work: Promise<unknown>) => void };
    let passed: number;
    let left: Promise<unknown>[];
    beforeEach(async () => {
      kv = await fresh();
      passed = 0;
      left = [];
      options = { now: () => Date.now() + passed, waitUntil: (work) => left.push(work) };
    });

    // What one test has left for after its answers must not come out in the next.
    afterEach(() => Promise.all(left));

    const sessionOf = (token: string, userId = 'user'): CachedSession => ({
      session: { id: `id ${token}`, userId, token, expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
      user: { id: userId, email: 'e@example.com', name: 'N', role: 'owner', emailVerified: false },
    });

    describe('sessions', () => {
      it('come back until they are deleted', async () => {
        const sessions = new SessionCacheClient(kv, options);
        const session = sessionOf('token');
        await sessions.set('token', session);
        expect(await sessions.get('token')).toEqual(session);
        await sessions.delete('token');
        expect(await sessions.get('token')).toBeNull();
      });

      it('end when they say', async () => {
        const sessions = new SessionCacheClient(kv, { ...options, maxStaleMs: 86_400_000 });
        await sessions.set('token', sessionOf('token'));
        passed = 3_599_000;
        expect(await sessions.get('token')).not.toBeNull();
        passed = 3_600_000;
        expect(await sessions.get('token')).toBeNull();
      });

      it('of a user are void after deleteUserSessions, and others’ are not', async () => {
        const sessions = new SessionCacheClient(kv, options);
        await sessions.set('one', sessionOf('one'));
        await sessions.set('two', sessionOf('two', 'another'));
        await sessions.deleteUserSessions('user');
        expect(await sessions.get('one')).toBeNull();
        expect(await sessions.get('two')).not.toBeNull();
      });

      it('stand under session:{token} as plain JSON', async () => {
        await new SessionCacheClient(kv, options).set('token', sessionOf('token'));
        expect(JSON.parse((await kv.get('session:token', 'text')) ?? 'null')).toMatchObject({ session: { token: 'token' } });
      });
    });

    describe('attempts', () => {
      it('pass up to the limit, and again when the window has ended', async () => {
        const limiter = new RateLimiterClient(kv, options);
        const allowed: boolean[] = [];
        for (let attempt = 0; attempt < 5; attempt++) allowed.push((await limiter.checkLimit('who', RULE)).allowed);
        expect(allowed).toEqual([true, true, true, false, false]);
        expect(await limiter.checkLimit('whoever', RULE)).toMatchObject({ allowed: true, remaining: 2 });
        passed = 60_000;
        expect(await limiter.checkLimit('who', RULE)).toMatchObject({ allowed: true, remaining: 2 });
      });

      it('are forgotten after reset', async () => {
        const limiter = new RateLimiterClient(kv, options);
        for (let attempt = 0; attempt < 4; attempt++) await limiter.checkLimit('who', RULE);
        await limiter.reset('who', RULE.keyPrefix);
        expect(await limiter.checkLimit('who', RULE)).toMatchObject({ allowed: true, remaining: 2 });
      });

      it('counted by somebody else count, in the record that the first limiter wrote', async () => {
        await kv.put('rl:contract:who', JSON.stringify({ count: 2, resetAt: Date.now() + 30_000 }), { expirationTtl: 60 });
        const limiter = new RateLimiterClient(kv, options);
        expect(await limiter.checkLimit('who', RULE)).toMatchObject({ allowed: true, remaining: 0 });
        expect(await limiter.checkLimit('who', RULE)).toMatchObject({ allowed: false });
      });
    });

    describe('values', () => {
      it.each([{ a: [1, null, 'ü'] }, 'text', '', 0, false, [], '\u{1f511}'])('come back: %j', async (value) => {
        const cache = new CacheClient(kv, options);
        await cache.set('key', value, 300);
        expect(await cache.get('key')).toEqual(value);
        expect(await kv.get('key', 'text')).toBe(JSON.stringify(value));
      });

      it('are loaded once', async () => {
        const cache = new CacheClient(kv, options);
        let loads = 0;
        for (let time = 0; time < 3; time++) {
          expect(await cache.getOrSet('key', 300, async () => ({ loads: ++loads }))).toEqual({ loads: 1 });
          await Promise.all(left);
        }
      });

      it('are gone when deleted, one or many', async () => {
        const cache = new CacheClient(kv, options);
        for (const key of ['a', 'b', 'c']) await cache.set(key, key, 300);
        await cache.delete('a');
        expect(await cache.deleteMany(['b', 'c', 'b'])).toEqual({ deleted: 2, complete: true, remaining: [] });
        for (const key of ['a', 'b', 'c']) expect(await cache.get(key)).toBeNull();
      });

      it('that are no JSON are misses, and repaired', async () => {
        await kv.put('key', '{', { expirationTtl: 60 });
        const cache = new CacheClient(kv, options);
        expect(await cache.get('key')).toBeNull();
        expect(await cache.getOrSet('key', 60, () => 'sound')).toBe('sound');
        await Promise.all(left);
        expect(await cache.get('key')).toBe('sound');
      });

      it.each([0.001, 30, 60, 1e308])('may be set for %d s', async (ttlSeconds) => {
        const cache = new CacheClient(kv, options);
        await cache.set('key', 1, ttlSeconds);
        expect(await kv.get('key', 'text')).toBe('1');
      });

      it('under a key that no store takes are kept all the same', async () => {
        const cache = new CacheClient(kv, options);
        for (const key of ['x'.repeat(600), `\ud800`]) {
          await cache.set(key, 1, 300);
          expect(await kv.get(key.slice(0, 512), 'text').catch(() => null)).toBeNull();
        }
      });
    });
  });
}
