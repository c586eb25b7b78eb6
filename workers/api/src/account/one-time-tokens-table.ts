/** What a one-time token is good for. */
export type Purpose = 'verify-email' | 'reset-password';

/** Seconds that a token is good. */
export const TOKEN_SECONDS: Record<Purpose, number> = { 'verify-email': 24 * 3600, 'reset-password': 3600 };

/** The statements that store a token in place of the user's earlier ones for the same purpose. `now` is Unix milliseconds. */
export function insertToken(
  db: D1Database,
  { hash, purpose, userId, email, now }: { hash: string; purpose: Purpose; userId: string; email: string; now: number },
): D1PreparedStatement[] {
  return [
    db.prepare('DELETE FROM one_time_tokens WHERE user_id = ?1 AND purpose = ?2').bind(userId, purpose),
    db
      .prepare('INSERT INTO one_time_tokens (hash, purpose, user_id, email, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)')
      .bind(hash, purpose, userId, email, now + TOKEN_SECONDS[purpose] * 1000),
  ];
}

/** Whether a token is good now. What it is good for must ask again, in the transaction that uses it up. */
export async function isTokenGood(db: D1Database, hash: string, purpose: Purpose, now: number): Promise<boolean> {
  const row = await db
    .prepare('SELECT 1 FROM one_time_tokens WHERE hash = ?1 AND purpose = ?2 AND expires_at > ?3')
    .bind(hash, purpose, now)
    .first();
  return row !== null;
}

/** Uses a token up to mark its address as its user's. The user's id; null where the token is not good, or was used. */
export async function verifyEmail(db: D1Database, hash: string, now: number): Promise<string | null> {
  const [verified] = await db.batch<{ id: string }>([
    db
      .prepare(
        `UPDATE users SET email_verified = 1
          WHERE (id, email) = (SELECT user_id, email FROM one_time_tokens
                                WHERE hash = ?1 AND purpose = 'verify-email' AND expires_at > ?2)
          RETURNING id`,
      )
      .bind(hash, now),
    db.prepare("DELETE FROM one_time_tokens WHERE hash = ?1 AND purpose = 'verify-email'").bind(hash),
  ]);
  return verified?.results[0]?.id ?? null;
}

/**
 * Uses a token up to give its user another password. In the same transaction the user's sessions end, their cached copies become
 * due to be voided, and the address, having been read, counts as verified. The user's id; null where the token is not good, or
 * was used.
 */
export async function resetPassword(db: D1Database, hash: string, passwordHash: string, now: number): Promise<string | null> {
  const owner = `SELECT user_id FROM one_time_tokens WHERE hash = ?1 AND purpose = 'reset-password' AND expires_at > ?2`;
  const [changed] = await db.batch<{ id: string }>([
    db
      .prepare(`UPDATE users SET password_hash = ?3, email_verified = 1 WHERE id = (${owner}) RETURNING id`)
      .bind(hash, now, passwordHash),
    db.prepare(`DELETE FROM sessions WHERE user_id = (${owner})`).bind(hash, now),
    db
      .prepare(
        `INSERT INTO revocations_due (user_id, since) SELECT user_id, ?2 FROM (${owner}) WHERE true
         ON CONFLICT (user_id) DO UPDATE SET since = excluded.since`,
      )
      .bind(hash, now),
    db.prepare("DELETE FROM one_time_tokens WHERE hash = ?1 AND purpose = 'reset-password'").bind(hash),
  ]);
  return changed?.results[0]?.id ?? null;
}
