import { cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Context } from 'hono';
import * as v from 'valibot';
import { readSession, requireStoredSession } from '../auth/current-session.ts';
import { forgetCached } from '../content/forget-cached.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput, readBody } from '../http/body.ts';
import { HttpProblem, problems } from '../http/problem.ts';
import { owns } from '../library/library-table.ts';
import { USER_LIST_TTL_SECONDS, readOwn } from '../library/user-cache.ts';
import { listProgress, storeProgress } from './progress-table.ts';

const ById = v.object({ contentId: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)) });

/** At most a day into something. */
const Position = v.object({ positionSeconds: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(86_400)) });

/** The routes under /progress. */
export const progress = new Hono<AppEnv>().get('/', list).put('/:contentId', put);

/** `GET /progress`: how far the caller has come in what they own. */
async function list(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  const progress = await readOwn(c, cacheKeys.userProgress(found.user.id), () =>
    c.var.served.d1('list progress', () => listProgress(c.env.DB, found.user.id)),
  );
  return answer(c, { progress });
}

/**
 * `PUT /progress/:contentId`: stores how far the caller has come, then deletes the cached list: a deletion, unlike a write, is not
 * bound to one a second, and a player reports more often than anybody asks. 403 for what the caller does not own.
 */
async function put(c: Context<AppEnv>): Promise<Response> {
  const { contentId } = checkInput(ById, c.req.param());
  const { positionSeconds } = await readBody(c, Position);
  const { user } = await requireStoredSession(c);
  const owned = await c.var.served.d1('find purchase', () => owns(c.env.DB, user.id, contentId));
  if (!owned) throw new HttpProblem('forbidden', 403, 'Forbidden', 'This is not in your library.');
  await c.var.served.d1('store progress', () => storeProgress(c.env.DB, user.id, contentId, positionSeconds, Date.now()));
  const refreshed = await forgetCached(c, cacheKeys.userProgress(user.id));
  return answer(c, {
    contentId,
    positionSeconds,
    list: refreshed ? { refreshed } : { refreshed, staleForSeconds: USER_LIST_TTL_SECONDS },
  });
}
