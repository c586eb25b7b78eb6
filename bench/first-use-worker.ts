// Answers with how long the import of the package takes in a new isolate, and with how long until the first verdict.
import { MemoryKV } from './memory-kv.ts';
import type { Store } from './side.ts';

interface Package {
  RateLimiterClient: new (
    store: Store,
  ) => {
    checkLimit(identifier: string, config: { limit: number; window: number; keyPrefix: string }): Promise<{ allowed: boolean }>;
  };
}

export default {
  async fetch(): Promise<Response> {
    const store = new MemoryKV();
    const began = nextTick();
    const { RateLimiterClient } = (await import('./package.js' as string)) as Package;
    const importMs = performance.now() - began;
    const limiter = new RateLimiterClient(store);
    const { allowed } = await limiter.checkLimit('203.0.113.7', { limit: 5, window: 900, keyPrefix: 'rl:login:' });
    const ms = performance.now() - began;
    return allowed ? Response.json({ importMs, ms }) : new Response('the first attempt was refused', { status: 500 });
  },
};

/** The moment at which a clock that ticks once a millisecond has just moved. */
function nextTick(): number {
  const before = performance.now();
  let now = before;
  while (now === before) now = performance.now();
  return now;
}
