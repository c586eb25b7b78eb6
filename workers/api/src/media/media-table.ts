/** How far the transcoding of a medium has come. */
export type MediaState = 'queued' | 'submitted' | 'transcoding' | 'ready' | 'failed';

/** What lies under `cache:media:processing-status:{mediaId}`: the queue consumer writes the same, its `announce.ts` must agree. */
export interface MediaStatus {
  mediaId: string;
  creatorId: string;
  state: MediaState;
  /** Why it failed, for people. */
  error: string | null;
  /** What the transcoding service says of its work, for people. */
  note: string | null;
  durationMs: number | null;
  /** The content type of what was made of it; null: nothing was. */
  resultType: string | null;
  /** When the state last changed, ISO 8601. */
  updatedAt: string;
}

/** A medium, as its creator sees it in a list. */
export interface Media extends MediaStatus {
  contentId: string;
  title: string;
  categoryId: string;
  fileName: string;
  bytes: number;
  /** ISO 8601. */
  createdAt: string;
}

/** A file that was just stored. */
export interface Upload {
  mediaId: string;
  jobId: string;
  contentId: string;
  creatorId: string;
  categoryId: string;
  title: string;
  fileName: string;
  contentType: string;
  bytes: number;
  /** Whether its content is published once it is ready. */
  publish: boolean;
}

/** Ours: what the list shows, newest first. */
const LIST_LIMIT = 20;

type StatusRow = Omit<MediaStatus, 'updatedAt'> & { updated_at: number };
type MediaRow = Omit<Media, 'updatedAt' | 'createdAt'> & { updated_at: number; created_at: number };

const STATUS_COLUMNS = `media.id AS mediaId, media.creator_id AS creatorId, media.note, media.duration_ms AS durationMs,
                        media.result_type AS resultType, job.state, job.error, job.updated_at`;

/** Stores an upload: its content as a draft, its medium and its job, all or none. `now` is Unix milliseconds. */
export async function insertUpload(db: D1Database, upload: Upload, now: number): Promise<void> {
  await db.batch([
    db
      .prepare(
        `INSERT INTO content (id, category_id, creator_id, title, summary, status, featured, published_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'draft', 0, NULL, ?6)`,
      )
      .bind(upload.contentId, upload.categoryId, upload.creatorId, upload.title, `Uploaded as ${upload.fileName}.`, now),
    db
      .prepare(
        `INSERT INTO media (id, content_id, creator_id, file_name, content_type, bytes, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
      )
      .bind(upload.mediaId, upload.contentId, upload.creatorId, upload.fileName, upload.contentType, upload.bytes, now),
    db
      .prepare(
        `INSERT INTO transcoding_jobs (id, media_id, publish, created_at, delivered_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?4, ?4)`,
      )
      .bind(upload.jobId, upload.mediaId, upload.publish ? 1 : 0, now),
  ]);
}

/** Finds how far a medium has come. */
export async function findStatus(db: D1Database, mediaId: string): Promise<MediaStatus | null> {
  const row = await db
    .prepare(`SELECT ${STATUS_COLUMNS} FROM media JOIN transcoding_jobs AS job ON job.media_id = media.id WHERE media.id = ?1`)
    .bind(mediaId)
    .first<StatusRow>();
  return row && dated(row);
}

/** Lists what a creator uploaded, newest first; `null` lists everybody's. */
export async function listMedia(db: D1Database, creatorId: string | null): Promise<Media[]> {
  const { results } = await db
    .prepare(
      `SELECT ${STATUS_COLUMNS}, media.content_id AS contentId, media.file_name AS fileName, media.bytes, media.created_at,
              content.title, content.category_id AS categoryId
         FROM media JOIN transcoding_jobs AS job ON job.media_id = media.id JOIN content ON content.id = media.content_id
        WHERE ?1 IS NULL OR media.creator_id = ?1 ORDER BY media.created_at DESC LIMIT ?2`,
    )
    .bind(creatorId, LIST_LIMIT)
    .all<MediaRow>();
  return results.map(({ created_at, ...row }) => ({ ...dated(row), createdAt: new Date(created_at).toISOString() }));
}

function dated<Row extends { updated_at: number }>({
  updated_at,
  ...row
}: Row): Omit<Row, 'updated_at'> & { updatedAt: string } {
  return { ...row, updatedAt: new Date(updated_at).toISOString() };
}
