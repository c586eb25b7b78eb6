import type { Env } from './env.ts';
import { takeStalled } from './jobs-table.ts';

/** What one `sendBatch` takes. */
const PAGE = 100;

/**
 * Puts the jobs that are under way and that no message asks for any more into the queue again: the upload was cut off before it could
 * send one, or the queue lost it. A second message for a job does no harm, but a queue that is merely slow gets no third one before it
 * has stalled once more. Rejects when D1 or the queue does; what was not sent then has its turn as late.
 */
export async function sweep(env: Env, now: number): Promise<void> {
  let taken = PAGE;
  while (taken === PAGE) {
    const stalled = await takeStalled(env.DB, now - env.STALLED_SECONDS * 1000, now, PAGE);
    if (stalled.length > 0) await env.TRANSCODING_QUEUE.sendBatch(stalled.map((body) => ({ body })));
    taken = stalled.length;
  }
}
