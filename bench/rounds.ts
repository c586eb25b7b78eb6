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
class Runner {
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
    while (performance.now() < end) {
      const eachMs = Math.max(await this.batch(), 1e-5);
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

/** Lets the sides take turns, so that whatever slows the machine down slows both; who begins alternates as well. */
export async function takeTurns({ ours, plain }: Match, effort: Effort): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let number = 0; number < effort.rounds; number++) {
    const oursFirst = number % 2 === 0;
    const first = await (oursFirst ? ours : plain).batch();
    const second = await (oursFirst ? plain : ours).batch();
    rounds.push({ ours: (oursFirst ? first : second) * 1e6, plain: (oursFirst ? second : first) * 1e6 });
  }
  return rounds;
}

/** The moment at which a coarse clock has just moved. */
function nextTick(): number {
  const before = performance.now();
  let now = before;
  while (now === before) now = performance.now();
  return now;
}
