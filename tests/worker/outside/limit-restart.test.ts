import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundled } from './local-runtime.ts';

const DATE = '2025-06-01';
/** More than are made. */
const LIMIT = 100_000;

let bundle: Bundle;
let folder: string;
beforeAll(async () => {
  bundle = await bundled('./counting-worker.ts');
  folder = await mkdtemp(join(tmpdir(), 'codex-limits-'));
});
afterAll(async () => {
  await bundle.dispose();
  await rm(folder, { recursive: true });
});

async function attempt(runtime: Miniflare, config: RateLimitConfig): Promise<RateLimitResult> {
  const response = await runtime.dispatchFetch('http://localhost/', { method: 'POST', body: JSON.stringify(config) });
  return (await response.json()) as RateLimitResult;
}

/** Makes attempts, eight at a time, until the runtime is killed in the middle of them. Returns those that it answered. */
async function attemptsUntilKilled(runtime: Miniflare, config: RateLimitConfig): Promise<RateLimitResult[]> {
  const heard: RateLimitResult[] = [];
  let killed: Promise<void> | undefined;
  const oneByOne = async (): Promise<never> => {
    for (;;) {
      heard.push(await attempt(runtime, config));
      if (heard.length >= 40) killed ??= runtime.dispose();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: 8 }, oneByOne));
  expect(ends.map(({ status }) => status)).toEqual(ends.map(() => 'rejected'));
  await killed;
  return heard;
}

describe.each(['fixed-window', 'sliding-window', 'gcra'] as const)(
  'a runtime that is killed while it counts (%s)',
  (algorithm) => {
    const config: RateLimitConfig = { limit: LIMIT, window: 2_678_400, keyPrefix: `rl:${algorithm}:`, algorithm };

    it('has written down every attempt that it answered for', async () => {
      const heard = await attemptsUntilKilled(bundle.withObjects(DATE, folder), config);
      expect(heard.filter(({ allowed, exact, scope }) => allowed && exact && scope === 'global')).toHaveLength(heard.length);

      const restarted = bundle.withObjects(DATE, folder);
      const { remaining, exact } = await attempt(restarted, config);
      await restarted.dispose();
      const counted = LIMIT - remaining - 1;
      expect(exact).toBe(true);
      // Those that were under way may have been counted, and nobody heard of it.
      expect(counted - heard.length).toBeGreaterThanOrEqual(0);
      expect(counted - heard.length).toBeLessThanOrEqual(8);
    });
  },
);
