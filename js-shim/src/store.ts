import { bindingOf } from './binding.js';
import { type ErrorCode, KVClientError, storeFailure } from './errors.js';
import { operations } from './meter.js';
import { withinTime } from './within-time.js';

/**
 * What the clients need of a store. A Workers `KVNamespace` is one; so is any object with these three methods. Where
 * `getWithMetadata` is there it is used, and the store is taken to keep metadata. Where it is not, a cache entry lives as
 * long as the store keeps it (KV: at least 60 seconds), a shortened cache key never hits, and a session does not know when it
 * was loaded. Pass the same object every time: what the isolate remembers belongs to it.
 */
export interface KVLike {
  get(key: string, type: 'text'): Promise<string | null>;
  put(key: string, value: string, options?: KVPutOptions): Promise<void>;
  delete(key: string): Promise<void>;
}

/** How long a value is kept, in seconds, and what is kept beside it. */
export interface KVPutOptions {
  expirationTtl?: number;
  metadata?: unknown;
}

/** The part of a `KVNamespace` that goes beyond {@link KVLike}. */
interface FullKV {
  get(key: string, options: { type: 'text'; cacheTtl?: number }): Promise<unknown>;
  getWithMetadata(key: string | readonly string[], options: { type: 'text'; cacheTtl?: number }): Promise<unknown>;
  list?(options: { prefix: string; limit: number; cursor?: string }): Promise<ListPage>;
}

interface ListPage {
  keys: { name: string; metadata?: unknown }[];
  list_complete: boolean;
  cursor?: string;
}

/** Keys that begin alike, in the order of their bytes. */
export interface Listed {
  keys: string[];
  /** What stands beside each of them. */
  metadata: unknown[];
  /** Where to go on; undefined at the end. */
  cursor: string | undefined;
}

const FAILED = 500;
const TOO_MANY = 429;

/** What the runtime takes for an index of an array, and a little more; and what is no property of its own on any object. */
const NOT_IN_BULK = /^(?:\d{1,10}|__proto__)$/;

/** The code of the last character before the small letters. */
const LETTERS_BEGIN = 0x60;

const TEXT = { type: 'text' } as const;

let storesSeen = 0;
const storeIds = new WeakMap<object, number>();

/** A KV binding, with a number for it that lasts as long as the isolate and a bound on every wait. */
export class Store {
  /** The same for every client of one binding. */
  readonly id: number;
  readonly keepsMetadata: boolean;
  readonly timeoutMs: number;
  /** The binding. */
  readonly kv: KVLike;
  readonly #full: FullKV | null;

  constructor(kv: KVLike, timeoutMs: number) {
    this.kv = kv;
    this.#full = fullKV(kv);
    this.keepsMetadata = this.#full !== null;
    this.timeoutMs = timeoutMs;
    const binding = bindingOf(kv);
    const known = storeIds.get(binding);
    this.id = known ?? ++storesSeen;
    if (known === undefined) storeIds.set(binding, this.id);
  }

