/** Something published, as a list shows it. */
export interface PublishedContent {
  id: string;
  title: string;
  summary: string;
  categoryId: string;
  creatorName: string;
  /** ISO 8601. */
  publishedAt: string;
}

/** Something its creator may publish or withdraw. */
export interface ManagedContent {
  id: string;
  title: string;
  status: ContentStatus;
  categoryId: string;
  creatorName: string;
  featured: boolean;
}

export type ContentStatus = 'draft' | 'published';

/** Ours: what one list shows. The sample data is far below it; a larger catalogue needs pages, and then keys for them. */
const LIST_LIMIT = 100;
const FEATURED_LIMIT = 12;

interface PublishedRow {
  id: string;
  title: string;
  summary: string;
  category_id: string;
  creator_name: string;
  published_at: number;
}

interface ManagedRow {
  id: string;
  title: string;
  status: ContentStatus;
  category_id: string;
  creator_id: string;
  creator_name: string;
  featured: number;
}

const PUBLISHED = `SELECT content.id, content.title, content.summary, content.category_id, content.published_at,
                          users.name AS creator_name
                     FROM content JOIN users ON users.id = content.creator_id`;

const MANAGED = `SELECT content.id, content.title, content.status, content.category_id, content.creator_id, content.featured,
                        users.name AS creator_name
                   FROM content JOIN users ON users.id = content.creator_id`;

/** Lists what is published in a category, newest first. */
export async function listPublished(db: D1Database, categoryId: string): Promise<PublishedContent[]> {
  const { results } = await db
    .prepare(
      `${PUBLISHED} WHERE content.status = 'published' AND content.category_id = ?1 ORDER BY content.published_at DESC LIMIT ?2`,
    )
    .bind(categoryId, LIST_LIMIT)
    .all<PublishedRow>();
  return results.map(toPublished);
}

/** Lists what is published and featured, newest first. */
export async function listFeatured(db: D1Database): Promise<PublishedContent[]> {
  const { results } = await db
    .prepare(
      `${PUBLISHED} WHERE content.status = 'published' AND content.featured = 1 ORDER BY content.published_at DESC LIMIT ?1`,
    )
    .bind(FEATURED_LIMIT)
    .all<PublishedRow>();
  return results.map(toPublished);
}

/** Lists what a creator may publish, drafts included; `null` lists everybody's. */
export async function listManaged(db: D1Database, creatorId: string | null): Promise<ManagedContent[]> {
  const { results } = await db
    .prepare(`${MANAGED} WHERE ?1 IS NULL OR content.creator_id = ?1 ORDER BY content.category_id, content.title LIMIT ?2`)
    .bind(creatorId, LIST_LIMIT)
    .all<ManagedRow>();
  return results.map(toManaged);
}

/** Finds one piece of content and whose it is. */
export async function findContent(db: D1Database, id: string): Promise<{ content: ManagedContent; creatorId: string } | null> {
  const row = await db.prepare(`${MANAGED} WHERE content.id = ?1`).bind(id).first<ManagedRow>();
  return row && { content: toManaged(row), creatorId: row.creator_id };
}

/** Publishes or withdraws. Publishing what is published keeps its date. `now` is Unix milliseconds. */
export async function setStatus(db: D1Database, id: string, status: ContentStatus, now: number): Promise<void> {
  await db
    .prepare(
      `UPDATE content
          SET status = ?2, published_at = CASE WHEN ?2 = 'published' THEN ?3 END, updated_at = ?3
        WHERE id = ?1 AND status <> ?2`,
    )
    .bind(id, status, now)
    .run();
}

function toPublished(row: PublishedRow): PublishedContent {
  return {
    id: row.id,
    title: row.title,
    summary: row.summary,
    categoryId: row.category_id,
    creatorName: row.creator_name,
    publishedAt: new Date(row.published_at).toISOString(),
  };
}

function toManaged(row: ManagedRow): ManagedContent {
  return {
    id: row.id,
    title: row.title,
    status: row.status,
    categoryId: row.category_id,
    creatorName: row.creator_name,
    featured: row.featured === 1,
  };
}
