import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readD1Migrations } from '@cloudflare/vitest-plugin';
import { build } from 'esbuild';
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from 'miniflare';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url).href);

/** A job of this test's, and what the queue is told of it. */
export interface TestJob {
  jobId: string;
  mediaId: string;
}

/** The queue consumer in a workerd of its own, on real local queues, D1 and KV, with batches as they are deployed and short waits. */
export class LocalConsumer {
  readonly #folder: string;
  readonly #miniflare: Miniflare;
  readonly #db: D1Database;

  private constructor(folder: string, miniflare: Miniflare, db: D1Database) {
    this.#folder = folder;
    this.#miniflare = miniflare;
    this.#db = db;
  }

  /** Starts it; `runpodUrl` is the service that it asks, with the key `the key`. */
  static async start(runpodUrl: string, leaseSeconds: number): Promise<LocalConsumer> {
    const folder = await mkdtemp(join(tmpdir(), 'codex-consumer-'));
    await build({
      entryPoints: [fromRoot('tests/queue/outside/killable-consumer.ts')],
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      format: 'esm',
      conditions: ['workerd', 'worker'],
      external: ['cloudflare:*'],
      loader: { '.wasm': 'copy' },
      logLevel: 'error',
    });
    // The entry point goes first.
    const files = (await readdir(folder)).toSorted(
      (one, other) => Number(other.endsWith('.mjs')) - Number(one.endsWith('.mjs')),
    );
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        log: new Log(LogLevel.NONE),
        compatibilityDate: '2026-07-01',
        modulesRoot: folder,
        modules: files.map((file) => ({
          type: file.endsWith('.wasm') ? ('CompiledWasm' as const) : ('ESModule' as const),
          path: join(folder, file),
        })),
        bindings: {
          DEAD_LETTER_QUEUE: 'dead-letters',
          RUNPOD_URL: runpodUrl,
          MEDIA_ORIGIN: 'https://codex.example',
          RUNPOD_API_KEY: 'the key',
          MEDIA_URL_SECRET: 'the secret',
          LEASE_SECONDS: leaseSeconds,
          POLL_SECONDS: 0,
          STALLED_SECONDS: 900,
        },
        kvNamespaces: ['CACHE_KV'],
        d1Databases: ['DB'],
        queueProducers: { TRANSCODING_QUEUE: 'jobs', DEAD_LETTERS: 'dead-letters' },
        queueConsumers: {
          jobs: { maxBatchSize: 25, maxBatchTimeout: 0.1, maxRetries: 100, deadLetterQueue: 'dead-letters' },
          'dead-letters': { maxBatchSize: 25, maxBatchTimeout: 0.1, maxRetries: 100 },
        },
      }),
    );
    const db = (await miniflare.getD1Database('DB')) as unknown as D1Database;
    const migrations = await readD1Migrations(fromRoot('workers/api/migrations'));
    const seed = await readFile(fromRoot('workers/api/local/seed.sql'), 'utf8');
    const statements = [
      ...migrations.flatMap(({ queries }) => queries),
      ...seed.replaceAll(/^--.*$/gm, '').split(/;\s*$/m),
      'CREATE TABLE endings (job_id TEXT NOT NULL)',
      `CREATE TRIGGER ended AFTER UPDATE OF state ON transcoding_jobs WHEN NEW.state IN ('ready', 'failed')
       BEGIN INSERT INTO endings VALUES (NEW.id); END`,
    ];
    await db.batch(statements.filter((text) => text.trim() !== '').map((text) => db.prepare(text)));
    return new LocalConsumer(folder, miniflare, db);
  }

  /** Stores uploads, as the api worker does. */
  async upload(count: number): Promise<TestJob[]> {
    const jobs = Array.from({ length: count }, () => ({ jobId: crypto.randomUUID(), mediaId: crypto.randomUUID() }));
    const text = JSON.stringify(jobs);
    const each = `FROM json_each(?1)`;
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO content (id, category_id, creator_id, title, summary, updated_at)
           SELECT value ->> 'mediaId', 'film', 'user-cleo', 'A film', '', 1 ${each}`,
        )
        .bind(text),
      this.#db
        .prepare(
          `INSERT INTO media (id, content_id, creator_id, file_name, content_type, bytes, created_at)
           SELECT value ->> 'mediaId', value ->> 'mediaId', 'user-cleo', 'film.mov', 'video/quicktime', 1, 1 ${each}`,
        )
        .bind(text),
      this.#db
        .prepare(
          `INSERT INTO transcoding_jobs (id, media_id, publish, created_at, delivered_at, updated_at)
           SELECT value ->> 'jobId', value ->> 'mediaId', 1, 1, 1, 1 ${each}`,
        )
        .bind(text),
    ]);
    return jobs;
  }

  /** Puts messages into the queue of jobs. */
  async send(bodies: unknown[]): Promise<void> {
    const queue = await this.#miniflare.getQueueProducer('TRANSCODING_QUEUE');
    for (let at = 0; at < bodies.length; at += 100) {
      await queue.sendBatch(bodies.slice(at, at + 100).map((body) => ({ body })));
    }
  }

  /** How many jobs are in each state. */
  async states(): Promise<Record<string, number>> {
    const sql = 'SELECT state, COUNT(*) AS number FROM transcoding_jobs GROUP BY state';
    const { results } = await this.#db.prepare(sql).all<{ state: string; number: number }>();
    return Object.fromEntries(results.map(({ state, number }) => [state, number]));
  }

  /** How many jobs have ended that often: `{ 1: 20 }` says that twenty ended once. */
  async endings(): Promise<Record<number, number>> {
    const sql = `SELECT times, COUNT(*) AS number FROM (SELECT COUNT(*) AS times FROM endings GROUP BY job_id) GROUP BY times`;
    const { results } = await this.#db.prepare(sql).all<{ times: number; number: number }>();
    return Object.fromEntries(results.map(({ times, number }) => [times, number]));
  }

  /** What has gone through the dead-letter queue. */
  async letters(): Promise<{ reason: string; body: string }[]> {
    const sql = 'SELECT reason, body FROM dead_letters';
    return (await this.#db.prepare(sql).all<{ reason: string; body: string }>()).results;
  }

  async dispose(): Promise<void> {
    await this.#miniflare.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
