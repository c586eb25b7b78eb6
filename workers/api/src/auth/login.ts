import { RATE_LIMITS } from '@codex/cloudflare-clients';
import type { CachedSession, RateLimitResult } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { callerAddress } from '../http/address.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { logFailure } from '../http/log.ts';
import { HttpProblem } from '../http/problem.ts';
import { verifyPassword } from './password.ts';
import { SESSION_SECONDS, setSessionCookie } from './session-cookie.ts';
import { hashSessionToken, newSessionToken } from './session-token.ts';
import { insertSession } from './sessions-table.ts';
import { findUser } from './users-table.ts';
import type { User } from './users-table.ts';

const Credentials = v.object({
  email: v.pipe(v.string(), v.trim(), v.toLowerCase(), v.maxLength(254), v.email()),
  password: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
});

/**
 * `POST /auth/login`: counts the attempt, then checks the password, then signs in.
 * Every well-formed attempt counts, the successful one too: resetting the count on success would let an attacker with an
 * account of their own guess for ever. Nothing costly happens before the limiter's verdict.
 */
export async function login(c: Context<AppEnv>): Promise<Response> {
  const { email, password } = await readBody(c, Credentials);

  const verdict = await c.var.clients.limiter.checkLimit(callerAddress(c), RATE_LIMITS.login);
  const limit = limitFields(verdict);
  if (!verdict.allowed) throw tooManyAttempts(verdict);

  const found = await c.var.served.d1('find user', () => findUser(c.env.DB, email));
  const matches = await verifyPassword(password, found?.passwordHash ?? null);
  if (found === null || !matches) {
    throw new HttpProblem('wrong-credentials', 401, 'Wrong credentials', 'The email or the password is wrong.', {
      members: { user: null, limit },
    });
  }

  const { session } = await signIn(c, found.user);
  return answer(c, { user: found.user, session: { id: session.id, expiresAt: session.expiresAt }, limit });
}

async function signIn(c: Context<AppEnv>, user: User): Promise<CachedSession> {
  const token = newSessionToken();
  const tokenHash = await hashSessionToken(token);
  const createdAt = Date.now();
  const expiresAt = createdAt + SESSION_SECONDS * 1000;
  const id = crypto.randomUUID();
  await c.var.served.d1('insert session', () =>
    insertSession(c.env.DB, { id, tokenHash, userId: user.id, createdAt, expiresAt }),
  );
  const record: CachedSession = { session: { id, userId: user.id, token, expiresAt: new Date(expiresAt).toISOString() }, user };
  await c.var.clients.sessions.set(token, record).catch((error: unknown) => logFailure('session cache write', error));
  setSessionCookie(c, token);
  return record;
}

/** What the page shows of the limiter. `resetAt` is Unix milliseconds. */
function limitFields(
  verdict: RateLimitResult,
): Pick<RateLimitResult, 'limit' | 'remaining' | 'resetAt' | 'reason' | 'exact' | 'scope'> {
  const { limit, remaining, resetAt, reason, exact, scope } = verdict;
  return { limit, remaining, resetAt, reason, exact, scope };
}

function tooManyAttempts(verdict: RateLimitResult): HttpProblem {
  const { retryAfterMs } = verdict;
  // Rounded up: whoever waits as long as we say is let in. -1 says never, and then there is nothing to wait for.
  const seconds = retryAfterMs < 0 ? null : Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new HttpProblem(
    'too-many-attempts',
    429,
    'Too many attempts',
    `Too many sign-in attempts from this address; this one was not checked.${seconds === null ? '' : ` Try again in ${seconds} s.`}`,
    {
      headers: seconds === null ? {} : { 'Retry-After': String(seconds) },
      members: { user: null, limit: limitFields(verdict), retryAfterMs },
    },
  );
}
