import { env } from 'cloudflare:workers';
import {
  CacheClient,
  type KVLike,
  type KVOperation,
  monitored,
  RateLimiterClient,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { describe, expect, it, vi } from 'vitest';
import { Store } from '../../js-shim/dist/store.js';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { sessionOf } from './support/sessions.ts';
import { codeOf } from './support/thrown.ts';

const newName = (): string => crypto.randomUUID();

/** A wrapper of its own, and what it has told. */
function watched<KV extends KVLike>(kv: KV, name = newName()): { kv: KV; told: KVOperation[] } {
  const told: KVOperation[] = [];
  return { kv: monitored(kv, name, (operation) => told.push(operation)), told };
}

const summary = ({ operation, keys, hits, errorCode }: KVOperation): unknown[] => [operation, keys, hits, errorCode];

describe('a monitored namespace', () => {
  const namespaces: [name: string, kv: () => KVNamespace][] = [
    ['the real local KV', () => env.KV],
    ['KV in memory', () => new MemoryKV() as unknown as KVNamespace],
  ];

  it.each(namespaces)('does all that %s does, and says so', async (_, make) => {
    const { kv, told } = watched(make());
    const [one, other] = [newName(), newName()];
    await kv.put(one, '{"a":1}', { expirationTtl: 60, metadata: { m: 1 } });
    await kv.put(other, 'false');
    expect(await kv.get(one)).toBe('{"a":1}');
    expect(await kv.get(one, 'json')).toEqual({ a: 1 });
    expect(await kv.get(other, { type: 'json', cacheTtl: 60 })).toBe(false);
    expect(await kv.get('none')).toBeNull();
    expect(await kv.get([one, 'none'], 'json')).toEqual(
      new Map([
        [one, { a: 1 }],
        ['none', null],
      ]),
    );
    expect(await kv.getWithMetadata(one, 'json')).toMatchObject({ value: { a: 1 }, metadata: { m: 1 } });
    expect(await kv.getWithMetadata('none')).toMatchObject({ value: null, metadata: null });
    const bulk = await kv.getWithMetadata([one, other, 'none'], 'text');
    expect(bulk.get(one)).toMatchObject({ value: '{"a":1}', metadata: { m: 1 } });
    expect((await kv.list({ prefix: one })).keys.map(({ name }) => name)).toEqual([one]);
    await kv.delete(one);
    expect(await kv.get(one)).toBeNull();
    expect(told.map(summary)).toEqual([
      ['put', 1, undefined, undefined],
      ['put', 1, undefined, undefined],
      ['get', 1, 1, undefined],
      ['get', 1, 1, undefined],
      ['get', 1, 1, undefined],
      ['get', 1, 0, undefined],
      ['get', 2, 1, undefined],
      ['getWithMetadata', 1, 1, undefined],
      ['getWithMetadata', 1, 0, undefined],
      ['getWithMetadata', 3, 2, undefined],
      ['list', 0, undefined, undefined],
      ['delete', 1, undefined, undefined],
      ['get', 1, 0, undefined],
    ]);
  });

  it('has streams as well', async () => {
    const { kv } = watched(env.KV);
    const key = newName();
    await kv.put(key, 'streamed');
    const stream = await kv.get(key, 'stream');
    expect(await new Response(stream).text()).toBe('streamed');
    expect(new TextDecoder().decode((await kv.get(key, 'arrayBuffer')) ?? undefined)).toBe('streamed');
  });

  it('serves the three clients', async () => {
    const { kv, told } = watched(env.KV);
    const token = newName();
    const sessions = new SessionCacheClient(kv);
    await sessions.set(token, sessionOf(token));
    expect(await sessions.get(token)).toMatchObject({ session: { token } });
    const cache = new CacheClient(kv, { namespace: newName() });
    await cache.setMany({ a: 1, b: 2 }, 60);
    expect(await cache.getMany(['a', 'b'])).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    expect(await cache.deleteByPrefix('')).toMatchObject({ deleted: 2, complete: true });
    const limiter = new RateLimiterClient(kv);
    expect(await limiter.checkLimit(token, { limit: 1, window: 60, keyPrefix: 'rl:monitored:' })).toMatchObject({
      allowed: true,
    });
    const asked = told.map(({ operation }) => operation);
    expect(asked).toEqual(expect.arrayContaining(['put', 'getWithMetadata', 'list', 'delete']));
  });

  it('is the binding itself to whatever the isolate remembers', () => {
    const kv = new MemoryKV();
    const outer = monitored(monitored(kv, 'inner'), 'outer');
    const idOf = (store: KVLike): number => new Store(store, 1000).id;
    expect(idOf(monitored(kv, 'before'))).toBe(idOf(kv));
    expect(idOf(outer)).toBe(idOf(kv));
    expect(idOf(monitored(new MemoryKV(), 'inner'))).not.toBe(idOf(kv));
  });

  it('counts together with the bare one', async () => {
    const kv = new MemoryKV();
    const rule = { limit: 2, window: 60, keyPrefix: 'rl:both:' };
    const bare = new RateLimiterClient(kv, { authority: 'memory' });
    const seen = new RateLimiterClient(monitored(kv, 'seen'), { authority: 'memory' });
    const allowed: boolean[] = [];
    for (const limiter of [bare, seen, bare, seen]) allowed.push((await limiter.checkLimit('somebody', rule)).allowed);
    expect(allowed).toEqual([true, true, false, false]);
  });
});

describe('the wrapper', () => {
  it('is the same for the same binding and name, and tells the listener named last', async () => {
    const [kv, other] = [new MemoryKV(), new MemoryKV()];
    const [first, second] = [vi.fn(), vi.fn()];
    const wrapper = monitored(kv, 'a', first);
    expect(monitored(kv, 'a')).toBe(wrapper);
    expect(monitored(kv, 'b')).not.toBe(wrapper);
    expect(monitored(other, 'a')).not.toBe(wrapper);
    expect(wrapper.get).toBe(wrapper.get);
    await wrapper.get('k');
    expect(monitored(kv, 'a', second)).toBe(wrapper);
    await wrapper.get('k');
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
    expect(second.mock.calls[0]?.[0]).toMatchObject({ name: 'a', operation: 'get', keys: 1, hits: 0 });
  });

  it('works on a store of three methods, which stays one, and on one that nobody may change', async () => {
    const { kv, told } = watched(new ThreeMethodKV());
    expect('getWithMetadata' in kv).toBe(false);
    const cache = new CacheClient(kv as unknown as KVLike);
    await cache.set('k', { a: 1 }, 60);
    expect(await cache.get('k')).toEqual({ a: 1 });
    expect(told.map(({ operation }) => operation)).toEqual(['put', 'get']);

    const values = new Map<string, string>();
    const frozen: KVLike = Object.freeze({
      get: async (key: string) => values.get(key) ?? null,
      put: async (key: string, value: string) => void values.set(key, value),
      delete: async (key: string) => void values.delete(key),
    });
    const still = watched(frozen);
    await still.kv.put('k', 'v');
    expect(await still.kv.get('k', 'text')).toBe('v');
    expect(still.told.map(summary)).toEqual([
      ['put', 1, undefined, undefined],
      ['get', 1, 1, undefined],
    ]);
  });

  it('passes on what fails, and says why', async () => {
    const failures = ['KV GET failed: 429 Too Many Requests', 'KV GET failed: 500 Internal Server Error'];
    const kv: KVLike = {
      get: () => Promise.reject(new Error(failures[0])),
      put: () => Promise.reject(new Error(failures[1])),
      delete: () => {
        throw new Error('at once');
      },
    };
    const { kv: wrapper, told } = watched(kv);
    await expect(wrapper.get('k', 'text')).rejects.toThrow(failures[0]);
    await expect(wrapper.put('k', 'v')).rejects.toThrow(failures[1]);
    await expect(wrapper.delete('k')).rejects.toThrow('at once');
    expect(told.map(({ errorCode }) => errorCode)).toEqual(['store-rate-limited', 'store-unavailable', 'store-unavailable']);
  });

  it('takes no harm from its listener', async () => {
    const kv = new MemoryKV();
    await kv.put('k', 'v');
    const throwing = monitored(kv, 'throwing', () => {
      throw new Error('nobody listens');
    });
    const rejecting = monitored(kv, 'rejecting', () => Promise.reject(new Error('nobody listens')) as never);
    expect(await throwing.get('k')).toBe('v');
    expect(await rejecting.get('k')).toBe('v');
  });

  it('measures time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const kv: KVLike = {
      get: async () => {
        vi.setSystemTime(Date.now() + 7);
        return null;
      },
      put: async () => {},
      delete: async () => {},
    };
    const { kv: wrapper, told } = watched(kv);
    await wrapper.get('k', 'text');
    vi.useRealTimers();
    expect(told).toMatchObject([{ durationMs: 7 }]);
  });

  it('logs no key and no value where nobody listens', async () => {
    const lines: string[] = [];
    const spy = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const kv = new MemoryKV();
    const name = newName();
    const logged = monitored(kv, name);
    await logged.put('secret key', 'secret value', { metadata: { secret: 1 } });
    await logged.get('secret key');
    await logged.get(['secret key', 'another secret']);
    await logged.get('another secret');
    await logged.put('secret key', 'secret value', { expirationTtl: 1 }).catch(() => {});
    await logged.list({ prefix: 'secret' });
    spy.mockRestore();
    expect(lines.map((line) => line.replace(/\d+ms/, 'Nms').replace(name, 'name'))).toEqual([
      'KV.put(name): Nms',
      'KV.get(name): Nms, hit=true',
      'KV.get(name): Nms, hits=1/2',
      'KV.get(name): Nms, hit=false',
      'KV.put(name): Nms, failed=store-unavailable',
      'KV.list(name): Nms',
    ]);
    expect(lines.join()).not.toMatch(/secret/);
  });

  it('refuses what is no binding, no name and no listener', async () => {
    const kv = new MemoryKV();
    expect(await codeOf(() => monitored(undefined as never, 'a'))).toBe('invalid-config');
    expect(await codeOf(() => monitored({ get: 1 } as never, 'a'))).toBe('invalid-config');
    expect(await codeOf(() => monitored(kv, 1 as never))).toBe('invalid-config');
    expect(await codeOf(() => monitored(kv, 'a', 'listener' as never))).toBe('invalid-config');
  });
});
