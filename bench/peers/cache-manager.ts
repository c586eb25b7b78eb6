import { createCache } from 'cache-manager';
import type { SampleList } from '../samples.ts';
import { keyvOnKV } from './keyv-on-kv.ts';
import { DAY_MS, type Layer, type Peer } from './peer.ts';

function layerOf(cache: ReturnType<typeof createCache>): Layer {
  return {
    set: (key, value) => cache.set(key, value),
    get: (key) => cache.get<SampleList>(key),
    load: (key, load) => cache.wrap(key, load),
  };
}

export const peers: Peer[] = [
  {
    name: 'cache-manager',
    // Its default. Over the bounded memory that its README names as well, a hit takes ten times as long.
    inMemory: () => layerOf(createCache({ ttl: DAY_MS })),
    onKV: (kv) => layerOf(createCache({ stores: [keyvOnKV(kv)], ttl: DAY_MS })),
  },
];
