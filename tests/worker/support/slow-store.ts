import type { KVLike } from '@codex/cloudflare-clients';

/** A KV whose writes take a while, in real time: a request has no other. */
export class SlowStore implements KVLike {
  /** Writes that have ended. */
  written = 0;
  readonly #kv: KVLike;
  readonly #delayMs: number;

  constructor(kv: KVLike, delayMs: number) {
    this.#kv = kv;
    this.#delayMs = delayMs;
  }

  get(key: string, type: 'text'): Promise<string | null> {
    return this.#kv.get(key, type);
  }

  async put(...args: Parameters<KVLike['put']>): Promise<void> {
    await scheduler.wait(this.#delayMs);
    await this.#kv.put(...args);
    this.written++;
  }

  delete(key: string): Promise<void> {
    return this.#kv.delete(key);
  }
}
