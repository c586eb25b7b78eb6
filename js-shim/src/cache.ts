import type { Call } from './call.js';
import { Caller, checkString, jsonTextOf, numberOr, readArgument } from './caller.js';
import { type Ending, endingIn, lostEnding, namesOf } from './codes.js';
import { enums } from './core.js';
import { type ErrorCode, KVClientError, storeFailure } from './errors.js';
import type { Instance } from './instance.js';
import type { ClientOptions } from './options.js';
import type { KVLike } from './store.js';

/** What `deleteMany` did. */
export interface DeletedMany {
  /** Keys deleted; each counts once, however often it was named. */
  deleted: number;
  /** Whether nothing is left to do. */
  complete: boolean;
  /** The keys that may still be there. */
  remaining: string[];
}

const endingOf = endingIn(namesOf(enums.CacheOutcome));

/** Deletes under way at once: the connections a Worker may have open (developers.cloudflare.com/workers/platform/limits). */
const CONCURRENT_DELETES = 6;

/** The TTL of a read that stores nothing. */
const ANY_TTL = 1;

type Found = { hit: true; value: unknown } | { hit: false };

/**
 * Caches JSON values in KV.
 *
 * ```ts
 * const cache = new CacheClient(env.CACHE_KV);
 * const list = await cache.getOrSet(cacheKeys.contentPublished(id), CACHE_TTL.contentPublished, () => loadPublished(id));
 * ```
 *
 * Values are stored as the plain JSON they are; when an entry was made and how long it is fresh stands in KV metadata, so that
 * any TTL works, also below KV's 60 seconds. Every string can be a key except '', '.' and '..'; one above 512 bytes is shortened and hashed.
 * Consistency is KV's: a change shows in its own place usually at once, elsewhere usually within a minute.
 */
