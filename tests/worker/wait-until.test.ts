import { env, exports } from 'cloudflare:workers';
import { CacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { turns } from './support/core.ts';
import { HeldStore } from './support/held-store.ts';
import { recording } from './support/recording-store.ts';

const ask = async (path: string, name: string): Promise<unknown> =>
  (await exports.default.fetch(`http://test${path}?name=${encodeURIComponent(name)}`)).json();

describe('the write after a load', () => {
  it('goes on after the answer, kept alive by the running Worker, and lands', async () => {
    const name = crypto.randomUUID();
    expect(await ask('/load', name)).toEqual({ value: `loaded ${name}`, written: 0 });
    await expect.poll(() => env.KV.get(name, 'json'), { timeout: 5000 }).toBe(`loaded ${name}`);
  });

  it('is awaited where waitUntil throws', async () => {
    const name = crypto.randomUUID();
    expect(await ask('/load-and-wait', name)).toEqual({ value: `loaded ${name}`, written: 1 });
    expect(await env.KV.get(name, 'json')).toBe(`loaded ${name}`);
  });

  it('is handed to the waitUntil of the options, and the answer does not wait for it', async () => {
    const store = new HeldStore();
    const left: Promise<unknown>[] = [];
    const answer = new CacheClient(store.kv, { waitUntil: (work) => left.push(work) }).getOrSet('k', 60, () => 'v');
    store.take('k').answer(null);
    expect(await answer).toBe('v');
    expect(left).toHaveLength(1);

    let over = false;
    void left[0]?.then(() => (over = true));
    await turns();
    expect(over).toBe(false);
    store.take('k').answer();
    await left[0];
  });

  it('never rejects in the hands of waitUntil, whatever becomes of it', async () => {
    const store = new HeldStore();
    const left: Promise<unknown>[] = [];
    const cache = new CacheClient(store.kv, { waitUntil: (work) => left.push(work) });
    const answer = cache.getOrSet('k', 60, () => 'v');
    store.take('k').fail(new Error('KV GET failed: 500 Internal Server Error'));
    await answer;
    store.take('k').fail(new Error('KV PUT failed: 500 Internal Server Error'));
    expect(await Promise.all(left)).toEqual([undefined]);
  });

  it('is not made for a hit, an undefined and a TTL of 0, and waitUntil is asked for loads alone', async () => {
    const left: Promise<unknown>[] = [];
    const kv = recording(new MemoryKV());
    const cache = new CacheClient(kv, { memory: false, waitUntil: (work) => left.push(work) });
    await cache.set('hit', 1, 60);
    expect(await cache.getOrSet('hit', 60, () => 2)).toBe(1);
    expect(left).toEqual([]);
    expect(await cache.getOrSet('undefined', 60, () => undefined)).toBeUndefined();
    expect(await cache.getOrSet('no TTL', 0, () => 3)).toBe(3);
    expect(await Promise.all(left)).toEqual([undefined, undefined]);
    expect(kv.operations).toEqual(['put hit', 'get hit', 'get undefined', 'get no TTL']);
  });
});
