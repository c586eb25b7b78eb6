import { env } from 'cloudflare:workers';
import { CacheClient, type CacheOptions, type KVLike } from '@codex/cloudflare-clients';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { Clock } from './support/clock.ts';
import { freshMinutes, instance, ruin, turns } from './support/core.ts';
import { HeldStore, stored } from './support/held-store.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

const newKey = (): string => `memory ${crypto.randomUUID()}`;

/** A cache on real KV that notes what is asked of it, on a clock of its own. */
function setUp(options: CacheOptions = {}) {
  const clock = new Clock();
  const kv = recording(env.KV);
  const left: Promise<unknown>[] = [];
  const make = (more: CacheOptions = {}): CacheClient =>
    new CacheClient(kv, { now: clock.now, waitUntil: (work) => left.push(work), ...options, ...more });
  return { clock, kv, make, cache: make(), key: newKey(), settled: () => Promise.all(left.splice(0)) };
}

afterEach(() => void vi.useRealTimers());

describe('a value in memory', () => {
  it('costs no read of KV, for ten seconds', async () => {
    const { cache, clock, kv, key } = setUp();
    await env.KV.put(key, '{"a":1}');
    for (let read = 0; read < 5; read++) expect(await cache.get(key)).toEqual({ a: 1 });
    expect(await cache.getOrSet(key, 60, () => 'not this')).toEqual({ a: 1 });
    expect([...(await cache.getMany([key])).values()]).toEqual([{ a: 1 }]);
    expect(await cache.lookup(key)).toMatchObject({ source: 'memory', state: 'fresh' });
    clock.advance(10_000);
    await cache.get(key);
    expect(kv.operations).toEqual([`get ${key}`]);
    clock.advance(1);
    await cache.get(key);
    expect(kv.operations).toEqual([`get ${key}`, `get ${key}`]);
  });

  it('stays as long as was asked for, and not at all under `memory: false`', async () => {
    for (const [memory, reads] of [
      [{ maxAgeMs: 60_000 }, 1],
      [{ maxAgeMs: 100 }, 3],
      [false, 3],
    ] as const) {
      const { cache, clock, kv, key } = setUp({ memory });
      await env.KV.put(key, '1');
      for (let read = 0; read < 3; read++) {
        expect(await cache.get(key)).toBe(1);
        clock.advance(101);
      }
      expect(kv.operations).toHaveLength(reads);
    }
  });

  it('ends when its TTL is over, however short', async () => {
    const { cache, clock, key } = setUp();
    await cache.set(key, 1, 0.5);
    clock.advance(500);
    expect(await cache.get(key)).toBe(1);
    clock.advance(1);
    expect(await cache.get(key)).toBeNull();
  });

  it('is there after set, setMany and a load, and a miss is not', async () => {
    const { cache, kv, key, settled } = setUp();
    await cache.set(`${key} set`, 1, 60);
    await cache.setMany({ [`${key} many`]: 2 }, 60);
    await cache.getOrSet(`${key} load`, 60, () => 3);
    await settled();
    await cache.get(`${key} none`);
    kv.operations.length = 0;
    const keys = ['set', 'many', 'load', 'none'].map((name) => `${key} ${name}`);
    expect([...(await cache.getMany(keys)).values()]).toEqual([1, 2, 3, null]);
    expect(kv.operations).toEqual([`get ${key} none`]);
  });

  it('is everybody’s own: what one does to it nobody else sees', async () => {
    const { cache, key } = setUp();
    const value = { list: [{ n: 1 }, [2]], text: 'ü', nested: { deep: { deeper: [null, true, 1.5] } } };
    await cache.set(key, value, 60);
    for (let read = 0; read < 6; read++) {
      const mine = await cache.getOrSet(key, 60, () => value);
      expect(mine).toEqual(value);
      (mine.list[0] as { n: number }).n = 9;
      (mine.list[1] as number[]).push(9);
      mine.nested.deep.deeper.length = 0;
      Object.assign(mine, { text: 'changed', more: true });
    }
  });

  it.each([
    ['nested very deeply', '['.repeat(50_000) + ']'.repeat(50_000)],
    ['with a __proto__ of its own', '{"__proto__":{"admin":true},"a":{"__proto__":null}}'],
    ['of nothing but empty objects', JSON.stringify(Array.from({ length: 1000 }, () => ({})))],
  ])('may be %s', async (_, text) => {
    const { cache, key, kv } = setUp();
    await env.KV.put(key, text);
    for (let read = 0; read < 4; read++) {
      const value = await cache.get<{ admin?: unknown }>(key);
      expect(value?.admin).toBeUndefined();
      expect(text.startsWith('[[') || JSON.stringify(value) === text).toBe(true);
    }
    expect(kv.operations).toHaveLength(1);
  });

  it('that is stale is answered and loaded anew', async () => {
    const { cache, clock, kv, key, settled } = setUp();
    let loads = 0;
    const ask = (): Promise<number> => cache.getOrSet(key, 2, () => ++loads, { staleWhileRevalidateSeconds: 5 });
    expect(await ask()).toBe(1);
    await settled();
    kv.operations.length = 0;
    clock.advance(3000);
    expect(await ask()).toBe(1);
    await settled();
    expect(await ask()).toBe(2);
    expect(kv.operations).toEqual([`put ${key}`]);
  });

  it('that fails validation is not answered', async () => {
    const { cache, key, settled } = setUp();
    await cache.set(key, 'a text', 60);
    expect(await cache.getOrSet(key, 60, () => 5, { validate: (value) => typeof value === 'number' })).toBe(5);
    await settled();
    expect(await cache.get(key)).toBe(5);
  });

  it('is loaded ahead of its end where that is asked for', async () => {
    const { cache, clock, key, settled } = setUp();
    let loads = 0;
    const load = async (): Promise<number> => {
      clock.advance(3000);
      return ++loads;
    };
    await cache.getOrSet(key, 9, load);
    await settled();
    clock.advance(8000);
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.9);
    expect(await cache.getOrSet(key, 9, load)).toBe(1);
    await settled();
    expect(loads).toBe(1);
    expect(await cache.getOrSet(key, 9, load, { earlyRefresh: true })).toBe(1);
    await settled();
    random.mockRestore();
    expect(loads).toBe(2);
  });
});

