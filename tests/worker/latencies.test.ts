import { describe, expect, it } from 'vitest';
import { Latencies } from '../../js-shim/dist/latencies.js';

/** Whole numbers from a seed, below 2^32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

/** The smallest of the values within which so many of them are. */
function exactly(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] as number;
}

const ATTEMPTS = 300;
const SHARES = [0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

describe('a quantile', () => {
  it.each([1, 2, 3])('is within a thirty-second of the exact one, and exact below 32 ms (seed %d)', (seed) => {
    const next = random(seed);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const latencies = new Latencies();
      const [count, bits] = [1 + (next() % 200), 1 + (next() % 22)];
      const values = Array.from({ length: count }, () => (next() >>> 4) % 2 ** bits);
      for (const value of values) latencies.record(value);
      for (const share of SHARES) {
        const [found, truth] = [latencies.quantile(share, 0), exactly(values, share)];
        expect(Math.abs(found - truth)).toBeLessThanOrEqual(truth < 32 ? 0 : truth / 32);
      }
    }
  });

  it('holds for every millisecond up to the longest that are told apart', () => {
    for (let ms = 0; ms < 2 ** 22; ms += ms < 4096 ? 1 : 997) {
      const latencies = new Latencies();
      latencies.record(ms);
      expect(Math.abs(latencies.quantile(1, 0) - ms)).toBeLessThanOrEqual(ms < 32 ? 0 : ms / 32);
    }
  });

  it('counts those that took no time, which nobody has recorded', () => {
    const latencies = new Latencies();
    latencies.record(10);
    expect([latencies.recorded, latencies.quantile(0.5, 1), latencies.quantile(0.51, 1)]).toEqual([1, 0, 10]);
    expect([latencies.quantile(0.99, 99), latencies.quantile(0.995, 99)]).toEqual([0, 10]);
  });

  it('of nothing is 0', () => {
    expect(new Latencies().quantile(0.99, 0)).toBe(0);
  });

  it('takes what is longer for the longest', () => {
    const latencies = new Latencies();
    latencies.record(Number.MAX_SAFE_INTEGER);
    latencies.record(Number.POSITIVE_INFINITY);
    expect(latencies.quantile(0.5, 0)).toBeGreaterThan(2 ** 22 * (1 - 1 / 32));
    expect(latencies.recorded).toBe(2);
  });
});
