import { env } from 'cloudflare:workers';
import { CacheClient, type ClientEvent, KVClientError, type KVLike } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

const kvs: [name: string, make: () => KVLike][] = [
  ['real KV', () => env.KV],
  ['the double', () => new MemoryKV() as unknown as KVLike],
];

describe.each(kvs)('on %s', (_, make) => {
  it('getMany gets what setMany set, and deleteByPrefix deletes it', async () => {
    const prefix = `cache:${crypto.randomUUID()}:`;
    const cache = new CacheClient(make());
    const keys = Array.from({ length: 250 }, (_, at) => `${prefix}${at}`);
    await cache.setMany(
      keys.map((key, at): [string, unknown] => [key, { at }]),
      60,
    );
    const asked = [...keys, `${prefix}absent`, keys[0] as string];
    const found = await cache.getMany<{ at: number }>(asked);
    expect([...found.keys()]).toEqual([...keys, `${prefix}absent`]);
    expect([...found.values()]).toEqual([...keys.map((_, at) => ({ at })), null]);
    expect(await cache.deleteByPrefix(prefix)).toEqual({ deleted: 250, complete: true });
    expect([...(await cache.getMany(keys)).values()]).toEqual(keys.map(() => null));
  });

  it('getMany reads keys of every kind', async () => {
    const cache = new CacheClient(make());
    const run = crypto.randomUUID();
    const keys = [
      '0',
      '42',
      '4294967294',
      '4294967295',
      '007',
      '-1',
      '1.5',
      '__proto__',
      `${run}${'x'.repeat(600)}`,
      `${run}\ud800`,
      `${run}ü`,
    ];
    await cache.setMany(new Map(keys.map((key) => [key, `value of ${key}`])), 60);
    const found = await cache.getMany<string>(keys);
    expect(keys.map((key) => found.get(key)?.length)).toEqual(keys.map((key) => `value of ${key}`.length));
    await cache.deleteMany(keys);
    expect([...(await cache.getMany(keys)).values()]).toEqual(keys.map(() => null));
  });
});

describe('getMany', () => {
  const bulkOf = async (keys: number, act?: (cache: CacheClient, names: string[]) => Promise<unknown>) => {
    const kv = recording(new MemoryKV());
    const events: ClientEvent[] = [];
    const cache = new CacheClient(kv, { memory: false, onEvent: (event) => events.push(event) });
    const names = Array.from({ length: keys }, (_, at) => `key ${at}`);
    await act?.(cache, names);
    kv.operations.length = 0;
    events.length = 0;
    const found = await cache.getMany(names);
    const kvReads = events.reduce((sum, event) => sum + event.kvReads, 0);
    return { found, kvReads, events, sizes: kv.operations.map((operation) => operation.split(',').length) };
  };

  it('reads at most 100 keys at once, and one alone as one', async () => {
    for (const [keys, sizes] of [
      [0, []],
      [1, [1]],
      [100, [100]],
      [101, [100, 1]],
      [250, [100, 100, 50]],
      [1100, Array.from({ length: 11 }, () => 100)],
    ] as const) {
      const bulk = await bulkOf(keys);
      expect(bulk.sizes).toEqual(sizes);
      expect(bulk.kvReads).toBe(keys);
      expect(bulk.events).toHaveLength(keys);
    }
  });

  it('reads the epochs of all tags that it found in a second round, each once', async () => {
    const { found, sizes, kvReads } = await bulkOf(30, async (cache, names) => {
      for (const [at, name] of names.entries()) await cache.set(name, at, 60, { tags: ['all', `tag ${at}`, `tag ${at % 2}`] });
      await cache.invalidateTags(['tag 7']);
    });
    expect(sizes).toEqual([30, 31]);
    expect(kvReads).toBe(61);
    expect(found.get('key 7')).toBeNull();
    expect(found.get('key 8')).toBe(8);
  });

  it('reads more than 99 tags in chunks', async () => {
    const { found, sizes } = await bulkOf(100, async (cache, names) => {
      for (const [at, name] of names.entries()) await cache.set(name, at, 60, { tags: [`a ${at}`, `b ${at}`] });
    });
    expect(sizes).toEqual([100, 100, 100]);
    expect([...found.values()]).toEqual([...found.keys()].map((_, at) => at));
  });

  it('reads one by one where reading at once fails, and what cannot be read is a miss', async () => {
    const kv = new MemoryKV();
    const read = kv.getWithMetadata.bind(kv);
    const sound = new CacheClient(kv as never, { memory: false });
    await sound.setMany({ a: 1, b: 2, c: 3 }, 60);
    kv.getWithMetadata = async (key, options) => {
      if (Array.isArray(key)) throw new Error('KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB');
      if (key === 'b') throw new Error('KV GET failed: 500 Internal Server Error');
      return await read(key, options);
    };
    expect(await sound.getMany(['a', 'b', 'c'])).toEqual(new Map([['a', 1], ['b', null], ['c', 3]])); // biome-ignore format: pairs
  });

  it('stays within the operations of a request where everything is read one by one', async () => {
    const kv = recording(new MemoryKV());
    const singles = {
      get: kv.get,
      put: kv.put,
      delete: kv.delete,
      getWithMetadata: async (key: string | string[]) => {
        if (Array.isArray(key)) throw new Error('KV GET_BULK failed: 500 Internal Server Error');
        return await kv.get(key, 'text').then((value) => ({ value, metadata: null }));
      },
    };
    const found = await new CacheClient(singles).getMany(Array.from({ length: 1000 }, (_, at) => `key ${at}`));
    expect(found.size).toBe(1000);
    expect(kv.operations.length).toBeLessThanOrEqual(900);
  });

  it('gets stored nulls, poisoned values and other people’s JSON as get does', async () => {
    const kv = new MemoryKV();
    const cache = new CacheClient(kv as never);
    await cache.set('null', null, 60);
    await kv.put('poison', '{');
    await kv.put('plain', '5');
    expect([...(await cache.getMany(['null', 'poison', 'plain'])).values()]).toEqual([null, null, 5]);
  });

  it('works on a store that has three methods', async () => {
    const cache = new CacheClient(new ThreeMethodKV());
    await cache.setMany([['a', 1], ['b', 2]], 60); // biome-ignore format: pairs
    expect([...(await cache.getMany(['a', 'b', 'c'])).values()]).toEqual([1, 2, null]);
  });
});

