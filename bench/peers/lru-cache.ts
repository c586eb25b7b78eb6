import { LRUCache } from 'lru-cache';
import type { SampleList } from '../samples.ts';
import { DAY_MS, MAX_ENTRIES, neverLoads, type Peer } from './peer.ts';

export const peers: Peer[] = [
  {
    name: 'lru-cache',
    inMemory: () => {
      const lru = new LRUCache<string, SampleList>({ max: MAX_ENTRIES, ttl: DAY_MS });
      return { set: async (key, value) => lru.set(key, value), get: async (key) => lru.get(key), load: neverLoads };
    },
    onKV: 'has no second layer',
  },
];
