// What the READMEs' programs take from `wrangler types`, and what each of them exports.

interface Env {
  AUTH_SESSION_KV: KVNamespace;
  RATE_LIMIT_KV: KVNamespace;
  CACHE_KV: KVNamespace;
  DB: D1Database;
  LOGIN_LIMITS: DurableObjectNamespace;
  BETTER_AUTH_SECRET: string;
}

declare namespace Cloudflare {
  interface Env {
    AUTH_SESSION_KV: KVNamespace;
    RATE_LIMIT_KV: KVNamespace;
    CACHE_KV: KVNamespace;
    DB: D1Database;
    LOGIN_LIMITS: DurableObjectNamespace;
    BETTER_AUTH_SECRET: string;
  }
}

declare module 'readme:names' {
  const names: string[];
  export default names;
}

declare module 'readme:worker' {
  const worker: { fetch(request: Request, env: Env): Promise<Response> };
  export default worker;
}

declare module 'readme:sessions' {
  import type { CachedSession } from '@codex/cloudflare-clients';
  export function currentSession(
    env: Env,
    token: string,
    load: () => Promise<CachedSession | null>,
  ): Promise<CachedSession | null>;
  export function forget(env: Env, token: string): Promise<void>;
  export function forgetOthers(env: Env, userId: string, token: string): Promise<number>;
}

declare module 'readme:limits' {
  export function mayExport(env: Env, userId: string): Promise<Response | null>;
}

declare module 'readme:login' {
  export function login(request: Request, env: Env, email: string, isRight: () => Promise<boolean>): Promise<Response>;
}

declare module 'readme:objects' {
  import type { RateLimiterClient } from '@codex/cloudflare-clients';
  export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';
  export function exactLimiter(env: Env): RateLimiterClient;
}

declare module 'readme:cache' {
  export function published(env: Env, categoryId: string, load: () => Promise<string[]>): Promise<string[]>;
  export function unpublish(env: Env, categoryId: string): Promise<readonly string[]>;
}

declare module 'readme:events' {
  import type { CacheClient } from '@codex/cloudflare-clients';
  export function countedCache(env: Env, count: (name: string, by: number) => void): CacheClient;
}

declare module 'readme:minimal' {
  import type { CacheClient } from '@codex/cloudflare-clients';
  export function cacheInMemory(): CacheClient;
}

declare module 'readme:hook' {
  import type { SessionInput } from '@codex/cloudflare-clients';
  export function tokenOf(cookie: string, secret: string): Promise<string | null>;
  export function signedIn(
    env: Env,
    ctx: ExecutionContext,
    cookie: string,
    getSession: () => Promise<SessionInput | null>,
  ): Promise<SessionInput | null>;
}
