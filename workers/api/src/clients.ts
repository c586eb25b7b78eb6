import { CacheClient, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import type { ClientOptions } from '@codex/cloudflare-clients';
import type { Env } from './env.ts';

/** The clients of one request. */
export interface Clients {
  sessions: SessionCacheClient;
  limiter: RateLimiterClient;
  cache: CacheClient;
  /** The same past this isolate's memory: for what another worker changes while somebody watches. */
  watched: CacheClient;
}

/** Makes the clients of one request: made anew each time because `onEvent` belongs to that request. */
export function createClients(env: Env, options: ClientOptions): Clients {
  return {
    sessions: new SessionCacheClient(env.AUTH_SESSION_KV, options),
    // Sign-in attempts are worth a request to an object: on KV, fifty at once would all be let through.
    limiter: new RateLimiterClient(env.RATE_LIMIT_KV, { ...options, authority: env.LOGIN_LIMITS }),
    cache: new CacheClient(env.CACHE_KV, options),
    watched: new CacheClient(env.CACHE_KV, { ...options, memory: false }),
  };
}
