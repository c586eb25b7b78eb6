import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { getResult, getSource, putResult } from './files.ts';
import { mine, status } from './status.ts';
import { upload } from './upload.ts';

/** The routes under /media that the transcoding service uses: a signature admits it, and it has no origin and no session. */
export const signedMedia = new Hono<AppEnv>().get('/:id/source', getSource).put('/:id/result', putResult);

/** The routes under /media. They bound their bodies by themselves. */
export const media = new Hono<AppEnv>()
  .post('/', upload)
  .get('/mine', mine)
  .get('/:id/status', status)
  .get('/:id/result', getResult);
