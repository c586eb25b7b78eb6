import { KVClientError } from './errors.js';
import { type Rule, windowMsOf } from './rate-limit-config.js';
import type { RateLimitResult } from './rate-limit-result.js';

/** Callers kept at most; beyond that the one counted longest ago goes. */
const MAX_CALLERS = 10_000;

/** No instance of the core: counted here. */
const HERE = 0;

/** What a caller may still do, who said so, and where the core finds its counter. */
export interface Kept {
  remaining: number;
  resetAt: number;
  instance: number;
  rule: Rule | null;
  place: number;
  born: number;
}

/**
 * A plain counter for the moments in which the core is being replaced, and for what an instance that trapped had counted. It
 * follows the verdicts of the core and lives as long as the isolate, so that whoever could make the core trap would gain
 * nothing by it.
 */
export class FallbackLimits {
  readonly #prefixes = new Map<string, Map<string, Kept>>();
  #size = 0;

  /** What is kept of a caller. */
  find(keyPrefix: string, identifier: string): Kept | undefined {
    // Two maps, and not one by both texts: joining them costs more than the rest of a decision.
    return this.#prefixes.get(keyPrefix)?.get(identifier);
  }

  /** What is kept of a caller, who is taken in where it is nothing yet. */
  keep(keyPrefix: string, identifier: string): Kept {
    let callers = this.#prefixes.get(keyPrefix);
    if (callers === undefined) {
      callers = new Map();
      this.#prefixes.set(keyPrefix, callers);
    }
    const known = callers.get(identifier);
    if (known !== undefined) return known;
    const kept = { remaining: 0, resetAt: 0, instance: HERE, rule: null, place: 0, born: 0 };
    callers.set(identifier, kept);
    if (++this.#size > MAX_CALLERS) this.#dropOldest();
    return kept;
  }

  /**
   * Decides an attempt by what was counted so far, as a window of its own, or as `onUnavailable` says. Throws `invalid-config`
   * or `invalid-argument` for what the core would have refused, had there been one.
   */
  check(
    identifier: string,
    rule: Rule,
    cost: number,
    counts: boolean,
    onUnavailable: 'local' | 'deny' | 'allow',
    now: number,
  ): RateLimitResult {
    const windowMs = windowMsOf(rule);
    checkRange(rule, windowMs, cost);
    const { keyPrefix, limit, burst } = rule;
    const kept = this.keep(keyPrefix, identifier);
    const isOpen = now < kept.resetAt;
    const before = isOpen ? kept.remaining : Number.isNaN(burst) ? limit : burst;
    const resetAt = isOpen ? kept.resetAt : now + windowMs;
    const passes = cost <= before;
    const remaining = passes && counts ? before - cost : before;
    kept.remaining = remaining;
    kept.resetAt = resetAt;
    kept.instance = HERE;

    const allowed = onUnavailable === 'allow' || (onUnavailable === 'local' && passes);
    return {
      allowed,
      remaining: onUnavailable === 'deny' ? 0 : remaining,
      resetAt,
      limit,
      windowMs,
      retryAfterMs: allowed ? 0 : limit === 0 ? -1 : resetAt - now,
      reason: 'degraded',
      exact: false,
      scope: 'isolate',
    };
  }

  forget(keyPrefix: string, identifier: string): void {
    if (this.#prefixes.get(keyPrefix)?.delete(identifier) === true) this.#size--;
  }

  #dropOldest(): void {
    for (const [keyPrefix, callers] of this.#prefixes) {
      const oldest = callers.keys().next();
      if (!oldest.done) {
        this.forget(keyPrefix, oldest.value);
        return;
      }
      this.#prefixes.delete(keyPrefix);
    }
  }
}

const ofStores = new Map<number, FallbackLimits>();

/** The counter of a store: two namespaces never share a caller. */
export function fallbackOf(storeId: number): FallbackLimits {
  let limits = ofStores.get(storeId);
  if (limits === undefined) {
    limits = new FallbackLimits();
    ofStores.set(storeId, limits);
  }
  return limits;
}

/** The ranges of `rateLimitRule` and `attemptCost` in the core. */
function checkRange({ limit, window }: Rule, windowMs: number, cost: number): void {
  if (!isCount(limit)) {
    throw new KVClientError('invalid-config', 'checkLimit: limit must be a whole number from 0 to 1,000,000,000');
  }
  if (!(Math.abs(window * 1000 - windowMs) < 0.0005 && windowMs >= 1 && windowMs <= 31 * 86_400_000)) {
    throw new KVClientError('invalid-config', 'checkLimit: window must be 0.001 to 2,678,400 seconds in whole milliseconds');
  }
  if (!isCount(cost)) throw new KVClientError('invalid-argument', 'cost must be a whole number from 0 to 1,000,000,000');
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 1e9;
}
