import { CacheClient, type CachedSession, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { type CacheEntry, cachified } from '@epic-web/cachified';
import { LRUCache } from 'lru-cache';
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import { PlainCache } from './plain/cache.ts';
import { CheckedSessionCache } from './plain/checked-session-cache.ts';
import { PlainMemory } from './plain/memory.ts';
import { PlainRateLimiter } from './plain/rate-limiter.ts';
import { PlainSessionCache } from './plain/session-cache.ts';
import { ValibotSessionCache, validSession } from './plain/valibot-session-cache.ts';
import { type SampleList, sampleList, sampleSession } from './samples.ts';
import type { Side, Store } from './side.ts';

/** One operation, done by the package and by plain code. */
export interface Case {
  name: string;
  /** Which plain code. */
  against: string;
  ours(store: Store): Promise<Side>;
  plain(store: Store): Promise<Side>;
}

/** Callers, sessions and entries that an operation takes turns with. */
const KEYS = 32;
/**
 * Where the keys of the cases that write begin. They delete now and then, to see whether a value was written, and on KV all cases
 * share one namespace.
 */
const WRITTEN = 1_000;
/** And those of the sessions that are in memory, which nothing writes again. */
const REMEMBERED = 2_000;
/** And those of more sessions than an isolate knows by their texts, so that each is parsed and checked whenever it is read. */
const MANY = 3_000;
const MANY_SESSIONS = 512;
const DAY_SECONDS = 86_400;
const UNREACHED = { limit: 1_000_000_000, window: DAY_SECONDS, keyPrefix: 'rl:bench:' };
/** Of its own: on KV all cases share one namespace, and one rule has one counter there. */
const IN_MEMORY = { ...UNREACHED, keyPrefix: 'rl:memory:' };
const EXHAUSTED = { limit: 5, window: DAY_SECONDS, keyPrefix: 'rl:spent:' };

const keysOf = <T>(make: (number: number) => T): T[] => Array.from({ length: KEYS }, (_, number) => make(number));
const addresses = keysOf((number) => `203.0.113.${number + 100}`);
const lists = keysOf(sampleList);
const listKeys = keysOf((number) => `cache:content:published:${number}`);

/** The work that a client leaves for after the answer counts as part of the operation. */
let deferred: Promise<unknown> | undefined;
const options = {
  waitUntil: (work: Promise<unknown>): void => {
    deferred = work;
  },
};

const limiters = {
  ours: (store: Store) => new RateLimiterClient(store, options),
  plain: (store: Store) => new PlainRateLimiter(store),
};
/** A limit of this isolate alone. Both answer what is left. */
const memoryLimiters = {
  ours: (store: Store) => {
    const limiter = new RateLimiterClient(store, { ...options, authority: 'memory' });
    return { left: async (address: string) => (await limiter.checkLimit(address, IN_MEMORY)).remaining };
  },
  flexible: () => {
    const limiter = new RateLimiterMemory({ points: IN_MEMORY.limit, duration: IN_MEMORY.window, keyPrefix: 'rl:memory' });
    return { left: async (address: string) => (await limiter.consume(address)).remainingPoints };
  },
};
const sessionCaches = {
  ours: (store: Store) => new SessionCacheClient(store, { ...options, memory: false }),
  plain: (store: Store) => new PlainSessionCache(store),
  checked: (store: Store) => new CheckedSessionCache(store),
  valibot: (store: Store) => new ValibotSessionCache(store),
};
/** Sessions that are in memory: everybody gets a copy of his own, which is checked or not, or all share one. */
const sessionMemories = {
  ours: (store: Store): SessionMemory => {
    const sessions = new SessionCacheClient(store, { ...options, memory: { maxAgeMs: DAY_SECONDS * 1000 } });
    return { set: (session) => sessions.set(session.session.token, session), get: (token) => sessions.get(token) };
  },
  plain: (): SessionMemory => plainMemory((stored) => stored),
  valibot: (): SessionMemory => plainMemory(validSession),
  reference: (): SessionMemory => cachifiedMemory((session) => session),
  copy: (): SessionMemory => cachifiedMemory(structuredClone),
};
interface SessionMemory {
  set(session: CachedSession): Promise<void>;
  get(token: string): Promise<CachedSession | null>;
}

function plainMemory(checked: (stored: CachedSession | null, token: string) => CachedSession | null): SessionMemory {
  const memory = new PlainMemory(10_000);
  return {
    set: async (session) => memory.set(session.session.token, session, DAY_SECONDS * 1000),
    get: async (token) => checked(memory.get<CachedSession>(token), token),
  };
}

function cachifiedMemory(handedOut: (session: CachedSession) => CachedSession): SessionMemory {
  const cache = new LRUCache<string, CacheEntry<CachedSession>>({ max: 10_000 });
  const through = (key: string, getFreshValue: () => Promise<CachedSession>): Promise<CachedSession> =>
    cachified({ key, cache: cache as never, ttl: DAY_SECONDS * 1000, getFreshValue });
  const absent = (): Promise<never> => Promise.reject(new Error('loaded what is in memory'));
  return {
    set: async (session) => void (await through(session.session.token, async () => session)),
    get: async (token) => handedOut(await through(token, absent)),
  };
}

const caches = {
  ours: (store: Store) => new CacheClient(store, { ...options, memory: false }),
  plain: (store: Store) => new PlainCache(store),
};
/** Values that are in memory: everybody gets a copy, or the one value that all share. */
const memoryCaches = {
  ours: (store: Store): MemoryCache => {
    const cache = new CacheClient(store, options);
    return { get: (key, load) => cache.getOrSet(key, DAY_SECONDS, load) };
  },
  reference: (): MemoryCache => {
    const cache = new LRUCache<string, CacheEntry<SampleList>>({ max: 10_000 });
    return { get: (key, load) => cachified({ key, cache: cache as never, ttl: DAY_SECONDS * 1000, getFreshValue: load }) };
  },
  copy: (): MemoryCache => {
    const { get } = memoryCaches.reference();
    return { get: async (key, load) => structuredClone(await get(key, load)) };
  },
};
interface MemoryCache {
  get(key: string, load: () => Promise<SampleList>): Promise<SampleList>;
}

type Limiter = ReturnType<(typeof limiters)['ours' | 'plain']>;
type Sessions = ReturnType<(typeof sessionCaches)['ours' | 'plain' | 'checked' | 'valibot']>;
type Cache = ReturnType<(typeof caches)['ours' | 'plain']>;

/** What the tables call it. */
const labels = {
  plain: 'plain',
  checked: 'plain, same checks',
  valibot: 'plain, valibot',
  reference: 'cachified, shared',
  copy: 'cachified, a clone',
};

export const cases: readonly Case[] = [
  compare('checkLimit, allowed', 'plain', limiters, async (limiter: Limiter) => {
    const attempts = new Array<number>(KEYS).fill(0);
    return {
      operate: async (number) => {
        const turn = number % KEYS;
        const { allowed, remaining } = await limiter.checkLimit(pick(addresses, turn), UNREACHED);
        attempts[turn] = pick(attempts, turn) + 1;
        expect(allowed && remaining === UNREACHED.limit - pick(attempts, turn), 'checkLimit miscounted');
      },
    };
  }),
  compare('checkLimit, denied', 'plain', limiters, async (limiter: Limiter) => {
    for (const address of addresses) {
      for (let attempt = 0; attempt < EXHAUSTED.limit; attempt++) {
        expect((await limiter.checkLimit(address, EXHAUSTED)).allowed, 'checkLimit refused too early');
      }
    }
    return {
      operate: async (number) => {
        const { allowed } = await limiter.checkLimit(pick(addresses, number % KEYS), EXHAUSTED);
        expect(!allowed, 'checkLimit let an exhausted caller through');
      },
    };
  }),
  compare(
    'a limit in memory',
    'rate-limiter-flexible',
    { ours: memoryLimiters.ours, plain: memoryLimiters.flexible },
    async (limiter: ReturnType<(typeof memoryLimiters)['ours']>) => {
      const attempts = new Array<number>(KEYS).fill(0);
      return {
        operate: async (number) => {
          const turn = number % KEYS;
          attempts[turn] = pick(attempts, turn) + 1;
          const left = await limiter.left(pick(addresses, turn));
          expect(left === IN_MEMORY.limit - pick(attempts, turn), 'a limit in memory miscounted');
        },
      };
    },
  ),
  ...(['plain', 'checked', 'valibot'] as const).map((against) =>
    compare('session.get', labels[against], { ours: sessionCaches.ours, plain: sessionCaches[against] }, (cache: Sessions) =>
      reading(cache, keysOf(sampleSession)),
    ),
  ),
  compare('session.get, of many', 'plain', { ours: sessionCaches.ours, plain: sessionCaches.plain }, (cache: Sessions) =>
    reading(
      cache,
      Array.from({ length: MANY_SESSIONS }, (_, number) => sampleSession(number + MANY)),
    ),
  ),
  ...(['plain', 'checked'] as const).map((against) =>
    compare(
      'session.set',
      labels[against],
      { ours: sessionCaches.ours, plain: sessionCaches[against] },
      async (cache: Sessions, store: Store) => {
        const sessions = keysOf((number) => sampleSession(number + WRITTEN));
        return {
          operate: async (number) => {
            const session = pick(sessions, number % KEYS);
            await cache.set(session.session.token, session);
          },
          afterBatch: async (last) => {
            const { session } = pick(sessions, last % KEYS);
            const stored = await store.get(`session:${session.token}`, 'text');
            expect(stored?.includes(session.token) === true, 'session.set stored nothing');
            await store.delete(`session:${session.token}`);
          },
        };
      },
    ),
  ),
  ...(['plain', 'valibot', 'reference', 'copy'] as const).map((against) =>
    compare(
      'a session in memory',
      labels[against],
      { ours: sessionMemories.ours, plain: sessionMemories[against] },
      async (memory: SessionMemory) => {
        const sessions = keysOf((number) => sampleSession(number + REMEMBERED));
        for (const session of sessions) await memory.set(session);
        return {
          operate: async (number) => {
            const { token } = pick(sessions, number % KEYS).session;
            const found = await memory.get(token);
            expect(found !== null && found.session.token === token, 'a session is not in memory');
          },
        };
      },
    ),
  ),
  ...(['reference', 'copy'] as const).map((against) =>
    compare(
      'a value in memory',
      labels[against],
      { ours: memoryCaches.ours, plain: memoryCaches[against] },
      async (cache: MemoryCache) => ({
        operate: async (number) => {
          const turn = number % KEYS;
          isList(await cache.get(pick(listKeys, turn), async () => pick(lists, turn)), turn);
        },
      }),
    ),
  ),
  compare('cache.get', 'plain', caches, async (cache: Cache) => {
    for (const [number, list] of lists.entries()) await cache.set(pick(listKeys, number), list, DAY_SECONDS);
    return {
      operate: async (number) => {
        const turn = number % KEYS;
        isList(await cache.get<SampleList>(pick(listKeys, turn)), turn);
      },
    };
  }),
  // Each key once: one that is written again within a second waits for its turn.
  compare('cache.set', 'plain', caches, async (cache: Cache, store: Store) => {
    const keyOf = (number: number): string => `cache:content:written:${number}`;
    let first = 0;
    return {
      operate: async (number) => {
        await cache.set(keyOf(number), pick(lists, number % KEYS), DAY_SECONDS);
      },
      afterBatch: async (last) => {
        isList(JSON.parse((await store.get(keyOf(last), 'text')) ?? 'null') as SampleList | null, last % KEYS);
        for (; first <= last; first++) await store.delete(keyOf(first));
      },
    };
  }),
  compare('cache.getOrSet, hit', 'plain', caches, async (cache: Cache) => {
    for (const [number, list] of lists.entries()) await cache.set(pick(listKeys, number), list, DAY_SECONDS);
    const load = (): Promise<SampleList> => Promise.reject(new Error('getOrSet loaded what is cached'));
    return {
      operate: async (number) => {
        const turn = number % KEYS;
        isList(await cache.getOrSet(pick(listKeys, turn), DAY_SECONDS, load), turn);
      },
    };
  }),
  compare('cache.getOrSet, miss', 'plain', caches, async (cache: Cache, store: Store) => {
    let loads = 0;
    let begun = 0;
    const made: string[] = [];
    return {
      operate: async (number) => {
        const key = `cache:content:missing:${number}`;
        made.push(key);
        deferred = undefined;
        const value = await cache.getOrSet(key, DAY_SECONDS, async () => {
          loads++;
          return pick(lists, number % KEYS);
        });
        if (deferred !== undefined) await deferred;
        expect(value === lists[number % KEYS], 'getOrSet returned something else');
      },
      afterBatch: async (last) => {
        begun += made.length;
        expect(loads === begun, 'getOrSet did not load');
        isList(JSON.parse((await store.get(made.at(-1) ?? '', 'text')) ?? 'null') as SampleList | null, last % KEYS);
        for (const key of made.splice(0)) await store.delete(key);
      },
    };
  }),
];

function compare<Client>(
  name: string,
  against: string,
  make: { ours: (store: Store) => NoInfer<Client>; plain: (store: Store) => NoInfer<Client> },
  sideOf: (client: Client, store: Store) => Promise<Side>,
): Case {
  return {
    name,
    against,
    ours: (store) => sideOf(make.ours(store), store),
    plain: (store) => sideOf(make.plain(store), store),
  };
}

/** Reads sessions from the store in turns. */
async function reading(cache: Sessions, sessions: readonly CachedSession[]): Promise<Side> {
  for (const session of sessions) await cache.set(session.session.token, session);
  return {
    operate: async (number) => {
      const { token } = pick(sessions, number % sessions.length).session;
      const found = await cache.get(token);
      expect(found !== null && found.session.token === token, 'session.get missed');
    },
  };
}

function isList(found: SampleList | null, turn: number): void {
  expect(found !== null && found.items[0]?.id === lists[turn]?.items[0]?.id, 'the cache gave another value');
}

/** A call that fails is often fast: a bench that does not notice measures nothing. */
function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function pick<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
