import type { SampleList } from '../samples.ts';
import type { Store } from '../side.ts';

/** A cache at work. Whatever it takes for granted, every operation is awaited. */
export interface Layer {
  set(key: string, value: SampleList): Promise<unknown>;
  /** A value that is there. */
  get(key: string): Promise<SampleList | null | undefined>;
  /** A value that is not there: loads it, stores it, and resolves when it is stored. */
  load(key: string, load: () => Promise<SampleList>): Promise<SampleList | null | undefined>;
  /** How often it has asked KV, of a layer in memory that might. */
  kvReads?(): number;
}

/** A cache, set up as its documentation says, in the layers that it has; or why it has one not. */
export interface Peer {
  name: string;
  /** With values in memory alone. */
  inMemory: (() => Layer) | string;
  /** With values in KV alone, so that every read asks it. */
  onKV: ((kv: Store) => Layer) | string;
}

export const DAY_SECONDS = 86_400;
export const DAY_MS: number = DAY_SECONDS * 1000;
/** Entries in memory, where a cache is bounded by their number; many more than are in use. */
export const MAX_ENTRIES = 1000;

/** Of a layer of which nothing is loaded. */
export function neverLoads(): never {
  throw new Error('this layer is only read');
}
