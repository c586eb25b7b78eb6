import type { Context } from 'hono';
import * as v from 'valibot';
import { endSessions, finishRevocation } from '../account/revocation.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput, readBody } from '../http/body.ts';
import { askedOfKv } from './asked-of-kv.ts';

const User = v.object({ userId: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) });

/** `GET /admin/sessions?userId=&cursor=`: the cached sessions of a user, as the cache's index knows them. No tokens. */
export async function listUserSessions(c: Context<AppEnv>): Promise<Response> {
  const { userId, cursor } = checkInput(v.object({ ...User.entries, cursor: v.optional(v.string()) }), c.req.query());
  const page = await askedOfKv(() => c.var.clients.sessions.list(userId, cursor === undefined ? {} : { cursor }));
  return answer(c, { ...page });
}

/** `POST /admin/sessions/revoke`: ends every session of a user, in D1 and in the cache. */
export async function revokeUserSessions(c: Context<AppEnv>): Promise<Response> {
  const { userId } = await readBody(c, User);
  await c.var.served.d1('delete sessions', () => c.env.DB.batch(endSessions(c.env.DB, userId, '', Date.now())));
  return answer(c, { userId, revoked: await finishRevocation(c, userId) });
}
