import { bindingOf } from './binding.js';
import { enums } from './core.js';
import { KVClientError } from './errors.js';
import type { Rule } from './rate-limit-config.js';
import type { RateLimitResult } from './rate-limit-result.js';

/** Callers kept at most; beyond that one goes, of the prefix counted first the one kept longest. */
const MAX_CALLERS = 10_000;
/** UTF-16 units of an identifier that stand in a caller's name; of a longer one a hash does, since anybody may send one. */
const MAX_NAMED_UNITS = 128;

/** No instance of the core: counted here. */
const HERE = 0;
/** When to come back where nobody knows: as the core has it. */
const PAUSE_MS = 1000;

const MAX_COUNT = 1e9;
const DAY_MS = 86_400_000;
const MAX_WINDOW_MS = 31 * DAY_MS;
/** How long a block may be, and what a burst may take to refill. */
const LONGEST_MS = 400 * DAY_MS;

/** What a caller may still do, who said so, and by what the core finds its counter again. */
export interface Kept {
  remaining: number;
  resetAt: number;
  blockedUntil: number;
  instance: number;
  rule: Rule | null;
  place: number;
  born: number;
}

/** What is asked about a caller. */
interface Asked {
  readonly identifier: string;
  readonly rule: Rule;
  readonly cost: number;
  readonly counts: boolean;
}

/**
 * A plain counter for the moments in which the core is being replaced, and for what an instance that trapped had counted. It
 * follows the verdicts of the core and lives as long as the isolate, so that whoever could make the core trap would gain
 * nothing by it, among as many callers as are kept. Two rules that share a prefix share what is kept of a caller.
 */
export class FallbackLimits {
  readonly #prefixes = new Map<string, Map<string, Kept>>();
  /** The prefix looked up last, and its callers: nearly always those of the next call. */
  #lastPrefix = '';
  #lastCallers: Map<string, Kept> | undefined = undefined;
  #size = 0;

  /** What is kept of a caller. */
  find(keyPrefix: string, identifier: string): Kept | undefined {
    // Two maps, and not one by both texts: joining them costs more than the rest of a decision.
    return this.#callers(keyPrefix)?.get(nameOf(identifier));
  }

  /** What is kept of a caller, who is taken in where it is nothing yet. */
  keep(keyPrefix: string, identifier: string): Kept {
    let callers = this.#callers(keyPrefix);
    if (callers === undefined) {
      callers = new Map();
      this.#prefixes.set(keyPrefix, callers);
      this.#lastCallers = callers;
    }
    const name = nameOf(identifier);
    const known = callers.get(name);
    if (known !== undefined) return known;
    const kept = { remaining: 0, resetAt: 0, blockedUntil: 0, instance: HERE, rule: null, place: 0, born: 0 };
    callers.set(name, kept);
    if (++this.#size > MAX_CALLERS) this.#dropOldest();
    return kept;
  }

  /** Follows a block. Throws `invalid-argument` for a length that the core would have refused, had there been one. */
  block(keyPrefix: string, identifier: string, seconds: number, instance: number, now: number): void {
    if (!(seconds > 0 && seconds * 1000 <= LONGEST_MS)) {
      throw new KVClientError('invalid-argument', 'block: seconds must be more than 0 and at most 34,560,000 (400 days)');
    }
    const kept = this.keep(keyPrefix, identifier);
    if (!isOutlived(kept, instance, now)) kept.instance = instance;
    kept.blockedUntil = now + seconds * 1000;
  }

  /** Lifts a block. */
  unblock(keyPrefix: string, identifier: string): void {
    const kept = this.find(keyPrefix, identifier);
    if (kept !== undefined) kept.blockedUntil = 0;
  }

  /** Forgets a caller's attempts; a block stays. */
  forget(keyPrefix: string, identifier: string): void {
    const kept = this.find(keyPrefix, identifier);
    if (kept !== undefined) kept.resetAt = 0;
  }

  /**
   * Decides an attempt by what was counted so far, as a window of its own, or as `onUnavailable` says. Throws `invalid-config`
   * or `invalid-argument` for what the core would have refused, had there been one.
   */
  check({ identifier, rule, cost, counts }: Asked, onUnavailable: 'local' | 'deny' | 'allow', now: number): RateLimitResult {
    checkRange(rule, cost);
    const { keyPrefix, limit, windowMs, burst } = rule;
    const capacity = limit === 0 || Number.isNaN(burst) ? limit : burst;
    const known = this.find(keyPrefix, identifier);
    const blocked = known !== undefined && now < known.blockedUntil;
    const open = known !== undefined && now < known.resetAt;
    const left = open ? known.remaining : capacity;
    const resetAt = blocked ? known.blockedUntil : open ? known.resetAt : now + windowMs;

    const passes = cost === 0 || (!blocked && cost <= left);
    const allowed = passes ? onUnavailable !== 'deny' : onUnavailable === 'allow' && !blocked;
    const counted = passes && allowed && counts && cost > 0;
    if (counted) {
      const kept = known ?? this.keep(keyPrefix, identifier);
      kept.remaining = left - cost;
      kept.resetAt = resetAt;
      kept.instance = HERE;
    }
    return {
      allowed,
      remaining: blocked || (passes && !allowed) ? 0 : counted ? left - cost : left,
      resetAt,
      limit,
      windowMs,
      retryAfterMs: allowed ? 0 : passes ? PAUSE_MS : blocked || cost <= capacity ? resetAt - now : -1,
      reason: 'degraded',
      exact: false,
      scope: 'isolate',
    };
  }

  #callers(keyPrefix: string): Map<string, Kept> | undefined {
    if (keyPrefix !== this.#lastPrefix) {
      this.#lastPrefix = keyPrefix;
      this.#lastCallers = this.#prefixes.get(keyPrefix);
    }
    return this.#lastCallers;
  }