describe('other clients of the same binding', () => {
  it('see what one of them wrote or deleted, whether it has memory or not', async () => {
    for (const memory of [{}, false] as const) {
      const { cache, make, key } = setUp();
      const other = make({ memory });
      await cache.set(key, 1, 60);
      expect(await cache.get(key)).toBe(1);
      await other.set(key, 2, 60);
      expect(await cache.get(key)).toBe(2);
      await other.delete(key);
      expect(await cache.get(key)).toBeNull();
    }
  });

  it('see tags voided at once', async () => {
    const { cache, make, key, kv } = setUp();
    await cache.set(`${key} a`, 1, 60, { tags: [key] });
    await cache.set(`${key} b`, 2, 60);
    await make().invalidateTags([key]);
    kv.operations.length = 0;
    expect(await cache.get(`${key} a`)).toBeNull();
    expect(await cache.get(`${key} b`)).toBe(2);
  });

  it('see what was deleted by prefix', async () => {
    const { cache, make, key } = setUp();
    await cache.set(`${key}:a`, 1, 60);
    await make().deleteByPrefix(`${key}:`);
    expect(await cache.get(`${key}:a`)).toBeNull();
  });
});

describe('what is under way', () => {
  it('when a value is deleted does not bring it back: a read', async () => {
    const store = new HeldStore();
    const cache = new CacheClient(store.kv);
    const reading = cache.get('k');
    const old = store.take('k');
    const deleting = cache.delete('k');
    await turns();
    store.take('k').answer();
    await deleting;
    old.answer(stored('old', { c: Date.now() - 1000, s: 60_000 }));
    expect(await reading).toBeNull();
    void cache.get('k');
    await turns();
    expect(store.take('k').verb).toBe('get');
  });

  it('when a value is deleted does not bring it back: a write', async () => {
    const store = new HeldStore();
    const cache = new CacheClient(store.kv);
    const writing = cache.set('k', 1, 60);
    await turns();
    const put = store.take('k');
    const deleting = cache.delete('k');
    await turns();
    expect(store.held).toEqual([]);
    put.answer();
    await writing;
    await turns();
    const remove = store.take('k');
    expect(remove.verb).toBe('delete');
    remove.answer();
    await deleting;
    void cache.get('k');
    await turns();
    expect(store.take('k').verb).toBe('get');
  });

  it('when a value is written does not hide it', async () => {
    const store = new HeldStore();
    const cache = new CacheClient(store.kv);
    const writing = cache.set('k', 'new', 60);
    await turns();
    const put = store.take('k');
    const reading = cache.get('k');
    await turns();
    store.take('k').answer(stored('old'));
    expect(await reading).toBe('old');
    put.answer();
    await writing;
    expect(await cache.get('k')).toBe('new');
  });
});

describe('the memory of the isolate', () => {
  it('is given to an object that is no full KV namespace only where it is asked for', async () => {
    for (const [options, reads] of [
      [{}, 2],
      [{ memory: {} }, 1],
    ] as const) {
      const kv = recording(new ThreeMethodKV() as KVLike);
      const cache = new CacheClient(kv, options);
      await kv.put('k', '1');
      expect([await cache.get('k'), await cache.get('k')]).toEqual([1, 1]);
      expect(kv.operations.filter((operation) => operation === 'get k')).toHaveLength(reads);
    }
  });

  it('keeps no more than it may, and lets go of what it drops', async () => {
    const { cache, key } = setUp();
    const large = 'x'.repeat(100_000);
    for (let at = 0; at < 120; at++) await cache.set(`${key} ${at}`, large, 60);
    const { payloads, exports } = instance();
    expect(exports.memoryBytes()).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(payloads.filter((payload) => payload !== undefined)).toHaveLength(exports.memoryEntries());
    expect(exports.memoryEntries()).toBeGreaterThan(20);
    expect(exports.memoryEntries()).toBeLessThan(60);
    await cache.deleteByPrefix(key);
    expect(payloads.filter((payload) => payload !== undefined)).toHaveLength(exports.memoryEntries());
  });

  it('goes with the instance when that traps', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await freshMinutes();
    const { kv, key, make } = setUp();
    const cache = make({ now: Date.now });
    await cache.set(key, 1, 600);
    kv.operations.length = 0;
    expect(await cache.get(key)).toBe(1);
    expect(kv.operations).toEqual([]);
    ruin();
    await new CacheClient(new HeldStore().kv).get('the call that traps');
    await turns();
    expect(await cache.get(key)).toBe(1);
    expect(kv.operations).toEqual([`get ${key}`]);
  });

  it('refuses what it cannot be', async () => {
    for (const memory of [true, 'yes', { maxAgeMs: 0 }, { maxAgeMs: Number.NaN }, { maxBytes: -1 }, { maxBytes: 2 ** 30 }]) {
      expect(await codeOf(() => new CacheClient(env.KV, { memory } as never))).toBe('invalid-config');
    }
  });
});
