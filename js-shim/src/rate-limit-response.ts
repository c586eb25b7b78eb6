import { KVClientError } from './errors.js';
import type { RateLimitResult } from './rate-limit-result.js';

type Verdicts = RateLimitResult | readonly RateLimitResult[];
type Names = string | readonly string[];

/** What {@link tooManyRequests} takes besides the verdicts. */
export interface TooManyRequestsInit {
  /** Sent along, but for the fields that this response sets itself. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** The names of the policies, as of {@link rateLimitHeaders}. */
  name?: Names;
  /** A sentence for people. Default: when to try again. */
  detail?: string;
}

/** draft-ietf-httpapi-ratelimit-headers-10, 5.1. */
const PROBLEM_TYPE = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
const PROBLEM_TITLE = 'Request cannot be satisfied as assigned quota has been exceeded';

/** The largest Integer of a structured field (RFC 9651, 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** A verdict as the fields show it. */
interface Policy {
  name: string;
  denied: boolean;
  /** Seconds until there is more, rounded up; null where waiting is of no use. */
  wait: number | null;
  /** Its item of `RateLimit-Policy`, and of `RateLimit`. */
  items: readonly [string, string];
}

/**
 * Says in header fields what was decided: `RateLimit-Policy: "login";q=5;w=900`, `RateLimit: "login";r=3;t=120`, one item for
 * each verdict (draft-ietf-httpapi-ratelimit-headers-10), and `Retry-After` where one of them is a denial.
 *
 * `name` names the policy: printable ASCII, never the identifier, which is not sent in any form. One name serves several
 * verdicts as `login`, `login-2`, ...; an array has one for each, no two alike. Default `default`.
 *
 * All times are whole seconds, rounded up, so that nobody comes back too early. Those of a denial are its `retryAfterMs` and depend
 * on no clock; `Retry-After` is the longest of them, and is left out, like `t`, where one is -1: waiting does not help. `t` of
 * what passed is `resetAt` less `Date.now()`. `w` is there where the verdict knows its window.
 * Throws `invalid-argument` for a name that cannot stand there, and for what is no verdict.
 */
export function rateLimitHeaders(result: Verdicts, name: Names = 'default'): Headers {
  const headers = new Headers();
  setFields(headers, policiesOf(result, name, 'rateLimitHeaders'));
  return headers;
}

/**
 * The answer to a request that was denied: 429, {@link rateLimitHeaders}, `Cache-Control: no-store`, and a problem (RFC 9457) with
 * `type`, `title`, `status`, `detail`, `retryAfter` (whole seconds; absent where waiting does not help) and
 * `violated-policies`, the names of those that denied.
 *
 * Takes one verdict or several, as of `checkAll`. Throws like {@link rateLimitHeaders}.
 * ```ts
 * const verdict = await limiter.checkLimit(address, RATE_LIMITS.login);
 * if (!verdict.allowed) return tooManyRequests(verdict, { name: 'login' });
 * ```
 */
export function tooManyRequests(result: Verdicts, init: TooManyRequestsInit = {}): Response {
  const policies = policiesOf(result, init.name ?? 'default', 'tooManyRequests');
  const headers = new Headers(init.headers);
  const retryAfter = setFields(headers, policies);
  headers.set('Cache-Control', 'no-store');
  headers.set('Content-Type', 'application/problem+json');
  const problem = {
    type: PROBLEM_TYPE,
    title: PROBLEM_TITLE,
    status: 429,
    detail: init.detail ?? `Too many requests.${retryAfter === undefined ? '' : ` Try again in ${retryAfter} s.`}`,
    retryAfter,
    'violated-policies': policies.filter(({ denied }) => denied).map((policy) => policy.name),
  };
  return new Response(JSON.stringify(problem), { status: 429, headers });
}

/** Sets the fields. Returns what `Retry-After` says. */
function setFields(headers: Headers, policies: readonly Policy[]): number | undefined {
  // An empty list is no field at all (RFC 9651, 4.1).
  if (policies.length === 0) return undefined;
  headers.set('RateLimit-Policy', policies.map(({ items }) => items[0]).join(', '));
  headers.set('RateLimit', policies.map(({ items }) => items[1]).join(', '));
  const waits = policies.filter(({ denied }) => denied).map(({ wait }) => wait);
  if (waits.length === 0 || waits.includes(null)) return undefined;
  const retryAfter = Math.max(...(waits as number[]));
  headers.set('Retry-After', String(retryAfter));
  return retryAfter;
}

function policiesOf(result: Verdicts, name: Names, op: string): Policy[] {
  const results = Array.isArray(result) ? (result as readonly RateLimitResult[]) : [result as RateLimitResult];
  const names = typeof name === 'string' ? results.map((_, at) => (at === 0 ? name : `${name}-${at + 1}`)) : name;
  // What a String may hold (RFC 9651, 3.3.3).
  const areNames = Array.isArray(names) && names.every((each) => typeof each === 'string' && /^[ -~]+$/.test(each));
  if (!areNames || names.length !== results.length || new Set(names).size !== names.length) {
    throw new KVClientError('invalid-argument', `${op}: name must be printable ASCII, one for each result and no two alike`);
  }
  try {
    return results.map((each, at) => policyOf(each, names[at] as string));
  } catch (cause) {
    throw new KVClientError('invalid-argument', `${op}: result must be what checkLimit returned`, { cause });
  }
}

function policyOf({ allowed, limit, remaining, resetAt, retryAfterMs, windowMs }: RateLimitResult, name: string): Policy {
  const waitMs = allowed && retryAfterMs === 0 ? resetAt - Date.now() : retryAfterMs;
  // 0 would send whoever was denied straight back.
  const wait = retryAfterMs < 0 ? null : seconds(waitMs, allowed ? 0 : 1);
  // A String (RFC 9651, 4.1.6).
  const item = `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
  const window = windowMs === undefined ? '' : `;w=${seconds(windowMs, 1)}`;
  const items = [
    `${item};q=${integer(limit)}${window}`,
    `${item};r=${integer(remaining)}${wait === null ? '' : `;t=${wait}`}`,
  ] as const;
  return { name, denied: !allowed, wait, items };
}

/** Whole seconds, rounded up. */
function seconds(ms: number, atLeast: number): number {
  return integer(Math.max(atLeast, Math.ceil(ms / 1000)));
}

/** A non-negative Integer. Throws for what is none. */
function integer(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_INTEGER) return value;
  throw new RangeError('no Integer of a structured field');
}
