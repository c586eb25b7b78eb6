import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { limitBody } from '../http/body.ts';
import { requireAdmin } from './bearer.ts';
import { deleteEntry, getEntry, listKeys } from './entries.ts';
import { purge } from './purge.ts';
import { listUserSessions, revokeUserSessions } from './sessions.ts';

/** The routes under /admin. */
export const admin = new Hono<AppEnv>()
  .use(requireAdmin())
  .use(limitBody())
  .get('/keys', listKeys)
  .get('/entry', getEntry)
  .delete('/entry', deleteEntry)
  .get('/sessions', listUserSessions)
  .post('/sessions/revoke', revokeUserSessions)
  .post('/purge', purge);
