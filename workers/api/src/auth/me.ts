import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { problems } from '../http/problem.ts';
import { readSession } from './current-session.ts';

/** `GET /auth/me`: who is asking. 401 with `user: null` when nobody is signed in, or no longer. */
export async function me(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  return answer(c, { user: found.user, session: { id: found.session.id, expiresAt: found.session.expiresAt } });
}
