import type { Context } from 'hono';
import { readSession } from '../auth/current-session.ts';
import { requirePublisher, requirePublisherOf } from '../content/publisher.ts';
import type { AppEnv } from '../env.ts';
import { checkInput } from '../http/body.ts';
import { problems } from '../http/problem.ts';
import { fileResponse, objectKey } from './media-file.ts';
import { findStatus } from './media-table.ts';
import { requireSignedUrl } from './signed-url.ts';
import { ById } from './status.ts';
import { fileOf, store } from './upload.ts';

/** `GET /media/:id/source`, by a signed address: the uploaded file, for the transcoding service. */
export async function getSource(c: Context<AppEnv>): Promise<Response> {
  const { id } = checkInput(ById, c.req.param());
  await requireSignedUrl(c);
  return file(c, id, 'source');
}

/** `PUT /media/:id/result`, by a signed address: stores what the transcoding service made of the file. */
export async function putResult(c: Context<AppEnv>): Promise<Response> {
  const { id } = checkInput(ById, c.req.param());
  await requireSignedUrl(c);
  await store(c, objectKey(id, 'result'), fileOf(c));
  return c.body(null, 204);
}

/** `GET /media/:id/result`: what was made of a file, for its creator and the owner. */
export async function getResult(c: Context<AppEnv>): Promise<Response> {
  const { id } = checkInput(ById, c.req.param());
  const found = await readSession(c);
  if (found === null) throw problems.notSignedIn();
  requirePublisher(found.user);
  const media = await c.var.served.d1('find media status', () => findStatus(c.env.DB, id));
  if (media === null || media.resultType === null) throw problems.notFound();
  requirePublisherOf(found.user, media.creatorId);
  return file(c, id, 'result');
}

async function file(c: Context<AppEnv>, id: string, which: 'source' | 'result'): Promise<Response> {
  const partial = c.req.header('Range') !== undefined;
  const object = await c.env.MEDIA_BUCKET.get(objectKey(id, which), partial ? { range: c.req.raw.headers } : {});
  if (object === null) throw problems.notFound();
  return fileResponse(object, partial);
}
