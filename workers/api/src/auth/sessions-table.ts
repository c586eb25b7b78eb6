import type { CachedSession } from '@codex/cloudflare-clients';
import { toUser } from './users-table.ts';
import type { UserColumns } from './users-table.ts';

interface SessionRow extends UserColumns {
  session_id: string;
  expires_at: number;
}

/** Stores a new session, and drops this user's expired ones. Times are Unix milliseconds. */
export async function insertSession(
  db: D1Database,
  session: { id: string; tokenHash: string; userId: string; createdAt: number; expiresAt: number },
): Promise<void> {
  await db.batch([
    db.prepare('DELETE FROM sessions WHERE user_id = ?1 AND expires_at <= ?2').bind(session.userId, session.createdAt),
    db
      .prepare('INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)')
      .bind(session.id, session.tokenHash, session.userId, session.createdAt, session.expiresAt),
  ]);
}

/** Finds a live session with its user as they are now. `now` is Unix milliseconds. */
export async function findSession(
  db: D1Database,
  token: string,
  tokenHash: string,
  now: number,
): Promise<CachedSession | null> {
  const row = await db
    .prepare(
      `SELECT sessions.id AS session_id, sessions.expires_at,
              users.id AS user_id, users.email, users.name, users.role, users.email_verified
         FROM sessions JOIN users ON users.id = sessions.user_id
        WHERE sessions.token_hash = ?1 AND sessions.expires_at > ?2`,
    )
    .bind(tokenHash, now)
    .first<SessionRow>();
  return (
    row && {
      session: { id: row.session_id, userId: row.user_id, token, expiresAt: new Date(row.expires_at).toISOString() },
      user: toUser(row),
    }
  );
}

/** Deletes a session. Deleting one that is gone already is no error. */
export async function deleteSession(db: D1Database, tokenHash: string): Promise<void> {
  await db.prepare('DELETE FROM sessions WHERE token_hash = ?1').bind(tokenHash).run();
}
