import { type Cache, type CacheEntry, cachified, totalTtl } from '@epic-web/cachified';
import { LRUCache } from 'lru-cache';
import type { SampleList } from '../samples.ts';
import type { Store } from '../side.ts';
import { DAY_MS, type Layer, MAX_ENTRIES, type Peer } from './peer.ts';

/** As its README has it. */
function overLru(): Cache {
  const lru = new LRUCache<string, CacheEntry>({ max: MAX_ENTRIES });
  return {
    set(key, value) {
      const ttl = totalTtl(value?.metadata);
      return lru.set(key, value, { ttl: ttl === Number.POSITIVE_INFINITY ? 0 : ttl, start: value?.metadata?.createdTime });
    },
    get: (key) => lru.get(key),
    delete: (key) => lru.delete(key),
  };
}

/** As the adapter for KV that its README names: the entry as JSON, for as long as it is good. */
function overKV(kv: Store): Cache {
  return {
    set: (key, value) => kv.put(key, JSON.stringify(value), { expirationTtl: Math.ceil(totalTtl(value?.metadata) / 1000) }),
    get: (key) => kv.get(key, 'json') as Promise<CacheEntry | null>,
    delete: (key) => kv.delete(key),
  };
}

function layerOf(cache: Cache, copy: (value: SampleList) => SampleList): Layer {
  const through = (key: string, getFreshValue: () => Promise<SampleList>): Promise<SampleList> =>
    cachified({ key, cache, ttl: DAY_MS, getFreshValue });
  const absent = (): Promise<never> => Promise.reject(new Error('loaded what is cached'));
  return {
    set: (key, value) => through(key, async () => value),
    get: async (key) => copy(await through(key, absent)),
    load: through,
  };
}

/** What a careful programmer writes for a value of which he knows that it is JSON. */
function copied<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copied) as T;
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = copied(value[key]);
  return copy as T;
}

const asItIs = <T>(value: T): T => value;
const PARSED = 'what KV gives is a copy already: as above';

export const peers: Peer[] = [
  { name: 'cachified, its reference', inMemory: () => layerOf(overLru(), asItIs), onKV: (kv) => layerOf(overKV(kv), asItIs) },
  { name: 'cachified, a structuredClone', inMemory: () => layerOf(overLru(), structuredClone), onKV: PARSED },
  { name: 'cachified, a copy by hand', inMemory: () => layerOf(overLru(), copied), onKV: PARSED },
];
