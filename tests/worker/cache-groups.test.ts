import { env } from 'cloudflare:workers';
import { CacheClient, type CacheOptions, KVClientError, type KVLike } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { turns } from './support/core.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

const newName = (): string => crypto.randomUUID();

/** Real local KV, and the double with everything that real KV refuses. */
const STORES: [name: string, store: () => KVLike][] = [
  ['real KV', () => env.KV],
  ['the double', () => new MemoryKV() as unknown as KVLike],
];

function cacheOf(kv: KVLike, options: CacheOptions = {}): CacheClient & { settled(): Promise<unknown> } {
  const left: Promise<unknown>[] = [];
  const cache = new CacheClient(kv, { waitUntil: (work) => left.push(work), ...options });
  return Object.assign(cache, { settled: () => Promise.all(left) });
}

describe.each(STORES)('tags on %s', (_, store) => {
  it('void every entry that has one of them, and no other', async () => {
    const kv = store();
    const cache = cacheOf(kv);
    const [posts, author, other] = [newName(), newName(), newName()];
    const keys = Array.from({ length: 4 }, newName) as [string, string, string, string];
    await cache.set(keys[0], 0, 60, { tags: [posts] });
    await cache.set(keys[1], 1, 60, { tags: [author, posts] });
    await cache.set(keys[2], 2, 60, { tags: [other] });
    await cache.set(keys[3], 3, 60);
    expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual([0, 1, 2, 3]);
    await expect(cache.invalidateTags([posts])).resolves.toEqual({ effectiveWithinMs: 100_000 });
    expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual([null, null, 2, 3]);
    expect([...(await cache.getMany(keys)).values()]).toEqual([null, null, 2, 3]);
    expect(await cache.lookup(keys[0])).toMatchObject({ state: 'miss' });
    await cache.set(keys[0], 'anew', 60, { tags: [posts] });
    expect(await cache.get(keys[0])).toBe('anew');
    // By the store as well, however soon after.
    expect(await new CacheClient(kv, { memory: false }).get(keys[0])).toBe('anew');
    await cache.invalidateTags([posts]);
    expect(await cache.get(keys[0])).toBeNull();
  });

  it('make getOrSet load again', async () => {
    const cache = cacheOf(store());
    const [key, tag] = [newName(), newName()];
    let loads = 0;
    const ask = async (): Promise<number> => {
      const value = await cache.getOrSet(key, 60, () => ++loads, { tags: [tag] });
      await cache.settled();
      return value;
    };
    expect([await ask(), await ask()]).toEqual([1, 1]);
    await cache.invalidateTags([tag, tag]);
    expect([await ask(), await ask()]).toEqual([2, 2]);
  });

  it('void what was loaded before they were invalidated and stored after', async () => {
    const kv = store();
    const [cache, another] = [cacheOf(kv), cacheOf(kv)];
    const [key, tag] = [newName(), newName()];
    await cache.getOrSet(
      key,
      60,
      async () => {
        await another.invalidateTags([tag]);
        return 'old';
      },
      { tags: [tag] },
    );
    await cache.settled();
    expect(await cache.get(key)).toBeNull();
  });

  it('are kept by setMany and forceFresh as well', async () => {
    const cache = cacheOf(store());
    const [one, other, tag] = [newName(), newName(), newName()];
    await cache.setMany({ [one]: 1 }, 60, { tags: [tag] });
    await cache.getOrSet(other, 60, () => 2, { tags: [tag], forceFresh: true });
    await cache.settled();
    expect(await Promise.all([cache.get(one), cache.get(other)])).toEqual([1, 2]);
    await cache.invalidateTags([tag]);
    expect(await Promise.all([cache.get(one), cache.get(other)])).toEqual([null, null]);
  });

  it.each([
    ['an umlaut', 'ü'],
    ['an emoji', '\u{1f511}'],
    ['colons', 'a:b'],
    ['what is escaped', 'a%3Ab'],
    ['a percent sign', '%'],
    ['quotes', '"\\"'],
    ['NUL', '\u0000'],
    ['half a surrogate pair', '\ud800'],
    ['3,000 characters', 'x'.repeat(3000)],
    ['an index', '0'],
    ['a name that objects have', '__proto__'],
  ])('of any text work: %s', async (_name, tag) => {
    const cache = cacheOf(store(), { namespace: newName() });
    await cache.set('k', 1, 60, { tags: [tag] });
    expect(await cache.get('k')).toBe(1);
    await cache.invalidateTags([`${tag}!`]);
    expect(await cache.get('k')).toBe(1);
    await cache.invalidateTags([tag]);
    expect(await cache.get('k')).toBeNull();
  });

  it('work for keys that look like an index', async () => {
    const cache = cacheOf(store());
    const tag = newName();
    await cache.set('7', 'seven', 60, { tags: [tag] });
    expect(await cache.getOrSet('7', 60, () => 'loaded', { tags: [tag] })).toBe('seven');
    expect(await cache.get('7')).toBe('seven');
    await cache.invalidateTags([tag]);
    expect(await cache.getOrSet('7', 60, () => 'loaded', { tags: [tag] })).toBe('loaded');
    await cache.settled();
    await cache.delete('7');
  });
});

