import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { type KVLike, stats } from '@codex/cloudflare-clients';
import { type AuthStorageOptions, withKVStorage } from '@codex/cloudflare-clients/better-auth';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { recording } from '../worker/support/recording-store.ts';
import { codeOf } from '../worker/support/thrown.ts';

// The objects live in the isolate of the tests, so they go by the same clock.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

const later = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

const SESSIONS = { session: { storeSessionInDatabase: true } };
const storageOn = (kv: unknown = env.KV, options: Partial<AuthStorageOptions> = {}) =>
  withKVStorage(SESSIONS, { kv: kv as KVLike, counters: env.AUTH_COUNTERS, ...options }).secondaryStorage;

const newKey = (): string => crypto.randomUUID();

const sessionText = (token: string, createdAt = Date.now()): string =>
  JSON.stringify({ session: { token, createdAt: new Date(createdAt), userId: 'u' }, user: { id: 'u' } });

const refuse = (): Promise<never> => Promise.reject(new Error('the object was reset'));

/** A store whose operations of that name fail until told otherwise. */
function failing(verbs: readonly string[], status = '500 Internal Server Error') {
  const fault = { on: true, tried: 0 };
  const kv = new MemoryKV();
  const store = new Proxy(kv, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        if (verbs.includes(String(name))) {
          fault.tried++;
          if (fault.on) throw new Error(`KV ${String(name).toUpperCase()} failed: ${status}`);
        }
        return value.apply(target, args) as unknown;
      };
    },
  });
  return { kv, store, fault };
}

describe('values', () => {
  it('are counted by stats()', async () => {
    const storage = storageOn();
    const key = newKey();
    const before = stats().kv;
    await storage.set(key, 'value');
    await storage.get(key);
    await storage.delete(key);
    const { reads, writes, deletes } = stats().kv;
    expect([reads - before.reads, writes - before.writes, deletes - before.deletes]).toEqual([1, 1, 1]);
  });

  it('come back as they were, under keys of their own', async () => {
    const storage = storageOn();
    const key = newKey();
    for (const value of ['', 'plain', '{"a":"b"}', 'two\nlines\n', '1 2\n3', 'ä€😀', '"']) {
      await storage.set(key, value);
      expect(await storage.get(key)).toBe(value);
    }
    const { keys } = await env.KV.list({ prefix: `auth:${key}` });
    expect(keys).toEqual([{ name: `auth:${key}` }]);
    await storage.delete(key);
    expect(await storage.get(key)).toBeNull();
  });

  it.each([1, 2.5, 59, 60, 61, 3600])('end after %d seconds, whatever KV keeps', async (ttl) => {
    const storage = storageOn();
    const key = newKey();
    await storage.set(key, 'value', ttl);
    const { keys } = await env.KV.list({ prefix: `auth:${key}` });
    expect(keys[0]?.expiration ?? 0).toBeGreaterThanOrEqual(Math.floor(Date.now() / 1000) + Math.max(60, ttl) - 1);
    vi.setSystemTime(Date.now() + ttl * 1000 - 1);
    expect(await storage.get(key)).toBe('value');
    vi.setSystemTime(Date.now() + 1);
    expect(await storage.get(key)).toBeNull();
    expect(await storage.getAndDelete(key)).toBeNull();
  });

  it('that end at once are deleted, and those beyond KV’s longest are cut', async () => {
    const storage = storageOn();
    const key = newKey();
    await storage.set(key, 'value', 1e12);
    expect(await storage.get(key)).toBe('value');
    await storage.set(key, 'value', 0);
    expect(await env.KV.get(`auth:${key}`)).toBeNull();
  });

  it('that somebody else has put there are none', async () => {
    const storage = storageOn();
    const key = newKey();
    for (const text of ['', 'value', '{"session":{}}', ' \n', '12 \n', '-1 a\nvalue']) {
      await env.KV.put(`auth:${key}`, text);
      expect([await storage.get(key), await storage.getAndDelete(key)]).toEqual([null, null]);
    }
  });

  it('live on a store with three methods as well', async () => {
    const values = new Map<string, string>();
    const storage = storageOn({
      get: async (key: string) => values.get(key) ?? null,
      put: async (key: string, text: string) => void values.set(key, text),
      delete: async (key: string) => void values.delete(key),
    });
    await storage.set('k', 'value', 10);
    expect(await storage.get('k')).toBe('value');
    vi.setSystemTime(Date.now() + 10_000);
    expect(await storage.get('k')).toBeNull();
  });
});

