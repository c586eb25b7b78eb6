/** Something a user owns. */
export interface OwnedContent {
  id: string;
  title: string;
  summary: string;
  categoryId: string;
  creatorName: string;
  /** ISO 8601: when it was bought, or bought first. */
  purchasedAt: string;
}

/** Something that can be bought. */
export interface Offer {
  id: string;
  title: string;
  creatorName: string;
  /** In the currency's smallest unit. */
  amount: number;
  /** ISO 4217, lower case. */
  currency: string;
}

/** Ours: what one list shows. */
const LIST_LIMIT = 200;

interface OwnedRow {
  id: string;
  title: string;
  summary: string;
  category_id: string;
  creator_name: string;
  purchased_at: number;
}

const OFFERS = `SELECT content.id, content.title, users.name AS creatorName, prices.amount, prices.currency
                  FROM content JOIN prices ON prices.content_id = content.id JOIN users ON users.id = content.creator_id
                 WHERE content.status = 'published'`;

/** Lists what a user has paid for and was not given back the money of, also what is no longer published; newest first. */
export async function listOwned(db: D1Database, userId: string): Promise<OwnedContent[]> {
  const { results } = await db
    .prepare(
      `SELECT content.id, content.title, content.summary, content.category_id, users.name AS creator_name,
              MIN(settled_purchases.purchased_at) AS purchased_at
         FROM settled_purchases
         JOIN content ON content.id = settled_purchases.content_id
         JOIN users ON users.id = content.creator_id
        WHERE settled_purchases.user_id = ?1 AND settled_purchases.state = 'paid'
        GROUP BY content.id ORDER BY purchased_at DESC, content.id LIMIT ?2`,
    )
    .bind(userId, LIST_LIMIT)
    .all<OwnedRow>();
  return results.map((row) => ({
    id: row.id,
    title: row.title,
    summary: row.summary,
    categoryId: row.category_id,
    creatorName: row.creator_name,
    purchasedAt: new Date(row.purchased_at).toISOString(),
  }));
}

/** Whether a user owns a piece of content. */
export async function owns(db: D1Database, userId: string, contentId: string): Promise<boolean> {
  const found = await db
    .prepare("SELECT 1 FROM settled_purchases WHERE user_id = ?1 AND content_id = ?2 AND state = 'paid'")
    .bind(userId, contentId)
    .first();
  return found !== null;
}

/** Lists what can be bought. */
export async function listOffers(db: D1Database): Promise<Offer[]> {
  const { results } = await db.prepare(`${OFFERS} ORDER BY content.title LIMIT ?1`).bind(LIST_LIMIT).all<Offer>();
  return results;
}

/** Finds what a piece of content is sold for; null where it is not for sale. */
export async function findOffer(db: D1Database, contentId: string): Promise<Offer | null> {
  return db.prepare(`${OFFERS} AND content.id = ?1`).bind(contentId).first<Offer>();
}
