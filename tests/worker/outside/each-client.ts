import { CacheClient, KVClientError, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';

/** Constructs and uses each client, and says what came of it: bundled as a Worker by the test. */
export default {
  async fetch(_request: Request, { KV }: { KV: KVLike }): Promise<Response> {
    const rule = { limit: 5, window: 60, keyPrefix: 'rl:test:' };
    const uses: Record<string, () => Promise<unknown>> = {
      session: () => new SessionCacheClient(KV).get('token'),
      limit: async () => (await new RateLimiterClient(KV).checkLimit('somebody', rule)).remaining,
      cache: () => new CacheClient(KV).set('key', 1, 60),
      read: () => new CacheClient(KV).get('key'),
      load: () => new CacheClient(KV).getOrSet('loaded', 60, () => 'loaded'),
    };
    const came: Record<string, unknown> = {};
    for (const [name, use] of Object.entries(uses)) came[name] = await use().catch(told);
    return Response.json(came);
  },
};

function told(error: unknown): unknown {
  return error instanceof KVClientError ? { code: error.code, message: error.message } : String(error);
}
