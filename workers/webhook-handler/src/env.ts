/** The bindings, vars and secrets of this worker's wrangler.toml. */
export interface Env {
  AUTH_SESSION_KV: KVNamespace;
  CACHE_KV: KVNamespace;
  DB: D1Database;
  /** The endpoint's signing secret. A secret everywhere but on a developer's machine. */
  STRIPE_WEBHOOK_SECRET: string;
  /** The secret before that, while Stripe still signs with both or with the old one alone. */
  STRIPE_WEBHOOK_SECRET_PREVIOUS?: string;
  /** "on" on a developer's machine: then `DemoStripe` signs events in Stripe's place. */
  LOCAL_DEMO?: string;
}
