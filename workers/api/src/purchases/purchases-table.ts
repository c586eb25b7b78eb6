/** A payment for content, and what became of it. */
export interface Purchase {
  contentId: string;
  /** Null where the content is no more. */
  title: string | null;
  /** In the currency's smallest unit. */
  amount: number;
  refunded: number;
  currency: string;
  /** `disputed`: the money was taken back from us. Only a paid purchase is owned. */
  state: 'paid' | 'refunded' | 'disputed';
  /** ISO 8601. */
  purchasedAt: string;
}

/** Ours: what one list shows. */
const LIST_LIMIT = 200;

/** Lists a user's purchases, newest first. */
export async function listPurchases(db: D1Database, userId: string): Promise<Purchase[]> {
  const { results } = await db
    .prepare(
      `SELECT bought.content_id AS contentId, content.title, bought.amount, bought.refunded, bought.currency, bought.state,
              bought.purchased_at
         FROM settled_purchases AS bought LEFT JOIN content ON content.id = bought.content_id
        WHERE bought.user_id = ?1 ORDER BY bought.purchased_at DESC, bought.payment_id LIMIT ?2`,
    )
    .bind(userId, LIST_LIMIT)
    .all<Omit<Purchase, 'purchasedAt'> & { purchased_at: number }>();
  return results.map(({ purchased_at, ...purchase }) => ({ ...purchase, purchasedAt: new Date(purchased_at).toISOString() }));
}

/** Finds the payment by which a user owns a piece of content; null where they do not. */
export async function findPayment(
  db: D1Database,
  userId: string,
  contentId: string,
): Promise<{ paymentId: string; amount: number } | null> {
  return db
    .prepare(
      `SELECT payment_id AS paymentId, amount FROM settled_purchases
        WHERE user_id = ?1 AND content_id = ?2 AND state = 'paid' ORDER BY purchased_at DESC`,
    )
    .bind(userId, contentId)
    .first();
}
