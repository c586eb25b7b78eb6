import { CacheClient, type CacheOptions, type ClientEvent, type GetOrSetOptions } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { Clock } from './support/clock.ts';
import { turns } from './support/core.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

/** A cache over a KV of its own, on one clock, with the loader of one key. */
function setUp(options: CacheOptions = {}) {
  const clock = new Clock();
  const kv = recording(new MemoryKV({ now: clock.now }));
  const events: ClientEvent[] = [];
  let left: Promise<unknown>[] = [];
  const cache = new CacheClient(kv, {
    now: clock.now,
    waitUntil: (work) => left.push(work),
    onEvent: (event) => events.push(event),
    ...options,
  });
  const loader = { loads: 0, load: async (): Promise<unknown> => loader.loads };
  return {
    clock,
    kv,
    events,
    cache,
    loader,
    /** Asks for the key, with a TTL of 100 s, shortened by at most 5. */
    ask: (chosen: GetOrSetOptions = {}) =>
      cache.getOrSet(
        'k',
        100,
        () => {
          loader.loads++;
          return loader.load();
        },
        chosen,
      ),
    settled: async () => {
      await Promise.all(left);
      left = [];
    },
  };
}

describe('staleWhileRevalidateSeconds', () => {
  const OPTIONS = { staleWhileRevalidateSeconds: 50 };

  it('answers what is stale at once, and loads it anew once', async () => {
    const { ask, settled, clock, loader, cache } = setUp();
    expect(await ask(OPTIONS)).toBe(1);
    await settled();
    clock.advance(101_000);
    let finish = (): void => {};
    loader.load = () => new Promise((resolve) => (finish = () => resolve('new')));
    expect(await Promise.all([ask(OPTIONS), ask(OPTIONS), ask(OPTIONS)])).toEqual([1, 1, 1]);
    expect(loader.loads).toBe(2);
    expect(await cache.get('k')).toBe(1);
    finish();
    await settled();
    expect(await ask(OPTIONS)).toBe('new');
    expect(loader.loads).toBe(2);
  });

  it('is refreshed by somebody else where a refresh does not end, and not while what one gave is being stored', async () => {
    const { ask, settled, clock, loader, kv } = setUp();
    // It took 10 ms, so it is waited for 50 ms, in real time.
    loader.load = () =>
      scheduler
        .wait(1)
        .then(() => void clock.advance(10))
        .then(() => loader.loads);
    await ask(OPTIONS);
    await settled();
    clock.advance(101_000);
    loader.load = () => new Promise(() => {});
    expect(await Promise.all([ask(OPTIONS), ask(OPTIONS)])).toEqual([1, 1]);
    await scheduler.wait(60);
    let land = (): void => {};
    const { put } = kv;
    kv.put = async (...args) => {
      await new Promise<void>((resolve) => (land = resolve));
      await put(...args);
    };
    loader.load = async () => 'new';
    expect(await ask(OPTIONS)).toBe(1);
    expect(loader.loads).toBe(3);
    await scheduler.wait(1100);
    expect(await ask(OPTIONS)).toBe(1);
    expect(loader.loads).toBe(3);
    land();
    await expect.poll(() => ask(OPTIONS)).toBe('new');
    expect(loader.loads).toBe(3);
  });

  it('ends, and then the value is loaded while the caller waits', async () => {
    const { ask, settled, clock } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(150_001);
    expect(await ask(OPTIONS)).toBe(2);
  });

  it('is no reason to load for a mere get', async () => {
    const { ask, settled, clock, cache, loader, events } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(120_000);
    expect(await cache.get('k')).toBe(1);
    expect(events.at(-1)).toMatchObject({ op: 'get', outcome: 'stale', source: 'kv' });
    expect(loader.loads).toBe(1);
  });

  it('awaits the load where nobody keeps the Worker alive', async () => {
    const { ask, clock, loader } = setUp({
      waitUntil: () => {
        throw new TypeError('Illegal invocation');
      },
    });
    await ask(OPTIONS);
    clock.advance(120_000);
    expect(await ask(OPTIONS)).toBe(1);
    expect(loader.loads).toBe(2);
    expect(await ask(OPTIONS)).toBe(2);
  });

  it('backs off from a loader that fails: 1 s, 2 s, 4 s', async () => {
    const { ask, settled, clock, loader } = setUp();
    const long = { staleWhileRevalidateSeconds: 3600 };
    await ask(long);
    await settled();
    clock.advance(101_000);
    loader.load = () => Promise.reject(new Error('down'));
    const loadsAfter = async (ms: number): Promise<number> => {
      clock.advance(ms);
      expect(await ask(long)).toBe(1);
      await settled();
      return loader.loads;
    };
    expect(await loadsAfter(0)).toBe(2);
    expect(await loadsAfter(999)).toBe(2);
    expect(await loadsAfter(1)).toBe(3);
    expect(await loadsAfter(1999)).toBe(3);
    expect(await loadsAfter(1)).toBe(4);
    expect(await loadsAfter(3999)).toBe(4);
    loader.load = async () => 'up';
    expect(await loadsAfter(1)).toBe(5);
    expect(await ask(long)).toBe('up');
  });
});

