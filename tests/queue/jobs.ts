import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import worker from '../../workers/queue-consumer/src/index.ts';
import type { Env } from '../../workers/queue-consumer/src/env.ts';
import type { TranscodingMessage } from '../../workers/queue-consumer/src/message.ts';

/** A row of `transcoding_jobs`. */
export interface JobRow {
  state: string;
  run_id: string | null;
  failures: number;
  error: string | null;
  lease_until: number;
}

/** Stores an upload of Cleo's, as the api worker does; its content is a draft in the category film. */
export async function uploaded({ publish = true } = {}): Promise<TranscodingMessage & { contentId: string }> {
  const [mediaId, jobId, contentId] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const now = Date.now();
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO content (id, category_id, creator_id, title, summary, updated_at) VALUES (?1, 'film', 'user-cleo', 'A film', '', ?2)`,
    ).bind(contentId, now),
    env.DB.prepare(
      `INSERT INTO media (id, content_id, creator_id, file_name, content_type, bytes, created_at)
       VALUES (?1, ?2, 'user-cleo', 'film.mov', 'video/quicktime', 1000, ?3)`,
    ).bind(mediaId, contentId, now),
    env.DB.prepare(
      `INSERT INTO transcoding_jobs (id, media_id, publish, created_at, delivered_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?4, ?4)`,
    ).bind(jobId, mediaId, publish ? 1 : 0, now),
  ]);
  return { jobId, mediaId, contentId };
}

/** What D1 says of a job. */
export async function jobOf({ jobId }: { jobId: string }): Promise<JobRow> {
  const row = await env.DB.prepare('SELECT * FROM transcoding_jobs WHERE id = ?1').bind(jobId).first<JobRow>();
  if (row === null) throw new Error('there is no such job');
  return row;
}

/** What KV says of a medium, as a plain read sees it. */
export function statusOf({ mediaId }: { mediaId: string }): Promise<{ state: string; note: string | null } | null> {
  return env.CACHE_KV.get(`cache:media:processing-status:${mediaId}`, 'json');
}

let messages = 0;

/** What became of a batch: the places of messages, and for each message the seconds after which it comes back, or null. */
export interface Delivered {
  acked: number[];
  retried: number[];
  delays: (number | null)[];
  /** Whether the batch was sent back as a whole. */
  all: boolean;
}

/** Delivers messages in one batch. */
export async function deliver(
  bodies: unknown[],
  {
    queue = 'transcoding-queue',
    bindings = {},
    attempts = 1,
  }: { queue?: string; bindings?: Partial<Env>; attempts?: number } = {},
): Promise<Delivered> {
  messages += 1;
  const batch = createMessageBatch(
    queue,
    bodies.map((body, place) => ({ id: `${messages}-${place}`, timestamp: new Date(), attempts, body })),
  );
  // What `getQueueResult` tells of a retry leaves out when it is to be.
  const retries = batch.messages.map((message) => vi.spyOn(message, 'retry'));
  const context = createExecutionContext();
  // Where the clock is a test's, writes cannot take turns by it: a store without metadata does without turns.
  const unpaced = vi.isFakeTimers() ? { CACHE_KV: threeMethods(env.CACHE_KV) as unknown as KVNamespace } : {};
  await worker.queue(batch, { ...env, ...unpaced, ...bindings });
  const { explicitAcks, retryMessages, retryBatch } = await getQueueResult(batch, context);
  const place = (id: string): number => batch.messages.findIndex((message) => message.id === id);
  return {
    acked: explicitAcks.map(place).toSorted((one, other) => one - other),
    retried: retryMessages.map(({ msgId }) => place(msgId)).toSorted((one, other) => one - other),
    delays: retries.map((retry) => retry.mock.lastCall?.[0]?.delaySeconds ?? null),
    all: retryBatch.retry,
  };
}

/** The message of a job, and nothing else. */
export function messageOf({ jobId, mediaId }: TranscodingMessage): TranscodingMessage {
  return { jobId, mediaId };
}

/** The same namespace by three of its methods. */
function threeMethods(kv: KVNamespace): Pick<KVNamespace, 'get' | 'put' | 'delete'> {
  return {
    get: ((key: string, type: 'text') => kv.get(key, type)) as KVNamespace['get'],
    put: (key, value, options) => kv.put(key, value, options),
    delete: (key) => kv.delete(key),
  };
}