describe('keys', () => {
  const ODD = [
    'a'.repeat(507),
    'a'.repeat(508),
    'a'.repeat(20_000),
    `${'a'.repeat(20_000)}b`,
    'ä'.repeat(300),
    '\ud800',
    '\udbff',
    '\ufffd',
    'h:x',
    '',
    '.',
    `h:${'0'.repeat(64)}`,
  ];

  it('of any length and any kind are kept apart, within KV’s limits', async () => {
    const kv = new MemoryKV();
    const storage = storageOn(kv);
    await storage.set('a'.repeat(20_000), '');
    const { keys } = await kv.list({ prefix: 'auth:' });
    const looksHashed = keys[0]?.name.slice('auth:'.length) ?? '';
    expect(looksHashed).toMatch(/^h:/);
    const odd = [...ODD, looksHashed];
    for (const [index, key] of odd.entries()) await storage.set(key, String(index));
    for (const [index, key] of odd.entries()) expect(await storage.get(key)).toBe(String(index));
    for (const key of odd) expect(await storage.increment(key, 60)).toBe(1);
  });
});

describe('increment', () => {
  it('counts each of those that come at once', async () => {
    const storage = storageOn();
    const key = newKey();
    const counts = await Promise.all(Array.from({ length: 50 }, () => storage.increment(key, 60)));
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(await storage.increment(newKey(), 60)).toBe(1);
  });

  it('ends when the first said, whatever the next ones say', async () => {
    const storage = storageOn();
    const key = newKey();
    await storage.increment(key, 10);
    vi.setSystemTime(Date.now() + 9_999);
    expect(await storage.increment(key, 600)).toBe(2);
    vi.setSystemTime(Date.now() + 1);
    expect(await storage.increment(key, 0.5)).toBe(1);
    vi.setSystemTime(Date.now() + 500);
    expect(await storage.increment(key, 10)).toBe(1);
  });

  it('survives the object, and the alarm clears what has ended and nothing else', async () => {
    const storage = storageOn(env.KV, { shards: 1 });
    const object = env.AUTH_COUNTERS.get(env.AUTH_COUNTERS.idFromName('auth:1:0'));
    const rows = (): Promise<number> =>
      runInDurableObject(object, (_, { storage: { sql } }) => Number(sql.exec('SELECT count(*) AS n FROM counters').one().n));
    const [soon, late] = [newKey(), newKey()];
    await storage.increment(soon, 10);
    await storage.increment(late, 3600);
    expect(await rows()).toBe(2);
    expect(await runInDurableObject(object, (_, state) => state.storage.getAlarm())).toBeGreaterThan(Date.now() + 10_000);
    vi.setSystemTime(Date.now() + 900_000);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await rows()).toBe(1);
    expect(await storage.increment(late, 3600)).toBe(2);
    expect(await runInDurableObject(object, (_, state) => state.storage.getAlarm())).toBeGreaterThan(Date.now());
    vi.setSystemTime(Date.now() + 3_600_000 + 900_000);
    await runDurableObjectAlarm(object);
    expect(await rows()).toBe(0);
    expect(await runInDurableObject(object, (_, state) => state.storage.getAlarm())).toBeNull();
  });

  it('divides keys among objects, evenly enough', async () => {
    const names: string[] = [];
    const counters = { idFromName: (name: string) => void names.push(name), get: () => ({ increment: async () => 1 }) };
    const storage = storageOn(env.KV, { counters, shards: 4 });
    for (let n = 0; n < 400; n++) await storage.increment(`203.0.113.${n}|/sign-in/email`, 60);
    const shares = [0, 1, 2, 3].map((shard) => names.filter((name) => name === `auth:4:${shard}`).length);
    expect(Math.min(...shares)).toBeGreaterThan(60);
    expect(shares.reduce((sum, share) => sum + share)).toBe(400);
  });

  it('rejects where the object fails or hangs, and for what is no time', async () => {
    const broken = { idFromName: (name: string) => name, get: () => ({ increment: refuse }) };
    expect(await codeOf(() => storageOn(env.KV, { counters: broken }).increment('k', 60))).toBe('store-unavailable');
    const hanging = { idFromName: (name: string) => name, get: () => ({ increment: () => new Promise(() => {}) }) };
    const answer = codeOf(() => storageOn(env.KV, { counters: hanging }).increment('k', 60));
    await later(3_000);
    expect(await answer).toBe('store-unavailable');
    for (const ttl of [0, -1, Number.NaN]) expect(await codeOf(() => storageOn().increment('k', ttl))).toBe('invalid-argument');
  });
});

