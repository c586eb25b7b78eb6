import { type KVLike, RateLimiterClient, type RateLimitConfig } from '@codex/cloudflare-clients';
import type { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

interface Env {
  KV: KVLike;
  LIMITS: DurableObjectNamespace<RateLimitAuthority>;
}

/** Counts an attempt under the rule that is sent, and answers with the verdict: bundled as a Worker by the test. */
export default {
  async fetch(request: Request, { KV, LIMITS }: Env): Promise<Response> {
    const limiter = new RateLimiterClient(KV, { authority: LIMITS, onUnavailable: 'deny', storeTimeoutMs: 20_000 });
    return Response.json(await limiter.checkLimit('somebody', await request.json<RateLimitConfig>()));
  },
};
