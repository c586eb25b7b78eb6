import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import { logout } from '../auth/logout.ts';
import { clearSessionCookie } from '../auth/session-cookie.ts';
import { hashSessionToken } from '../auth/session-token.ts';
import { deleteSessionOf, listSessions } from '../auth/sessions-table.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { logFailure } from '../http/log.ts';
import { HttpProblem } from '../http/problem.ts';
import { endSessions, finishRevocation } from './revocation.ts';

const ById = v.object({ id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)) });

/** `GET /account/sessions`: where one is signed in, from D1: a list to act on must be right. No tokens. */
export async function ownSessions(c: Context<AppEnv>): Promise<Response> {
  const { user, session } = await requireStoredSession(c);
  const currentHash = await hashSessionToken(session.token);
  const sessions = await c.var.served.d1('list sessions', () => listSessions(c.env.DB, user.id, currentHash, Date.now()));
  return answer(c, { sessions });
}

/**
 * `POST /account/sessions/:id/revoke`: ends one of one's own sessions, in D1 and then in the cache; the one that asks is signed
 * out. Ending one that is gone is no error, and voids its copy again: that is how a failed revocation is mended.
 */
export async function revokeOwnSession(c: Context<AppEnv>): Promise<Response> {
  const { id } = checkInput(ById, c.req.param());
  const { user, session } = await requireStoredSession(c);
  // One's own is signed out of as ever, with what that does where KV fails.
  if (id === session.id) return logout(c);
  await c.var.served.d1('delete session', () => deleteSessionOf(c.env.DB, user.id, id));
  const { sessions } = c.var.clients;
  try {
    // Where the index does not know it, every copy of this user's sessions is revalidated instead, which signs nobody out.
    if (!(await sessions.deleteSession(user.id, id))) await sessions.invalidateUser(user.id);
  } catch (error) {
    logFailure('session revocation', error);
    throw incomplete('A cached copy of that session could not be voided yet and may live for an hour. Repeat it to try again.');
  }
  return answer(c, { revoked: id });
}

/** `POST /account/sign-out-everywhere`: ends every session of the caller, this one too. */
export async function signOutEverywhere(c: Context<AppEnv>): Promise<Response> {
  const { user } = await requireStoredSession(c);
  await c.var.served.d1('delete sessions', () => c.env.DB.batch(endSessions(c.env.DB, user.id, '', Date.now())));
  clearSessionCookie(c);
  if (await finishRevocation(c, user.id)) return answer(c, { user: null });
  throw incomplete(
    'You are signed out here, but cached copies of your sessions could not be voided yet. Sign in again to finish.',
    { user: null },
  );
}

function incomplete(detail: string, members: Record<string, unknown> = {}): HttpProblem {
  return new HttpProblem('revocation-incomplete', 503, 'Not finished', detail, {
    headers: { 'Retry-After': '5' },
    members,
  });
}
