import { cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { readSession } from '../auth/current-session.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { problems } from '../http/problem.ts';
import { readOwn } from '../library/user-cache.ts';
import { listPurchases } from './purchases-table.ts';

/** The routes under /purchases. */
export const purchases = new Hono<AppEnv>().get('/', history);

/** `GET /purchases`: what the caller bought, what it cost, and what was given back. Cached and forgotten as the library is. */
async function history(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  const purchases = await readOwn(c, cacheKeys.userPurchases(found.user.id), () =>
    c.var.served.d1('list purchases', () => listPurchases(c.env.DB, found.user.id)),
  );
  return answer(c, { purchases });
}
