import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import * as v from 'valibot';
import { readSession } from '../auth/current-session.ts';
import { requirePublisher, requirePublisherOf, seesEverything } from '../content/publisher.ts';
import { readThrough } from '../content/read-through.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { checkInput } from '../http/body.ts';
import { problems } from '../http/problem.ts';
import type { MediaStatus } from './media-table.ts';
import { findStatus, listMedia } from './media-table.ts';

/** The path of one medium. */
export const ById = v.object({ id: v.pipe(v.string(), v.uuid()) });

/**
 * How old a status may be while the job is under way. The queue consumer replaces it at each step, but KV may show that a minute late
 * elsewhere, and a status that was being read from D1 just then may overwrite a newer one.
 */
const UNDER_WAY_MS = 10_000;

/** `GET /media/:id/status`: how far a medium has come, for whoever asks every few seconds. */
export async function status(c: Context<AppEnv>): Promise<Response> {
  const { id } = checkInput(ById, c.req.param());
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  requirePublisher(found.user);
  const media = await mediaStatus(c, id);
  requirePublisherOf(found.user, media.creatorId);
  return answer(c, { media });
}

/** `GET /media/mine`: what the caller uploaded, newest first. An owner sees everybody's. */
export async function mine(c: Context<AppEnv>): Promise<Response> {
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  requirePublisher(found.user);
  const creatorId = seesEverything(found.user) ? null : found.user.id;
  return answer(c, { media: await c.var.served.d1('list media', () => listMedia(c.env.DB, creatorId)) });
}

/**
 * The status from the cache, where it may lie for a minute, but no older than some seconds while it can still change; else from D1.
 * An unknown medium is a 404 and is not cached.
 */
async function mediaStatus(c: Context<AppEnv>, id: string): Promise<MediaStatus> {
  const key = cacheKeys.mediaProcessingStatus(id);
  const { value, ageMs } = await c.var.clients.watched.lookup<MediaStatus>(key);
  if (value !== null && (hasEnded(value) || (ageMs !== null && ageMs < UNDER_WAY_MS))) return value;
  const load = async (): Promise<MediaStatus> => {
    const stored = await c.var.served.d1('find media status', () => findStatus(c.env.DB, id));
    if (stored === null) throw problems.notFound();
    return stored;
  };
  return readThrough(c, key, CACHE_TTL.mediaProcessingStatus, load, { forceFresh: true });
}

function hasEnded({ state }: MediaStatus): boolean {
  return state === 'ready' || state === 'failed';
}
