// How long decisions took, in little memory however many there are: a log-linear histogram. Below 32 ms each millisecond has a
// bucket of its own; above, each doubling is divided into sixteen, so that what a bucket stands for, its middle, is within
// a thirty-second of every time that it holds. It stands here and not in the core because it must outlive the core: it is
// when that has trapped that one looks at it.

/** A bucket each up to here, which is twice the parts of a doubling. */
const EXACT_MS = 32;
const PARTS_LOG2 = 4;
const PARTS = 1 << PARTS_LOG2;
/** Longer ones count as this long: 2^22 ms, an hour and ten minutes. */
const LONGEST_MS = 2 ** 22 - 1;

/** The times of decisions, each known to a thirty-second of itself. Takes the same few kilobytes however many there are. */
export class Latencies {
  readonly #counts = new Float64Array(bucketOf(LONGEST_MS) + 1);
  #recorded = 0;

  /** How many are recorded. */
  get recorded(): number {
    return this.#recorded;
  }

  /** Counts a decision that took so many milliseconds. */
  record(ms: number): void {
    const bucket = bucketOf(ms);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#recorded++;
  }

  /**
   * Milliseconds within which `share` of all decisions were made, of which `atOnce` are not recorded here, since they took no time.
   * 0 where there are none.
   */
  quantile(share: number, atOnce: number): number {
    let left = Math.ceil(share * (this.#recorded + atOnce)) - atOnce;
    if (left <= 0) return 0;
    const bucket = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return middleOf(bucket);
  }
}

function bucketOf(ms: number): number {
  const whole = Math.min(Math.round(ms), LONGEST_MS);
  if (whole < EXACT_MS) return whole;
  const shift = 31 - Math.clz32(whole) - PARTS_LOG2;
  return shift * PARTS + (whole >> shift);
}

/** What a bucket stands for: the middle of the whole numbers in it. */
function middleOf(bucket: number): number {
  if (bucket < EXACT_MS) return bucket;
  const shift = (bucket >> PARTS_LOG2) - 1;
  const least = (bucket - shift * PARTS) * 2 ** shift;
  return least + (2 ** shift - 1) / 2;
}
