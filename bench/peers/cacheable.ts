import { Cacheable } from 'cacheable';
import type { SampleList } from '../samples.ts';
import { keyvOnKV } from './keyv-on-kv.ts';
import { DAY_MS, type Layer, type Peer } from './peer.ts';

function layerOf(cache: Cacheable): Layer {
  return {
    set: (key, value) => cache.set(key, value, DAY_MS),
    get: (key) => cache.get<SampleList>(key),
    load: (key, load) => cache.getOrSet(key, load, { ttl: DAY_MS }),
  };
}

export const peers: Peer[] = [
  {
    name: 'cacheable',
    inMemory: () => layerOf(new Cacheable()),
    onKV: (kv) => layerOf(new Cacheable({ primary: keyvOnKV(kv) })),
  },
];
