import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { featured, mine, published } from './lists.ts';
import { putStatus } from './set-status.ts';

/** The routes under /content. */
export const content = new Hono<AppEnv>()
  .get('/', published)
  .get('/featured', featured)
  .get('/mine', mine)
  .post('/:id/publish', putStatus('published'))
  .post('/:id/unpublish', putStatus('draft'));
