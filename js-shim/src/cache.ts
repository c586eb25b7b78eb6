import { type DeletedMany, deleteMany, getMany, setMany } from './cache-batch.js';
import { Entries, type EntryState, foundInMemory, isFresh } from './cache-entries.js';
import {
  type EntryOptions,
  type GetOrSetOptions,
  NO_TERMS,
  optionsOf,
  stringsOf,
  type Terms,
  tagsOf,
  termsOf,
  timeoutOf,
} from './cache-options.js';
import { type DeletedPrefix, type DeleteByPrefixOptions, deleteByPrefix } from './cache-prefix.js';
import { Caller, jsonTextOf, readArgument } from './caller.js';
import { KVClientError, storeFailure } from './errors.js';
import { supersedeGroup } from './flights.js';
import type { ClientOptions } from './options.js';
import { readThrough } from './read-through.js';
import type { KVLike } from './store.js';
import { isValidator } from './validation.js';

/** What {@link CacheClient} takes as its second argument. */
export interface CacheOptions extends ClientOptions {
  /** Begins every key, followed by `:`. Entries and groups of another namespace are others. At most 128 UTF-16 units. */
  namespace?: string;
  /** Follows the namespace in every key, followed by `:`: a new version begins with an empty cache. At most 128 UTF-16 units. */
  version?: string;
}

/** What a read says of an entry beside its value. */
export interface Lookup<T> {
  /** The caller's own; null for a miss, and for a stored null. */
  value: T | null;
  state: 'fresh' | 'stale' | 'miss';
  source: 'memory' | 'kv' | 'none';
  /** Milliseconds since it was made; null for a miss and for what a plain `put` wrote, which does not say. */
  ageMs: number | null;
  /** The age in milliseconds beyond which no read answers it; null as above. */
  staleBoundMs: number | null;
}

/** What there is to say about an entry. Milliseconds are 0 and ages null where nothing is known. */
export interface Explanation {
  key: string;
  /** The key in the store, at most 512 bytes. */
  physicalKey: string;
  state: EntryState;
  ageMs: number | null;
  /** How long it is fresh, then answered while it is loaded anew, then answered where loading fails. */
  softTtlMs: number;
  staleMs: number;
  errorMs: number;
  /** How long it took to load. */
  loadMs: number;
  /** The groups it belongs to; one above 120 bytes as its hash. */
  tags: string[];
  /** Whether memory answers for the store just now. */
  inMemory: boolean;
  /** Bytes of its JSON text in UTF-8. */
  bytes: number;
}

/**
 * How soon an invalidation is seen elsewhere, usually: epochs are read with a `cacheTtl` of 30 s, and KV shows a write elsewhere
 * usually within 60 s. What another isolate has in memory it answers for as long as that lets it.
 */
const EFFECTIVE_WITHIN_MS = 90_000;

/**
 * Caches JSON values in KV.
 *
 * ```ts
 * const cache = new CacheClient(env.CACHE_KV);
 * const list = await cache.getOrSet(cacheKeys.contentPublished(id), CACHE_TTL.contentPublished, () => loadPublished(id));
 * ```
 *
 * Values are stored as the plain JSON they are; when an entry was made, how long it is good and which groups it belongs to stands in
 * KV metadata, so that any TTL works, also below KV's 60 seconds. Every string can be a key except '', '.' and '..'; one above 512
 * bytes is shortened and hashed. Consistency is KV's: a change shows in its own place usually at once, elsewhere usually within a
 * minute, and what an isolate has read it answers from memory for up to ten seconds more (see `memory`). What the isolate itself
 * writes, deletes or voids, through whatever client of the binding, it sees at once.
 *
 * A key is written once a second at most, since KV takes no more: of what is written meanwhile the last wins. What KV refuses is tried
 * four times in all.
 */
