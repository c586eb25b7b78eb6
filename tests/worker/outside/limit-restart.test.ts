import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundled } from './local-runtime.ts';

const DATE = '2025-06-01';
const LIMIT = 60;

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

/** Begins attempts, and notes the verdicts as they come; a runtime that is killed gives none. */
function begin(
  runtime: Miniflare,
  config: RateLimitConfig,
  count: number,
): { heard: RateLimitResult[]; all: Promise<unknown> } {
  const heard: RateLimitResult[] = [];
  const one = async (): Promise<void> => {
    const response = await runtime.dispatchFetch('http://localhost/', { method: 'POST', body: JSON.stringify(config) });
    heard.push((await response.json()) as RateLimitResult);
  };
  return { heard, all: Promise.allSettled(Array.from({ length: count }, one)) };
}

const admitted = (results: RateLimitResult[]): number => results.filter(({ allowed }) => allowed).length;

describe.each(['fixed-window', 'sliding-window', 'gcra'] as const)(
  'a runtime that is killed while it counts (%s)',
  (algorithm) => {
    const config: RateLimitConfig = { limit: LIMIT, window: 86_400, keyPrefix: `rl:${algorithm}:`, algorithm };

    it('has written down every attempt that it answered for', async () => {
      const first = bundle.withObjects(DATE, folder);
      await first.ready;
      const before = begin(first, config, 200);
      await expect.poll(() => before.heard.length, { interval: 1, timeout: 30_000 }).toBeGreaterThanOrEqual(20);
      await first.dispose();
      await before.all;
      const answeredFor = admitted(before.heard);

      const second = bundle.withObjects(DATE, folder);
      const after = begin(second, config, 200);
      await after.all;
      await second.dispose();
      const counted = admitted(after.heard);
      expect(after.heard).toHaveLength(200);
      expect(after.heard.every(({ exact, scope }) => exact && scope === 'global')).toBe(true);
      expect(answeredFor).toBeGreaterThanOrEqual(20);
      // What was counted and never heard of is not given away again either.
      expect(answeredFor + counted).toBeLessThanOrEqual(LIMIT);
    });
  },
);