describe('staleIfErrorSeconds', () => {
  const OPTIONS = { staleIfErrorSeconds: 50 };

  it('answers what is over only where the loader fails', async () => {
    const { ask, settled, clock, loader, cache, events } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(101_000);
    loader.load = () => Promise.reject(new Error('down'));
    expect(await cache.get('k')).toBeNull();
    expect(await ask(OPTIONS)).toBe(1);
    expect(events.at(-1)).toMatchObject({ op: 'getOrSet', outcome: 'stale', source: 'kv' });
    clock.advance(49_001);
    await settled();
    await expect(ask(OPTIONS)).rejects.toThrow('down');
  });

  it('loads where the loader works', async () => {
    const { ask, settled, clock } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(101_000);
    expect(await ask(OPTIONS)).toBe(2);
  });

  it('answers it after softTimeoutMs, and the load goes on', async () => {
    const { ask, settled, clock, loader } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(101_000);
    let finish = (): void => {};
    loader.load = () => new Promise((resolve) => (finish = () => resolve('late')));
    expect(await ask({ ...OPTIONS, softTimeoutMs: 20 })).toBe(1);
    finish();
    await settled();
    expect(await ask(OPTIONS)).toBe('late');
  });

  it('answers it after hardTimeoutMs', async () => {
    const { ask, settled, clock, loader } = setUp();
    await ask(OPTIONS);
    await settled();
    clock.advance(101_000);
    loader.load = () => new Promise(() => {});
    expect(await ask({ ...OPTIONS, hardTimeoutMs: 20 })).toBe(1);
  });

  it('has no back-off where there is nothing to answer', async () => {
    const { ask, loader } = setUp();
    loader.load = () => Promise.reject(new Error('down'));
    for (const loads of [1, 2, 3]) {
      await expect(ask(OPTIONS)).rejects.toThrow('down');
      expect(loader.loads).toBe(loads);
    }
  });
});

describe('hardTimeoutMs', () => {
  it('throws aborted where there is nothing to answer, and what is loaded is stored all the same', async () => {
    const { ask, settled, loader, cache } = setUp();
    let finish = (): void => {};
    loader.load = () => new Promise((resolve) => (finish = () => resolve('late')));
    expect(await codeOf(() => ask({ hardTimeoutMs: 20 }))).toBe('aborted');
    finish();
    await settled();
    expect(await cache.get('k')).toBe('late');
  });

  it('is no concern of a loader that is quick enough', async () => {
    expect(await setUp().ask({ hardTimeoutMs: 10_000, softTimeoutMs: 10_000 })).toBe(1);
  });
});

