import { RATE_LIMITS } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { requireStoredSession } from '../auth/current-session.ts';
import { categoryExists } from '../content/categories-table.ts';
import { requirePublisher } from '../content/publisher.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { countRequest } from '../http/limits.ts';
import { logFailure } from '../http/log.ts';
import { HttpProblem } from '../http/problem.ts';
import { MAX_UPLOAD_BYTES, MEDIA_TYPE, objectKey } from './media-file.ts';
import type { Upload } from './media-table.ts';
import { insertUpload } from './media-table.ts';

const Described = v.object({
  title: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(120)),
  category: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)),
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)),
  publish: v.optional(v.picklist(['yes', 'no']), 'no'),
});

/**
 * `POST /media?title=&category=&name=&publish=`, the file as the body: counts the upload, streams the file into the bucket, notes it
 * with its job, and puts the job into the queue. Answers 202. Nothing of the file is held in memory.
 *
 * A job whose message could not be sent is not lost: the queue consumer finds it within minutes, and `started` is false.
 */
export async function upload(c: Context<AppEnv>): Promise<Response> {
  const { user } = await requireStoredSession(c);
  requirePublisher(user);
  const { title, category, name, publish } = checkInput(Described, c.req.query());
  const file = fileOf(c);
  const known = await c.var.served.d1('find category', () => categoryExists(c.env.DB, category));
  if (!known)
    throw new HttpProblem('invalid-input', 400, 'Invalid input', 'Check: category.', { members: { fields: ['category'] } });
  await countRequest(c, RATE_LIMITS.upload, user.id, 'upload');

  const made: Upload = {
    mediaId: crypto.randomUUID(),
    jobId: crypto.randomUUID(),
    contentId: crypto.randomUUID(),
    creatorId: user.id,
    categoryId: category,
    title,
    fileName: name,
    contentType: file.contentType,
    bytes: file.bytes,
    publish: publish === 'yes',
  };
  await store(c, objectKey(made.mediaId, 'source'), file);
  try {
    await c.var.served.d1('insert upload', () => insertUpload(c.env.DB, made, Date.now()));
  } catch (error) {
    // Nobody knows of the file now, so nobody would ever delete it.
    c.executionCtx.waitUntil(
      c.env.MEDIA_BUCKET.delete(objectKey(made.mediaId, 'source')).catch((failure: unknown) => logFailure('orphan', failure)),
    );
    throw error;
  }
  const started = await enqueue(c, made);
  return answer(c, { media: { mediaId: made.mediaId, contentId: made.contentId, title, state: 'queued' }, started }, 202);
}

/** The body as a file of a known length. Throws before a byte of it is read. */
export function fileOf(c: Context<AppEnv>): { body: ReadableStream; bytes: number; contentType: string } {
  const contentType = c.req.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!MEDIA_TYPE.test(contentType)) {
    throw new HttpProblem(
      'unsupported-media-type',
      415,
      'Unsupported media type',
      'Send a video or audio file, and say which.',
    );
  }
  const length = c.req.header('Content-Length');
  const bytes = Number(length);
  const { body } = c.req.raw;
  if (length === undefined || !Number.isSafeInteger(bytes) || bytes < 1 || body === null) {
    throw new HttpProblem('length-required', 411, 'Length required', 'Send the file whole, and say how many bytes it has.');
  }
  if (bytes > MAX_UPLOAD_BYTES) {
    throw new HttpProblem('body-too-large', 413, 'File too large', `A file may have ${MAX_UPLOAD_BYTES / 1e6} MB.`);
  }
  return { body, bytes, contentType };
}

/** Streams a file of a known length into the bucket. Throws `storage-unavailable`. */
export async function store(
  c: Context<AppEnv>,
  key: string,
  { body, bytes, contentType }: { body: ReadableStream; bytes: number; contentType: string },
): Promise<void> {
  // R2 wants to know the length, and a body that is shorter or longer than it says fails here.
  const { readable, writable } = new FixedLengthStream(bytes);
  try {
    await Promise.all([body.pipeTo(writable), c.env.MEDIA_BUCKET.put(key, readable, { httpMetadata: { contentType } })]);
  } catch (cause) {
    throw new HttpProblem('storage-unavailable', 503, 'Not stored', 'The file could not be stored. Try again.', {
      headers: { 'Retry-After': '5' },
      cause,
    });
  }
}

async function enqueue(c: Context<AppEnv>, { jobId, mediaId }: Upload): Promise<boolean> {
  try {
    await c.env.TRANSCODING_QUEUE.send({ jobId, mediaId });
    return true;
  } catch (error) {
    logFailure('transcoding queue', error);
    return false;
  }
}
