// Checks put to a Durable Object inside workerd: each request runs a number of checks, a few at a time, and says how long they
// took.
import { RateLimiterClient } from '@codex/cloudflare-clients';

export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

interface Env {
  KV: KVNamespace;
  LIMITS: DurableObjectNamespace;
}

interface Order {
  checks: number;
  concurrency: number;
  shards: number;
  durable: boolean;
}

const RULE = { limit: 1_000_000_000, window: 3600, keyPrefix: 'rl:object:' };

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { checks, concurrency, shards, durable } = (await request.json()) as Order;
    const limiter = new RateLimiterClient(env.KV, { authority: env.LIMITS, shards, durable });
    const began = performance.now();
    let next = 0;
    const attend = async (): Promise<void> => {
      while (next < checks) {
        const { exact, reason } = await limiter.checkLimit(`caller ${next++ % 64}`, RULE);
        if (reason !== 'ok' || exact !== durable) throw new Error('the object did not decide');
      }
    };
    await Promise.all(Array.from({ length: concurrency }, attend));
    return Response.json({ tookMs: performance.now() - began });
  },
};