const manyKeys = Array.from({ length: 950 }, (_, at) => `key ${at}`);

/** A KV that refuses the first delete of some keys. */
function refusingOnce(keys: readonly string[]) {
  const kv = new MemoryKV();
  const remove = kv.delete.bind(kv);
  const refused = new Set(keys);
  let operations = 0;
  kv.delete = async (key) => {
    operations++;
    if (refused.delete(key)) throw new Error('KV DELETE failed: 429 Too Many Requests');
    await remove(key);
  };
  return { kv, operations: () => operations };
}

describe('setMany', () => {
  it('writes each key once, with the last value named', async () => {
    const kv = recording(new MemoryKV());
    await new CacheClient(kv).setMany([['a', 1], ['b', 2], ['a', 3]], 60); // biome-ignore format: pairs
    expect(kv.operations.toSorted()).toEqual(['put a', 'put b']);
    expect(await kv.get('a', 'text')).toBe('3');
  });

  it('reads the epochs of its tags once', async () => {
    const kv = recording(new MemoryKV());
    await new CacheClient(kv).setMany({ a: 1, b: 2, c: 3 }, 60, { tags: ['t', 'u'] });
    expect(kv.operations).toEqual(['get e::t,e::u', 'put a', 'put b', 'put c']);
  });

  it('does nothing where one of them can never work', async () => {
    const kv = recording(new MemoryKV());
    const cache = new CacheClient(kv);
    for (const values of [
      { a: 1, '': 2 },
      { a: 1, b: 10n },
      [
        ['a', 1],
        ['.', 2],
      ],
      [5],
      5,
      null,
      [[5, 'a']],
    ]) {
      expect(await codeOf(() => cache.setMany(values as never, 60))).toBe('invalid-argument');
    }
    expect(await codeOf(() => cache.setMany({ a: 1 }, Number.NaN))).toBe('invalid-argument');
    expect(kv.operations).toEqual([]);
  });

  const setAll = async (kv: KVLike) => {
    const events: ClientEvent[] = [];
    const cache = new CacheClient(kv, { onEvent: (event) => events.push(event) });
    const pairs = manyKeys.map((key): [string, unknown] => [key, 1]);
    await cache.setMany(pairs, 60);
    return { cache, events };
  };

  it('writes 900 values, and says of the rest that it did not', async () => {
    const kv = recording(new MemoryKV());
    const { cache, events } = await setAll(kv);
    expect(kv.operations).toEqual(manyKeys.slice(0, 900).map((key) => `put ${key}`));
    const failed = events.filter(({ outcome }) => outcome === 'failed');
    expect(failed).toHaveLength(50);
    expect(failed[0]).toMatchObject({ op: 'setMany', source: 'none', errorCode: 'aborted', kvWrites: 0 });
    expect(await cache.get('key 899')).toBe(1);
    expect(await cache.get('key 900')).toBeNull();
    await cache.setMany([['key 900', 1]], 60);
    expect(await cache.get('key 900')).toBe(1);
  });

  it('makes no more than 900 writes where some are tried again', async () => {
    const refused = new Set(manyKeys.slice(0, 6));
    let puts = 0;
    const kv = new MemoryKV();
    const put = kv.put.bind(kv);
    kv.put = async (key, value, options) => {
      puts++;
      if (refused.delete(key)) throw new Error('KV PUT failed: 500 Internal Server Error');
      await put(key, value, options);
    };
    const { events } = await setAll(kv as never);
    expect(puts).toBe(900);
    expect(events.filter(({ outcome }) => outcome === 'stored')).toHaveLength(894);
    expect(events.filter(({ errorCode }) => errorCode === 'aborted')).toHaveLength(56);
  });

  it('leaves a value that waits for its turn where there is no write left to replace it', async () => {
    const cache = new CacheClient(new MemoryKV() as never);
    await cache.set('key 949', 'first', 60);
    const waiting = cache.set('key 949', 'accepted', 60);
    await cache.setMany(
      manyKeys.map((key): [string, unknown] => [key, 1]),
      60,
    );
    await waiting;
    expect(await cache.get('key 949')).toBe('accepted');
  });
});

