import type { Period } from './periods.ts';

/** Money of one currency, in its smallest unit. `net` is what refunds and disputes have left, as of now. */
export interface Revenue {
  currency: string;
  purchases: number;
  gross: number;
  net: number;
}

/** What a day brought. */
export interface Day {
  newUsers: number;
  published: number;
  revenue: Revenue[];
}

/** Something bought often. */
export interface TopContent {
  contentId: string;
  title: string | null;
  purchases: number;
}

/** Everybody who came in one month, and how many of them bought something in each since. */
export interface Cohort {
  users: number;
  months: { month: string; buyers: number; purchases: number }[];
}

/** Ours: what a ranking shows. */
const TOP_LIMIT = 10;

/** Sums up the purchases of a period, by currency. */
export async function revenueIn(db: D1Database, { start, end }: Period): Promise<Revenue[]> {
  const { results } = await db
    .prepare(
      `SELECT currency, COUNT(*) AS purchases, SUM(amount) AS gross,
              SUM(CASE state WHEN 'disputed' THEN 0 ELSE amount - refunded END) AS net
         FROM settled_purchases WHERE purchased_at >= ?1 AND purchased_at < ?2 GROUP BY currency ORDER BY currency`,
    )
    .bind(start, end)
    .all<Revenue>();
  return results;
}

/** Counts what happened in a period. */
export async function activityIn(db: D1Database, period: Period): Promise<Day> {
  const counted = await db
    .prepare(
      `SELECT (SELECT COUNT(*) FROM users WHERE created_at >= ?1 AND created_at < ?2) AS newUsers,
              (SELECT COUNT(*) FROM content WHERE published_at >= ?1 AND published_at < ?2) AS published`,
    )
    .bind(period.start, period.end)
    .first<{ newUsers: number; published: number }>();
  return { newUsers: counted?.newUsers ?? 0, published: counted?.published ?? 0, revenue: await revenueIn(db, period) };
}

/** Ranks what was bought in a period and kept. */
export async function topContentIn(db: D1Database, { start, end }: Period): Promise<TopContent[]> {
  const { results } = await db
    .prepare(
      `SELECT bought.content_id AS contentId, content.title, COUNT(*) AS purchases
         FROM settled_purchases AS bought LEFT JOIN content ON content.id = bought.content_id
        WHERE bought.purchased_at >= ?1 AND bought.purchased_at < ?2 AND bought.state = 'paid'
        GROUP BY bought.content_id ORDER BY purchases DESC, bought.content_id LIMIT ?3`,
    )
    .bind(start, end, TOP_LIMIT)
    .all<TopContent>();
  return results;
}

/** Follows those who came in a period. */
export async function cohortOf(db: D1Database, { start, end }: Period): Promise<Cohort> {
  const users = await db
    .prepare('SELECT COUNT(*) AS users FROM users WHERE created_at >= ?1 AND created_at < ?2')
    .bind(start, end)
    .first<number>('users');
  const { results } = await db
    .prepare(
      `SELECT strftime('%Y-%m', purchased_at / 1000, 'unixepoch') AS month,
              COUNT(DISTINCT user_id) AS buyers, COUNT(*) AS purchases
         FROM settled_purchases
        WHERE state = 'paid' AND user_id IN (SELECT id FROM users WHERE created_at >= ?1 AND created_at < ?2)
        GROUP BY month ORDER BY month`,
    )
    .bind(start, end)
    .all<Cohort['months'][number]>();
  return { users: users ?? 0, months: results };
}
