// A worker as one deploys it, importing the package at its top, that answers after its first check.
import { RateLimiterClient } from '@codex/cloudflare-clients';
import { MemoryKV } from './memory-kv.ts';

const limiter = new RateLimiterClient(new MemoryKV());

export default {
  async fetch(): Promise<Response> {
    const { allowed } = await limiter.checkLimit('203.0.113.7', { limit: 5, window: 900, keyPrefix: 'rl:login:' });
    return allowed ? Response.json({ ms: 0 }) : new Response('the first attempt was refused', { status: 500 });
  },
};