describe('deleteMany', () => {
  it('deletes 900 keys and names the rest', async () => {
    const kv = recording(new MemoryKV());
    const keys = Array.from({ length: 950 }, (_, at) => `key ${at}`);
    expect(await new CacheClient(kv).deleteMany([...keys, ...keys])).toEqual({
      deleted: 900,
      complete: false,
      remaining: keys.slice(900),
    });
    expect(kv.operations).toHaveLength(900);
  });

  it('takes no more operations where some deletes are tried again, and names what they left none for', async () => {
    const { kv, operations } = refusingOnce(manyKeys.slice(0, 6));
    for (const key of manyKeys) await kv.put(key, '1');
    const error = await new CacheClient(kv as never).deleteMany(manyKeys).catch((thrown: unknown) => thrown as KVClientError);
    expect(error).toMatchObject({ code: 'aborted' });
    expect(operations()).toBe(900);
    const left = (await kv.list()).keys.map(({ name }) => name);
    expect(left).toHaveLength(56);
    expect((error as KVClientError).remaining.toSorted()).toEqual(left.toSorted());
  });
});

describe('deleteByPrefix', () => {
  const filled = async (count: number) => {
    const kv = recording(new MemoryKV());
    for (let at = 0; at < count; at++) await kv.put(`p:${String(at).padStart(4, '0')}`, '1');
    await kv.put('q', '1');
    kv.operations.length = 0;
    return { kv, cache: new CacheClient(kv) };
  };

  it('stops within its operations and goes on with its cursor', async () => {
    const { kv, cache } = await filled(25);
    let cursor: string | undefined;
    let deleted = 0;
    for (let calls = 1; ; calls++) {
      const before = kv.operations.length;
      const result = await cache.deleteByPrefix('p:', { maxOperations: 10, ...(cursor === undefined ? {} : { cursor }) });
      expect(kv.operations.length - before).toBeLessThanOrEqual(10);
      deleted += result.deleted;
      expect(result.complete).toBe(result.cursor === undefined);
      if (result.complete) break;
      ({ cursor } = result);
      expect(calls).toBeLessThan(4);
    }
    expect(deleted).toBe(25);
    expect(await kv.get('q', 'text')).toBe('1');
    expect(await kv.get('p:0024', 'text')).toBeNull();
  });

  it('takes at most 900 operations', async () => {
    const { kv, cache } = await filled(1500);
    expect(await cache.deleteByPrefix('p:')).toMatchObject({ deleted: 899, complete: false });
    expect(kv.operations).toHaveLength(900);
  });

  it('takes no more where some deletes are tried again', async () => {
    const names = Array.from({ length: 8 }, (_, at) => `p:${at}`);
    const { kv, operations } = refusingOnce(names.slice(0, 2));
    for (const name of names) await kv.put(name, '1');
    const cache = new CacheClient(kv as never);
    await expect(cache.deleteByPrefix('p:', { maxOperations: 9 })).rejects.toMatchObject({ code: 'aborted' });
    expect(operations()).toBe(8);
    expect((await kv.list()).keys).toHaveLength(2);
  });

  it('names what it could not delete', async () => {
    const { kv, cache } = await filled(5);
    const remove = kv.delete;
    kv.delete = async (key) => {
      if (key === 'p:0003') throw new Error('KV DELETE failed: 429 Too Many Requests');
      await remove(key);
    };
    const error = await cache.deleteByPrefix('p:').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KVClientError);
    expect(error).toMatchObject({ code: 'store-rate-limited', remaining: ['p:0003'] });
  });

  it('deletes nothing that belongs to other clients', async () => {
    const { kv, cache } = await filled(1);
    for (const prefix of [
      '',
      's',
      'session:',
      'session:abc',
      'u',
      'urev:',
      'usess:x',
      'srev:',
      'e',
      'e:',
      'e::tag',
      'a',
      'auth:',
      '\ud800',
    ]) {
      expect(await codeOf(() => cache.deleteByPrefix(prefix))).toBe('invalid-argument');
    }
    expect(await codeOf(() => cache.deleteByPrefix('x'.repeat(513)))).toBe('key-too-long');
    expect(kv.operations).toEqual([]);
  });

  it('says so where the store cannot list, and where the list fails', async () => {
    expect(await codeOf(() => new CacheClient(new ThreeMethodKV()).deleteByPrefix('p:'))).toBe('not-supported');
    const { kv } = await filled(1);
    const failing = { ...kv, list: () => Promise.reject(new Error('KV GET failed: 429 Too Many Requests')) };
    expect(await codeOf(() => new CacheClient(failing).deleteByPrefix('p:'))).toBe('store-rate-limited');
  });

  it('names what it could not delete as the client would: without the namespace', async () => {
    const kv = recording(new MemoryKV());
    const cache = new CacheClient(kv, { namespace: 'mine' });
    await cache.setMany({ 'p:1': 1, 'p:2': 2 }, 60);
    const remove = kv.delete;
    kv.delete = () => Promise.reject(new Error('KV DELETE failed: 500 Internal Server Error'));
    const error: unknown = await cache.deleteByPrefix('p:').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'store-unavailable', remaining: ['p:1', 'p:2'] });
    kv.delete = remove;
    await cache.deleteMany((error as KVClientError).remaining);
    expect(await cache.getMany(['p:1', 'p:2'])).toEqual(new Map([['p:1', null], ['p:2', null]])); // biome-ignore format: pairs
  });

  it('also voids here what this isolate has seen and the list does not show yet', async () => {
    const { kv } = await filled(1);
    const late = { ...kv, list: async () => ({ keys: [], list_complete: true }) } as never;
    const client = new CacheClient(late);
    await client.set('p:new', 1, 60);
    expect(await client.get('p:new')).toBe(1);
    expect(await client.deleteByPrefix('p:')).toEqual({ deleted: 0, complete: true });
    expect(await client.get('p:new')).toBeNull();
  });

  it('waits for a list no longer than for any operation', async () => {
    const { kv } = await filled(1);
    const silent = { ...kv, list: () => new Promise(() => {}) } as never;
    expect(await codeOf(() => new CacheClient(silent, { storeTimeoutMs: 20 }).deleteByPrefix('p:'))).toBe('store-unavailable');
  });

  it('of a client with a namespace stays in it, also when it is empty', async () => {
    const kv = new MemoryKV() as unknown as KVLike;
    const [mine, others] = [new CacheClient(kv, { namespace: 'mine' }), new CacheClient(kv)];
    await mine.setMany({ a: 1, b: 2 }, 60);
    await others.set('a', 3, 60);
    expect(await mine.deleteByPrefix('')).toEqual({ deleted: 2, complete: true });
    expect(await others.get('a')).toBe(3);
  });
});

