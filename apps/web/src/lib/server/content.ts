import { CACHE_TTL, CacheClient, cacheKeys } from '@codex/cloudflare-clients';
import type { D1Database } from '@cloudflare/workers-types';
import { type AnsweredBy, cacheThatAnswered } from '$lib/answered-by';
import type { CategoryId } from '$lib/categories';

/** Something published, as a list shows it. */
export interface Published {
  id: string;
  title: string;
  summary: string;
  /** ISO 8601. */
  publishedAt: string;
}

/** Ours: what one list shows. */
const LIST_LIMIT = 100;

/**
 * What is published in a category, newest first, and who answered: the cache, which is up to five minutes behind, or the database.
 * Where the cache is not bound or fails, the database answers.
 */
export async function publishedIn(
  category: CategoryId,
  { CACHE_KV, DB }: App.Platform['env'],
): Promise<{ content: Published[]; answeredBy: AnsweredBy }> {
  let answeredBy: AnsweredBy = 'database';
  if (!CACHE_KV) return { content: await listPublished(DB, category), answeredBy };
  const cache = new CacheClient(CACHE_KV, { onEvent: (event) => (answeredBy = cacheThatAnswered(event) ?? answeredBy) });
  const content = await cache.getOrSet(cacheKeys.contentPublished(category), CACHE_TTL.contentPublished, () =>
    listPublished(DB, category),
  );
  return { content, answeredBy };
}

async function listPublished(db: D1Database, category: CategoryId): Promise<Published[]> {
  const { results } = await db
    .prepare(
      `SELECT id, title, summary, published_at FROM content
        WHERE category_id = ?1 AND status = 'published' ORDER BY published_at DESC LIMIT ?2`,
    )
    .bind(category, LIST_LIMIT)
    .all<{ id: string; title: string; summary: string; published_at: number }>();
  return results.map(({ published_at, ...row }) => ({ ...row, publishedAt: new Date(published_at).toISOString() }));
}
