/** The R2 buckets that a creator's files lie in. */
export interface CreatorBuckets {
  media: string;
  assets: string;
}

/** Finds a creator's buckets; null where none were given yet. */
export async function findBuckets(db: D1Database, creatorId: string): Promise<CreatorBuckets | null> {
  return db
    .prepare('SELECT media_bucket AS media, assets_bucket AS assets FROM creator_buckets WHERE creator_id = ?1')
    .bind(creatorId)
    .first<CreatorBuckets>();
}

/** Gives a creator the names of their buckets. Whoever has some already keeps them: names never change. */
export async function giveBuckets(db: D1Database, creatorId: string): Promise<void> {
  // Our own: random, since a bucket's name is seen in addresses and should name nobody. R2 takes 3 to 63 of [a-z0-9-].
  const suffix = crypto.randomUUID();
  await db
    .prepare(
      `INSERT INTO creator_buckets (creator_id, media_bucket, assets_bucket) VALUES (?1, ?2, ?3)
       ON CONFLICT (creator_id) DO NOTHING`,
    )
    .bind(creatorId, `codex-media-${suffix}`, `codex-assets-${suffix}`)
    .run();
}

/** Whether there is such a user, and one who publishes. */
export async function isCreator(db: D1Database, userId: string): Promise<boolean> {
  return (await db.prepare("SELECT 1 FROM users WHERE id = ?1 AND role <> 'customer'").bind(userId).first()) !== null;
}
