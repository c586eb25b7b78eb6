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
  /** The webhook worker. */
  WEBHOOKS: Fetcher;
  /** The webhook worker's stand-in for Stripe. On a developer's machine only. */
  DEMO_STRIPE?: DemoStripe;
  /** Uploaded files, and what was made of them. */
  MEDIA_BUCKET: R2Bucket;
  /** The jobs of the queue consumer. */
  TRANSCODING_QUEUE: Queue;
  /** A secret, which the queue consumer has too: it signs the addresses under which the transcoding service finds the files. */
  MEDIA_URL_SECRET: string;
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

/** Signs test events in Stripe's place. Amounts are in the currency's smallest unit. */
export interface DemoStripe {
  bought(purchase: { userId: string; contentId: string; amount: number; currency: string }): Promise<DemoDelivery>;
  refunded(payment: { paymentId: string; amount: number }): Promise<DemoDelivery>;
  disputed(payment: { paymentId: string; amount: number }): Promise<DemoDelivery>;
}

/** A delivery as Stripe would make it: a body, and its `Stripe-Signature`. */
export interface DemoDelivery {
  body: string;
  signature: string;
}

/** Hono's view of one request. */
export interface AppEnv {
  Bindings: Env;
  Variables: { served: ServedLog; clients: Clients };
}