export class CacheClient {
  readonly #entries: Entries;

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: CacheOptions = {}) {
    const caller = new Caller(kv, 'cache', 'CacheClient', options);
    const clientNamespace = nameOf(options.namespace, 'namespace');
    const version = nameOf(options.version, 'version');
    this.#entries = new Entries(caller, beginningOf(clientNamespace) + beginningOf(version), clientNamespace);
  }

  /**
   * Gets a value of the caller's own, or null. A stale one is answered too; only `getOrSet` can load it anew.
   *
   * Throws `invalid-argument` for what cannot be a key. Nothing else: a failing store and a value that is no JSON are misses. A
   * stored null cannot be told from a miss here. Cost: none where memory has it, else 1 KV read, and for an entry with tags 1 for each.
   */
  async get<T>(key: string): Promise<T | null> {
    const recalled = this.#entries.recall(this.#entries.full(key, 'get'), false);
    if (recalled !== undefined) return this.#entries.answer(recalled, 'get') as T;
    const { state, value } = await this.#entries.read('get', key);
    return state === 'fresh' || state === 'stale' ? (value as T) : null;
  }

  /**
   * Gets values of the caller's own by key, or null where there is none; each key once, in the order given.
   *
   * Throws and fails as `get` does. Cost: 1 KV key read for each key and each tag found, in bulk reads of 100, of which each counts
   * as one of the 1,000 operations that Workers allow a request; keys that look like array indices are read one by one.
   */
  getMany<T>(keys: readonly string[]): Promise<Map<string, T | null>> {
    return getMany<T>(this.#entries, keys);
  }

  /** Gets a value and what is known of it. Throws and costs as `get` does. */
  async lookup<T>(key: string): Promise<Lookup<T>> {
    const full = this.#entries.full(key, 'lookup');
    const inMemory = this.#entries.recall(full, false);
    const recalled = inMemory === undefined ? undefined : foundInMemory(inMemory, full);
    if (recalled !== undefined) this.#entries.reportRecalled(recalled, 'lookup');
    const { state, value, ageMs, freshMs, staleMs } = recalled ?? (await this.#entries.read('lookup', key));
    if (state !== 'fresh' && state !== 'stale') {
      return { value: null, state: 'miss', source: 'none', ageMs: null, staleBoundMs: null };
    }
    const source = recalled === undefined ? 'kv' : 'memory';
    return { value: value as T, state, source, ageMs, staleBoundMs: ageMs === null ? null : freshMs + staleMs };
  }

  /**
   * Tells everything about an entry in the store but its value, for whoever wonders why it is answered or not. Throws as `get` does.
   * Cost: what `get` costs where memory does not answer.
   */
  async explain(key: string): Promise<Explanation> {
    const inMemory = this.#entries.recall(this.#entries.full(key, 'explain'), false) !== undefined;
    const {
      state,
      ageMs,
      freshMs,
      staleMs,
      errorMs,
      loadMs,
      tags,
      text,
      key: physicalKey,
    } = await this.#entries.read('explain', key);
    return {
      key,
      physicalKey,
      state,
      ageMs,
      softTtlMs: freshMs,
      staleMs,
      errorMs,
      loadMs,
      tags: namesOf(tags),
      inMemory,
      bytes: new TextEncoder().encode(text).length,
    };
  }

  /**
   * Stores a value for `ttlSeconds`: any positive number, down to a millisecond. Zero or less deletes what stands there, since
   * the new value has ended already.
   *
   * Throws before any I/O: `invalid-argument` for a key, a TTL, tags or a value that can never work, `value-too-large` above 25 MiB.
   * A store failure is an event, not an error. Resolves when the value, or one set after it, has landed or failed: a key that was
   * written within the last second waits for its turn. Cost: 1 KV write, and 1 read for each tag; each try counts.
   */
  async set(key: string, value: unknown, ttlSeconds: number, options?: EntryOptions): Promise<void> {
    const full = this.#entries.full(key, 'set');
    const text = jsonTextOf(value, 'set');
    const tags = tagsOf(optionsOf(options, 'set').tags, 'set');
    const older = this.#entries.supersede(full);
    if (older !== undefined) await older;
    await this.#entries.store('set', key, text, termsOf(ttlSeconds, {}), { tags });
  }

  /**
   * Stores values, given as pairs of key and value or as an object, all for `ttlSeconds` and with the same tags.
   *
   * Throws and fails as `set` does, before any I/O where one of them can never work. Makes at most 900 writes, second tries included,
   * since Workers allow a request 1,000 operations: what is left then is not written, each an event `failed` with `aborted`.
   * Cost: 1 KV write for each, and 1 read for each tag.
   */
  setMany(
    entries: Iterable<readonly [string, unknown]> | Readonly<Record<string, unknown>>,
    ttlSeconds: number,
    options?: EntryOptions,
  ): Promise<void> {
    return setMany(this.#entries, entries, ttlSeconds, options);
  }

  /**
   * Deletes a value. A load of it that is under way is not stored, nor what waits to be written. It waits for nothing but a write of
   * the key that is under way in this isolate.
   *
   * Throws `invalid-argument` for what cannot be a key. Rejects with `store-unavailable`, `store-rate-limited`, `aborted` or
   * `core-failed` where it may still be there: try again. Cost: 1 KV delete.
   */
  async delete(key: string): Promise<void> {
    const full = this.#entries.full(key, 'delete');
    const older = this.#entries.overtakeWrites(full);
    if (older !== undefined) await older;
    const { error } = await this.#entries.delete('delete', full);
    if (error !== undefined) throw storeFailure('delete', error, [key]);
  }

  /**
   * Deletes values, each key once, and at most 900 of them: Workers allow a request 1,000 operations. What is left beyond that is
   * `remaining`, and `complete` is false. Second tries count: what they leave no operation for fails with `aborted`.
   *
   * Throws `invalid-argument` before any I/O where one cannot be a key. When some deletes fail the others are done all the same, and
   * it rejects with the first failure, whose `remaining` names the keys to try again. Cost: 1 KV delete per key.
   */
  deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    return deleteMany(this.#entries, keys);
  }

  /**
   * Deletes the values whose keys begin so, as far as `list` shows them: KV lists what was written elsewhere up to a minute late.
   * Deletes at most `maxOperations` at once, and tells with `complete` and `cursor` whether and where to go on.
   *
   * Throws `invalid-argument` for a prefix that other clients' keys begin with too, `key-too-long` above 512 bytes,
   * `not-supported` where the store cannot list. Rejects where a delete fails, with the keys in `remaining`: call it again from the
   * beginning. A key that had to be shortened is found by what of its beginning was left. Cost: 1 KV list for at most 1,000 keys, and
   * 1 delete for each. To void many entries at once, tags cost one write.
   */
  deleteByPrefix(prefix: string, options?: DeleteByPrefixOptions): Promise<DeletedPrefix> {
    return deleteByPrefix(this.#entries, prefix, options);
  }

  /**
   * Voids all entries of groups, also those being loaded just now. Resolves when that is recorded; seen elsewhere usually within
   * `effectiveWithinMs`, which is no promise.
   *
   * Throws `invalid-argument` before any I/O for what cannot be a tag, and `not-supported` where the store keeps no metadata, and so no
   * tags. Rejects where it may not have been recorded, with the tags to try again in `remaining`. Cost: 1 KV write for each tag.
   */
  async invalidateTags(tags: readonly string[]): Promise<{ effectiveWithinMs: number }> {
    const pending = stringsOf(tags, 'invalidateTags', 'tags');
    const entries = this.#entries;
    for (const tag of pending) await entries.check('invalidateTags', 'any', NO_TERMS, [tag]);
    if (!entries.caller.store.keepsMetadata) {
      throw new KVClientError('not-supported', 'invalidateTags: this store keeps no metadata, so no entry on it has a tag');
    }
    for (const tag of pending) supersedeGroup(entries.caller.store.id, entries.group(tag));
    const endings = await Promise.all(pending.map((tag) => entries.invalidate('invalidateTags', tag)));
    const remaining = pending.filter((_, at) => endings[at]?.error !== undefined);
    const failure = endings.find(({ error }) => error !== undefined)?.error;
    if (failure !== undefined) throw storeFailure('invalidateTags', failure, remaining);
    return { effectiveWithinMs: EFFECTIVE_WITHIN_MS + entries.caller.memoryMs };
  }

  /**
   * Gets a value, or loads it and stores it for `ttlSeconds`, up to a twentieth less, so that what was loaded at once does not end at
   * once. However many calls and requests of the isolate want it meanwhile, one loads it, and each gets a copy of its own; a value
   * that is no JSON, each loads for itself.
   *
   * A stored null is a hit. What the loader throws is thrown to all of them; its undefined is returned and not stored. Nothing the cache
   * does fails the request: with the store down, or the value no JSON, the loaded value is returned all the same. A load that
   * does not end, because it hangs or its request has died, is waited for twice as long as the last one took, or two seconds,
   * and then done again. After a load that failed while there was something to answer, none is begun for one second, then two,
   * up to thirty.
   *
   * A loader may ask for its own key: it loads. Where the runtime cannot follow it (a Worker without the compatibility flag
   * `nodejs_compat`) and it has waited for something else first, it waits for itself, which ends as above.
   *
   * Throws `invalid-argument` before any I/O for an argument that can never work, and `aborted` after `hardTimeoutMs`. Cost: none where memory has it, else 1 KV read
   * and 1 for each tag, and 1 write after a load, which goes on after the answer where the runtime allows it.
   */
  async getOrSet<T>(key: string, ttlSeconds: number, fetchFn: () => T | Promise<T>, options?: GetOrSetOptions): Promise<T> {
    if (typeof fetchFn !== 'function') throw new KVClientError('invalid-argument', 'getOrSet: fetchFn must be a function');
    const chosen = optionsOf(options, 'getOrSet');
    const { validate, softTimeoutMs, hardTimeoutMs } = chosen;
    if (validate !== undefined && !readArgument('getOrSet', 'validate', () => isValidator(validate))) {
      throw new KVClientError('invalid-argument', 'getOrSet: validate must be a function or a Standard Schema');
    }
    const entries = this.#entries;
    const terms = termsOf(ttlSeconds, chosen);
    const full = entries.full(key, 'getOrSet');
    const recalled =
      chosen.forceFresh === true || !isUsual(terms) ? undefined : entries.recall(full, chosen.earlyRefresh === true);
    if (recalled !== undefined && validate === undefined && isFresh(recalled.instance)) {
      return entries.answer(recalled, 'getOrSet') as T;
    }
    const value = await readThrough(entries, {
      key,
      found: recalled === undefined ? undefined : foundInMemory(recalled, full),
      load: fetchFn,
      terms,
      tags: tagsOf(chosen.tags, 'getOrSet'),
      softTimeoutMs: timeoutOf(softTimeoutMs, 'getOrSet', 'softTimeoutMs'),
      hardTimeoutMs: timeoutOf(hardTimeoutMs, 'getOrSet', 'hardTimeoutMs'),
      forceFresh: chosen.forceFresh === true,
      validate,
    });
    return value as T;
  }
}

/** How the keys of a namespace or a version begin. */
function beginningOf(name: string): string {
  return name === '' ? '' : `${name}:`;
}

/** Whether the terms need no judgement; what is no finite number the core refuses. */
function isUsual({ ttl, negativeTtl, stale, error }: Terms): boolean {
  return Number.isFinite(ttl + negativeTtl + stale + error);
}

/** Well-formed, and short enough to leave room for a key. */
const MAX_NAME_UNITS = 128;

/** A name that begins keys, with its own colons escaped, so that no two names begin alike. Throws `invalid-config`. */
function nameOf(name: string | undefined, option: string): string {
  if (name === undefined) return '';
  if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME_UNITS && name.isWellFormed()) {
    return name.replace(/[%:]/g, encodeURIComponent);
  }
  throw new KVClientError('invalid-config', `${option} must be a string of 1 to ${MAX_NAME_UNITS} characters`);
}

/** The names in a list of tags as the core writes it. */
function namesOf(tags: string): string[] {
  const names = tags.split(':').filter((_, at) => at % 2 === 0);
  return names.slice(0, -1).map((name) => {
    try {
      return decodeURIComponent(name);
    } catch {
      return name;
    }
  });
}