  /** Reads a text. `cacheTtlSeconds` 0 means KV's own. */
  get(key: string, cacheTtlSeconds: number): Promise<unknown> {
    const full = this.#full;
    operations.reads++;
    try {
      return promiseOf(
        full !== null && cacheTtlSeconds > 0
          ? full.get(key, { type: 'text', cacheTtl: cacheTtlSeconds })
          : this.kv.get(key, 'text'),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Reads a text with its metadata: a `{ value, metadata }`, or where the store keeps no metadata the text alone. */
  getWithMetadata(key: string, cacheTtlSeconds: number): Promise<unknown> {
    const full = this.#full;
    operations.reads++;
    try {
      if (full === null) return promiseOf(this.kv.get(key, 'text'));
      const options = cacheTtlSeconds > 0 ? { type: 'text' as const, cacheTtl: cacheTtlSeconds } : TEXT;
      return promiseOf(full.getWithMetadata(key, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Begins one bulk read, whose answer is a Map by key of what `getWithMetadata` would give, or of null; a wrapper around a namespace
   * often passes single keys on and nothing else, and gives something else. Null where there is no such read.
   */
  getBulk(keys: readonly string[], cacheTtlSeconds: number): Promise<unknown> | null {
    const full = this.#full;
    if (full === null || !keys.every(isInBulk)) return null;
    try {
      return promiseOf(this.#bulk(full, keys, cacheTtlSeconds));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads several keys at once: in the order of the keys, for each what `getWithMetadata` would give, or null. One bulk read
   * where the store has that.
   */
  async getAll(keys: readonly string[], cacheTtlSeconds: number): Promise<unknown[]> {
    const full = this.#full;
    const inBulk = keys.filter(isInBulk);
    if (full !== null && inBulk.length > 0) {
      const bulk = this.#bulk(full, inBulk, cacheTtlSeconds);
      // These come one by one, since the runtime leaves them out of the answer (workerd src/workerd/api/kv.c++).
      const single = keys.length === inBulk.length ? undefined : keys.map((key) => this.#unlessInBulk(key, cacheTtlSeconds));
      const found = single === undefined ? undefined : await Promise.all([Promise.all(single), bulk]);
      const map = found === undefined ? await bulk : found[1];
      if (map instanceof Map) return keys.map((key, at) => found?.[0][at] ?? (map.get(key) as unknown));
    }
    return this.getEach(keys, cacheTtlSeconds);
  }

  /** The same, one by one. */
  getEach(keys: readonly string[], cacheTtlSeconds: number): Promise<unknown[]> {
    return Promise.all(keys.map((key) => this.getWithMetadata(key, cacheTtlSeconds)));
  }

  #bulk(full: FullKV, keys: readonly string[], cacheTtlSeconds: number): Promise<unknown> {
    operations.reads += keys.length;
    return full.getWithMetadata(keys, cacheTtlSeconds > 0 ? { type: 'text', cacheTtl: cacheTtlSeconds } : TEXT);
  }

  #unlessInBulk(key: string, cacheTtlSeconds: number): Promise<unknown> | undefined {
    return isInBulk(key) ? undefined : this.getWithMetadata(key, cacheTtlSeconds);
  }

  /** Whether it can. */
  get lists(): boolean {
    return typeof this.#full?.list === 'function';
  }

  /** Throws `not-supported` where it cannot. */
  mustList(op: string): void {
    if (this.lists) return;
    throw new KVClientError('not-supported', `${op}: this store cannot list its keys: hand over the KV namespace itself`);
  }

  /** Lists at most `limit` keys, of a store that can. */
  async list(prefix: string, limit: number, cursor: string | undefined): Promise<Listed> {
    operations.lists++;
    const page = await (this.#full as Required<FullKV>).list({ prefix, limit, ...(cursor === undefined ? {} : { cursor }) });
    return {
      keys: page.keys.map(({ name }) => name),
      metadata: page.keys.map(({ metadata }) => metadata),
      cursor: page.list_complete ? undefined : page.cursor,
    };
  }

  put(key: string, value: string, options: KVPutOptions): Promise<unknown> {
    operations.writes++;
    try {
      return promiseOf(this.kv.put(key, value, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  delete(key: string): Promise<unknown> {
    operations.deletes++;
    try {
      return promiseOf(this.kv.delete(key));
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

/** Whether a key may be read with others. Most begin with a letter, which spares the expression. */
function isInBulk(key: string): boolean {
  return key.charCodeAt(0) > LETTERS_BEGIN || !NOT_IN_BULK.test(key);
}

/** What an operation returned as a promise, also where the store gave something else. */
function promiseOf(returned: unknown): Promise<unknown> {
  return Promise.resolve(returned);
}

/** What goes beyond the three methods, where it is there. */
function fullKV(kv: KVLike): FullKV | null {
  return 'getWithMetadata' in kv && typeof kv.getWithMetadata === 'function' ? (kv as unknown as FullKV) : null;
}

/**
 * The HTTP status within an error of KV, `KV GET failed: 429 Too Many Requests`; the words after it vary. Whatever the words
 * say, what was thrown is no success.
 */
export function statusOf(error: unknown): number {
  try {
    const match = /^KV \w+ failed: (\d{3})/.exec(error instanceof Error ? error.message : String(error));
    const status = match === null ? FAILED : Number(match[1]);
    return status < 400 ? FAILED : status;
  } catch {
    return FAILED;
  }
}

/** What an error of KV comes to for whoever called. */
export function failureOf(error: unknown): ErrorCode {
  return statusOf(error) === TOO_MANY ? 'store-rate-limited' : 'store-unavailable';
}

/**
 * What operations of a store give, if they do in time. Rejects with what their failure comes to for whoever called `op`; of what the
 * store said its `cause` repeats the status alone, since it may be anything.
 */
export async function inTime<T>(store: Store, op: string, operate: () => Promise<T>): Promise<T> {
  try {
    return await withinTime('KV', store.timeoutMs, operate);
  } catch (error) {
    const { cause } = error as KVClientError;
    throw storeFailure(op, failureOf(cause), [], new Error(`KV failed: ${statusOf(cause)}`));
  }
}