describe('negativeTtlSeconds', () => {
  it('keeps a null so long', async () => {
    const { ask, settled, clock, loader, kv } = setUp();
    loader.load = async () => null;
    expect(await ask({ negativeTtlSeconds: 10 })).toBeNull();
    await settled();
    clock.advance(9000);
    expect(await ask({ negativeTtlSeconds: 10 })).toBeNull();
    expect(loader.loads).toBe(1);
    clock.advance(1001);
    await ask({ negativeTtlSeconds: 10 });
    expect(loader.loads).toBe(2);
    await settled();
    expect(kv.operations.filter((operation) => operation === 'put k')).toHaveLength(2);
  });

  it('of 0 keeps none', async () => {
    const { ask, settled, loader, kv } = setUp();
    loader.load = async () => null;
    for (const loads of [1, 2]) {
      expect(await ask({ negativeTtlSeconds: 0 })).toBeNull();
      await settled();
      expect(loader.loads).toBe(loads);
    }
    expect(kv.operations).toEqual(['get k', 'get k']);
  });
});

describe('forceFresh', () => {
  it('loads whatever is cached, and stores it', async () => {
    const { ask, settled, cache, kv } = setUp();
    await ask();
    await settled();
    kv.operations.length = 0;
    expect(await ask({ forceFresh: true })).toBe(2);
    await settled();
    expect(kv.operations).toEqual(['put k']);
    expect(await cache.get('k')).toBe(2);
  });

  it('answers nothing that is cached where the loader fails', async () => {
    const { ask, settled, loader } = setUp();
    await ask({ staleIfErrorSeconds: 1000 });
    await settled();
    loader.load = () => Promise.reject(new Error('down'));
    await expect(ask({ forceFresh: true, staleIfErrorSeconds: 1000 })).rejects.toThrow('down');
  });

  it('waits for no load that began before, and that one is not stored', async () => {
    const { ask, settled, loader, cache } = setUp();
    let finish = (): void => {};
    loader.load = () => new Promise((resolve) => (finish = () => resolve('old')));
    const first = ask();
    await turns();
    loader.load = async () => 'new';
    expect(await ask({ forceFresh: true })).toBe('new');
    finish();
    expect(await first).toBe('old');
    await settled();
    expect(await cache.get('k')).toBe('new');
  });
});

describe('what is loaded', () => {
  it('ends up to a twentieth early, each key by another span', async () => {
    const clock = new Clock();
    const cache = new CacheClient(new MemoryKV({ now: clock.now }), { now: clock.now, waitUntil: () => {} });
    const names = Array.from({ length: 100 }, (_, at) => `key ${at}`);
    for (const name of names) await cache.getOrSet(name, 1000, () => 1);
    await turns();
    const explained = await Promise.all(names.map((name) => cache.explain(name)));
    const spans = explained.map(({ softTtlMs }) => softTtlMs);
    expect(Math.min(...spans)).toBeGreaterThanOrEqual(950_000);
    expect(Math.max(...spans)).toBeLessThanOrEqual(1_000_000);
    expect(new Set(spans).size).toBeGreaterThan(80);
  });

  it('notes how long that took', async () => {
    const { ask, settled, clock, cache, loader } = setUp();
    loader.load = async () => {
      clock.advance(70);
      return 'slow';
    };
    await ask();
    await settled();
    expect((await cache.explain('k')).loadMs).toBe(70);
  });

  it('has no windows on a store without metadata', async () => {
    const kv = new ThreeMethodKV();
    const cache = new CacheClient(kv, { waitUntil: () => {} });
    expect(await cache.getOrSet('k', 100, () => 1, { staleWhileRevalidateSeconds: 50, tags: [] })).toBe(1);
    await turns();
    expect(await cache.getOrSet('k', 100, () => 2)).toBe(1);
  });
});

