import { core } from './core.js';
import { type Counts, decisions, type KVOperations, latencies, operations } from './meter.js';

/** What the package has done in this isolate since it was imported, for all clients together. */
export interface Stats {
  /** Decisions by outcome: each is one that `onEvent` would be told of. */
  session: Counts;
  limit: Counts;
  cache: Counts;
  /**
   * The share of the reads of sessions and cache that found a value they could answer, from memory or KV: hits and stale ones, of
   * those, misses and corrupt ones. Reads that failed are in neither part. 0 before the first read.
   */
  hitRate: number;
  /**
   * What was asked of the bindings, counted as it was handed over and as Cloudflare bills it: by key, a bulk read of n keys as n, a key
   * that is not there as any other (developers.cloudflare.com/kv/platform/pricing). Operations that failed or had no answer in time
   * are counted as well, since they may have been done, so this is never less than the bill.
   */
  kv: KVOperations;
  /**
   * Milliseconds within which half of all decisions were made, 95 and 99 of a hundred: from the call to the decision, exact below 32
   * and within 3.2 % above. In a deployed Worker the clock stands still between input and output, so a decision in memory takes 0.
   */
  latencyMs: { p50: number; p95: number; p99: number };
  /** What the isolate remembers of the stores' values: bytes as they are counted against `maxBytes`, and how many values. */
  memory: { bytes: number; entries: number };
  /** How often the core has trapped and was replaced. */
  traps: number;
}

/**
 * Tells what the package has done in this isolate. Counts go up for as long as the isolate lives, traps of the core included: for a
 * rate, take the difference of two. There may be many isolates at once, of which each knows its own. Costs no I/O.
 */
export function stats(): Stats {
  const { session, limit, cache } = decisions;
  const hits = session.hit + session.stale + cache.hit + cache.stale;
  const reads = hits + session.miss + session.corrupt + cache.miss + cache.corrupt;
  const all = Object.values(decisions).flatMap((counts) => Object.values(counts));
  const atOnce = all.reduce((sum, count) => sum + count, 0) - latencies.recorded;
  const within = (share: number): number => latencies.quantile(share, atOnce);
  return {
    session: { ...session },
    limit: { ...limit },
    cache: { ...cache },
    hitRate: reads === 0 ? 0 : hits / reads,
    kv: { ...operations },
    latencyMs: { p50: within(0.5), p95: within(0.95), p99: within(0.99) },
    memory: remembered(),
    traps: core.traps,
  };
}

function remembered(): Stats['memory'] {
  const instance = core.current;
  if (instance === null || !instance.remembers) return { bytes: 0, entries: 0 };
  try {
    return { bytes: instance.exports.memoryBytes(), entries: instance.exports.memoryEntries() };
  } catch {
    core.condemn(instance, Date.now());
    return { bytes: 0, entries: 0 };
  }
}
