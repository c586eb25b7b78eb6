import type { CachedSession } from '@codex/cloudflare-clients';
import type { PlainStore } from './store.ts';

/** Sessions as the obvious code keeps them: what was stored is believed. */
export class PlainSessionCache {
  readonly #kv: PlainStore;

  constructor(kv: PlainStore) {
    this.#kv = kv;
  }

  async get(token: string): Promise<CachedSession | null> {
    return (await this.#kv.get(`session:${token}`, 'json')) as CachedSession | null;
  }

  async set(token: string, data: CachedSession): Promise<void> {
    const ttl = Math.floor((new Date(data.session.expiresAt).getTime() - Date.now()) / 1000);
    await this.#kv.put(`session:${token}`, JSON.stringify(data), { expirationTtl: Math.max(ttl, 60) });
  }
}
