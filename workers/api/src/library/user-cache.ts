import type { Context } from 'hono';
import { forgetCached } from '../content/forget-cached.ts';
import { readThrough } from '../content/read-through.ts';
import type { AppEnv } from '../env.ts';

/** How long a user's library and purchases are cached: how long a purchase can go unseen at worst, where KV failed or raced. */
export const USER_LIST_TTL_SECONDS = 300;

/**
 * Answers from the user's cache, else loads and stores. A request with `Cache-Control: no-cache` drops the cached copy first: so
 * a page that comes back from a checkout sees what was bought, also where KV still shows the old copy, as it may for a minute.
 * Users can drop their own copies and no others.
 */
export async function readOwn<T>(c: Context<AppEnv>, key: string, load: () => Promise<T>): Promise<T> {
  if (/\bno-cache\b/i.test(c.req.header('Cache-Control') ?? '')) await forgetCached(c, key);
  return readThrough(c, key, USER_LIST_TTL_SECONDS, load);
}