describe('namespace and version', () => {
  it('begin every key', async () => {
    const kv = recording(new MemoryKV());
    await new CacheClient(kv, { namespace: 'shop', version: '2' }).set('k', 1, 60);
    await new CacheClient(kv, { namespace: 'shop' }).set('k', 1, 60);
    await new CacheClient(kv, { version: '2' }).set('k', 1, 60);
    await new CacheClient(kv, { namespace: 'a:b%' }).set('k', 1, 60);
    expect(kv.operations).toEqual(['put shop:2:k', 'put shop:k', 'put 2:k', 'put a%3Ab%25:k']);
  });

  it('keep entries apart', async () => {
    const kv = new MemoryKV() as unknown as KVLike;
    const caches = [
      {},
      { namespace: 'a' },
      { namespace: 'b' },
      { namespace: 'a', version: '1' },
      { namespace: 'a', version: '2' },
    ];
    const clients = caches.map((options) => new CacheClient(kv, options));
    for (const [at, client] of clients.entries()) await client.set('x'.repeat(600), at, 60);
    expect(await Promise.all(clients.map((client) => client.get('x'.repeat(600))))).toEqual([0, 1, 2, 3, 4]);
    for (const client of clients)
      for (const key of ['', '.', '..']) expect(await codeOf(() => client.get(key))).toBe('invalid-argument');
  });

  it('are refused where they are no names', async () => {
    for (const odd of ['', 5, null, 'x'.repeat(129), '\ud800']) {
      expect(await codeOf(() => new CacheClient(env.KV, { namespace: odd as string }))).toBe('invalid-config');
      expect(await codeOf(() => new CacheClient(env.KV, { version: odd as string }))).toBe('invalid-config');
    }
  });
});
