import { CacheClient, SessionCacheClient, cacheKeys } from '@codex/cloudflare-clients';
import type { Env } from './env.ts';
import { logFailure } from './log.ts';

/**
 * Something to do in KV once an effect is stored: forget a user's cached library; end the user's sessions; or have them read anew from
 * D1, which logs nobody out.
 */
export type Action = 'forget-library' | 'revoke-sessions' | 'refresh-sessions';

interface Followup {
  event_id: string;
  action: Action;
  user_id: string;
}

/** Ours: what one retry takes on. Most cost 1 or 2 KV operations, and an invocation has 1,000. */
const RETRY_LIMIT = 100;

/**
 * Notes a follow-up for each user that `select` finds, as a statement of the effect's own batch: so it survives a crash. `select`
 * is SQL that gives one user id a row; its parameters are `?3` onwards.
 */
export function followup(
  db: D1Database,
  eventId: string,
  action: Action,
  select: string,
  ...params: (string | number)[]
): D1PreparedStatement {
  return db
    .prepare(`INSERT OR IGNORE INTO webhook_followups (event_id, action, user_id) SELECT ?1, ?2, user_id FROM (${select})`)
    .bind(eventId, action, ...params);
}

/**
 * Does what an event left to do in KV. Never rejects: what fails is logged, stays noted, and is tried again by
 * `retryFollowups`. Until then a library may be as old as its TTL, and a session as old as a read accepts.
 */
export async function runFollowups(env: Env, eventId: string): Promise<void> {
  await run(env, 'SELECT event_id, action, user_id FROM webhook_followups WHERE event_id = ?1', eventId);
}

/** Tries again what is still noted, the least tried first. Never rejects. */
export async function retryFollowups(env: Env): Promise<void> {
  await run(env, 'SELECT event_id, action, user_id FROM webhook_followups ORDER BY attempts LIMIT ?1', RETRY_LIMIT);
}

async function run(env: Env, select: string, param: string | number): Promise<void> {
  try {
    const { results } = await env.DB.prepare(select).bind(param).all<Followup>();
    if (results.length === 0) return;
    const done = await Promise.all(results.map((noted) => perform(env, noted)));
    const forget = 'DELETE FROM webhook_followups WHERE event_id = ?1 AND action = ?2 AND user_id = ?3';
    const keep = 'UPDATE webhook_followups SET attempts = attempts + 1 WHERE event_id = ?1 AND action = ?2 AND user_id = ?3';
    await env.DB.batch(
      results.map(({ event_id, action, user_id }, at) =>
        env.DB.prepare(done[at] ? forget : keep).bind(event_id, action, user_id),
      ),
    );
  } catch (error) {
    logFailure('follow-ups', error);
  }
}

/** Whether it was done. Each may be done twice. */
async function perform(env: Env, { action, user_id: userId }: Followup): Promise<boolean> {
  try {
    await ACTIONS[action](env, userId);
    return true;
  } catch (error) {
    logFailure(action, error);
    return false;
  }
}

const ACTIONS: Record<Action, (env: Env, userId: string) => Promise<unknown>> = {
  'forget-library': (env, userId) =>
    new CacheClient(env.CACHE_KV).deleteMany([cacheKeys.userLibrary(userId), cacheKeys.userPurchases(userId)]),
  // Once this resolves every session is void, also where some are still to be deleted.
  'revoke-sessions': (env, userId) => new SessionCacheClient(env.AUTH_SESSION_KV).deleteUserSessions(userId),
  'refresh-sessions': (env, userId) => new SessionCacheClient(env.AUTH_SESSION_KV).invalidateUser(userId),
};