describe('getAndDelete', () => {
  it('hands a value to one of those who come at once, and nothing is left of it', async () => {
    const storage = storageOn();
    const key = newKey();
    await storage.set(key, 'value', 600);
    const taken = await Promise.all(Array.from({ length: 20 }, () => storage.getAndDelete(key)));
    expect(taken.filter((value) => value !== null)).toEqual(['value']);
    expect([await storage.get(key), await env.KV.get(`auth:${key}`)]).toEqual([null, null]);
  });

  it('hands it out once for all places, however late KV shows them that it is gone', async () => {
    const here = new MemoryKV({ now: Date.now, lagMs: 60_000 });
    const there = here.elsewhere();
    const key = newKey();
    await storageOn(here).set(key, 'value', 600);
    vi.setSystemTime(Date.now() + 61_000);
    expect(await storageOn(there).get(key)).toBe('value');
    expect(await storageOn(here).getAndDelete(key)).toBe('value');
    expect(await storageOn(there).get(key)).toBe('value');
    expect(await storageOn(there).getAndDelete(key)).toBeNull();
  });

  it('hands out what was set anew, also the same', async () => {
    const storage = storageOn();
    const key = newKey();
    for (let time = 0; time < 3; time++) {
      await storage.set(key, 'value');
      expect([await storage.getAndDelete(key), await storage.getAndDelete(key)]).toEqual(['value', null]);
    }
  });

  it('hands nothing out where nobody can say whether it was the first, and keeps it', async () => {
    const storage = storageOn();
    const key = newKey();
    await storage.set(key, 'value', 600);
    const broken = { idFromName: (name: string) => name, get: () => ({ increment: refuse }) };
    expect(await codeOf(() => storageOn(env.KV, { counters: broken }).getAndDelete(key))).toBe('store-unavailable');
    expect(await storage.getAndDelete(key)).toBe('value');
  });

  it('rejects where KV cannot be read, and hands out what KV cannot delete, once', async () => {
    const { store, fault, kv } = failing(['get', 'delete']);
    const storage = storageOn(store);
    const key = newKey();
    await storage.set(key, 'value', 600);
    expect(await codeOf(() => storage.getAndDelete(key))).toBe('store-unavailable');
    fault.on = false;
    const undeletable = failing(['delete']);
    await storageOn(undeletable.store).set(key, 'value', 600);
    const taken = storageOn(undeletable.store).getAndDelete(key);
    await later(1_200);
    expect(await taken).toBe('value');
    expect(await storageOn(undeletable.kv).getAndDelete(key)).toBeNull();
    expect(await storageOn(kv).getAndDelete(key)).toBe('value');
  });
});

