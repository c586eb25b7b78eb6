import type { ErrorCode } from './errors.js';

/**
 * How a call came out.
 *
 * `hit`, `miss`; `stale`: a hit whose time is over, served while it is loaded anew or because loading failed; `corrupt`: a stored value that breaks its format was taken for a miss; `stored`; `skipped`: nothing to
 * store, since the value has ended; `deleted`; `allowed`, `denied`; `degraded`: decided without the store; `failed`: the
 * store or the core failed, which a read answers with a miss.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** Every {@link Outcome}. */
export const OUTCOMES = [
  'hit',
  'stale',
  'miss',
  'corrupt',
  'stored',
  'skipped',
  'deleted',
  'allowed',
  'denied',
  'degraded',
  'failed',
] as const;

/** One decision of a client. It never holds a key, a token, an address or a value. */
export interface ClientEvent {
  client: 'session' | 'limit' | 'cache';
  /** The method that decided, such as `checkLimit`. */
  op: string;
  outcome: Outcome;
  /** Who answered: the isolate's memory, KV, the caller's loader, another authority, or nobody. */
  source: 'memory' | 'kv' | 'origin' | 'authority' | 'none';
  /** From the call to the decision. In a deployed Worker the clock moves only with input and output. */
  durationMs: number;
  /** Keys read, misses included: what KV bills. */
  kvReads: number;
  /** Keys written or deleted. */
  kvWrites: number;
  /** What the store or the core failed with, if anything did. */
  errorCode?: ErrorCode;
}
