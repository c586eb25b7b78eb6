import type { Side } from './side.ts';

/** How long to measure. */
export interface Effort {
  rounds: number;
  /** Milliseconds of one batch of one side. The clock in a Worker ticks once a millisecond. */
  batchMs: number;
  warmUpMs: number;
}

/** Nanoseconds an operation took on each side, in one round. */
export interface Round {
  ours: number;
  plain: number;
}

/** A side, how often it has operated, and how often it does in a batch. */
export class Runner {
  readonly #side: Side;
  #done = 0;
  #count = 1;

  constructor(side: Side) {
    this.#side = side;
  }

  /** Operates for a batch, one operation after the other; milliseconds an operation. */
  async batch(): Promise<number> {
    const side = this.#side;
    const end = this.#done + this.#count;
    const began = nextTick();
    for (; this.#done < end; this.#done++) await side.operate(this.#done);
    const tookMs = performance.now() - began;
    await side.afterBatch?.(end - 1);
    return tookMs / this.#count;
  }

  /** Operates for a while, and finds how many operations make a batch. Each side has its own number: one may be far quicker. */
  async warmUp({ warmUpMs, batchMs }: Effort): Promise<void> {
    const end = performance.now() + warmUpMs;
    // On a busy machine the time may be over before the number is found.
    for (let eachMs = 0; performance.now() < end || eachMs * this.#count < batchMs / 2; ) {
      eachMs = Math.max(await this.batch(), 1e-5);
      this.#count = Math.max(1, Math.min(this.#count * 4, Math.round(batchMs / eachMs)));
    }
  }
}

/** Two sides, warmed up. */
export interface Match {
  ours: Runner;
  plain: Runner;
}

export async function warmUp(ours: Side, plain: Side, effort: Effort): Promise<Match> {
  const match = { ours: new Runner(ours), plain: new Runner(plain) };
  await match.ours.warmUp(effort);
  await match.plain.warmUp(effort);
  return match;
}

/** Two sides in turns. */
export async function takeTurns({ ours, plain }: Match, effort: Effort): Promise<Round[]> {
  const [oursTook = [], plainTook = []] = await inTurns([ours, plain], effort.rounds);
  return oursTook.map((took, round) => ({ ours: took, plain: plainTook[round] as number }));
}

/**
 * Lets all take turns, so that whatever slows the machine down slows all; who begins takes turns as well. Nanoseconds an operation,
 * for each of them round by round.
 */
export async function inTurns(runners: readonly Runner[], rounds: number): Promise<number[][]> {
  const took = runners.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const at = (round + turn) % runners.length;
      took[at]?.push((await (runners[at] as Runner).batch()) * 1e6);
    }
  }
  return took;
}

/** The moment at which a coarse clock has just moved. */
function nextTick(): number {
  const before = performance.now();
  let now = before;
  while (now === before) now = performance.now();
  return now;
}
