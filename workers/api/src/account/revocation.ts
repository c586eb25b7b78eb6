import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { logFailure } from '../http/log.ts';

/** How often a revocation that could not be recorded is tried again after the answer, and how long apart, in milliseconds. */
const RETRY_AFTER_MS = [1_100, 2_200, 4_400];

/**
 * The statements that end a user's sessions in D1, all but one, and make their cached copies due to be voided. With `passwordHash`,
 * only where that is the stored form of the user's password by then.
 */
export function endSessions(
  db: D1Database,
  userId: string,
  exceptTokenHash: string,
  now: number,
  passwordHash: string | null = null,
): D1PreparedStatement[] {
  const wanted = '(?3 IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?3))';
  return [
    db
      .prepare(`DELETE FROM sessions WHERE user_id = ?1 AND token_hash <> ?2 AND ${wanted}`)
      .bind(userId, exceptTokenHash, passwordHash),
    db
      .prepare(
        `INSERT INTO revocations_due (user_id, since) SELECT ?1, ?2 WHERE ${wanted}
         ON CONFLICT (user_id) DO UPDATE SET since = excluded.since`,
      )
      .bind(userId, now, passwordHash),
  ];
}

/**
 * Voids the cached copies of a user's sessions where that is due, all but that of `exceptToken`. Whether nothing is due any more.
 *
 * D1 has ended the sessions by then, so what is left is copies in KV, which live an hour at most. Where KV does not take the
 * revocation it stays due: it is tried again after the answer, and at the user's next sign-in.
 */
export async function finishRevocation(c: Context<AppEnv>, userId: string, exceptToken?: string): Promise<boolean> {
  const since = await c.var.served.d1('find revocation', () => dueSince(c.env.DB, userId));
  if (since === null) return true;
  if (await revoke(c, userId, since, exceptToken)) return true;
  c.executionCtx.waitUntil(retry(c, userId, since, exceptToken));
  return false;
}

async function retry(c: Context<AppEnv>, userId: string, since: number, exceptToken?: string): Promise<void> {
  for (const ms of RETRY_AFTER_MS) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (await revoke(c, userId, since, exceptToken)) return;
  }
}

async function revoke(c: Context<AppEnv>, userId: string, since: number, exceptToken?: string): Promise<boolean> {
  const except = exceptToken === undefined ? {} : { except: exceptToken };
  try {
    const { sessions } = c.var.clients;
    // The first page records the revocation; deleting the copies that it has made void is thrift, and goes on where it stopped.
    const first = await sessions.deleteUserSessions(userId, except);
    if (!first.complete && first.cursor !== undefined) {
      await sessions.deleteUserSessions(userId, { ...except, cursor: first.cursor });
    }
    await c.env.DB.prepare('DELETE FROM revocations_due WHERE user_id = ?1 AND since <= ?2').bind(userId, since).run();
    return true;
  } catch (error) {
    logFailure('session revocation', error);
    return false;
  }
}

async function dueSince(db: D1Database, userId: string): Promise<number | null> {
  return db.prepare('SELECT since FROM revocations_due WHERE user_id = ?1').bind(userId).first<number>('since');
}
