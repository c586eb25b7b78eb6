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
