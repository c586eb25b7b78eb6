/** How far a user has come in a piece of content. */
export interface Progress {
  contentId: string;
  positionSeconds: number;
  /** ISO 8601. */
  updatedAt: string;
}

/** Ours: what one list shows, the latest first. */
const LIST_LIMIT = 200;

/** Lists how far a user has come, latest first. */
export async function listProgress(db: D1Database, userId: string): Promise<Progress[]> {
  const { results } = await db
    .prepare(
      `SELECT content_id AS contentId, position_seconds AS positionSeconds, updated_at FROM progress
        WHERE user_id = ?1 ORDER BY updated_at DESC, content_id LIMIT ?2`,
    )
    .bind(userId, LIST_LIMIT)
    .all<Omit<Progress, 'updatedAt'> & { updated_at: number }>();
  return results.map(({ updated_at, ...progress }) => ({ ...progress, updatedAt: new Date(updated_at).toISOString() }));
}

/** Stores how far a user has come. `now` is Unix milliseconds; of two stores the one dated later stays. */
export async function storeProgress(
  db: D1Database,
  userId: string,
  contentId: string,
  positionSeconds: number,
  now: number,
): Promise<void> {
  await db
    .prepare(
      `INSERT INTO progress (user_id, content_id, position_seconds, updated_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (user_id, content_id) DO UPDATE SET position_seconds = excluded.position_seconds, updated_at = excluded.updated_at
         WHERE excluded.updated_at >= updated_at`,
    )
    .bind(userId, contentId, positionSeconds, now)
    .run();
}
