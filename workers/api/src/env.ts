import type { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';
import type { Clients } from './clients.ts';
import type { ServedLog } from './http/served.ts';

/** The bindings and vars of the root wrangler.toml. */
export interface Env {
  AUTH_SESSION_KV: KVNamespace;
  RATE_LIMIT_KV: KVNamespace;
  CACHE_KV: KVNamespace;
  /** The objects that count sign-in attempts. */
  LOGIN_LIMITS: DurableObjectNamespace<RateLimitAuthority>;
  DB: D1Database;
  ASSETS: Fetcher;
  /** Uploaded files, and what was made of them. */
  MEDIA_BUCKET: R2Bucket;
  /** The jobs of the queue consumer. */
  TRANSCODING_QUEUE: Queue;
  /** A secret, which the queue consumer has too: it signs the addresses under which the transcoding service finds the files. */
  MEDIA_URL_SECRET: string;
  /** The one origin that may write. Absent: the request's own, and only on a loopback host. */
  APP_ORIGIN?: string;
  /** Has accounts on a developer's machine only. */
  LOCAL_DEMO?: LocalDemo;
}

/** What the page may offer to somebody trying the worker on their own machine. */
export interface LocalDemo {
  accounts: { name: string; role: string; email: string; password: string }[];
}

/** Hono's view of one request. */
export interface AppEnv {
  Bindings: Env;
  Variables: { served: ServedLog; clients: Clients };
}
