import { type ClientEvent, OUTCOMES, type Outcome } from './events.js';
import { Latencies } from './latencies.js';

// What has happened in this isolate since it began. Here and not in the core, whose memory is lost when it traps.

/** How often calls came out so. */
export type Counts = Record<Outcome, number>;

/** Operations as KV bills them. */
export interface KVOperations {
  /** Keys read, those of bulk reads and those that were not there included. */
  reads: number;
  writes: number;
  deletes: number;
  lists: number;
}

/** Decisions by client and outcome. */
export const decisions: Readonly<Record<ClientEvent['client'], Counts>> = { session: none(), limit: none(), cache: none() };

/** What was asked of KV bindings. */
export const operations: KVOperations = { reads: 0, writes: 0, deletes: 0, lists: 0 };

/** The times of decisions that took any. */
export const latencies: Latencies = new Latencies();

function none(): Counts {
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Counts;
}
