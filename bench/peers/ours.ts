import { CacheClient } from '@codex/cloudflare-clients';
import { MemoryKV } from '../memory-kv.ts';
import type { SampleList } from '../samples.ts';
import { DAY_MS, DAY_SECONDS, type Layer, neverLoads, type Peer } from './peer.ts';

/** A store that counts its reads: a hit in memory must not be one in KV. */
function countingKV(): { kv: MemoryKV; reads: () => number } {
  const kv = new MemoryKV();
  const read = kv.getWithMetadata.bind(kv) as (key: string) => Promise<unknown>;
  let reads = 0;
  kv.getWithMetadata = ((key: string) => {
    reads++;
    return read(key);
  }) as typeof kv.getWithMetadata;
  return { kv, reads: () => reads };
}

function layerOf(cache: CacheClient): Layer {
  return {
    set: (key, value) => cache.set(key, value, DAY_SECONDS),
    get: (key) => cache.get<SampleList>(key),
    load: neverLoads,
  };
}

export const peers: Peer[] = [
  {
    name: 'this package',
    inMemory: () => {
      const { kv, reads } = countingKV();
      return { ...layerOf(new CacheClient(kv, { memory: { maxAgeMs: DAY_MS } })), kvReads: reads };
    },
    onKV: (kv) => {
      let deferred: Promise<unknown> | undefined;
      const waitUntil = (work: Promise<unknown>): void => {
        deferred = work;
      };
      const cache = new CacheClient(kv, { memory: false, waitUntil });
      return {
        ...layerOf(cache),
        load: async (key, load) => {
          const value = await cache.getOrSet(key, DAY_SECONDS, load);
          await deferred;
          return value;
        },
      };
    },
  },
];
