import { KVClientError } from './errors.js';
import type { RateLimitConfig, RateLimitResult } from './rate-limiter.js';

/** Counters kept at most; beyond that the one opened first goes. */
const MAX_COUNTERS = 10_000;

/**
 * A plain counter for the moments in which the core is being replaced. It lives as long as the isolate, so that whoever
 * could make the core trap would gain nothing by doing it again and again.
 */
export class FallbackLimits {
  readonly #counters = new Map<string, { count: number; resetAt: number }>();

  /**
   * Counts an attempt and decides it: by this counter, or as `onUnavailable` says. Throws `invalid-config` for what the core
   * would have refused, had there been one.
   */
  check(
    storeId: number,
    identifier: string,
    { keyPrefix, limit, window }: RateLimitConfig,
    onUnavailable: 'local' | 'deny' | 'allow',
    now: number,
  ): RateLimitResult {
    const windowMs = Math.round(window * 1000);
    checkRange(limit, window, windowMs);
    const name = nameOf(storeId, keyPrefix, identifier);
    let counter = this.#counters.get(name);
    if (counter === undefined || now >= counter.resetAt) {
      counter = { count: 0, resetAt: now + windowMs };
      this.#counters.delete(name);
      this.#counters.set(name, counter);
      this.#bound();
    }
    const passes = counter.count < limit;
    if (passes) counter.count++;
    const allowed = onUnavailable === 'allow' || (onUnavailable === 'local' && passes);
    return {
      allowed,
      remaining: onUnavailable === 'deny' ? 0 : Math.max(0, limit - counter.count),
      resetAt: counter.resetAt,
      limit,
      retryAfterMs: allowed ? 0 : limit === 0 ? -1 : counter.resetAt - now,
      reason: 'degraded',
      exact: false,
      scope: 'isolate',
    };
  }

  reset(storeId: number, keyPrefix: string, identifier: string): void {
    this.#counters.delete(nameOf(storeId, keyPrefix, identifier));
  }

  #bound(): void {
    if (this.#counters.size <= MAX_COUNTERS) return;
    const oldest = this.#counters.keys().next();
    if (!oldest.done) this.#counters.delete(oldest.value);
  }
}

/** The ranges of `rateLimitRule` in the core. */
function checkRange(limit: number, window: number, windowMs: number): void {
  if (!(Number.isInteger(limit) && limit >= 0 && limit <= 1e9)) {
    throw new KVClientError('invalid-config', 'checkLimit: limit must be a whole number from 0 to 1,000,000,000');
  }
  if (!(Math.abs(window * 1000 - windowMs) < 0.0005 && windowMs >= 1 && windowMs <= 31 * 86_400_000)) {
    throw new KVClientError('invalid-config', 'checkLimit: window must be 0.001 to 2,678,400 seconds in whole milliseconds');
  }
}

function nameOf(storeId: number, keyPrefix: string, identifier: string): string {
  return `${storeId}:${keyPrefix.length}:${keyPrefix}${identifier}`;
}
