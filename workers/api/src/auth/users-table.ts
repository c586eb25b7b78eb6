import type { CachedSession } from '@codex/cloudflare-clients';

/** A user as every other part of the worker sees one. */
export type User = CachedSession['user'];

/** The columns of `users` that make a `User`. */
export interface UserColumns {
  user_id: string;
  email: string;
  name: string;
  role: User['role'];
  email_verified: number;
}

/** Makes a `User` of its row. */
export function toUser(row: UserColumns): User {
  return { id: row.user_id, email: row.email, name: row.name, role: row.role, emailVerified: row.email_verified === 1 };
}

/** Finds a user and the stored form of their password. `email` is lower case. */
export async function findUser(db: D1Database, email: string): Promise<{ user: User; passwordHash: string } | null> {
  const row = await db
    .prepare('SELECT id AS user_id, email, name, role, email_verified, password_hash FROM users WHERE email = ?1')
    .bind(email)
    .first<UserColumns & { password_hash: string }>();
  return row && { user: toUser(row), passwordHash: row.password_hash };
}

/** Adds a user. False where the email has an account already. Times are Unix milliseconds; `email` is lower case. */
export async function insertUser(
  db: D1Database,
  user: { id: string; email: string; name: string; role: User['role']; passwordHash: string; createdAt: number },
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (email) DO NOTHING`,
    )
    .bind(user.id, user.email, user.name, user.role, user.passwordHash, user.createdAt)
    .run();
  return meta.changes > 0;
}
