import { type CachedSession, SessionCacheClient, type SessionCacheOptions } from './session-cache.js';
import type { KVLike } from './store.js';
import { waitUntil } from '#host';

/** What is asked for a session: the cache, and where that has none the loader. */
export interface SessionSource {
  getOrLoad(token: string, loader: () => Promise<CachedSession | null>): Promise<CachedSession | null>;
}

/** A cache that is read, and written after a load. */
export function sessionSource(kv: KVLike, options: SessionCacheOptions): SessionSource {
  const sessions = new SessionCacheClient(kv, options);
  return {
    async getOrLoad(token, loader) {
      const cached = await sessions.get(token);
      if (cached !== null) return cached;
      const loaded = await loader();
      if (loaded !== null) {
        const write = sessions.set(token, loaded).catch(() => {});
        if (options.waitUntil !== undefined) options.waitUntil(write);
        else if (!waitUntil(write)) await write;
      }
      return loaded;
    },
  };
}