describe('several callers at once', () => {
  it('get copies of their own, as what is cached would be', async () => {
    const { ask, loader } = setUp();
    const made = { list: [1], at: new Date(0) };
    loader.load = async () => made;
    const [first, second, third] = (await Promise.all([ask(), ask(), ask()])) as (typeof made)[];
    expect(loader.loads).toBe(1);
    expect(first).toBe(made);
    expect(second).toEqual({ list: [1], at: '1970-01-01T00:00:00.000Z' });
    expect(third).toEqual(second);
    expect(third).not.toBe(second);
  });

  it('all get undefined', async () => {
    const { ask, loader } = setUp();
    loader.load = async () => undefined;
    expect(await Promise.all([ask(), ask()])).toEqual([undefined, undefined]);
    expect(loader.loads).toBe(1);
  });

  it('each load for themselves what is no JSON', async () => {
    const { ask, loader } = setUp();
    loader.load = async () => BigInt(loader.loads);
    expect(await Promise.all([ask(), ask(), ask()])).toHaveLength(3);
    expect(loader.loads).toBe(3);
  });

  it('of other stores and other keys do not wait for each other', async () => {
    const [one, other] = [setUp(), setUp()];
    one.loader.load = () => new Promise(() => {});
    void one.ask();
    await turns();
    expect(await other.ask()).toBe(1);
    expect(await one.cache.getOrSet('another key', 100, () => 'v')).toBe('v');
  });
});

describe('a loader that asks for its own key', () => {
  it('does not wait for itself', async () => {
    const { cache } = setUp();
    const began = Date.now();
    expect(await cache.getOrSet('k', 100, () => cache.getOrSet('k', 100, () => 'inner'))).toBe('inner');
    expect(await cache.getOrSet('l', 100, async () => [await cache.getOrSet('l', 100, async () => 'inner')])).toEqual([
      'inner',
    ]);
    expect(Date.now() - began).toBeLessThan(1000);
  });

  it('after it has waited for something else ends all the same', async () => {
    const { cache } = setUp();
    const loaded = cache.getOrSet('k', 100, async () => {
      await scheduler.wait(1);
      return await cache.getOrSet('k', 100, () => 'inner');
    });
    expect(await loaded).toBe('inner');
  });
});

describe('a key written or deleted while it is loaded', () => {
  const changes: [name: string, change: (cache: CacheClient) => Promise<unknown>, left: unknown][] = [
    ['set', (cache) => cache.set('k', 'set', 100), 'set'],
    ['setMany', (cache) => cache.setMany({ k: 'set' }, 100), 'set'],
    ['delete', (cache) => cache.delete('k'), null],
    ['deleteMany', (cache) => cache.deleteMany(['k']), null],
    ['deleteByPrefix', (cache) => cache.deleteByPrefix('k'), null],
    ['invalidateTags', (cache) => cache.invalidateTags(['t']), null],
  ];

  it.each(changes)('by %s does not get the value that was loaded', async (_, change, expected) => {
    const { ask, settled, loader, cache } = setUp();
    let finish = (): void => {};
    loader.load = () => new Promise((resolve) => (finish = () => resolve('loaded before')));
    const first = ask({ tags: ['t'] });
    await turns();
    await change(cache);
    loader.load = async () => 'loaded after';
    expect(await ask({ tags: ['t'] })).toBe(expected ?? 'loaded after');
    finish();
    expect(await first).toBe('loaded before');
    await settled();
    expect(await cache.get('k')).toBe(expected ?? 'loaded after');
  });

  const afterStoring: [name: string, change: (cache: CacheClient) => Promise<unknown>, left: unknown][] = [
    ...changes.slice(0, 5),
    ['getOrSet with forceFresh', (cache) => cache.getOrSet('k', 100, () => 'forced', { forceFresh: true }), 'forced'],
  ];

  it.each(afterStoring)('or rather while that is stored, by %s, does not keep it', async (_, change, expected) => {
    const kv = new MemoryKV();
    const put = kv.put.bind(kv);
    let land = (): void => {};
    const landed = new Promise<void>((resolve) => (land = resolve));
    kv.put = async (...args) => {
      // The value that was loaded takes its time to land.
      if (args[1] === '"loaded before"') await landed;
      await put(...args);
    };
    const left: Promise<unknown>[] = [];
    const cache = new CacheClient(kv as never, { waitUntil: (work) => left.push(work) });
    expect(await cache.getOrSet('k', 100, () => 'loaded before')).toBe('loaded before');
    await turns();
    const changed = change(cache);
    await turns();
    land();
    await changed;
    await Promise.all(left);
    expect(await cache.get('k')).toBe(expected);
  });

  it('waits no longer for that than for any operation', async () => {
    const kv = new MemoryKV();
    kv.put = () => new Promise(() => {});
    const cache = new CacheClient(kv as never, { storeTimeoutMs: 100, waitUntil: () => {} });
    await cache.getOrSet('k', 100, () => 'loaded');
    await turns();
    const began = Date.now();
    await cache.delete('k');
    expect(Date.now() - began).toBeLessThan(1000);
  });
});

