/**
 * The double that programs written against the first clients test with: `get`, `put` and `delete` and nothing else. It takes
 * any TTL, has no limits, and keeps for a day what was given none, or one that is no number.
 */
export class ThreeMethodKV {
  readonly #entries = new Map<string, { value: string; expiration: number }>();

  async get(key: string, type: 'text'): Promise<string | null>;
  async get(key: string, type?: 'json' | 'text'): Promise<unknown>;
  async get(key: string, type: 'json' | 'text' = 'text'): Promise<unknown> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (Date.now() > entry.expiration) {
      this.#entries.delete(key);
      return null;
    }
    return type === 'json' ? JSON.parse(entry.value) : entry.value;
  }

  async put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void> {
    const seconds = options?.expirationTtl ? options.expirationTtl : 86_400;
    this.#entries.set(key, { value, expiration: Date.now() + seconds * 1000 });
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }
}
