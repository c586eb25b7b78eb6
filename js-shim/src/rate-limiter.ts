import { Caller, checkString, numberOr, readArgument } from './caller.js';
import { enums } from './core.js';
import { KVClientError } from './errors.js';
import { type Attempt, LimitDecider, named } from './limit-decider.js';
import { type LimitNamespace, LimitObjects } from './limit-object.js';
import { type ClientOptions, inRange } from './options.js';
import { isSameRule, type RateLimitConfig, ruleOf } from './rate-limit-config.js';
import { type RateLimitResult, type RateLimitTicket, ticketIn } from './rate-limit-result.js';
import type { KVLike } from './store.js';

/** Options of {@link RateLimiterClient}. */
export interface RateLimiterOptions extends ClientOptions {
  /**
   * Who decides, after this isolate's memory: `kv` (the default) for limits that hold roughly, at no further cost; `memory` for
   * limits of each isolate; the binding of a `RateLimitAuthority` for limits that hold exactly, everywhere.
   */
  authority?: 'kv' | 'memory' | LimitNamespace;
  /** Objects among which callers are divided: 1 to 4,096. Default 16. Changing it starts every count afresh. */
  shards?: number;
  /** Whether the object writes down what it has counted before it answers. Default true; false is faster and forgets when evicted. */
  durable?: boolean;
  /**
   * What decides when the authority cannot: `local`, the isolate's own count (the default); `deny`; `allow`. The verdict's
   * reason is `degraded` then.
   */
  onUnavailable?: 'local' | 'deny' | 'allow';
  /** Decides, counts and reports as ever, but lets everybody pass; the reason is `shadow` where it would have been a denial. */
  shadow?: boolean;
}

/** One of several attempts that are to pass together or not at all. */
export interface RateLimitCheck {
  identifier: string;
  config: RateLimitConfig;
  /** Default 1. */
  cost?: number;
}

/** What was decided about several attempts. */
export interface RateLimitResults {
  /** Whether all of them pass, and were counted. */
  allowed: boolean;
  /** In the order of the checks. */
  results: RateLimitResult[];
}

const DEFAULT_SHARDS = 16;
const MAX_SHARDS = 4096;
const MAX_COST = 1e9;
/** What a call that needs no rule passes. */
const NO_RULE = { limit: 0, window: 1, windowMs: 1000, algorithm: enums.Algorithm['fixed-window'], burst: Number.NaN };

/**
 * Counts attempts and refuses those above a limit.
 *
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV);
 * const { allowed, retryAfterMs } = await limiter.checkLimit(address, RATE_LIMITS.login);
 * ```
 *
 * KV cannot count: it has no atomic operation and takes a write per key per second. One isolate never admits more than the
 * limit, however many attempts come at once and whatever KV does; several isolates may each admit up to the limit until
 * they see each other's counts. Where that is not enough, bind a `RateLimitAuthority` and pass it as `authority`.
 */
export class RateLimiterClient {
  readonly #caller: Caller;
  readonly #decider: LimitDecider;

