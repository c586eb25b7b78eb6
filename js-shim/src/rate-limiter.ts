import type { Call, Steps } from './call.js';
import { Caller, checkString, numberOr } from './caller.js';
import { errorCodeOf, namesOf } from './codes.js';
import { enums } from './core.js';
import { type ErrorCode, KVClientError, storeFailure } from './errors.js';
import { FallbackLimits } from './fallback-limits.js';
import type { Instance } from './instance.js';
import type { ClientOptions } from './options.js';
import type { KVLike } from './store.js';

/** How often something may happen. */
export interface RateLimitConfig {
  /** Attempts that pass in a window: a whole number from 0 (none) to 1,000,000,000. */
  limit: number;
  /** Seconds, 0.001 to 2,678,400 (31 days), in whole milliseconds. */
  window: number;
  /** Where the counters stand, such as `rl:login:`: 1 to 256 bytes, not a prefix of the other clients. */
  keyPrefix: string;
}

/** Why a verdict is what it is: `degraded` means that the store could not be asked. */
export type RateLimitReason = 'ok' | 'limit' | 'degraded';

/** What was decided about an attempt. */
export interface RateLimitResult {
  allowed: boolean;
  /** Attempts that would still pass now. */
  remaining: number;
  /** Unix milliseconds at which the window has ended. */
  resetAt: number;
  /** The limit that was applied. */
  limit: number;
  /** The window that was applied, in milliseconds, where the verdict says. */
  windowMs?: number;
  /** Milliseconds after which the same attempt passes if nothing else happens: 0 when allowed, -1 when it never will. */
  retryAfterMs: number;
  reason: RateLimitReason;
  /** Whether the count is exact within `scope`. On KV it is not: isolates that write at once undercount each other. */
  exact: boolean;
  /** Whose attempts were counted: this isolate's, or those of the place whose KV answered. */
  scope: 'isolate' | 'colo';
}

/** Options of {@link RateLimiterClient}. */
export interface RateLimiterOptions extends ClientOptions {
  /**
   * What decides when KV cannot: `local`, the isolate's own count (the default); `deny`; `allow`. The verdict's reason is
   * `degraded` then.
   */
  onUnavailable?: 'local' | 'deny' | 'allow';
}

const { Field } = enums;
const reasons = namesOf<RateLimitReason>(enums.Reason);
const scopes = namesOf<'isolate' | 'colo'>(enums.Scope);
const fallback = new FallbackLimits();

/** An attempt to decide. */
interface Attempt extends RateLimitConfig {
  identifier: string;
}

const RESET: Steps<{ keyPrefix: string; identifier: string }, ErrorCode | undefined> = {
  op: 'reset',
  begin: (instance, { keyPrefix, identifier }) =>
    instance.exports.resetLimit(instance.write(keyPrefix), instance.write(identifier)),
  end: (instance) => errorCodeOf(instance.int(Field.Failure)),
  lost: (code) => code,
};

/**
 * Counts attempts in KV and refuses those above a limit: the fixed window of the platform, opened by the first attempt.
 *
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV);
 * const { allowed, retryAfterMs } = await limiter.checkLimit(address, RATE_LIMITS.login);
 * ```
 *
 * KV cannot count: it has no atomic operation and takes a write per key per second. One isolate never admits more than the
 * limit, however many attempts come at once and whatever KV does; several isolates may each admit up to the limit until
 * they see each other's counts.
 */
