// One caller, a thousand checks a second of real time: how many KV operations a check costs, by this package and by plain code. Run
// in a Node process of its own; the seconds come as the first argument, the result leaves on stdout as JSON.
import { RateLimiterClient } from '@codex/cloudflare-clients';
import { MemoryKV } from './memory-kv.ts';
import { PlainRateLimiter } from './plain/rate-limiter.ts';

const CHECKS_PER_SECOND = 1000;
const TICK_MS = 10;
const RULE = { limit: 1_000_000_000, window: 3600, keyPrefix: 'rl:hot:' };
const CALLER = '203.0.113.7';

/** A store that counts as KV bills: every key read, every key written. */
function counting(): { kv: MemoryKV; operations: () => number } {
  const kv = new MemoryKV();
  let operations = 0;
  const counted = new Proxy(kv, {
    get(target, name) {
      const method = Reflect.get(target, name) as unknown;
      if (typeof method !== 'function') return method;
      return (key: string | readonly string[], ...rest: unknown[]): unknown => {
        operations += Array.isArray(key) ? key.length : 1;
        return Reflect.apply(method, target, [key, ...rest]) as unknown;
      };
    },
  });
  return { kv: counted, operations: () => operations };
}

async function run(seconds: number): Promise<{ checks: number; ours: number; plain: number }> {
  const stores = { ours: counting(), plain: counting() };
  const pending: Promise<unknown>[] = [];
  const ours = new RateLimiterClient(stores.ours.kv, { waitUntil: (work) => pending.push(work) });
  const plain = new PlainRateLimiter(stores.plain.kv);

  const began = performance.now();
  let checks = 0;
  while (checks < seconds * CHECKS_PER_SECOND) {
    const due = Math.min(seconds * CHECKS_PER_SECOND, ((performance.now() - began) / 1000) * CHECKS_PER_SECOND);
    for (; checks < due; checks++) {
      await ours.checkLimit(CALLER, RULE);
      await plain.checkLimit(CALLER, RULE);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(pending);
  return { checks, ours: stores.ours.operations(), plain: stores.plain.operations() };
}

process.stdout.write(JSON.stringify(await run(Number(process.argv[2]))));
