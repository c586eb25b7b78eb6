import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import type { L2CacheDriver } from 'bentocache/types';
import type { SampleList } from '../samples.ts';
import type { Store } from '../side.ts';
import { DAY_MS, type Layer, MAX_ENTRIES, type Peer } from './peer.ts';

/** A driver as its documentation says to write one. */
function kvDriver(kv: Store): L2CacheDriver {
  const driver: L2CacheDriver = {
    type: 'l2',
    namespace: () => driver,
    get: async (key) => (await kv.get(key, 'text')) ?? undefined,
    async set(key, value, ttl) {
      await kv.put(key, value, ttl === undefined ? {} : { expirationTtl: Math.ceil(ttl / 1000) });
      return true;
    },
    async pull(key) {
      const value = await driver.get(key);
      await driver.delete(key);
      return value;
    },
    async delete(key) {
      await kv.delete(key);
      return true;
    },
    async deleteMany(keys) {
      for (const key of keys) await kv.delete(key);
      return true;
    },
    async clear() {},
    async disconnect() {},
  };
  return driver;
}

function layerOf(store: ReturnType<typeof bentostore>): Layer {
  const bento = new BentoCache({ default: 'bench', ttl: DAY_MS, stores: { bench: store } });
  return {
    set: (key, value) => bento.set({ key, value }),
    get: (key) => bento.get<SampleList>({ key }),
    load: (key, load) => bento.getOrSet({ key, factory: load }),
  };
}

export const peers: Peer[] = [
  {
    name: 'bentocache',
    inMemory: () => layerOf(bentostore().useL1Layer(memoryDriver({ maxItems: MAX_ENTRIES }))),
    onKV: (kv) => layerOf(bentostore().useL2Layer({ options: {}, factory: () => kvDriver(kv) })),
  },
];
