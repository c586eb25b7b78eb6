import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { readSession } from '../auth/current-session.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { problems } from '../http/problem.ts';
import { categoryExists, listCategories } from './categories-table.ts';
import { listFeatured, listManaged, listPublished } from './content-table.ts';
import { requirePublisher, seesEverything } from './publisher.ts';
import { readThrough } from './read-through.ts';

/** Not one of the spec's keys. Categories change with a migration only, and then nobody waits longer than this. */
const CATEGORIES_KEY = 'cache:categories';
const CATEGORIES_TTL_SECONDS = CACHE_TTL.contentFeatured;

const ByCategory = v.object({ category: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)) });

/** `GET /categories`. */
export async function categories(c: Context<AppEnv>): Promise<Response> {
  const load = (): ReturnType<typeof listCategories> => c.var.served.d1('list categories', () => listCategories(c.env.DB));
  return answer(c, { categories: await readThrough(c, CATEGORIES_KEY, CATEGORIES_TTL_SECONDS, load) });
}

/**
 * `GET /content?category=`: what is published in a category. An unknown one is a 404 and is not cached: otherwise
 * anybody could fill the namespace with empty lists.
 */
export async function published(c: Context<AppEnv>): Promise<Response> {
  const { category } = checkInput(ByCategory, c.req.query());
  const content = await readThrough(c, cacheKeys.contentPublished(category), CACHE_TTL.contentPublished, async () => {
    const list = await c.var.served.d1('list published', () => listPublished(c.env.DB, category));
    const known = list.length > 0 || (await c.var.served.d1('find category', () => categoryExists(c.env.DB, category)));
    if (!known) throw problems.notFound();
    return list;
  });
  return answer(c, { category, content });
}

/** `GET /content/featured`: what is published and featured. */
export async function featured(c: Context<AppEnv>): Promise<Response> {
  const content = await readThrough(c, cacheKeys.contentFeatured(), CACHE_TTL.contentFeatured, () =>
    c.var.served.d1('list featured', () => listFeatured(c.env.DB)),
  );
  return answer(c, { content });
}

/** `GET /content/mine`: what the caller may publish, drafts included. An owner may publish everybody's. */
export async function mine(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  requirePublisher(found.user);
  const creatorId = seesEverything(found.user) ? null : found.user.id;
  const content = await c.var.served.d1('list managed', () => listManaged(c.env.DB, creatorId));
  return answer(c, { content });
}