  /** Throws `invalid-config` where the binding is missing or an option is out of range. */
  constructor(kv: KVLike, options: RateLimiterOptions = {}) {
    this.#caller = new Caller(kv, 'limit', 'RateLimiterClient', options);
    const { shadow = false, durable = true } = options;
    const onUnavailable = options.onUnavailable ?? 'local';
    const authority = options.authority ?? 'kv';
    if (typeof onUnavailable !== 'string' || !Object.hasOwn(enums.OnUnavailable, onUnavailable)) {
      throw new KVClientError('invalid-config', "onUnavailable must be 'local', 'deny' or 'allow'");
    }
    if (authority !== 'kv' && authority !== 'memory' && typeof authority?.idFromName !== 'function') {
      throw new KVClientError('invalid-config', "authority must be 'kv', 'memory' or the binding of a RateLimitAuthority");
    }
    const { store, defers } = this.#caller;
    const shards = Math.floor(inRange(options.shards ?? DEFAULT_SHARDS, 'shards', 1, MAX_SHARDS));
    const isObject = typeof authority !== 'string';
    const objects = isObject ? new LimitObjects(authority, shards, durable, store.timeoutMs) : null;
    this.#decider = new LimitDecider(this.#caller, objects, onUnavailable, [
      enums.Authority[isObject ? (durable ? 'durable' : 'fast') : authority],
      enums.OnUnavailable[onUnavailable],
      shadow === true,
      store.keepsMetadata,
      defers,
    ]);
  }

  /**
   * Counts one attempt by `identifier`, or `cost` of them, and decides whether it may proceed.
   *
   * Throws before any I/O: `invalid-argument` where the identifier is no string (any string will do: it is escaped, and hashed
   * where it is long) or `cost` no whole number from 0 to 1,000,000,000, `invalid-config` for a configuration out of range. A
   * failing authority is not an error: the verdict says `degraded`. A cost of 0 counts nothing and passes.
   *
   * Cost on KV: 2 keys read in one operation, once in 30 seconds for an identifier from the first answer on (attempts that come before
   * it read too), and at most 1 write a second, after the
   * answer where the runtime allows it (on a store without metadata: 2 reads and 1 write each time). Of a Durable Object: 1
   * request. None when the identifier is known here to be denied; a denial writes nothing.
   */
  checkLimit(identifier: string, config: RateLimitConfig, options?: { cost?: number }): Promise<RateLimitResult> {
    // Not an async function, whose promise and turn would cost as much as the decision.
    try {
      const cost = options === undefined ? undefined : readArgument('checkLimit', 'options', () => options?.cost);
      checkString(identifier, 'checkLimit', 'identifier');
      return this.#decider.decide('checkLimit', identifier, ruleOf(config, 'checkLimit'), costOf(cost), true);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Tells what {@link checkLimit} would decide, and counts nothing: `remaining` and `resetAt` are those of now. Throws and costs as
   * it does, but for the write.
   */
  async peek(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    return this.#decider.decideOne(attemptOf('peek', identifier, config, undefined, false));
  }

  /**
   * Counts several attempts if all of them pass, and none otherwise: by an address and on an account, say.
   *
   * Throws and costs as {@link checkLimit} for each, and asks first what all would come to: a `peek` each. Within an isolate, and
   * on one object, it is one decision. Over several objects
   * each decides, and what one has counted is taken back when another refuses: never more pass than may, and a crash between
   * leaves at most one attempt too many counted.
   */
  async checkAll(checks: readonly RateLimitCheck[]): Promise<RateLimitResults> {
    const wanted = readArgument('checkAll', 'checks', () =>
      // By name: a text spread out would be an object of all its characters.
      Array.isArray(checks)
        ? Array.from(checks, (check: RateLimitCheck | null | undefined) => {
            const { identifier, config, cost } = check ?? ({} as RateLimitCheck);
            return { identifier, config, cost };
          })
        : null,
    );
    if (wanted === null) throw new KVClientError('invalid-argument', 'checkAll: checks must be an array');
    const attempts = wanted.map(({ identifier, config, cost }) => attemptOf('checkAll', identifier, config, cost, false));
    if (attempts.length > 1) {
      await this.#decider.vet(attempts);
      const peeks = attempts.map((attempt, at) => ({ ...attempt, op: 'peek', cost: costUpTo(at, attempts) }));
      const would = await Promise.all(peeks.map((peek) => this.#decider.decideOne(peek)));
      if (!would.every(({ allowed }) => allowed)) return { allowed: false, results: would };
    }
    const results = await this.#decider.decideTogether(attempts.map((attempt) => ({ ...attempt, counts: true })));
    const allowed = results.every((result) => result.allowed);
    if (!allowed) {
      await Promise.all(
        results.map(async (result) => {
          const { ticket } = result;
          delete result.ticket;
          if (ticket !== undefined) await this.refund(ticket);
        }),
      );
    }
    return { allowed, results };
  }

  /**
   * Takes an attempt back, as after a login that succeeded. Does nothing once its window has ended, a second time, or
   * where it is not among the identifier's last 32; on KV and in memory, also where another isolate has counted it. With `gcra` an
   * attempt that is taken back late gives back what had refilled meanwhile as well, up to a full burst.
   *
   * Throws `invalid-argument` for what is no ticket. A failing store or object is an event, not an error. Cost: at most 1 KV
   * write, or 1 request.
   */
  async refund(ticket: RateLimitTicket): Promise<void> {
    const { identifier, cost, ...rest } = ticketIn(ticket);
    return this.#decider.refund(attemptOf('refund', identifier, rest, cost, false), rest);
  }

  /**
   * Refuses `identifier` for so many seconds, whatever its count: more than 0, at most 34,560,000 (400 days).
   *
   * Throws like {@link checkLimit}. Rejects with `store-unavailable`, `store-rate-limited`, `aborted` or `core-failed` where it was
   * not recorded: it holds in this isolate all the same; try again. In force here at once, on KV elsewhere usually within a
   * minute and a half, on an object everywhere at once. Cost: 1 KV write, or 1 request.
   */
  async block(identifier: string, config: RateLimitConfig, seconds: number): Promise<void> {
    const attempt = attemptOf('block', identifier, config, undefined, false);
    const length = numberOr(seconds);
    await this.#decider.change(
      attempt,
      (instance, policy) => instance.exports.blockLimit(...named(instance, attempt), length, policy),
      (limits, number, now) => limits.block(attempt.rule.keyPrefix, identifier, length, number, now),
      (object, key, durable) => object.block(key, length, durable),
    );
  }

  /**
   * Lifts a block. Throws and rejects like {@link block}. On KV, places that know of the block may go on with it for usually a minute and a
   * half. Cost: 1 KV delete, or 1 request.
   */
  async unblock(identifier: string, config: RateLimitConfig): Promise<void> {
    const attempt = attemptOf('unblock', identifier, config, undefined, false);
    await this.#decider.change(
      attempt,
      (instance, policy) => instance.exports.unblockLimit(...named(instance, attempt), policy),
      (limits) => limits.unblock(attempt.rule.keyPrefix, identifier),
      (object, key, durable) => object.unblock(key, durable),
    );
  }

  /**
   * Forgets the attempts of `identifier`, as an administrator does. A block stays.
   *
   * Takes the configuration or its `keyPrefix`. Throws like {@link checkLimit}. Rejects with `store-unavailable`,
   * `store-rate-limited`, `aborted` or `core-failed` where the counter may still stand: try again. On KV, isolates that
   * refuse the identifier already go on until its window ends. Cost: 1 KV delete, or 1 request.
   */
  async reset(identifier: string, keyPrefixOrConfig: string | RateLimitConfig): Promise<void> {
    checkString(identifier, 'reset', 'identifier');
    const keyPrefix = typeof keyPrefixOrConfig === 'string' ? keyPrefixOrConfig : ruleOf(keyPrefixOrConfig, 'reset').keyPrefix;
    const attempt = { op: 'reset', identifier, rule: { ...NO_RULE, keyPrefix }, cost: 0, counts: false, kept: undefined };
    await this.#decider.change(
      attempt,
      (instance, policy) => instance.exports.resetLimit(instance.write(keyPrefix), instance.write(identifier), policy),
      (limits) => limits.forget(keyPrefix, identifier),
      (object, key, durable) => object.reset(key, durable),
    );
  }
}

/** What an attempt costs together with those before it that count against the same limit. */
function costUpTo(last: number, attempts: readonly Attempt[]): number {
  const { identifier, rule } = attempts[last] as Attempt;
  const alike = attempts.slice(0, last + 1).filter((other) => other.identifier === identifier && isSameRule(other.rule, rule));
  return Math.min(
    MAX_COST,
    alike.reduce((sum, { cost }) => sum + cost, 0),
  );
}

function attemptOf(op: string, identifier: unknown, config: unknown, cost: unknown, counts: boolean): Attempt {
  checkString(identifier, op, 'identifier');
  const rule = ruleOf(config, op);
  return { op, identifier, rule, cost: costOf(cost), counts, kept: undefined };
}

function costOf(cost: unknown): number {
  return cost === undefined ? 1 : numberOr(cost);
}
