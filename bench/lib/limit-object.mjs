import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { quantile } from './statistics.mjs';
import { ask, inWorkerd } from './workerd.mjs';

const WORKER = join(import.meta.dirname, '..', 'limit-object-worker.ts');
const CHECKS = 500;
const CONCURRENCY = 64;

/** Checks a second of one object, and of sixteen; of objects that write before they answer, and of ones that do not. */
export async function limitObject(scratch, rounds) {
  const folder = join(scratch, 'limit-object');
  mkdirSync(folder);
  await bundle([WORKER], folder);
  const bindings = {
    kvNamespaces: ['KV'],
    durableObjects: { LIMITS: { className: 'RateLimitAuthority', useSQLite: true } },
  };
  return inWorkerd(folder, 'limit-object-worker.js', (miniflare) => measure(miniflare, rounds), bindings);
}

async function measure(miniflare, rounds) {
  const kinds = [1, 16].flatMap((shards) => [true, false].map((durable) => ({ shards, durable, rates: [] })));
  for (let round = -1; round < rounds; round++) {
    for (const { shards, durable, rates } of kinds) {
      const { tookMs } = await ask(miniflare, { checks: CHECKS, concurrency: CONCURRENCY, shards, durable });
      if (round >= 0) rates.push((CHECKS / tookMs) * 1000);
    }
  }
  return kinds.map(({ shards, durable, rates }) => ({
    shards,
    durable,
    median: quantile(rates, 0.5),
    low: quantile(rates, 0.1),
    high: quantile(rates, 0.9),
  }));
}
