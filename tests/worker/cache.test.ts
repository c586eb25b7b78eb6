import { env } from 'cloudflare:workers';
import {
  CACHE_TTL,
  CacheClient,
  cacheKeys,
  type ClientEvent,
  type ClientOptions,
  KVClientError,
} from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { Clock } from './support/clock.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

const newKey = (): string => `cache:test:${crypto.randomUUID()}`;

/** A client whose `settled` resolves when the writes it left for after its answers have ended. */
function cacheOf(options: ClientOptions = {}): CacheClient & { settled(): Promise<unknown> } {
  const left: Promise<unknown>[] = [];
  const cache = new CacheClient(env.KV, { waitUntil: (work) => left.push(work), ...options });
  return Object.assign(cache, { settled: () => Promise.all(left) });
}

/** A loader that counts how often it is asked. */
function loaderOf<T>(value: T): { (): Promise<T>; loads: number } {
  const loader = Object.assign(
    async (): Promise<T> => {
      loader.loads++;
      return value;
    },
    { loads: 0 },
  );
  return loader;
}

describe('3.3: TTLs', () => {
  it.each([0.001, 1, 30, 59.5, 60, 300])('a value set for %d s is there until then, and not after', async (ttlSeconds) => {
    const clock = new Clock();
    const cache = cacheOf({ now: clock.now });
    const key = newKey();
    await cache.set(key, { a: 1 }, ttlSeconds);
    clock.advance(ttlSeconds * 1000);
    expect(await cache.get(key)).toEqual({ a: 1 });
    clock.advance(1);
    expect(await cache.get(key)).toBeNull();
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 53, 1e308, Number.MAX_VALUE])('a TTL of %d s is cut to what KV can keep', async (ttl) => {
    const cache = cacheOf();
    const key = newKey();
    await cache.set(key, 'v', ttl);
    expect(await cache.get(key)).toBe('v');
    const { keys } = await env.KV.list({ prefix: key });
    expect(Math.abs((keys[0]?.expiration ?? 0) - Date.now() / 1000 - (2 ** 31 - 1))).toBeLessThan(5);
  });

  it.each([0, -0, -1, -1e308])(
    'a value set for %d s is not stored, and the one that stood there is gone',
    async (ttlSeconds) => {
      const cache = cacheOf();
      const key = newKey();
      await cache.set(key, 'old', 60);
      await cache.set(key, 'new', ttlSeconds);
      expect(await cache.get(key)).toBeNull();
      expect(await env.KV.get(key)).toBeNull();
    },
  );
});

