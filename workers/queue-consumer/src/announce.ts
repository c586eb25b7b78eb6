import { CACHE_TTL, CacheClient, cacheKeys } from '@codex/cloudflare-clients';
import type { Job } from './jobs-table.ts';
import { hasEnded } from './jobs-table.ts';
import { logFailure } from './log.ts';

/**
 * Tells the caches how far a job has come: its status for a minute, and once it has ended, that the lists of its category and of what is
 * featured are to be read anew. Saying it twice does no harm.
 *
 * Never rejects: a cache that cannot be written is out of date for as long as its TTL, and that is no reason to do a job again.
 */
export async function announce(kv: KVNamespace, job: Job): Promise<void> {
  try {
    const cache = new CacheClient(kv);
    // The lists first: whoever sees that the job has ended asks for them next. And the status may wait for its turn to be written.
    if (hasEnded(job)) await cache.deleteMany([cacheKeys.contentPublished(job.categoryId), cacheKeys.contentFeatured()]);
    await cache.set(cacheKeys.mediaProcessingStatus(job.mediaId), statusOf(job), CACHE_TTL.mediaProcessingStatus);
  } catch (error) {
    logFailure('announcement of a job', error);
  }
}

/** What lies under `cache:media:processing-status:{mediaId}`: the api worker writes the same, its `media/media-table.ts` must agree. */
function statusOf({ mediaId, creatorId, state, error, note, durationMs, resultType, updatedAt }: Job): object {
  return {
    mediaId,
    creatorId,
    state,
    error,
    note,
    durationMs,
    resultType,
    updatedAt: new Date(updatedAt).toISOString(),
  };
}
