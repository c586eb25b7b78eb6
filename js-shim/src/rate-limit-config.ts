import { numberOr } from './caller.js';
import { enums } from './core.js';
import { KVClientError } from './errors.js';

/**
 * How attempts are counted.
 *
 * | algorithm | lets pass | for |
 * |---|---|---|
 * | `fixed-window` (default) | `limit` in a window that opens with the first attempt; up to twice that around its end | the platform's limits |
 * | `sliding-window` | about `limit` in any interval of a window | smooth limits of an API |
 * | `gcra` | `burst` at once, then one each `window / limit` | logins: nothing comes back in a lump |
 */
export type RateLimitAlgorithm = 'fixed-window' | 'sliding-window' | 'gcra';

/** How often something may happen. Two configurations should not share a `keyPrefix`: each counts for itself. */
export interface RateLimitConfig {
  /** Attempts that pass in a window: a whole number from 0 (none) to 1,000,000,000. */
  limit: number;
  /** Seconds, 0.001 to 2,678,400 (31 days), in whole milliseconds. */
  window: number;
  /** Where the counters stand, such as `rl:login:`: 1 to 256 bytes, not a prefix of the other clients. */
  keyPrefix: string;
  /** Default `fixed-window`. */
  algorithm?: RateLimitAlgorithm;
  /**
   * For `gcra`: attempts that may come at once, a whole number from 1 to 1,000,000,000 that refills (burst × window / limit) within
   * 400 days. Default: the limit.
   */
  burst?: number;
}

/** A configuration as the core takes it. What is no number is NaN, which the core refuses. */
export interface Rule {
  readonly keyPrefix: string;
  readonly limit: number;
  readonly window: number;
  readonly windowMs: number;
  readonly algorithm: number;
  /** NaN: none was given. */
  readonly burst: number;
}

/** A window in milliseconds: what is a whole number of them may be a little less or more in binary. */
export function windowMsOf(seconds: number): number {
  return Math.round(seconds * 1000);
}

type Fields = { [Field in keyof RateLimitConfig]?: unknown };

/** The configuration read last, and its rule: nearly always those of the next call, which need not be made again then. */
let lastFields: Fields = {};
let lastRule: Rule | null = null;

/**
 * Checks what the core cannot see: that the configuration is an object with a prefix, and asks for nothing unknown. Reads
 * each field once, so that the call goes by one configuration whatever becomes of the object. Throws `invalid-config`.
 */
export function ruleOf(config: unknown, op: string): Rule {
  const { limit, window, keyPrefix, algorithm, burst } = fieldsOf(config, op);
  if (
    lastRule !== null &&
    limit === lastFields.limit &&
    window === lastFields.window &&
    keyPrefix === lastFields.keyPrefix &&
    algorithm === lastFields.algorithm &&
    burst === lastFields.burst
  ) {
    return lastRule;
  }
  if (typeof keyPrefix !== 'string') throw noConfig(op);
  const seconds = numberOr(window);
  lastRule = {
    keyPrefix,
    limit: numberOr(limit),
    window: seconds,
    windowMs: windowMsOf(seconds),
    algorithm: algorithm === undefined ? enums.Algorithm['fixed-window'] : algorithmOf(algorithm, op),
    burst: burst === undefined ? Number.NaN : burstOf(burst, op),
  };
  lastFields = { limit, window, keyPrefix, algorithm, burst };
  return lastRule;
}

/** Whether two count alike. */
export function isSameRule(one: Rule | null, other: Rule): boolean {
  if (one === other) return true;
  return (
    one !== null &&
    one.limit === other.limit &&
    one.window === other.window &&
    one.algorithm === other.algorithm &&
    (one.burst === other.burst || (Number.isNaN(one.burst) && Number.isNaN(other.burst))) &&
    one.keyPrefix === other.keyPrefix
  );
}

function fieldsOf(config: unknown, op: string): Fields {
  if (typeof config !== 'object' || config === null) throw noConfig(op);
  try {
    const { limit, window, keyPrefix, algorithm, burst } = config as Fields;
    return { limit, window, keyPrefix, algorithm, burst };
  } catch (cause) {
    throw noConfig(op, { cause });
  }
}

function algorithmOf(algorithm: unknown, op: string): number {
  if (typeof algorithm === 'string' && Object.hasOwn(enums.Algorithm, algorithm)) {
    return enums.Algorithm[algorithm as RateLimitAlgorithm];
  }
  throw new KVClientError('invalid-config', `${op}: algorithm must be 'fixed-window', 'sliding-window' or 'gcra'`);
}

/** NaN stands for "none was given" in the core, so one that was given must not be it. */
function burstOf(burst: unknown, op: string): number {
  if (typeof burst === 'number' && !Number.isNaN(burst)) return burst;
  throw new KVClientError('invalid-config', `${op}: burst must be a whole number from 1 to 1,000,000,000`);
}

function noConfig(op: string, options?: { cause: unknown }): KVClientError {
  return new KVClientError('invalid-config', `${op}: the configuration must have limit, window and keyPrefix`, options);
}
