import type { KVLike } from '@codex/cloudflare-clients';
import type { MemoryKV } from '../../contract/memory-kv.ts';

/** A full KV that answers what waits in an order of its own: the same order for the same seed. */
export class ShuffledStore {
  readonly #kv: MemoryKV;
  readonly #waiting: (() => void)[] = [];
  #random: number;

  constructor(kv: MemoryKV, seed: number) {
    this.#kv = kv;
    this.#random = seed;
  }

  get = (key: string, options: never): Promise<unknown> => this.#later(() => this.#kv.get(key, options));
  getWithMetadata = (key: string, options: never): Promise<unknown> =>
    this.#later(() => this.#kv.getWithMetadata(key, options));
  put = (key: string, value: string, options: never): Promise<unknown> => this.#later(() => this.#kv.put(key, value, options));
  delete = (key: string): Promise<unknown> => this.#later(() => this.#kv.delete(key));

  get kv(): KVLike {
    return this as unknown as KVLike;
  }

  #later(operation: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(operation()));
      // One turn of the event loop for each operation, which answers whichever waits.
      setTimeout(() => this.#waiting.splice(this.#below(this.#waiting.length), 1)[0]?.(), 0);
    });
  }

  /** A number below `bound` (the linear congruential generator of Numerical Recipes, chapter 7). */
  #below(bound: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * bound);
  }
}
