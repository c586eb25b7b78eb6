/** What the first limiter needs of a namespace. */
interface SpecKV {
  get(key: string, type: 'json'): Promise<unknown>;
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>;
  delete(key: string): Promise<void>;
}

interface SpecConfig {
  limit: number;
  window: number;
  keyPrefix: string;
}

interface SpecResult {
  allowed: boolean;
  remaining: number;
  resetAt: number;
}

/**
 * The platform's first limiter, as its document has it: read, decide, write. What it stored is still there, and deployments that
 * run it may share a namespace with ours. `now` is an argument; everything else stands as it was, mistakes included.
 */
export class SpecRateLimiter {
  readonly #kv: SpecKV;
  readonly #now: () => number;

  constructor(kv: SpecKV, now: () => number = Date.now) {
    this.#kv = kv;
    this.#now = now;
  }

  async checkLimit(identifier: string, config: SpecConfig): Promise<SpecResult> {
    const key = `${config.keyPrefix}${identifier}`;
    const now = this.#now();
    const data = (await this.#kv.get(key, 'json')) as { count: number; resetAt: number } | null;

    if (!data || now > data.resetAt) {
      const resetAt = now + config.window * 1000;
      await this.#kv.put(key, JSON.stringify({ count: 1, resetAt }), { expirationTtl: config.window });
      return { allowed: true, remaining: config.limit - 1, resetAt };
    }
    if (data.count >= config.limit) return { allowed: false, remaining: 0, resetAt: data.resetAt };

    await this.#kv.put(key, JSON.stringify({ count: data.count + 1, resetAt: data.resetAt }), {
      expirationTtl: Math.ceil((data.resetAt - now) / 1000),
    });
    return { allowed: true, remaining: config.limit - data.count - 1, resetAt: data.resetAt };
  }

  async reset(identifier: string, keyPrefix: string): Promise<void> {
    await this.#kv.delete(`${keyPrefix}${identifier}`);
  }
}
