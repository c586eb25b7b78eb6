import type { SessionLocals } from '@codex/cloudflare-clients/sveltekit';
import type { D1Database, KVNamespace } from '@cloudflare/workers-types';
import type { AnsweredBy } from '$lib/answered-by';

declare global {
  namespace App {
    interface Platform {
      /** The bindings and vars of wrangler.toml. */
      env: {
        /** The two caches: without them the database answers, more slowly. */
        AUTH_SESSION_KV?: KVNamespace;
        CACHE_KV?: KVNamespace;
        RATE_LIMIT_KV: KVNamespace;
        DB: D1Database;
        /** Where the application is served. */
        APP_ORIGIN: string;
        /** What better-auth signs its cookies with: `wrangler secret put AUTH_SECRET`. */
        AUTH_SECRET: string;
      };
    }

    interface Locals extends SessionLocals {
      /** Who knew the session of this request; null where nobody is signed in. */
      answeredBy: AnsweredBy | null;
    }
  }
}