describe('a session that is gone', () => {
  const GONE_AFTER_MS = 60_000;

  /** A store whose next put waits until it is told to go on. */
  function holding(kv: MemoryKV) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const store = new Proxy(kv, {
      get: (target, name) =>
        name === 'put'
          ? async (...args: Parameters<MemoryKV['put']>) => promise.then(() => target.put(...args))
          : (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target),
    });
    return { store, release: resolve };
  }

  it('is not brought back by a write that was in flight, in whatever isolate', async () => {
    const kv = new MemoryKV();
    const { store, release } = holding(kv);
    const token = newKey();
    await storageOn(kv).set(token, sessionText(token), 600);
    const refresh = storageOn(store).set(token, sessionText(token), 600);
    await later(100);
    await storageOn(kv).delete(token);
    release();
    await refresh;
    expect([await storageOn(kv).get(token), (await kv.list()).keys]).toEqual([null, []]);
  });

  it('is alone in that, and for a day', async () => {
    const storage = storageOn(env.KV, { shards: 1 });
    const [gone, another] = [newKey(), newKey()];
    await storage.delete(gone);
    for (const token of [gone, another]) await storage.set(token, sessionText(token), 200_000);
    expect([await storage.get(gone), await storage.get(another)]).toEqual([null, sessionText(another)]);
    vi.setSystemTime(Date.now() + 86_400_000);
    await storage.set(gone, sessionText(gone), 600);
    expect(await storage.get(gone)).not.toBeNull();
  });

  it('is not brought back by who read what KV still shows', async () => {
    const here = new MemoryKV({ now: Date.now, lagMs: GONE_AFTER_MS });
    const there = here.elsewhere();
    const token = newKey();
    await storageOn(here).set(token, sessionText(token), 600);
    vi.setSystemTime(Date.now() + GONE_AFTER_MS + 1);
    await storageOn(here).delete(token);
    const stale = await storageOn(there).get(token);
    expect(stale).not.toBeNull();
    await storageOn(there).set(token, stale ?? '', 600);
    vi.setSystemTime(Date.now() + GONE_AFTER_MS + 1);
    expect([await storageOn(here).get(token), await storageOn(there).get(token)]).toEqual([null, null]);
  });

  it('goes also where no object can keep that it is gone, and one is written where none can be asked', async () => {
    const broken = { idFromName: (name: string) => name, get: () => ({ increment: refuse, count: refuse }) };
    const storage = storageOn(env.KV, { counters: broken });
    const token = newKey();
    await storage.set(token, sessionText(token), 600);
    expect(await storage.get(token)).not.toBeNull();
    await storage.delete(token);
    expect(await storage.get(token)).toBeNull();
  });

  it('is another than a value under a name that was used before', async () => {
    const storage = storageOn();
    for (const value of ['[]', '{"session":null}']) {
      for (const key of [newKey(), `active-sessions-${newKey()}`, `verification:${newKey()}`]) {
        await storage.set(key, value);
        await storage.delete(key);
        await storage.set(key, value);
        expect(await storage.get(key)).toBe(value);
      }
    }
  });
});

