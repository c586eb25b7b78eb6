/** Numbers below 1, the same ones for the same seed (mulberry32, Tommy Ettinger). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws ranks below `count`: the one after k as often as 1 / (k + 1) (Zipf, s = 1). */
export function zipf(count, seed) {
  const random = randomFrom(seed);
  const shares = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) shares[rank] = sum += 1 / (rank + 1);
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shares[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/**
 * The share of such draws that has to be read where memory keeps all that was read for the next `memory` draws: of a rank drawn with
 * probability p, each read is followed by p * memory hits.
 */
export function missShare(count, memory) {
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sum += 1 / (rank + 1);
  let misses = 0;
  for (let rank = 0; rank < count; rank++) {
    const share = 1 / (rank + 1) / sum;
    misses += share / (1 + share * memory);
  }
  return misses;
}