describe('validate', () => {
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => (typeof value === 'string' ? { value } : { issues: [{ message: 'no string' }] }),
    },
  };
  const slow = {
    '~standard': { ...schema['~standard'], validate: async (value: unknown) => schema['~standard'].validate(value) },
  };
  const validators: [string, GetOrSetOptions['validate'] & object][] = [
    ['a predicate', (value) => typeof value === 'string'],
    ['a schema', schema],
    ['a schema that takes its time', slow],
    ['a schema that is a function', Object.assign(() => true, schema)],
  ];

  it.each(validators)('takes a stored value that fails %s for a miss, and repairs it', async (_, validate) => {
    const { ask, settled, cache, loader, events } = setUp();
    await cache.set('k', 5, 100);
    loader.load = async () => 'sound';
    expect(await ask({ validate })).toBe('sound');
    expect(events.find(({ op }) => op === 'getOrSet')).toMatchObject({ outcome: 'corrupt' });
    await settled();
    expect(await cache.get('k')).toBe('sound');
    expect(await ask({ validate })).toBe('sound');
    expect(loader.loads).toBe(1);
  });

  it.each(validators)('returns a loaded value that fails %s, and does not store it', async (_, validate) => {
    const { ask, settled, cache, events } = setUp();
    expect(await ask({ validate })).toBe(1);
    await settled();
    expect(await cache.get('k')).toBeNull();
    expect(events).toContainEqual(expect.objectContaining({ outcome: 'skipped', errorCode: 'invalid-argument' }));
  });

  it('takes a validator that throws for one that refuses', async () => {
    const { ask, settled, loader } = setUp();
    await ask();
    await settled();
    const validate = (): never => {
      throw new Error('odd');
    };
    expect(await ask({ validate })).toBe(2);
    expect(loader.loads).toBe(2);
  });
});

it('lookup and explain tell what there is', async () => {
  const { ask, settled, clock, cache, kv } = setUp();
  expect(await cache.lookup('k')).toEqual({ value: null, state: 'miss', source: 'none', ageMs: null, staleBoundMs: null });
  await cache.set('k', { ü: 1 }, 100);
  clock.advance(40_000);
  expect(await cache.lookup('k')).toEqual({
    value: { ü: 1 },
    state: 'fresh',
    source: 'kv',
    ageMs: 40_000,
    staleBoundMs: 100_000,
  });
  await cache.delete('k');
  await ask({ staleWhileRevalidateSeconds: 50, staleIfErrorSeconds: 10, tags: ['a:b', 'ü'] });
  await settled();
  clock.advance(110_000);
  expect(await cache.lookup('k')).toMatchObject({ value: 1, state: 'stale', source: 'kv', ageMs: 110_000 });
  expect(await cache.explain('k')).toEqual({
    key: 'k',
    physicalKey: 'k',
    state: 'stale',
    ageMs: 110_000,
    softTtlMs: expect.any(Number) as number,
    staleMs: 50_000,
    errorMs: 10_000,
    loadMs: 0,
    tags: ['a:b', 'ü'],
    inMemory: true,
    bytes: 1,
  });
  clock.advance(45_000);
  expect(await cache.lookup('k')).toMatchObject({ value: null, state: 'miss' });
  expect(await cache.explain('k')).toMatchObject({ state: 'error-only' });
  await kv.put('plain', '"ü"');
  expect(await cache.explain('plain')).toMatchObject({ state: 'fresh', ageMs: null, tags: [], bytes: 4 });
  expect(await cache.explain('x'.repeat(600))).toMatchObject({ state: 'miss', bytes: 0 });
  expect((await cache.explain('x'.repeat(600))).physicalKey).toMatch(/^x{489}#.{22}$/);
});