describe('when KV fails', () => {
  it('a read is a miss, but for the mark of revoked sessions', async () => {
    const storage = storageOn(failing(['get']).store);
    expect(await storage.get('a-token')).toBeNull();
    expect(await storage.get('active-sessions-u')).toBeNull();
    expect(await codeOf(() => storage.get('revoked-sessions-before-u'))).toBe('store-unavailable');
  });

  it('a read that hangs is one that failed', async () => {
    const storage = storageOn({ get: () => new Promise(() => {}), put: async () => {}, delete: async () => {} });
    const found = storage.get('a-token');
    await later(3_000);
    expect(await found).toBeNull();
  });

  it('a value that cannot be written rejects', async () => {
    const storage = storageOn(failing(['put']).store);
    expect(await codeOf(() => storage.set('verification:x', 'value', 600))).toBe('store-unavailable');
    expect(await codeOf(() => storage.set('revoked-sessions-before-u', '1', 600))).toBe('store-unavailable');
    await storage.set('active-sessions-u', '[]', 600);
  });

  it('a session that cannot be written is deleted, so that no older copy of it counts', async () => {
    const { kv, store } = failing(['put']);
    const token = newKey();
    await storageOn(kv).set(token, sessionText(token), 600);
    await storageOn(store).set(token, sessionText(token, Date.now() - 3_600_000), 600);
    expect(await storageOn(kv).get(token)).toBeNull();
  });

  it('a session that can neither be written nor deleted rejects, unless it is new', async () => {
    const { store } = failing(['put', 'delete']);
    const token = newKey();
    const [fresh, old] = [
      storageOn(store).set(token, sessionText(token), 600),
      codeOf(() => storageOn(store).set(token, sessionText(token, Date.now() - 3_600_000), 600)),
    ];
    await later(1_200);
    await fresh;
    expect(await old).toBe('store-unavailable');
  });

  it('a delete is tried again after a second, and then rejects', async () => {
    const { store, fault } = failing(['delete']);
    const storage = storageOn(store);
    const failed = codeOf(() => storage.delete('a-token'));
    await later(1_200);
    expect(await failed).toBe('store-unavailable');
    expect(fault.tried).toBe(2);
    const again = storage.delete('a-token');
    await later(100);
    fault.on = false;
    await later(1_200);
    await again;
    expect(fault.tried).toBe(4);
  });
});

describe('where KV takes one write of a key a second', () => {
  const limited = (): MemoryKV => new MemoryKV({ now: Date.now, oneWritePerSecond: true });

  it('a second write waits for its turn', async () => {
    const kv = recording(limited() as unknown as KVLike);
    const storage = storageOn(kv);
    await storage.set('k', 'one');
    const second = storage.set('k', 'two');
    expect(await storage.get('k')).toBe('one');
    await later(1_200);
    await second;
    expect(await storage.get('k')).toBe('two');
  });

  it('of many at once the last one stands', async () => {
    const storage = storageOn(limited());
    const all = Promise.all([1, 2, 3, 4, 5].map((n) => storage.set('active-sessions-u', String(n))));
    await later(1_200);
    await all;
    expect(await storage.get('active-sessions-u')).toBe('5');
  });

  it('what is to go goes, and what waited to be written before does not come back', async () => {
    const storage = storageOn(limited());
    await storage.set('a-token', 'one');
    const written = storage.set('a-token', 'two');
    await vi.advanceTimersByTimeAsync(100);
    const gone = storage.delete('a-token');
    await later(2_400);
    await Promise.all([written, gone]);
    expect(await storage.get('a-token')).toBeNull();
  });
});

describe('what cannot work', () => {
  it('is said at once', () => {
    const made = (storage: object) => (): unknown => withKVStorage(SESSIONS, storage as AuthStorageOptions);
    expect(made({ counters: env.AUTH_COUNTERS })).toThrow(/KV binding/);
    expect(made({ kv: env.KV })).toThrow(/AuthCounters/);
    expect(made({ kv: env.KV, counters: env.KV })).toThrow(/AuthCounters/);
    expect(made({ kv: env.KV, counters: env.AUTH_COUNTERS, shards: 0 })).toThrow(/shards/);
    expect(made({ kv: env.KV, counters: env.AUTH_COUNTERS, storeTimeoutMs: 0 })).toThrow(/storeTimeoutMs/);
  });

  it.each([
    ['key', ''],
    ['key', 5],
    ['key', 'x'.repeat(2000)],
    ['ttl', 0],
    ['ttl', Number.NaN],
    ['ttl', '5'],
    ['ttl', 1e12],
  ])('is refused by the object too: the %s %s', async (what, value) => {
    const object = env.AUTH_COUNTERS.get(env.AUTH_COUNTERS.idFromName('odd'));
    const [key, ttl] = what === 'key' ? [value as string, 60] : ['k', value as number];
    const refused = await runInDurableObject(object, (counters) => codeOf(() => counters.increment(key, ttl)));
    expect(refused).toBe('invalid-argument');
    if (what === 'key') expect(await runInDurableObject(object, (counters) => codeOf(() => counters.count(key)))).toBe(refused);
  });
});