describe('tags', () => {
  it('are read together with the value by who names them, and in a second read by others', async () => {
    const kv = recording(new MemoryKV());
    const cache = cacheOf(kv, { memory: false });
    const ask = (tags: string[]): Promise<unknown> => cache.getOrSet('k', 60, () => 1, { tags });
    await ask(['a', 'b']);
    await cache.settled();
    expect(kv.operations).toEqual(['get k,e::a,e::b', 'put k']);
    kv.operations.length = 0;
    await ask(['a', 'b']);
    expect(kv.operations).toEqual(['get k,e::a,e::b']);
    kv.operations.length = 0;
    await cache.get('k');
    expect(kv.operations).toEqual(['get k', 'get e::a,e::b']);
    kv.operations.length = 0;
    await ask(['a']);
    expect(kv.operations).toEqual(['get k,e::a', 'get e::b']);
  });

  it('are void where their epochs cannot be read, and nothing is stored under them', async () => {
    const kv = recording(new MemoryKV());
    const cache = cacheOf(kv);
    await cache.set('k', 1, 60, { tags: ['a'] });
    const get = kv.get;
    const failing = recording({
      ...kv,
      get: async (key: string, type: 'text') => {
        if (key.startsWith('e:')) throw new Error('KV GET failed: 500 Internal Server Error');
        return await get(key, type);
      },
      getWithMetadata: async (key: string | string[], options: never) => {
        if (String(key).includes('e:')) throw new Error('KV GET_BULK failed: 500 Internal Server Error');
        return await (kv as unknown as MemoryKV).getWithMetadata(key, options);
      },
    } as KVLike);
    const blind = cacheOf(failing);
    expect(await blind.get('k')).toBeNull();
    expect(await blind.getOrSet('k', 60, () => 2, { tags: ['a'] })).toBe(2);
    await blind.set('l', 3, 60, { tags: ['a'] });
    await blind.setMany({ m: 3 }, 60, { tags: ['a'] });
    await blind.settled();
    expect(failing.operations.filter((operation) => operation.startsWith('put'))).toEqual([]);
    expect(await cache.get('k')).toBe(1);
  });

  it('of other namespaces are others', async () => {
    const kv = new MemoryKV() as unknown as KVLike;
    const [one, other, none] = [cacheOf(kv, { namespace: 'one' }), cacheOf(kv, { namespace: 'other' }), cacheOf(kv)];
    for (const cache of [one, other, none]) await cache.set('k', 1, 60, { tags: ['t'] });
    await one.invalidateTags(['t']);
    expect(await Promise.all([one, other, none].map((cache) => cache.get('k')))).toEqual([null, 1, 1]);
  });

  it('are refused where they do not fit into the metadata', async () => {
    const kv = recording(new MemoryKV());
    const cache = cacheOf(kv);
    const tags = Array.from({ length: 60 }, (_, at) => `tag number ${at}`);
    const fitting = tags.slice(0, 27);
    for (const call of [
      () => cache.set('k', 1, 60, { tags }),
      () => cache.setMany({ k: 1 }, 60, { tags }),
      () => cache.getOrSet('k', 60, () => 1, { tags }),
      () => cache.getOrSet('k', 60, () => 1, { tags, forceFresh: true }),
      () => cache.set('k', 1, 60, { tags: [''] }),
    ]) {
      expect(await codeOf(call)).toBe('invalid-argument');
    }
    expect(kv.operations).toEqual([]);
    await cache.invalidateTags(fitting);
    const long = 'x'.repeat(600);
    await cache.set(long, null, 2 ** 31, { tags: fitting });
    expect((await cache.explain(long)).tags).toEqual(fitting);
  });

  it('that could not be invalidated are named', async () => {
    const kv = new MemoryKV();
    const put = kv.put.bind(kv);
    kv.put = async (key, ...rest) => {
      if (key === 'e::b') throw new Error('KV PUT failed: 500 Internal Server Error');
      await put(key, ...rest);
    };
    const error = await cacheOf(kv as never)
      .invalidateTags(['a', 'b', 'c'])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KVClientError);
    expect((error as KVClientError).code).toBe('store-unavailable');
    expect((error as KVClientError).remaining).toEqual(['b']);
    expect(await kv.get('e::a')).not.toBeNull();
    expect(await kv.get('e::c')).not.toBeNull();
  });

  it('that are voided while one of theirs is being loaded leave that load to those who wait for it already', async () => {
    const cache = cacheOf(new MemoryKV());
    let finish = (): void => {};
    const early = cache.getOrSet('k', 60, () => new Promise((resolve) => (finish = () => resolve('old'))), { tags: ['t'] });
    await turns();
    await cache.invalidateTags(['t']);
    const late = cache.getOrSet('k', 60, async () => 'new', { tags: ['t'] });
    await turns();
    finish();
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
    await cache.settled();
    expect(await cache.get('k')).toBe('new');
  });

  it('are not said to be void on a store that keeps none', async () => {
    const kv = recording(new ThreeMethodKV());
    const cache = cacheOf(kv, { memory: { maxAgeMs: 1000 } });
    await cache.set('k', 1, 60, { tags: ['t'] });
    kv.operations.length = 0;
    expect(await codeOf(() => cache.invalidateTags(['t']))).toBe('not-supported');
    expect(await codeOf(() => cache.invalidateTags(['']))).toBe('invalid-argument');
    expect(kv.operations).toEqual([]);
  });

  it('have an epoch that is random and lives as long as anything can', async () => {
    const kv = new MemoryKV();
    const cache = cacheOf(kv as never);
    const epochs = new Set<string | null>();
    for (let time = 0; time < 50; time++) {
      await cache.invalidateTags(['t']);
      epochs.add(await kv.get('e::t'));
    }
    expect(epochs.size).toBe(50);
    for (const epoch of epochs) expect(epoch).toMatch(/^\d{1,16}$/);
    const { keys } = await kv.list();
    expect((keys[0]?.expiration ?? 0) - Date.now() / 1000).toBeGreaterThan(2 ** 31 - 60);
  });
});
