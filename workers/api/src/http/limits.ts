import { clientAddress, rateLimitHeaders } from '@codex/cloudflare-clients';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { HttpProblem } from './problem.ts';

/** The bucket of every caller whose address is not known. */
const UNKNOWN_ADDRESS = 'unknown';

/**
 * The caller's address; IPv6 by the network. On Cloudflare there always is one, unless the zone's owner has it removed: then all
 * callers share one bucket. They may be refused too early, but nobody escapes a limit by arriving without an address.
 */
export function addressOf(c: Context<AppEnv>): string {
  return clientAddress(c.req.raw) ?? UNKNOWN_ADDRESS;
}

/** What a limit says, as the page shows it. `resetAt` is Unix milliseconds. */
export type Shown = Pick<RateLimitResult, 'limit' | 'remaining' | 'resetAt' | 'retryAfterMs' | 'reason' | 'exact' | 'scope'>;

export function shown({ limit, remaining, resetAt, retryAfterMs, reason, exact, scope }: RateLimitResult): Shown {
  return { limit, remaining, resetAt, retryAfterMs, reason, exact, scope };
}

/**
 * Counts a request, says in the answer's RateLimit fields under `name` what is left, and throws `too-many-requests` where that is
 * nothing.
 */
export async function countRequest(
  c: Context<AppEnv>,
  config: Readonly<RateLimitConfig>,
  identifier: string,
  name: string,
): Promise<void> {
  const result = await c.var.clients.limiter.checkLimit(identifier, config);
  for (const [field, value] of Object.entries(passed(result, name))) c.header(field, value);
}

/** Throws `too-many-requests` where `countRequest` would, and counts nothing. */
export async function requireAttemptsLeft(
  c: Context<AppEnv>,
  config: Readonly<RateLimitConfig>,
  identifier: string,
  name: string,
): Promise<void> {
  passed(await c.var.clients.limiter.peek(identifier, config), name);
}

/** What an answer's RateLimit fields say. Throws where the limiter refuses. */
function passed(result: RateLimitResult, name: string): Record<string, string> {
  const headers = Object.fromEntries(rateLimitHeaders(result, name));
  if (result.allowed) return headers;
  const seconds = headers['retry-after'];
  const when = seconds === undefined ? '' : ` Try again in ${seconds} s.`;
  throw new HttpProblem('too-many-requests', 429, 'Too many requests', `That was asked for too often.${when}`, {
    headers,
    members: { limit: shown(result) },
  });
}
