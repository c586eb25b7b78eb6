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
  /** The one origin that may write. Absent: the request's own, and only on a loopback host. */
  APP_ORIGIN?: string;
  /** Sends mail. Absent: mail stays in D1's outbox, which the page shows on a developer's machine. */
  MAIL?: SendEmail;
  /** Who mail comes from; needed where there is MAIL. */
  MAIL_FROM?: string;
  /** Opens the routes under /admin to whoever bears it. Absent: there are none. */
  ADMIN_SECRET?: string;
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