  #dropOldest(): void {
    for (const [keyPrefix, callers] of this.#prefixes) {
      const oldest = callers.keys().next();
      if (oldest.done) {
        // Not the one counted last, which has a caller.
        this.#prefixes.delete(keyPrefix);
      } else {
        callers.delete(oldest.value);
        this.#size--;
        return;
      }
    }
  }
}

/** Whether something still counts, or blocks, that this instance knows nothing of. */
export function isOutlived({ instance, resetAt, blockedUntil }: Kept, current: number, now: number): boolean {
  return instance !== current && (now < resetAt || now < blockedUntil);
}

/** Counts an attempt against what outlived its instance. Undefined where it does not pass, else how much is left. */
export function takeFrom(kept: Kept, cost: number, counts: boolean, now: number): number | undefined {
  if (cost === 0) return Number.POSITIVE_INFINITY;
  if (now < kept.blockedUntil) return undefined;
  if (now >= kept.resetAt) return Number.POSITIVE_INFINITY;
  if (!(cost <= kept.remaining)) return undefined;
  if (counts) kept.remaining -= cost;
  return kept.remaining;
}

const ofStores = new WeakMap<object, FallbackLimits>();

/** The counter of a namespace: two of them never share a caller. It goes with the object, of which a Worker may make many. */
export function fallbackOf(kv: object): FallbackLimits {
  const binding = bindingOf(kv);
  let limits = ofStores.get(binding);
  if (limits === undefined) {
    limits = new FallbackLimits();
    ofStores.set(binding, limits);
  }
  return limits;
}

/** Whether an identifier stands for itself here. */
export function isNamed(identifier: string): boolean {
  return identifier.length <= MAX_NAMED_UNITS;
}

/** What an identifier is called here: itself, or a hash where it is long, since anybody may send one. */
function nameOf(identifier: string): string {
  if (isNamed(identifier)) return identifier;
  const { length } = identifier;
  // FNV-1a, twice from different beginnings. Whoever finds two that meet shares one count with himself.
  let one = 0x811c_9dc5;
  let other = 0x9e37_79b9;
  for (let at = 0; at < length; at++) {
    const unit = identifier.charCodeAt(at);
    one = Math.imul(one ^ unit, 0x0100_0193);
    other = Math.imul(other ^ unit, 0x0100_0193);
  }
  // Longer than any that stands for itself. No part of the identifier, which would keep the whole of it in memory.
  return `${length}:${one}:${other}`.padEnd(MAX_NAMED_UNITS + 1);
}

/** The ranges of `rateLimitRule` and `attemptCost` in the core, which says more of what is wrong. */
function checkRange({ limit, window, windowMs, algorithm, burst }: Rule, cost: number): void {
  const isWindow = Math.abs(window * 1000 - windowMs) < 0.0005 && windowMs >= 1 && windowMs <= MAX_WINDOW_MS;
  const isBurst = algorithm === enums.Algorithm.gcra && isCount(burst) && burst > 0 && burst * windowMs <= LONGEST_MS * limit;
  if (!isCount(limit) || !isWindow || !(isBurst || Number.isNaN(burst) || limit === 0)) {
    throw new KVClientError('invalid-config', 'checkLimit: limit, window or burst is out of range: see RateLimitConfig');
  }
  if (!isCount(cost)) throw new KVClientError('invalid-argument', 'checkLimit: cost is out of range');
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}
