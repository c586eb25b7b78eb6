import { CacheClient, RateLimiterClient } from '@codex/cloudflare-clients';
import { expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { core } from './support/core.ts';

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:caller:' };

it.each([
  [
    'throws',
    (): number => {
      throw new Error('no clock');
    },
  ],
  ['tells no time', (): number => Number.NaN],
])('goes by the real clock where the clock of the options %s, and the core takes no harm', async (_, now) => {
  const traps = core.traps;
  const began = Date.now();
  const { allowed, resetAt } = await new RateLimiterClient(new MemoryKV(), { now }).checkLimit('somebody', RULE);
  expect(allowed).toBe(true);
  expect(resetAt).toBeGreaterThanOrEqual(began + 60_000);
  expect(core.traps).toBe(traps);
});

it('ignores what a listener rejects with', async () => {
  let told = 0;
  const onEvent = (): Promise<void> => {
    told++;
    return Promise.reject(new Error('nobody listens'));
  };
  await new CacheClient(new MemoryKV(), { onEvent }).get('k');
  // A rejection that nobody has taken by the next turn of the event loop fails the run.
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(told).toBe(1);
});