describe('3.3: getOrSet', () => {
  it('loads once', async () => {
    const cache = cacheOf();
    const [key, loader] = [newKey(), loaderOf({ a: 1 })];
    expect(await cache.getOrSet(key, 300, loader)).toEqual({ a: 1 });
    await cache.settled();
    expect(await cache.getOrSet(key, 300, loader)).toEqual({ a: 1 });
    expect(loader.loads).toBe(1);
    expect(await env.KV.get(key, 'json')).toEqual({ a: 1 });
  });

  it('returns a loader’s undefined and does not store it', async () => {
    const cache = cacheOf();
    const [key, loader] = [newKey(), loaderOf(undefined)];
    expect(await cache.getOrSet(key, 300, loader)).toBeUndefined();
    await cache.settled();
    expect(await env.KV.get(key)).toBeNull();
    expect(await cache.get(key)).toBeNull();
  });

  it.each([null, 0, '', false])('remembers a loader’s %j', async (value) => {
    const cache = cacheOf();
    const [key, loader] = [newKey(), loaderOf(value)];
    for (let time = 0; time < 2; time++) {
      expect(await cache.getOrSet(key, 300, loader)).toBe(value);
      await cache.settled();
    }
    expect(loader.loads).toBe(1);
  });

  it.each(['undefined', '', '{', '{"a":1', 'NaN', '\u0000'])('loads where %j stands, and repairs it', async (text) => {
    const events: ClientEvent[] = [];
    const cache = cacheOf({ onEvent: (event) => events.push(event) });
    const key = newKey();
    await env.KV.put(key, text);
    expect(await cache.get(key)).toBeNull();
    expect(await cache.getOrSet(key, 300, loaderOf('fresh'))).toBe('fresh');
    await cache.settled();
    expect(events.map(({ outcome }) => outcome)).toEqual(['corrupt', 'corrupt', 'stored']);
    expect(await cache.get(key)).toBe('fresh');
  });

  it('works with a TTL of 30 s, and loads again after it', async () => {
    const clock = new Clock();
    const cache = cacheOf({ now: clock.now });
    const [key, loader] = [newKey(), loaderOf(1)];
    for (const ms of [0, 30_000, 1]) {
      clock.advance(ms);
      await cache.getOrSet(key, 30, loader);
      await cache.settled();
    }
    expect(loader.loads).toBe(2);
  });

  it('throws what the loader throws, and stores nothing', async () => {
    const cache = cacheOf();
    const key = newKey();
    const failure = new Error('the database is down');
    await expect(cache.getOrSet(key, 300, () => Promise.reject(failure))).rejects.toBe(failure);
    await expect(
      cache.getOrSet(key, 300, () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await env.KV.get(key)).toBeNull();
  });

  it('returns a value that is no JSON, and says that it was not stored', async () => {
    const events: ClientEvent[] = [];
    const cache = cacheOf({ onEvent: (event) => events.push(event) });
    const key = newKey();
    expect(await cache.getOrSet(key, 300, loaderOf(10n))).toBe(10n);
    await cache.settled();
    expect(events.at(-1)).toMatchObject({ op: 'getOrSet', outcome: 'failed', errorCode: 'invalid-argument' });
    expect(await env.KV.get(key)).toBeNull();
  });

  it('gives every caller a value of its own', async () => {
    const cache = cacheOf();
    const key = newKey();
    await cache.set(key, { list: [1] }, 60);
    const first = await cache.get<{ list: number[] }>(key);
    first?.list.push(2);
    expect(await cache.get(key)).toEqual({ list: [1] });
  });
});

describe('entries', () => {
  it('are plain JSON for others, and others’ plain JSON is an entry', async () => {
    const cache = cacheOf();
    const [ours, theirs] = [newKey(), newKey()];
    await cache.set(ours, { a: [1, 'ü', null] }, 60);
    await env.KV.put(theirs, '{"b":2}');
    expect(await env.KV.get(ours, 'json')).toEqual({ a: [1, 'ü', null] });
    expect(await cache.get(theirs)).toEqual({ b: 2 });
  });

  it.each([5, 'text', [], {}, { c: 'now', s: 1 }, { c: 1e308, s: 1 }, { c: Date.now() }, { s: 0 }, { k: 5 }])(
    'with metadata %j of somebody else’s are plain JSON',
    async (metadata) => {
      const key = newKey();
      await env.KV.put(key, '1', { metadata });
      expect(await cacheOf().get(key)).toBe(1);
    },
  );

  it.each([
    ['513 bytes', newKey().padEnd(513, 'x')],
    ['129 emoji', '\u{1f511}'.repeat(129)],
    ['ten million characters', 'x'.repeat(10_000_000)],
    ['half a surrogate pair', `${newKey()}\udc00`],
  ])('under a key of %s are kept apart from others that begin alike', async (_, key) => {
    const cache = cacheOf();
    await cache.set(key, 'mine', 60);
    expect(await cache.get(key)).toBe('mine');
    expect(await cache.get(`${key}x`)).toBeNull();
    await cache.delete(key);
    expect(await cache.get(key)).toBeNull();
  });

  it.each([
    ['512 bytes', newKey().padEnd(512, 'x')],
    ['128 emoji', '\u{1f511}'.repeat(128)],
    ['NUL', 'a\u0000b'],
    ['a name that objects have', '__proto__'],
    ['an index', '0'],
    ['three dots', '...'],
  ])('under a key of %s stand there verbatim', async (_, key) => {
    await cacheOf().set(key, 'mine', 60);
    expect(await env.KV.get(key, 'json')).toBe('mine');
  });

  it('of somebody else under the key that a long one is shortened to are not shown', async () => {
    const kv = recording(env.KV);
    const cache = new CacheClient(kv, { memory: false });
    const long = newKey().padEnd(600, 'x');
    await cache.set(long, 'mine', 60);
    const short = kv.operations[0]?.replace('put ', '') ?? '';
    await env.KV.put(short, '"theirs"');
    expect(await cache.get(long)).toBeNull();
  });
});

describe('deleting', () => {
  it('deletes each key of many once', async () => {
    const kv = recording(env.KV);
    const cache = new CacheClient(kv);
    const keys = Array.from({ length: 20 }, newKey);
    for (const key of keys) await cache.set(key, 1, 60);
    kv.operations.length = 0;
    expect(await cache.deleteMany([...keys, ...keys])).toEqual({ deleted: 20, complete: true, remaining: [] });
    expect(kv.operations.toSorted()).toEqual(keys.map((key) => `delete ${key}`).toSorted());
    for (const key of keys) expect(await cache.get(key)).toBeNull();
  });

  it('of many names what is left when some fail', async () => {
    const keys = Array.from({ length: 10 }, newKey);
    const [bad, worse] = keys.slice(3) as [string, string];
    const failing = recording(env.KV);
    const remove = failing.delete;
    failing.delete = async (key) => {
      if (key === bad || key === worse) throw new Error('KV DELETE failed: 500 Internal Server Error');
      await remove(key);
    };
    const error = await new CacheClient(failing).deleteMany(keys).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KVClientError);
    expect((error as KVClientError).code).toBe('store-unavailable');
    expect((error as KVClientError).remaining.toSorted()).toEqual([bad, worse].toSorted());
    expect(failing.operations).toHaveLength(8);
  });

  it('of many refuses them all for one that cannot be a key', async () => {
    const kv = recording(env.KV);
    for (const odd of ['', '.', '..', 5, null, undefined]) {
      expect(await codeOf(() => new CacheClient(kv).deleteMany(['a', odd as string, 'b']))).toBe('invalid-argument');
    }
    expect(kv.operations).toEqual([]);
  });
});

it('the platform’s keys and TTLs work', async () => {
  const cache = cacheOf();
  await cache.set(cacheKeys.contentPublished('essays'), [1], CACHE_TTL.contentPublished);
  expect(await env.KV.get('cache:content:published:essays', 'json')).toEqual([1]);
});
