import type { TranscodingMessage } from './message.ts';
import type { RunResult } from './transcoder.ts';

/** How far a job has come. */
export type JobState = 'queued' | 'submitted' | 'transcoding' | 'ready' | 'failed';

/** A job, with what its medium and content say. Times are Unix milliseconds. */
export interface Job {
  id: string;
  mediaId: string;
  creatorId: string;
  categoryId: string;
  state: JobState;
  runId: string | null;
  failures: number;
  error: string | null;
  leaseUntil: number;
  submittedAt: number | null;
  updatedAt: number;
  note: string | null;
  durationMs: number | null;
  resultType: string | null;
}

/** What a delivery found when it asked for a job. */
export type Claim = { found: 'nothing' } | { found: 'claimed' | 'busy' | 'ended'; job: Job };

interface JobRow {
  id: string;
  media_id: string;
  creator_id: string;
  category_id: string;
  state: JobState;
  run_id: string | null;
  failures: number;
  error: string | null;
  lease_until: number;
  submitted_at: number | null;
  updated_at: number;
  note: string | null;
  duration_ms: number | null;
  result_type: string | null;
}

const JOB = `SELECT job.id, job.media_id, job.state, job.run_id, job.failures, job.error, job.lease_until,
                    job.submitted_at, job.updated_at, media.creator_id, media.note, media.duration_ms, media.result_type,
                    content.category_id
               FROM transcoding_jobs AS job
               JOIN media ON media.id = job.media_id
               JOIN content ON content.id = media.content_id`;

/** Takes the messages of jobs that nobody has asked for since `deliveredBefore`, as if they were delivered `now`. */
export async function takeStalled(
  db: D1Database,
  deliveredBefore: number,
  now: number,
  limit: number,
): Promise<TranscodingMessage[]> {
  const { results } = await db
    .prepare(
      `UPDATE transcoding_jobs SET delivered_at = ?2
        WHERE id IN (SELECT id FROM transcoding_jobs WHERE state NOT IN ('ready', 'failed') AND delivered_at < ?1
                      ORDER BY delivered_at LIMIT ?3)
       RETURNING id AS jobId, media_id AS mediaId`,
    )
    .bind(deliveredBefore, now, limit)
    .all<TranscodingMessage>();
  return results;
}

/** The jobs of one D1 database. Every move is a compare-and-set: it is made by the holder of the lease or not at all. */
export class JobsTable {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Takes the lease of a job that is under way, unless a living delivery has it. One round trip. */
  async claim(message: TranscodingMessage, lease: string, now: number, leaseMs: number): Promise<Claim> {
    const [update, select] = await this.#db.batch<JobRow>([
      this.#db
        .prepare(
          `UPDATE transcoding_jobs SET lease = ?3, lease_until = ?4 + ?5, delivered_at = ?4
            WHERE id = ?1 AND media_id = ?2 AND state NOT IN ('ready', 'failed') AND lease_until <= ?4`,
        )
        .bind(message.jobId, message.mediaId, lease, now, leaseMs),
      this.#db.prepare(`${JOB} WHERE job.id = ?1 AND job.media_id = ?2`).bind(message.jobId, message.mediaId),
    ]);
    const row = select?.results[0];
    if (row === undefined) return { found: 'nothing' };
    const job = toJob(row);
    if (update?.meta.changes === 1) return { found: 'claimed', job };
    return { found: hasEnded(job) ? 'ended' : 'busy', job };
  }

  /** Notes that the transcoding service has taken the job. False when the lease was lost. */
  submitted(job: Job, lease: string, runId: string, now: number): Promise<boolean> {
    return this.#move(
      `state = 'submitted', run_id = ?3, submitted_at = ?4, updated_at = ?4, lease_until = 0`,
      job.id,
      lease,
      runId,
      now,
    );
  }

  /** Notes that the transcoding service works on it. False when the lease was lost. */
  transcoding(job: Job, lease: string, now: number): Promise<boolean> {
    return this.#move(`state = 'transcoding', updated_at = ?3, lease_until = 0`, job.id, lease, now);
  }

  /** Notes that the transcoding service knows nothing of it any more: it is to be submitted again. False when the lease was lost. */
  forgotten(job: Job, lease: string, now: number): Promise<boolean> {
    return this.#move(
      `state = 'queued', run_id = NULL, submitted_at = NULL, failures = failures + 1, updated_at = ?3, lease_until = 0`,
      job.id,
      lease,
      now,
    );
  }

  /** Leaves the job as it is to the next delivery. */
  async release(job: Job, lease: string): Promise<void> {
    await this.#move('lease_until = 0', job.id, lease);
  }

  /** The same, and counts a failure. */
  async complain(job: Job, lease: string): Promise<void> {
    await this.#move('lease_until = 0, failures = failures + 1', job.id, lease);
  }

  /**
   * Ends a job well, and publishes its content where that was asked for and nobody has touched it since. All of it or nothing.
   * False when the lease was lost.
   */
  async ready(job: Job, lease: string, result: RunResult, now: number): Promise<boolean> {
    const holds = `(SELECT lease FROM transcoding_jobs WHERE id = ?1) = ?2`;
    const [ended] = await this.#db.batch([
      this.#db
        .prepare(
          `UPDATE transcoding_jobs SET state = 'ready', error = NULL, updated_at = ?3, lease_until = 0
            WHERE id = ?1 AND lease = ?2 AND state NOT IN ('ready', 'failed')`,
        )
        .bind(job.id, lease, now),
      this.#db
        .prepare(`UPDATE media SET note = ?3, duration_ms = ?4, result_type = ?5 WHERE id = ?6 AND ${holds}`)
        .bind(job.id, lease, result.note, result.durationMs, result.resultType, job.mediaId),
      this.#db
        .prepare(
          `UPDATE content SET status = 'published', published_at = ?3, updated_at = ?3
            WHERE id = (SELECT content_id FROM media WHERE id = ?4) AND status = 'draft' AND ${holds}
              AND updated_at = (SELECT created_at FROM transcoding_jobs WHERE id = ?1 AND publish = 1)`,
        )
        .bind(job.id, lease, now, job.mediaId),
    ]);
    return ended?.meta.changes === 1;
  }

  /** Ends a job badly; `error` is for people. False when the lease was lost. */
  failed(job: Job, lease: string, error: string, now: number): Promise<boolean> {
    return this.#move(`state = 'failed', error = ?3, updated_at = ?4, lease_until = 0`, job.id, lease, error, now);
  }

  async #move(assignments: string, id: string, lease: string, ...values: (string | number)[]): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(`UPDATE transcoding_jobs SET ${assignments} WHERE id = ?1 AND lease = ?2 AND state NOT IN ('ready', 'failed')`)
      .bind(id, lease, ...values)
      .run();
    return meta.changes === 1;
  }
}

/** Whether a job moves no more. */
export function hasEnded({ state }: Job): boolean {
  return state === 'ready' || state === 'failed';
}

function toJob(row: JobRow): Job {
  return {
    id: row.id,
    mediaId: row.media_id,
    creatorId: row.creator_id,
    categoryId: row.category_id,
    state: row.state,
    runId: row.run_id,
    failures: row.failures,
    error: row.error,
    leaseUntil: row.lease_until,
    submittedAt: row.submitted_at,
    updatedAt: row.updated_at,
    note: row.note,
    durationMs: row.duration_ms,
    resultType: row.result_type,
  };
}
