import { type Case, cases } from './cases.ts';
import { type Effort, type Match, type Round, takeTurns, warmUp } from './rounds.ts';
import type { Store } from './side.ts';

/** What to run, and how long. */
export interface Order extends Effort {
  /** Only cases whose name contains this. */
  only: string;
}

export interface Measured {
  name: string;
  against: string;
  rounds: Round[];
}

/**
 * Runs cases on stores that `storeOf` gives to each side. All are warmed up before the first is measured: a program uses all three
 * clients, and none should be measured with what the compiler believed before it had seen the others.
 */
export async function runCases(storeOf: (side: 'ours' | 'plain') => Store, order: Order): Promise<Measured[]> {
  const matches: { chosen: Case; match: Match }[] = [];
  for (const chosen of cases.filter(({ name }) => name.includes(order.only))) {
    const ours = await chosen.ours(storeOf('ours'));
    const plain = await chosen.plain(storeOf('plain'));
    matches.push({ chosen, match: await warmUp(ours, plain, order) });
  }
  const measured: Measured[] = [];
  for (const { chosen, match } of matches) {
    await warmUpAgain(match, order);
    measured.push({ name: chosen.name, against: chosen.against, rounds: await takeTurns(match, order) });
  }
  return measured;
}

const COOL_ROUNDS = 3;

/** A few rounds that do not count: the others have cooled it down. */
async function warmUpAgain(match: Match, effort: Effort): Promise<void> {
  await takeTurns(match, { ...effort, rounds: COOL_ROUNDS });
}