export class RateLimiterClient {
  readonly #caller: Caller;
  readonly #onUnavailable: 'local' | 'deny' | 'allow';
  readonly #onUnavailableNumber: number;
  readonly #check: Steps<Attempt, RateLimitResult> = {
    op: 'checkLimit',
    begin: (instance, { keyPrefix, identifier, limit, window }) =>
      instance.exports.checkLimit(
        instance.write(keyPrefix),
        instance.write(identifier),
        limit,
        window,
        this.#onUnavailableNumber,
      ),
    end: (instance, call) => this.#verdict(instance, call),
    lost: (code, call, attempt) => this.#withoutCore(code, call, attempt),
  };

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: RateLimiterOptions = {}) {
    this.#caller = new Caller(kv, 'limit', 'RateLimiterClient', options);
    this.#onUnavailable = options.onUnavailable ?? 'local';
    if (typeof this.#onUnavailable !== 'string' || !Object.hasOwn(enums.OnUnavailable, this.#onUnavailable)) {
      throw new KVClientError('invalid-config', "onUnavailable must be 'local', 'deny' or 'allow'");
    }
    this.#onUnavailableNumber = enums.OnUnavailable[this.#onUnavailable];
  }

  /**
   * Counts one attempt by `identifier` and decides whether it may proceed.
   *
   * Throws before any I/O: `invalid-argument` where the identifier is no string (any string will do: it is escaped, and hashed
   * where it is long), `invalid-config` for a configuration out of range, `not-supported` for an algorithm this version
   * lacks. A store failure is not an error: the verdict says `degraded`. Cost: at most 1 KV read and 1 write; none when the
   * identifier is known here to be denied; a denial writes nothing.
   */
  checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    // Not an async function, whose promise and turn would cost as much as the decision.
    try {
      return this.#checkLimit(identifier, config);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    checkString(identifier, 'checkLimit', 'identifier');
    const rule = checkConfig(config, 'checkLimit');
    const attempt = { keyPrefix: rule.keyPrefix, identifier, limit: rule.limit, window: rule.window };
    const call = this.#caller.begin();
    call.input = rule.keyPrefix + identifier;
    return call.run(this.#check, attempt);
  }

  /**
   * Forgets the attempts of `identifier`, as an administrator does.
   *
   * Takes the configuration or its `keyPrefix`. Throws like {@link checkLimit}. Rejects with `store-unavailable`,
   * `store-rate-limited`, `aborted` or `core-failed` where the counter may still stand: try again. Cost: 1 KV delete. Other
   * places may count on with what they have read for usually a minute.
   */
  async reset(identifier: string, keyPrefixOrConfig: string | RateLimitConfig): Promise<void> {
    checkString(identifier, 'reset', 'identifier');
    const keyPrefix =
      typeof keyPrefixOrConfig === 'string' ? keyPrefixOrConfig : checkConfig(keyPrefixOrConfig, 'reset').keyPrefix;
    const call = this.#caller.begin();
    call.input = keyPrefix + identifier;
    const error = await call.run(RESET, { keyPrefix, identifier });
    fallback.reset(this.#caller.store.id, keyPrefix, identifier);
    this.#caller.report(call, 'reset', error === undefined ? 'deleted' : 'failed', 'kv', error);
    if (error !== undefined) throw storeFailure('reset', error);
  }

  #withoutCore(error: ErrorCode, call: Call, attempt: Attempt): RateLimitResult {
    const { store } = this.#caller;
    const result = fallback.check(store.id, attempt.identifier, attempt, this.#onUnavailable, call.beganMs);
    this.#caller.report(call, 'checkLimit', 'degraded', 'memory', error);
    return result;
  }

  /** Reads the verdict, and reports it where somebody listens. */
  #verdict(instance: Instance, call: Call): RateLimitResult {
    const reply = instance.reply();
    const result: RateLimitResult = {
      allowed: instance.int(Field.Allowed) === 1,
      remaining: instance.int(Field.Remaining),
      resetAt: reply[Field.ResetAt] as number,
      limit: instance.int(Field.Limit),
      retryAfterMs: reply[Field.RetryAfterMs] as number,
      reason: reasons[instance.int(Field.Reason)] ?? 'degraded',
      exact: false,
      scope: scopes[instance.int(Field.Scope)] ?? 'isolate',
    };
    if (this.#caller.listens) {
      const decided = instance.int(Field.Corrupt) === 1 ? 'corrupt' : result.allowed ? 'allowed' : 'denied';
      const error = errorCodeOf(instance.int(Field.Failure));
      const fromMemory = instance.int(Field.FromMemory) === 1 || error !== undefined;
      const outcome = result.reason === 'degraded' ? 'degraded' : decided;
      this.#caller.report(call, 'checkLimit', outcome, fromMemory ? 'memory' : 'kv', error);
    }
    this.#caller.release(call);
    return result;
  }
}

/**
 * Checks what the core cannot see: that the configuration is an object with a prefix, and asks for nothing unknown. Reads
 * each field once, so that the call goes by one configuration whatever becomes of the object.
 */
function checkConfig(config: RateLimitConfig, op: string): RateLimitConfig {
  const { limit, window, keyPrefix, algorithm } = fieldsOf(config, op);
  if (typeof keyPrefix !== 'string') throw noConfig(op);
  if (algorithm !== undefined && algorithm !== 'fixed-window') {
    throw new KVClientError('not-supported', `${op}: the only algorithm so far is 'fixed-window'`);
  }
  return { limit: numberOr(limit), window: numberOr(window), keyPrefix };
}

function fieldsOf(config: unknown, op: string): { [Field in keyof RateLimitConfig | 'algorithm']?: unknown } {
  if (typeof config !== 'object' || config === null) throw noConfig(op);
  try {
    const { limit, window, keyPrefix, algorithm } = config as Record<string, unknown>;
    return { limit, window, keyPrefix, algorithm };
  } catch (cause) {
    throw noConfig(op, { cause });
  }
}

function noConfig(op: string, options?: { cause: unknown }): KVClientError {
  return new KVClientError('invalid-config', `${op}: the configuration must have limit, window and keyPrefix`, options);
}
