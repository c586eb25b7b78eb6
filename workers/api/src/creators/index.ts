import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Context } from 'hono';
import * as v from 'valibot';
import { readSession, requireStoredSession } from '../auth/current-session.ts';
import type { User } from '../auth/users-table.ts';
import { requirePublisherOf } from '../content/publisher.ts';
import { readThrough } from '../content/read-through.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { problems } from '../http/problem.ts';
import { findBuckets, giveBuckets, isCreator } from './buckets-table.ts';
import type { CreatorBuckets } from './buckets-table.ts';

const ById = v.object({ id: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)) });

/** The routes under /creators: each creator sees their own, the owner sees everybody's. */
export const creators = new Hono<AppEnv>().get('/:id/buckets', read).post('/:id/buckets', give);

/** `GET /creators/:id/buckets`: the names of the creator's R2 buckets. 404 before they were given, which is not cached. */
async function read(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  return answer(c, { buckets: await bucketsOf(c, found.user) });
}

/** `POST /creators/:id/buckets`: gives a creator their names, once. Saying it again is no error and changes nothing. */
async function give(c: Context<AppEnv>): Promise<Response> {
  const { user } = await requireStoredSession(c);
  const { id } = checkInput(ById, c.req.param());
  requirePublisherOf(user, id);
  if (!(await c.var.served.d1('find creator', () => isCreator(c.env.DB, id)))) throw problems.notFound();
  await c.var.served.d1('give buckets', () => giveBuckets(c.env.DB, id));
  return answer(c, { buckets: await bucketsOf(c, user) });
}

async function bucketsOf(c: Context<AppEnv>, user: User): Promise<CreatorBuckets> {
  const { id } = checkInput(ById, c.req.param());
  requirePublisherOf(user, id);
  return readThrough(c, cacheKeys.creatorBuckets(id), CACHE_TTL.creatorBuckets, async () => {
    const buckets = await c.var.served.d1('find buckets', () => findBuckets(c.env.DB, id));
    if (buckets === null) throw problems.notFound();
    return buckets;
  });
}
