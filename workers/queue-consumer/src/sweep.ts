import type { Env } from './env.ts';
import { listStalled } from './jobs-table.ts';

/** What one `sendBatch` takes. */
const MOST = 100;

/**
 * Puts the jobs that are under way and that no message asks for any more into the queue again: the upload was cut off before it could
 * send one, or the queue lost it. A second message for a job does no harm. Rejects when D1 or the queue does; the next run tries again.
 */
export async function sweep(env: Env, now: number): Promise<number> {
  const stalled = await listStalled(env.DB, now - env.STALLED_SECONDS * 1000, MOST);
  if (stalled.length > 0) await env.TRANSCODING_QUEUE.sendBatch(stalled.map((body) => ({ body })));
  return stalled.length;
}
