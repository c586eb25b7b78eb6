import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import type { Context, Handler } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { logFailure } from '../http/log.ts';
import { problems } from '../http/problem.ts';
import { findContent, setStatus } from './content-table.ts';
import type { ContentStatus } from './content-table.ts';
import { requirePublisher, requirePublisherOf } from './publisher.ts';

const ById = v.object({ id: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)) });

/** What the caller is told of the cached lists. `staleForSeconds` is how long an undeleted one may still be shown. */
type Lists = { refreshed: true } | { refreshed: false; staleForSeconds: number; detail: string };

/**
 * `POST /content/:id/publish` and `/unpublish`: writes D1, then deletes the cached lists it changes. Saying it twice is
 * no error, and deletes the lists again: that is how a failed deletion is mended.
 */
export function putStatus(status: ContentStatus): Handler<AppEnv> {
  return async (c) => {
    const { id } = checkInput(ById, c.req.param());
    const { user } = await requireStoredSession(c);
    requirePublisher(user);
    const found = await c.var.served.d1('find content', () => findContent(c.env.DB, id));
    if (found === null) throw problems.notFound();
    requirePublisherOf(user, found.creatorId);
    await c.var.served.d1('set status', () => setStatus(c.env.DB, id, status, Date.now()));
    const lists = await refreshLists(c, found.content.categoryId);
    return answer(c, { content: { ...found.content, status }, lists });
  };
}

async function refreshLists(c: Context<AppEnv>, categoryId: string): Promise<Lists> {
  try {
    await c.var.clients.cache.deleteMany([cacheKeys.contentPublished(categoryId), cacheKeys.contentFeatured()]);
    return { refreshed: true };
  } catch (error) {
    logFailure('list invalidation', error);
    const staleForSeconds = Math.max(CACHE_TTL.contentPublished, CACHE_TTL.contentFeatured);
    const detail = `The change is stored, but the cached lists could not be deleted and may show the old state for ${staleForSeconds / 60} minutes. Repeat it to try again.`;
    return { refreshed: false, staleForSeconds, detail };
  }
}
