import type { OperationBudget } from './operation-budget.js';
import { Store } from './store.js';

/** KV reads so many keys in bulk (developers.cloudflare.com/kv/api/read-key-value-pairs). */
const MAX_BULK = 100;

interface Waiting {
  key: string;
  promise: Promise<unknown>;
  resolve(found: unknown): void;
  reject(error: unknown): void;
}

function waitingFor(key: string): Waiting {
  const waiting = { key } as Waiting;
  waiting.promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
  return waiting;
}

/**
 * A way to a store for the reads of one call, which belong to one request: those begun within one drain of the microtask queue are
 * made together, at most 100 at once. A key that several ask for meanwhile is read once.
 */
export class BulkReads extends Store {
  /** Keys read, as KV bills them: those of a bulk read that failed and was made one by one count twice. */
  keysRead = 0;
  readonly #store: Store;
  readonly #budget: OperationBudget;
  /** What is to be read, by `cacheTtl`: a bulk read has one. */
  #waiting = new Map<number, Map<string, Waiting>>();

  constructor(store: Store, budget: OperationBudget) {
    super(store.kv, store.timeoutMs);
    this.#store = store;
    this.#budget = budget;
  }

  /** A text is shown as a record without its metadata would be. */
  override get(key: string, cacheTtlSeconds: number): Promise<unknown> {
    return this.getWithMetadata(key, cacheTtlSeconds);
  }

  /** They are put together with those of other calls. */
  override getBulk(): null {
    return null;
  }

  override getAll(keys: readonly string[], cacheTtlSeconds: number): Promise<unknown[]> {
    return Promise.all(keys.map((key) => this.getWithMetadata(key, cacheTtlSeconds)));
  }

  override getWithMetadata(key: string, cacheTtlSeconds: number): Promise<unknown> {
    if (this.#waiting.size === 0) void Promise.resolve().then(() => this.#flush());
    const batch = this.#waiting.get(cacheTtlSeconds) ?? new Map<string, Waiting>();
    this.#waiting.set(cacheTtlSeconds, batch);
    const waiting = batch.get(key) ?? waitingFor(key);
    batch.set(key, waiting);
    return waiting.promise;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [cacheTtl, batch] of waiting) {
      const all = [...batch.values()];
      for (let from = 0; from < all.length; from += MAX_BULK) void this.#read(all.slice(from, from + MAX_BULK), cacheTtl);
    }
  }

  /** Reads a batch; where that fails, its keys one by one: one that cannot be read must not keep the others from being. */
  async #read(batch: readonly Waiting[], cacheTtl: number): Promise<void> {
    if (batch.length > 1) {
      try {
        this.#spend(batch.length);
        const found = await this.#store.getAll(
          batch.map(({ key }) => key),
          cacheTtl,
        );
        for (const [at, { resolve }] of batch.entries()) resolve(found[at]);
        return;
      } catch {
        // One by one.
      }
    }
    for (const { key, resolve, reject } of batch) {
      try {
        this.#spend(1);
        this.#store.getWithMetadata(key, cacheTtl).then(resolve, reject);
      } catch (error) {
        reject(error);
      }
    }
  }

  #spend(keys: number): void {
    if (!this.#budget.spend()) throw new Error('no operations are left');
    this.keysRead += keys;
  }
}
