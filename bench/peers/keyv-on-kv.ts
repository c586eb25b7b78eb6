import { Keyv } from 'cacheable';
import type { Store } from '../side.ts';

/** A Keyv whose values lie in KV, by the adapter that its documentation says to write: texts in, texts out. */
export function keyvOnKV(kv: Store): Keyv {
  const values = {
    get: async (key: string): Promise<string | undefined> => (await kv.get(key, 'text')) ?? undefined,
    set: (key: string, value: string, ttl?: number): Promise<void> =>
      kv.put(key, value, ttl === undefined ? {} : { expirationTtl: Math.ceil(ttl / 1000) }),
    delete: async (key: string): Promise<boolean> => {
      await kv.delete(key);
      return true;
    },
    clear: async (): Promise<void> => {},
  };
  return new Keyv({ store: values });
}
