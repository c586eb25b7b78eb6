import { cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { readSession } from '../auth/current-session.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { problems } from '../http/problem.ts';
import { listOffers, listOwned } from './library-table.ts';
import { readOwn } from './user-cache.ts';

/** The routes under /library. */
export const library = new Hono<AppEnv>().get('/', owned).get('/offers', offers);

/** `GET /library`: what the caller owns. The webhook worker forgets the cached copy when that changes. */
async function owned(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  const library = await readOwn(c, cacheKeys.userLibrary(found.user.id), () =>
    c.var.served.d1('list owned', () => listOwned(c.env.DB, found.user.id)),
  );
  return answer(c, { library });
}

/** `GET /library/offers`: what can be bought. */
async function offers(c: Context<AppEnv>): Promise<Response> {
  return answer(c, { offers: await c.var.served.d1('list offers', () => listOffers(c.env.DB)) });
}