export class CacheClient {
  readonly #caller: Caller;

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: ClientOptions = {}) {
    this.#caller = new Caller(kv, 'cache', 'CacheClient', options);
  }

  /**
   * Gets a value of the caller's own, or null.
   *
   * Throws `invalid-argument` for what cannot be a key. Nothing else: a failing store and a value that is no JSON are misses. A
   * stored null cannot be told from a miss here. Cost: 1 KV read.
   */
  async get<T>(key: string): Promise<T | null> {
    const found = await this.#lookUp('get', key, ANY_TTL);
    return found.hit ? (found.value as T) : null;
  }

  /**
   * Stores a value for `ttlSeconds`: any positive number, down to a millisecond. Zero or less deletes what stands there, since
   * the new value has ended already.
   *
   * Throws before any I/O: `invalid-argument` for a key, a TTL or a value that can never work, `value-too-large` above 25 MiB.
   * A store failure is an event, not an error. Cost: 1 KV write.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    checkString(key, 'set', 'key');
    await this.#store('set', key, jsonTextOf(value, 'set'), ttlSeconds);
  }

  /**
   * Deletes a value.
   *
   * Throws `invalid-argument` for what cannot be a key. Rejects with `store-unavailable`, `store-rate-limited`, `aborted` or
   * `core-failed` where it may still be there: try again. Cost: 1 KV delete.
   */
  async delete(key: string): Promise<void> {
    checkString(key, 'delete', 'key');
    const ending = await this.#delete('delete', key);
    if (ending.error !== undefined) throw storeFailure('delete', ending.error, [key]);
  }

  /**
   * Deletes values, each key once.
   *
   * Throws `invalid-argument` before any I/O where one cannot be a key. When some deletes fail the others are done all the same, and
   * it rejects with the first failure, whose `remaining` names the keys to try again. Cost: 1 KV delete per key; Workers
   * allow 1,000 a request.
   */
  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    const pending = readArgument('deleteMany', 'keys', () => (Array.isArray(keys) ? [...new Set<string>(keys)] : null));
    if (pending === null) throw new KVClientError('invalid-argument', 'deleteMany: keys must be an array of strings');
    for (const key of pending) await this.#check('deleteMany', key);

    const remaining: string[] = [];
    let failure: ErrorCode | undefined;
    const queue = pending.values();
    const worker = async (): Promise<void> => {
      for (const key of queue) {
        const { error } = await this.#delete('deleteMany', key);
        if (error === undefined) continue;
        failure ??= error;
        remaining.push(key);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENT_DELETES, pending.length) }, worker));
    if (failure !== undefined) throw storeFailure('deleteMany', failure, remaining);
    return { deleted: pending.length, complete: true, remaining };
  }

  /**
   * Gets a value, or loads it and stores it for `ttlSeconds`.
   *
   * A stored null is a hit. What the loader throws is thrown; its undefined is returned and not stored. Nothing the cache does fails the
   * request: with the store down, or the value no JSON, the loaded value is returned all the same. Throws `invalid-argument`
   * before any I/O for a key or a TTL that can never work. Cost: 1 KV read, and 1 write after a load, which goes on after
   * the answer where the runtime allows it.
   */
  async getOrSet<T>(key: string, ttlSeconds: number, fetchFn: () => T | Promise<T>): Promise<T> {
    if (typeof fetchFn !== 'function') throw new KVClientError('invalid-argument', 'getOrSet: fetchFn must be a function');
    const found = await this.#lookUp('getOrSet', key, ttlSeconds);
    if (found.hit) return found.value as T;

    const value = await fetchFn();
    if (value !== undefined && ttlSeconds > 0) await this.#caller.defer(this.#storeLoaded(key, value, ttlSeconds));
    return value;
  }

  /** Reads an entry and parses it; whatever goes wrong is a miss. */
  async #lookUp(op: string, key: string, ttlSeconds: number): Promise<Found> {
    checkString(key, op, 'key');
    const call = this.#caller.begin();
    call.input = key;
    const ending = await this.#run(call, op, (instance) =>
      instance.exports.lookUpEntry(instance.write(key), numberOr(ttlSeconds)),
    );
    let found: Found = { hit: false };
    if (ending.outcome === 'hit') {
      try {
        found = { hit: true, value: JSON.parse(call.payload) };
      } catch {
        ending.outcome = 'corrupt';
      }
    }
    this.#caller.report(call, op, ending.outcome, found.hit ? 'kv' : 'none', ending.error);
    return found;
  }

  async #store(op: string, key: string, text: string, ttlSeconds: number): Promise<void> {
    const call = this.#caller.begin();
    call.input = key;
    call.payload = text;
    const ending = await this.#run(call, op, (instance) =>
      instance.exports.storeEntry(instance.write(key), numberOr(ttlSeconds), this.#caller.store.keepsMetadata),
    );
    this.#caller.report(call, op, ending.outcome, 'kv', ending.error);
  }

  /** Stores what a loader gave. A value that cannot be stored is still the answer. */
  async #storeLoaded(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    let text: string;
    try {
      text = jsonTextOf(value, 'getOrSet');
    } catch (error) {
      const code = error instanceof KVClientError ? error.code : 'invalid-argument';
      this.#caller.report(this.#caller.begin(), 'getOrSet', 'failed', 'none', code);
      return;
    }
    // What was wrong with the arguments has been said before the load.
    await this.#store('getOrSet', key, text, ttlSeconds).catch(() => {});
  }

  async #delete(op: string, key: string): Promise<Ending> {
    const call = this.#caller.begin();
    call.input = key;
    const ending = await this.#run(call, op, (instance) => instance.exports.deleteEntry(instance.write(key)));
    this.#caller.report(call, op, ending.outcome, 'kv', ending.error);
    return ending;
  }

  /** Throws for what cannot be a key. Does no I/O. */
  async #check(op: string, key: string): Promise<void> {
    checkString(key, op, 'key');
    await this.#run(this.#caller.begin(), op, (instance) => instance.exports.checkKey(instance.write(key)));
  }

  #run(call: Call, op: string, begin: (instance: Instance) => number): Promise<Ending> {
    return call.run({ op, begin, end: endingOf, lost: lostEnding }, undefined);
  }
}
