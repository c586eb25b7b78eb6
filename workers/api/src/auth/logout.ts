import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { logFailure } from '../http/log.ts';
import { HttpProblem } from '../http/problem.ts';
import { clearSessionCookie, readSessionCookie, readUnfinishedLogouts, setUnfinishedLogouts } from './session-cookie.ts';
import { hashSessionToken } from './session-token.ts';
import { deleteSession } from './sessions-table.ts';

/**
 * `POST /auth/logout`: deletes the session from D1, then from the cache; in the other order, a request between the two
 * would put it back. Logging out without a session is a success.
 *
 * When the cached copy cannot be deleted, whoever holds the token could still use it, so that is an error and says so.
 * The browser is signed out all the same, and keeps the token where only this route reads it: asking again finishes.
 * When D1 fails, nothing has happened yet, and the browser stays signed in.
 */
export async function logout(c: Context<AppEnv>): Promise<Response> {
  const current = readSessionCookie(c);
  const tokens = new Set([...(current === null ? [] : [current]), ...readUnfinishedLogouts(c)]);
  const unfinished: string[] = [];
  for (const token of tokens) {
    if (!(await revoke(c, token))) unfinished.push(token);
  }
  clearSessionCookie(c);
  setUnfinishedLogouts(c, unfinished);
  if (unfinished.length === 0) return answer(c, { user: null });
  throw new HttpProblem(
    'revocation-incomplete',
    503,
    'Sign-out not finished',
    'You are signed out in this browser, but a copy of the session could not be deleted yet. Sign out again to finish.',
    { headers: { 'Retry-After': '5' }, members: { user: null } },
  );
}

/** Deletes one session everywhere; false when its cached copy is still there. */
async function revoke(c: Context<AppEnv>, token: string): Promise<boolean> {
  const tokenHash = await hashSessionToken(token);
  await c.var.served.d1('delete session', () => deleteSession(c.env.DB, tokenHash));
  try {
    await c.var.clients.sessions.delete(token);
    return true;
  } catch (error) {
    logFailure('session revocation', error);
    return false;
  }
}
