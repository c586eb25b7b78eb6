import type { RateLimitConfig, RateLimitResult } from './rate-limiter.js';

/** Counters kept at most; beyond that the one opened first goes. */
const MAX_COUNTERS = 10_000;

/**
 * A plain counter for the moments in which the core is being replaced. It lives as long as the isolate, so that whoever
 * could make the core trap would gain nothing by doing it again and again.
 */
export class FallbackLimits {
  readonly #counters = new Map<string, { count: number; resetAt: number }>();

  /** Counts an attempt and decides it: by this counter, or as `onUnavailable` says. */
  check(
    storeId: number,
    identifier: string,
    { keyPrefix, limit, window }: RateLimitConfig,
    onUnavailable: 'local' | 'deny' | 'allow',
    now: number,
  ): RateLimitResult {
    const name = nameOf(storeId, keyPrefix, identifier);
    let counter = this.#counters.get(name);
    if (counter === undefined || now >= counter.resetAt) {
      counter = { count: 0, resetAt: now + window * 1000 };
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
      retryAfterMs: allowed ? 0 : counter.resetAt - now,
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

function nameOf(storeId: number, keyPrefix: string, identifier: string): string {
  return `${storeId}:${keyPrefix.length}:${keyPrefix}${identifier}`;
}
