import * as Field from './codex-core.field.js';
import { readArgument } from './caller.js';
import { namesOf } from './codes.js';
import { enums } from './core.js';
import { KVClientError } from './errors.js';
import type { RateLimitAlgorithm, Rule } from './rate-limit-config.js';

/**
 * Why a verdict is what it is: `ok`; `limit`, too many attempts; `blocked`, by `block`; `degraded`, the authority could not be
 * asked; `shadow`, it would have been a denial.
 */
export type RateLimitReason = 'ok' | 'limit' | 'blocked' | 'degraded' | 'shadow';

/**
 * Names an attempt that was counted, for `refund`. Plain data, which may be stored and passed on, but only where nobody
 * else can write: what it says of the cost is believed.
 */
export interface RateLimitTicket {
  identifier: string;
  keyPrefix: string;
  limit: number;
  window: number;
  algorithm: RateLimitAlgorithm;
  burst?: number;
  cost: number;
  /** Who counted it: a number that this isolate alone goes by, or 0 for a Durable Object. */
  counter: number;
  opening: number;
  sequence: number;
}

/** What was decided about an attempt. */
export interface RateLimitResult {
  allowed: boolean;
  /** The largest cost that would still pass now. */
  remaining: number;
  /** Unix milliseconds at which the fixed window has ended; for the other algorithms, from when on nothing counts any more. */
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
  /** Whose attempts were counted: this isolate's, those of the place whose KV answered, or everybody's. */
  scope: 'isolate' | 'colo' | 'global';
  /** For an attempt that was counted. */
  ticket?: RateLimitTicket;
}

const reasons = namesOf<RateLimitReason>(enums.Reason);
const scopes = namesOf<RateLimitResult['scope']>(enums.Scope);
const algorithms: readonly RateLimitAlgorithm[] = namesOf<RateLimitAlgorithm>(enums.Algorithm);

/** Reads a verdict by that rule from the reply. */
export function verdictIn(reply: Float64Array, rule: Rule, ticket: RateLimitTicket | undefined): RateLimitResult {
  const allowed = reply[Field.Allowed] === 1;
  // A whole number of so few bits needs no memory of its own.
  const remaining = (reply[Field.Remaining] as number) | 0;
  const limit = (reply[Field.Limit] as number) | 0;
  const resetAt = reply[Field.ResetAt] as number;
  const { windowMs } = rule;
  const retryAfter = reply[Field.RetryAfterMs] as number;
  const retryAfterMs = (retryAfter | 0) === retryAfter ? retryAfter | 0 : retryAfter;
  const reason = reasons[(reply[Field.Reason] as number) | 0] ?? 'degraded';
  const exact = reply[Field.Exact] === 1;
  const scope = scopes[(reply[Field.Scope] as number) | 0] ?? 'isolate';
  // Made in one piece: a property that is added later is kept apart from the others, which costs as much as they do.
  if (ticket === undefined) return { allowed, remaining, resetAt, limit, windowMs, retryAfterMs, reason, exact, scope };
  return { allowed, remaining, resetAt, limit, windowMs, retryAfterMs, reason, exact, scope, ticket };
}

/** The ticket of an attempt that was counted. */
export function ticketOf(
  identifier: string,
  rule: Rule,
  cost: number,
  opening: number,
  sequence: number,
  counter: number,
): RateLimitTicket {
  const { keyPrefix, limit, window, burst } = rule;
  const algorithm = algorithms[rule.algorithm] ?? 'fixed-window';
  const ticket = { identifier, keyPrefix, limit, window, algorithm, cost, counter, opening, sequence };
  return Number.isNaN(burst) ? ticket : { ...ticket, burst };
}

const NO_TICKET = {} as RateLimitTicket;

/** A copy of a ticket. Throws `invalid-argument` for what is none. What it names is checked where it is used. */
export function ticketIn(given: unknown): RateLimitTicket {
  const ticket = readArgument('refund', 'the ticket', () => ({
    ...(typeof given === 'object' ? (given as RateLimitTicket) : NO_TICKET),
  }));
  const { counter, opening, sequence, cost } = ticket;
  if ([counter, opening, sequence, cost].every((number) => Number.isSafeInteger(number))) return ticket;
  throw new KVClientError('invalid-argument', 'refund: this is no ticket of an attempt; pass on `ticket` of its result');
}
