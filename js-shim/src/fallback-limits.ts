import { KVClientError } from './errors.js';
import { type Rule, windowMsOf } from './rate-limit-config.js';
import type { RateLimitResult } from './rate-limit-result.js';

/** Callers kept at most; beyond that the one counted longest ago goes. */
const MAX_CALLERS = 10_000;

/** No instance of the core: counted here. */
const HERE = 0;

/** What a caller may still do, and who said so. */
interface Kept {
  remaining: number;
  resetAt: number;
  instance: number;
}

/**
 * A plain counter for the moments in which the core is being replaced, and for what an instance that trapped had counted. It
 * follows the verdicts of the core and lives as long as the isolate, so that whoever could make the core trap would gain
 * nothing by it.
 */
export class FallbackLimits {
  readonly #callers = new Map<string, Kept>();

  /** Follows a verdict by which an attempt was counted. */
  note(name: string, { remaining, resetAt }: { remaining: number; resetAt: number }, instance: number): void {
    const kept = this.#callers.get(name);
    if (kept !== undefined) {
      kept.remaining = remaining;
      kept.resetAt = resetAt;
      kept.instance = instance;
      return;
    }
    this.#callers.set(name, { remaining, resetAt, instance });
    if (this.#callers.size <= MAX_CALLERS) return;
    const oldest = this.#callers.keys().next();
    if (!oldest.done) this.#callers.delete(oldest.value);
  }

  /** Whether a caller's window is still open that this instance knows nothing of. */
  outlived(name: string, instance: number, now: number): boolean {
    const kept = this.#callers.get(name);
    return kept !== undefined && kept.instance !== instance && now < kept.resetAt;
  }

  /**
   * Decides an attempt by what was counted so far, as a window of its own, or as `onUnavailable` says. Throws `invalid-config`
   * or `invalid-argument` for what the core would have refused, had there been one.
   */
  check(
    name: string,
    rule: Rule,
    cost: number,
    counts: boolean,
    onUnavailable: 'local' | 'deny' | 'allow',
    now: number,
  ): RateLimitResult {
    const windowMs = windowMsOf(rule);
    checkRange(rule, windowMs, cost);
    const { limit, burst } = rule;
    const known = this.#callers.get(name);
    const open = known !== undefined && now < known.resetAt;
    const kept: Kept = open
      ? { ...known, instance: HERE }
      : { remaining: Number.isNaN(burst) ? limit : burst, resetAt: now + windowMs, instance: HERE };
    const passes = cost <= kept.remaining;
    if (passes && counts) kept.remaining -= cost;
    this.note(name, kept, HERE);

    const allowed = onUnavailable === 'allow' || (onUnavailable === 'local' && passes);
    return {
      allowed,
      remaining: onUnavailable === 'deny' ? 0 : kept.remaining,
      resetAt: kept.resetAt,
      limit,
      windowMs,
      retryAfterMs: allowed ? 0 : limit === 0 ? -1 : kept.resetAt - now,
      reason: 'degraded',
      exact: false,
      scope: 'isolate',
    };
  }

  forget(name: string): void {
    this.#callers.delete(name);
  }
}

/** What a caller is called here: of two namespaces or prefixes no two share a name. */
export function callerName(storeId: number, keyPrefix: string, identifier: string): string {
  return `${storeId}:${keyPrefix.length}:${keyPrefix}${identifier}`;
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
