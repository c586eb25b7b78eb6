import { Hono } from 'hono';
import type { Context } from 'hono';
import type { AppEnv } from './env.ts';
import { problems } from './http/problem.ts';

/** The page and its files, from workers/api/public. */
export const page = new Hono<AppEnv>().get('/', asset).get('/favicon.svg', asset).get('/page/*', asset);

async function asset(c: Context<AppEnv>): Promise<Response> {
  const found = await c.env.ASSETS.fetch(c.req.raw);
  if (found.status === 404) throw problems.notFound();
  // A copy, because the headers of a fetched response cannot be added to.
  return new Response(found.body, found);
}
