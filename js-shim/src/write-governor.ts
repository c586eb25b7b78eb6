// Writes of one key, at most one a second and the last one wanted wins: KV takes no more. Nobody's write depends on the request that
// made it: a write that waits stands in a table, everybody who waits has a timer of its own, and whoever wakes first writes what is
// due, also for requests that have ended. What is written leaves the table when KV has answered.

import type { Ending } from './codes.js';
import { core } from './core.js';
import { TIMED_OUT, within } from './flights.js';
import { waitUntil } from '#host';

/** Tries to write, once. Never rejects for the store's sake. */
export type Attempt = () => Promise<Ending>;

/** The writes of one key. */
interface Turn {
  /** What is to be written; none where nothing waits. */
  attempt: Attempt | undefined;
  /** What a store operation may take. */
  timeoutMs: number;
  /** Counts the writes that were wanted, and those of them that have come to an end. */
  wanted: number;
  settled: number;
  /** What the last of these came to. */
  ending: Ending;
  /** The write under way. */
  storing: Promise<unknown> | undefined;
  answeredMs: number;
  claimedUntilMs: number;
  /** When the write that waits was first tried, and how often it has been. */
  firstMs: number;
  tries: number;
}

/** A write that another one has made needless. */
const OVERTAKEN: Ending = { outcome: 'skipped', error: undefined };

/** How many keys are remembered; and how many writes may wait, which nobody may live to make. What is oldest goes first. */
const REMEMBERED = 1000;
const MOST_WAITING = 10_000;

/** The writes that one request makes for others at a time. */
const MOST_FOR_OTHERS = 50;

const turns = new Map<string, Turn>();
/** Those of them that have not come to an end. */
const unsettled = new Set<Turn>();

/**
 * Writes when it is the key's turn. Resolves when this write, or one that took its place, has landed or failed; after 25 seconds
 * at the latest, and then the write still stands for whoever comes next. It must be awaited, or handed to `waitUntil`.
 */
export async function governed(id: string, timeoutMs: number, attempt: Attempt): Promise<Ending> {
  const turn = turnOf(id);
  const version = ++turn.wanted;
  const wantedMs = Date.now();
  turn.attempt = attempt;
  turn.timeoutMs = timeoutMs;
  turn.tries = 0;
  unsettled.add(turn);
  if (unsettled.size > MOST_WAITING) forgetOldest();
  while (turn.settled < version) {
    const wait = waitFor(turn);
    if (wait <= 0) {
      await flush(turn);
    } else if (retryIn(true, 1, Date.now() - wantedMs) < 0) {
      return { outcome: 'failed', error: 'store-rate-limited' };
    } else {
      await sleep(turn, wait);
      flushOthers();
    }
  }
  const { ending } = turn;
  flushOthers();
  return ending;
}

/** Whether a write of the key waits, which another one would replace. */
export function waits(id: string): boolean {
  return turns.get(id)?.attempt !== undefined;
}

/**
 * Says that a key is to be deleted: what waits to be written is not written any more. Gives what is being written just now, which
 * must be over first, or it might land last.
 */
export function overtakeWrite(id: string): Promise<unknown> | undefined {
  const turn = turns.get(id);
  if (turn === undefined) return undefined;
  settle(turn, turn.wanted, OVERTAKEN);
  return turn.storing;
}

/**
 * Tries again while KV refuses because the key was written too lately: for writes that are never delayed. At most `most` times, if that
 * is fewer than usual.
 */
