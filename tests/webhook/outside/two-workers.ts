import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { D1Database, KVNamespace } from '@cloudflare/workers-types';
import { createTestHarness, unstable_splitSqlQuery } from 'wrangler';
import type { TestHarness } from 'wrangler';

const ROOT = join(import.meta.dirname, '../../..');

export type Environment = 'development' | 'staging' | 'production';

/** The api worker and the webhook worker as `wrangler dev` runs them together: one address, one KV, one D1. */
export class TwoWorkers {
  readonly #harness: TestHarness;
  readonly #environment: Environment | undefined;
  #url = '';

  /** `environment` chooses the bindings and service names of one that is deployed; `secret` is its signing secret. */
  constructor(environment?: Environment, secret?: string) {
    this.#environment = environment;
    const env = environment === undefined ? {} : { env: environment };
    const secrets = secret === undefined ? {} : { secrets: { STRIPE_WEBHOOK_SECRET: secret } };
    this.#harness = createTestHarness({
      root: ROOT,
      workers: [
        { configPath: 'wrangler.toml', ...env },
        { configPath: 'workers/webhook-handler/wrangler.toml', ...env, ...secrets },
      ],
    });
  }

  /** Starts both, migrates their database, and fills it with the sample data. */
  async start(): Promise<void> {
    this.#url = (await this.#harness.listen()).url.origin;
    const api = this.#harness.getWorker<{ DB: D1Database }>();
    await api.applyD1Migrations('DB');
    const seed = await readFile(join(ROOT, 'workers/api/local/seed.sql'), 'utf8');
    const DB = await this.database();
    await DB.batch(unstable_splitSqlQuery(seed).map((statement) => DB.prepare(statement)));
  }

  stop(): Promise<void> {
    return this.#harness.close();
  }

  /** Asks the api worker over HTTP, as the page does or as Stripe does. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(path, this.#url), init);
  }

  /** The origin of the page. */
  get origin(): string {
    return this.#url;
  }

  /** Posts a delivery to the webhook worker itself. */
  async direct(body: string, headers: Record<string, string>): Promise<number> {
    const suffix = this.#environment === undefined ? '' : `-${this.#environment}`;
    const worker = this.#harness.getWorker(`codex-webhook-handler${suffix}`);
    const response = await worker.fetch('https://codex.example/webhooks/stripe', { method: 'POST', headers, body });
    return response.status;
  }

  /** The database of both. */
  async database(): Promise<D1Database> {
    return (await this.#harness.getWorker<{ DB: D1Database }>().getEnv()).DB;
  }

  /** What KV has under a key of the cache. */
  async cached(key: string): Promise<string | null> {
    return (await this.#harness.getWorker<{ CACHE_KV: KVNamespace }>().getEnv()).CACHE_KV.get(key);
  }
}
