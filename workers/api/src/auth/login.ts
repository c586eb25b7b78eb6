import type { CachedSession } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { logFailure } from '../http/log.ts';
import { HttpProblem } from '../http/problem.ts';
import { LoginAttempt, tooManyAttempts } from './login-limits.ts';
import { finishRevocation } from '../account/revocation.ts';
import { Email } from './input.ts';
import { verifyPassword } from './password.ts';
import { SESSION_SECONDS, setSessionCookie } from './session-cookie.ts';
import { hashSessionToken, newSessionToken } from './session-token.ts';
import { insertSession } from './sessions-table.ts';
import type { NewSession } from './sessions-table.ts';
import { findUser } from './users-table.ts';
import type { User } from './users-table.ts';

const Credentials = v.object({ email: Email, password: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) });

/** As much of it as tells two browsers apart. */
const USER_AGENT_UNITS = 256;

/**
 * `POST /auth/login`: counts the attempt, by its address and on its account, then checks the password, then signs in and takes
 * the attempt back. Nothing costly happens before the limiter's verdict.
 */
export async function login(c: Context<AppEnv>): Promise<Response> {
  const { email, password } = await readBody(c, Credentials);

  const attempt = await LoginAttempt.count(c, email);
  if (!attempt.allowed) throw tooManyAttempts(attempt);

  const found = await c.var.served.d1('find user', () => findUser(c.env.DB, email));
  const matches = await verifyPassword(password, found?.passwordHash ?? null);
  if (found === null || !matches) throw wrongCredentials(attempt);

  await finishRevocation(c, found.user.id);
  const signedIn = await signIn(c, found);
  if (signedIn === null) throw wrongCredentials(attempt);
  const { session } = signedIn;
  await attempt.takeBack();
  for (const [name, value] of Object.entries(attempt.headers)) c.header(name, value);
  return answer(c, { user: found.user, session: { id: session.id, expiresAt: session.expiresAt }, ...attempt.members });
}

function wrongCredentials({ headers, members }: LoginAttempt): HttpProblem {
  return new HttpProblem('wrong-credentials', 401, 'Wrong credentials', 'The email or the password is wrong.', {
    headers,
    members: { user: null, ...members },
  });
}

function userAgentOf(c: Context<AppEnv>): string | null {
  return c.req.header('User-Agent')?.slice(0, USER_AGENT_UNITS) ?? null;
}

/** Null where the password that was checked has been replaced meanwhile. */
async function signIn(
  c: Context<AppEnv>,
  { user, passwordHash }: { user: User; passwordHash: string },
): Promise<CachedSession | null> {
  const token = newSessionToken();
  const tokenHash = await hashSessionToken(token);
  const createdAt = Date.now();
  const expiresAt = createdAt + SESSION_SECONDS * 1000;
  const id = crypto.randomUUID();
  const stored: NewSession = { id, tokenHash, userId: user.id, createdAt, expiresAt, userAgent: userAgentOf(c) };
  if (!(await c.var.served.d1('insert session', () => insertSession(c.env.DB, stored, passwordHash)))) return null;
  const record: CachedSession = { session: { id, userId: user.id, token, expiresAt: new Date(expiresAt).toISOString() }, user };
  // As old as its row: one that was ended while it was on its way into the cache is void there.
  await c.var.clients.sessions
    .set(token, record, { loadedAt: createdAt })
    .catch((error: unknown) => logFailure('session cache write', error));
  setSessionCookie(c, token);
  return record;
}
