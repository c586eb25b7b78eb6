import type { PlainStore } from './store.ts';

interface Config {
  limit: number;
  window: number;
  keyPrefix: string;
}

interface Verdict {
  allowed: boolean;
  remaining: number;
  resetAt: number;
}

/** The fixed window as one writes it in an afternoon: read, decide, write. */
export class PlainRateLimiter {
  readonly #kv: PlainStore;

  constructor(kv: PlainStore) {
    this.#kv = kv;
  }

  async checkLimit(identifier: string, config: Config): Promise<Verdict> {
    const key = `${config.keyPrefix}${identifier}`;
    const now = Date.now();
    const stored = (await this.#kv.get(key, 'json')) as { count: number; resetAt: number } | null;

    const open = stored !== null && now < stored.resetAt;
    const count = open ? stored.count : 0;
    const resetAt = open ? stored.resetAt : now + config.window * 1000;
    if (count >= config.limit) return { allowed: false, remaining: 0, resetAt };

    await this.#kv.put(key, JSON.stringify({ count: count + 1, resetAt }), {
      expirationTtl: Math.max(60, Math.ceil((resetAt - now) / 1000)),
    });
    return { allowed: true, remaining: config.limit - count - 1, resetAt };
  }
}
