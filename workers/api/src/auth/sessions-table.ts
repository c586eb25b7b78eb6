import type { CachedSession } from '@codex/cloudflare-clients';
import { toUser } from './users-table.ts';
import type { UserColumns } from './users-table.ts';

interface SessionRow extends UserColumns {
  session_id: string;
  expires_at: number;
}

/** A session to be stored. Times are Unix milliseconds. */
export interface NewSession {
  id: string;
  tokenHash: string;
  userId: string;
  createdAt: number;
  expiresAt: number;
  userAgent: string | null;
}

/**
 * Stores a new session, and drops this user's expired ones. False, and nothing is stored, where the user's password is no longer the
 * one whose stored form is `passwordHash`: a sign-in that was under way must not outlive the reset that ended all the others.
 */
export async function insertSession(db: D1Database, session: NewSession, passwordHash: string): Promise<boolean> {
  const { id, tokenHash, userId, createdAt, expiresAt, userAgent } = session;
  const [, inserted] = await db.batch([
    db.prepare('DELETE FROM sessions WHERE user_id = ?1 AND expires_at <= ?2').bind(userId, createdAt),
    db
      .prepare(
        `INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, user_agent)
         SELECT ?1, ?2, id, ?4, ?5, ?6 FROM users WHERE id = ?3 AND password_hash = ?7`,
      )
      .bind(id, tokenHash, userId, createdAt, expiresAt, userAgent, passwordHash),
  ]);
  return inserted?.meta.changes === 1;
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

/** One of a user's live sessions, as they see it themselves. */
export interface OwnSession {
  id: string;
  createdAt: number;
  expiresAt: number;
  userAgent: string | null;
  current: boolean;
}

/** The most that a list of one's own sessions shows. */
const MAX_LISTED = 50;

/** A user's live sessions, the newest first. `currentHash` is of the token that asks. */
export async function listSessions(db: D1Database, userId: string, currentHash: string, now: number): Promise<OwnSession[]> {
  const { results } = await db
    .prepare(
      `SELECT id, created_at AS createdAt, expires_at AS expiresAt, user_agent AS userAgent, token_hash = ?2 AS current
         FROM sessions WHERE user_id = ?1 AND expires_at > ?3 ORDER BY created_at DESC, id LIMIT ${MAX_LISTED}`,
    )
    .bind(userId, currentHash, now)
    .all<Omit<OwnSession, 'current'> & { current: number }>();
  return results.map((row) => ({ ...row, current: row.current === 1 }));
}

/** Deletes one of a user's sessions by its id. False where they have none of that id. */
export async function deleteSessionOf(db: D1Database, userId: string, id: string): Promise<boolean> {
  const { meta } = await db.prepare('DELETE FROM sessions WHERE id = ?1 AND user_id = ?2').bind(id, userId).run();
  return meta.changes > 0;
}

/** Deletes a session. Deleting one that is gone already is no error. */
export async function deleteSession(db: D1Database, tokenHash: string): Promise<void> {
  await db.prepare('DELETE FROM sessions WHERE token_hash = ?1').bind(tokenHash).run();
}
