import { PlainCache } from '../plain/cache.ts';
import { PlainMemory } from '../plain/memory.ts';
import type { SampleList } from '../samples.ts';
import { DAY_MS, DAY_SECONDS, MAX_ENTRIES, neverLoads, type Peer } from './peer.ts';

export const peers: Peer[] = [
  {
    name: 'plain TypeScript',
    inMemory: () => {
      const memory = new PlainMemory(MAX_ENTRIES);
      return {
        set: async (key, value) => memory.set(key, value, DAY_MS),
        get: async (key) => memory.get<SampleList>(key),
        load: neverLoads,
      };
    },
    onKV: (kv) => {
      const cache = new PlainCache(kv);
      return {
        set: (key, value) => cache.set(key, value, DAY_SECONDS),
        get: (key) => cache.get<SampleList>(key),
        load: (key, load) => cache.getOrSet(key, DAY_SECONDS, load),
      };
    },
  },
];
