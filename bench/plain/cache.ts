import type { PlainStore } from './store.ts';

/** The read-through cache as the obvious code has it. */
export class PlainCache {
  readonly #kv: PlainStore;

  constructor(kv: PlainStore) {
    this.#kv = kv;
  }

  async get<T>(key: string): Promise<T | null> {
    return (await this.#kv.get(key, 'json')) as T | null;
  }

  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    await this.#kv.put(key, JSON.stringify(value), { expirationTtl: ttlSeconds });
  }

  async getOrSet<T>(key: string, ttlSeconds: number, load: () => Promise<T>): Promise<T> {
    const cached = await this.get<T>(key);
    if (cached !== null) return cached;
    const value = await load();
    await this.set(key, value, ttlSeconds);
    return value;
  }
}
