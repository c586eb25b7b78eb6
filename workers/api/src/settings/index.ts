import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import { forgetCached } from '../content/forget-cached.ts';
import { readThrough } from '../content/read-through.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { HttpProblem } from '../http/problem.ts';
import { findSettings, storeSettings } from './settings-table.ts';

const Settings = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(80)),
  tagline: v.pipe(v.string(), v.trim(), v.maxLength(200)),
  logoUrl: v.nullable(v.pipe(v.string(), v.maxLength(500), v.url(), v.startsWith('https://'))),
});

/** The routes under /settings. */
export const settings = new Hono<AppEnv>().get('/', read).put('/', write);

/** `GET /settings`: name, tagline and logo, for everybody. */
async function read(c: Context<AppEnv>): Promise<Response> {
  const settings = await readThrough(c, cacheKeys.platformSettings(), CACHE_TTL.platformSettings, () =>
    c.var.served.d1('find settings', () => findSettings(c.env.DB)),
  );
  return answer(c, { settings });
}

/** `PUT /settings`: the owner changes them. Writes D1, then deletes the cached copy; repeating it mends a failed deletion. */
async function write(c: Context<AppEnv>): Promise<Response> {
  const wanted = await readBody(c, Settings);
  const { user } = await requireStoredSession(c);
  if (user.role !== 'owner') throw new HttpProblem('forbidden', 403, 'Forbidden', 'Only the owner changes the settings.');
  await c.var.served.d1('store settings', () => storeSettings(c.env.DB, wanted, Date.now()));
  const refreshed = await forgetCached(c, cacheKeys.platformSettings());
  return answer(c, {
    settings: wanted,
    cache: refreshed ? { refreshed } : { refreshed, staleForSeconds: CACHE_TTL.platformSettings },
  });
}
