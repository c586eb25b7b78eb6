import { env, exports } from 'cloudflare:workers';
import { CacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { recording } from './support/recording-store.ts';

/** A cache on a KV that takes one write of a key a second, as the real one does and Miniflare does not. */
function setUp() {
  const kv = recording(new MemoryKV({ oneWritePerSecond: true }) as never);
  const puts = (): number => kv.operations.filter((operation) => operation.startsWith('put')).length;
  return { kv, puts, cache: new CacheClient(kv, { memory: false }) };
}

/** A KV whose puts fail so often, one after the other. */
function refusing(times: number, status: string) {
  const kv = new MemoryKV();
  const put = kv.put.bind(kv);
  let left = times;
  kv.put = async (...args) => {
    if (left-- > 0) throw new Error(`KV PUT failed: ${status}`);
    return await put(...args);
  };
  return recording(kv as never);
}

describe('writes of one key', () => {
  it('are one a second, the last one wins, and each resolves when it or the last one has landed', async () => {
    const { cache, kv, puts } = setUp();
    const began = Date.now();
    await cache.set('k', 0, 60);
    expect(Date.now() - began).toBeLessThan(900);
    await Promise.all([1, 2, 3, 4].map((value) => cache.set('k', value, 60)));
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    expect(puts()).toBe(2);
    expect(await kv.get('k', 'text')).toBe('4');
  });

  it('do not wait for those of another', async () => {
    const { cache, puts } = setUp();
    const began = Date.now();
    await Promise.all(Array.from({ length: 50 }, (_, at) => cache.set(`k ${at}`, at, 60)));
    expect(Date.now() - began).toBeLessThan(900);
    expect(puts()).toBe(50);
  });

  it('are tried again where somebody else has just written it', async () => {
    const { cache, kv } = setUp();
    await kv.put('k', '"theirs"');
    await cache.set('k', 'mine', 60);
    expect(await kv.get('k', 'text')).toBe('"mine"');
  });

  it('are tried again where KV fails, four times in all', async () => {
    const twice = refusing(2, '500 Internal Server Error');
    await new CacheClient(twice).set('k', 1, 60);
    expect(await twice.get('k', 'text')).toBe('1');
    const always = refusing(99, '500 Internal Server Error');
    await new CacheClient(always).set('k', 1, 60);
    expect(always.operations).toHaveLength(4);
  });

  it('that are wrong throw, and do not take the place of one that waits', async () => {
    const { cache, kv } = setUp();
    await cache.set('k', 0, 60);
    const waiting = cache.set('k', 1, 60);
    await expect(cache.set('k', 2, Number.NaN)).rejects.toMatchObject({ code: 'invalid-argument' });
    await waiting;
    expect(await kv.get('k', 'text')).toBe('1');
  });
});

it('a delete waits for nobody, and what waited to be written is not', async () => {
  const kv = recording(new MemoryKV() as never);
  const cache = new CacheClient(kv);
  await cache.set('k', 0, 60);
  const waiting = cache.set('k', 1, 60);
  const began = Date.now();
  await cache.delete('k');
  expect(Date.now() - began).toBeLessThan(900);
  await waiting;
  expect(kv.operations).toEqual(['put k', 'delete k']);
  expect(await cache.get('k')).toBeNull();
});

it('a tag can be voided twice within a second', async () => {
  const { cache, puts } = setUp();
  await cache.invalidateTags(['t']);
  await cache.invalidateTags(['t']);
  expect(puts()).toBe(3);
});

it('of fifty writes that wait while their requests end at random, fifty land', async () => {
  const ask = (name: string, dies: boolean): Promise<Response> =>
    exports.default.fetch(`http://tests/write?name=${encodeURIComponent(JSON.stringify({ name, dies }))}`);
  const run = crypto.randomUUID();
  const names = Array.from({ length: 50 }, (_, at) => `${run} ${at}`);
  const random = crypto.getRandomValues(new Uint8Array(names.length));
  await Promise.all(names.map((name, at) => ask(name, (random[at] ?? 0) % 2 === 0)));
  // One more request that lives, whenever that is.
  await ask(`${run} last`, false);
  const values = await Promise.all(names.map((name) => env.KV.get(name, 'json')));
  expect(values).toEqual(names.map(() => 'second'));
});
