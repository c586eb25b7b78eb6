import { RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { Clock } from './support/clock.ts';
import { sessionOf } from './support/sessions.ts';

// What the double does that Miniflare cannot show: time, the write rate, and places that see late.

describe('the memory double', () => {
  it('forgets a value when its time has come', async () => {
    const clock = new Clock();
    clock.set(1_000_000_000_000);
    const kv = new MemoryKV({ now: clock.now });
    await kv.put('k', 'v', { expirationTtl: 60 });
    clock.advance(59_999);
    expect(await kv.get('k')).toBe('v');
    clock.advance(1);
    expect(await kv.get('k')).toBeNull();
    expect((await kv.list()).keys).toEqual([]);
  });

  it('refuses a second write of a key within a second, and of no other key', async () => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now, oneWritePerSecond: true });
    await kv.put('k', '1');
    await kv.put('other', '1');
    clock.advance(999);
    await expect(kv.put('k', '2')).rejects.toThrow('KV PUT failed: 429 Too Many Requests');
    await expect(kv.delete('k')).rejects.toThrow('KV DELETE failed: 429 Too Many Requests');
    expect(await kv.get('k')).toBe('1');
    clock.advance(1);
    await kv.put('k', '2');
    expect(await kv.get('k')).toBe('2');
  });

  it('shows a write at once where it was made, elsewhere late', async () => {
    const clock = new Clock();
    const here = new MemoryKV({ now: clock.now, lagMs: 60_000 });
    const there = here.elsewhere();
    await here.put('k', '1');
    expect([await here.get('k'), await there.get('k')]).toEqual(['1', null]);
    clock.advance(60_000);
    await here.delete('k');
    expect([await here.get('k'), await there.get('k')]).toEqual([null, '1']);
    clock.advance(60_000);
    expect(await there.get('k')).toBeNull();
  });
});

describe('two places that see each other a minute late', () => {
  it('admit up to the limit each, and agree once they see', async () => {
    const clock = new Clock();
    const here = new MemoryKV({ now: clock.now, lagMs: 60_000 });
    const limiters = [here, here.elsewhere()].map((kv) => new RateLimiterClient(kv, { now: clock.now }));
    const rule = { limit: 3, window: 900, keyPrefix: 'rl:test:' };
    const admitted = async (): Promise<number> => {
      let count = 0;
      for (const limiter of limiters) {
        for (let attempt = 0; attempt < 4; attempt++) if ((await limiter.checkLimit('who', rule)).allowed) count++;
      }
      return count;
    };
    expect(await admitted()).toBe(2 * rule.limit);
    clock.advance(60_000);
    expect(await admitted()).toBe(0);
  });

  it('void a user’s sessions at once where it was asked for, and elsewhere when it is seen', async () => {
    const clock = new Clock();
    const here = new MemoryKV({ now: clock.now, lagMs: 60_000 });
    const [mine, other] = [here, here.elsewhere()].map((kv) => new SessionCacheClient(kv, { now: clock.now }));
    await mine?.set('token', sessionOf('token'));
    clock.advance(60_000);
    expect(await other?.get('token')).not.toBeNull();
    await mine?.deleteUserSessions('user-456');
    expect(await mine?.get('token')).toBeNull();
    clock.advance(60_000);
    expect(await other?.get('token')).toBeNull();
  });
});
