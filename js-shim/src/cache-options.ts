import { numberOr, readArgument } from './caller.js';
import { KVClientError } from './errors.js';
import { inRange, MAX_TIMER_MS } from './options.js';
import type { Validate } from './validation.js';

/** What is stored with an entry. */
export interface EntryOptions {
  /**
   * The groups the entry belongs to: `invalidateTags` voids all entries of a group at once. Any non-empty strings; together they
   * must fit into KV's 1,024 bytes of metadata, which takes about 40 tags of five letters. A store without metadata keeps none.
   */
  tags?: readonly string[];
}

/** How `getOrSet` loads, and what it may answer meanwhile. Durations are 0 or more; a store without metadata has no windows. */
export interface GetOrSetOptions extends EntryOptions {
  /** Seconds after its TTL for which an entry is still answered, while it is loaded anew after the answer. Default 0. */
  staleWhileRevalidateSeconds?: number;
  /** Seconds after that for which it is answered where the loader fails or takes too long. Default 0. */
  staleIfErrorSeconds?: number;
  /** The TTL of a null, in seconds; 0 or less: a null is not stored. Default: the TTL of any value. */
  negativeTtlSeconds?: number;
  /** Milliseconds of loading after which an entry that is good where it fails is answered; the load goes on. Default: none. */
  softTimeoutMs?: number;
  /**
   * Milliseconds of loading after which the call answers what it has, and throws `aborted` where it has nothing; the load goes on. The
   * look-up before it takes `storeTimeoutMs` at most. Default: none, the call takes as long as the loader does.
   */
  hardTimeoutMs?: number;
  /**
   * Load what is fresh in memory ahead of its end, after the answer: the nearer the end and the longer it took to load, the likelier, so
   * that of many isolates few load. Within the last quarter of its TTL, and only with `memory`. Default false.
   */
  earlyRefresh?: boolean;
  /** Load, whatever is cached; nothing cached is answered. */
  forceFresh?: boolean;
  /**
   * What a value must be, as a Standard Schema or a predicate. A stored one that fails is a miss and is overwritten; a loaded one that
   * fails is returned and not stored. It decides only: what a schema would make of the value is not used.
   */
  validate?: Validate;
}

/** What the core asks of an entry's life, in seconds. */
export interface Terms {
  readonly ttl: number;
  readonly negativeTtl: number;
  readonly stale: number;
  readonly error: number;
}

/** The terms of a call that stores nothing. */
export const NO_TERMS: Terms = { ttl: 1, negativeTtl: 1, stale: 0, error: 0 };

export const NO_TAGS: readonly string[] = [];

/** The terms that a call names. What cannot be a number of seconds becomes NaN, which the core refuses. */
export function termsOf(ttlSeconds: number, options: GetOrSetOptions): Terms {
  const ttl = numberOr(ttlSeconds);
  const { negativeTtlSeconds: negative, staleWhileRevalidateSeconds: stale, staleIfErrorSeconds: error } = options;
  return {
    ttl,
    negativeTtl: negative === undefined ? ttl : numberOr(negative),
    stale: stale === undefined ? 0 : numberOr(stale),
    error: error === undefined ? 0 : numberOr(error),
  };
}

/** A timeout in milliseconds; none is Infinity. Throws `invalid-argument`. */
export function timeoutOf(ms: number | undefined, op: string, name: string): number {
  if (ms === undefined) return Number.POSITIVE_INFINITY;
  return inRange(ms, `${op}: ${name}`, 1, MAX_TIMER_MS, 'invalid-argument');
}

/** The tags that a call names, copied. Throws `invalid-argument`. */
export function tagsOf(tags: readonly string[] | undefined, op: string): readonly string[] {
  if (tags === undefined) return NO_TAGS;
  return stringsOf(tags, op, 'tags');
}

/** A list of strings, each once. Throws `invalid-argument`. */
export function stringsOf(list: readonly string[], op: string, name: string): string[] {
  const copy = readArgument(op, name, () => (Array.isArray(list) ? [...new Set<unknown>(list)] : null));
  if (copy?.every((item) => typeof item === 'string')) return copy as string[];
  throw new KVClientError('invalid-argument', `${op}: ${name} must be an array of strings`);
}

const NO_OPTIONS = {};

/** The options of a call, of which a getter may throw. Throws `invalid-argument`. */
export function optionsOf<T extends object>(options: T | undefined, op: string): Partial<T> {
  if (options === undefined) return NO_OPTIONS;
  if (typeof options === 'object' && options !== null) return readArgument(op, 'options', () => ({ ...options }));
  throw new KVClientError('invalid-argument', `${op}: options must be an object`);
}