export async function insisted(attempt: Attempt, most: number = Number.POSITIVE_INFINITY): Promise<Ending> {
  const firstMs = Date.now();
  for (let tries = 1; ; tries++) {
    const ending = await attempt();
    const wait = ending.error === 'store-rate-limited' ? retryIn(true, tries, Date.now() - firstMs) : -1;
    if (wait < 0 || tries >= most) return ending;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** The same, and once more at most: for who wants to know soon. */
export function insistedOnce(attempt: Attempt): Promise<Ending> {
  return insisted(attempt, 2);
}

function turnOf(id: string): Turn {
  const known = turns.get(id);
  if (known !== undefined) return known;
  for (const [oldest, turn] of turns) {
    if (turns.size < REMEMBERED || turn.attempt !== undefined || waitFor(turn) > 0) break;
    turns.delete(oldest);
  }
  const turn: Turn = {
    attempt: undefined,
    timeoutMs: 0,
    wanted: 0,
    settled: 0,
    ending: OVERTAKEN,
    storing: undefined,
    answeredMs: Number.NEGATIVE_INFINITY,
    claimedUntilMs: Number.NEGATIVE_INFINITY,
    firstMs: 0,
    tries: 0,
  };
  turns.set(id, turn);
  return turn;
}

/** Milliseconds until the key may be written. Without a core it is written at once. */
function waitFor({ answeredMs, claimedUntilMs }: Turn): number {
  return core.current?.exports.waitForTurn(answeredMs, claimedUntilMs, Date.now()) ?? 0;
}

/** Milliseconds until a write is tried again, or -1. */
function retryIn(rateLimited: boolean, tries: number, spentMs: number): number {
  return core.current?.exports.retryIn(rateLimited, tries, spentMs, Math.random()) ?? -1;
}

function settle(turn: Turn, version: number, ending: Ending): void {
  turn.settled = Math.max(turn.settled, version);
  turn.ending = ending;
  if (turn.wanted !== version) return;
  turn.attempt = undefined;
  unsettled.delete(turn);
}

function forgetOldest(): void {
  const [oldest] = unsettled;
  if (oldest !== undefined) settle(oldest, oldest.wanted, OVERTAKEN);
}

/** Writes what is wanted last. */
async function flush(turn: Turn): Promise<void> {
  const { attempt, wanted, timeoutMs } = turn;
  if (attempt === undefined) return;
  const nowMs = Date.now();
  turn.claimedUntilMs = core.current?.exports.claimFrom(nowMs, timeoutMs) ?? nowMs;
  if (turn.tries++ === 0) turn.firstMs = nowMs;
  const storing = attempt();
  turn.storing = storing;
  const { outcome, error } = await storing.catch((reason: unknown) => {
    // It was wrong, and will not be better another time.
    turn.storing = undefined;
    turn.claimedUntilMs = Number.NEGATIVE_INFINITY;
    settle(turn, wanted, OVERTAKEN);
    throw reason;
  });
  // Somebody else may have taken this for dead, and have begun another.
  const isMine = turn.storing === storing;
  if (isMine) turn.storing = undefined;
  if (isMine) turn.claimedUntilMs = Number.NEGATIVE_INFINITY;
  const endedMs = Date.now();
  turn.answeredMs = endedMs;
  if (turn.settled >= wanted) return;
  const refused = error === 'store-rate-limited';
  // What had no answer in time may have landed, and there is no time for it again.
  const mayBeTriedAgain = refused || (error === 'store-unavailable' && endedMs - nowMs < timeoutMs);
  // Where another was wanted meanwhile, that has not been tried yet.
  const wait = mayBeTriedAgain ? retryIn(refused, turn.tries || 1, endedMs - turn.firstMs) : -1;
  if (wait < 0) settle(turn, wanted, { outcome, error });
  else if (isMine) turn.claimedUntilMs = endedMs + wait;
}

/** Waits for a turn, or for what is under way to end. */
async function sleep(turn: Turn, ms: number): Promise<void> {
  const { storing } = turn;
  if (storing === undefined) {
    await new Promise((resolve) => setTimeout(resolve, ms));
  } else if ((await within(storing, ms)) === TIMED_OUT && turn.storing === storing) {
    // Its request has ended, or its time is over.
    turn.storing = undefined;
  }
}

/** Writes what is due of requests that may not live any more. Nobody's answer waits for that. */
function flushOthers(): void {
  if (unsettled.size === 0) return;
  const due = [...unsettled].filter((turn) => waitFor(turn) <= 0);
  for (const turn of due.slice(0, MOST_FOR_OTHERS)) waitUntil(flush(turn).catch(() => {}));
}
