// Loads under way in this isolate, one for each key: whoever wants the same value meanwhile waits for it instead of loading it
// too, in whatever request. No request depends on another's: who waits has a timer of its own, and loads when that wins.

/** What came of a load: the value, or what the loader threw. */
export type Landing =
  | {
      value: unknown;
      /** Its JSON text, from which everybody but the leader gets a copy; null for a value that has none. */
      text: string | null;
    }
  | { error: unknown };

/** A load under way. */
export interface Flight {
  /** Never rejects on account of the loader: a rejection says that the leader's request has ended. */
  readonly landing: Promise<Landing>;
  /** The groups of the entry that is being loaded. */
  readonly groups: readonly string[];
  /** By the real clock, in Unix milliseconds. */
  readonly beganMs: number;
  /** Whether what is being loaded is out of date already, and must not be stored. */
  superseded: boolean;
  /** Settles when what was loaded is no longer on its way to the store; there while it is. */
  storing?: Promise<unknown>;
  /** The load that was begun instead of this one, for those who still wait for this. */
  successor?: Flight;
}

/** How long a load of unknown length is waited for before it is taken for dead. */
const UNKNOWN_PATIENCE_MS = 2000;
/** ...and one that took so long the last time: twice that, but not less than this. */
const LEAST_PATIENCE_MS = 50;

/** How long what was loaded may be on its way to the store: as long as a write may wait for its turn. */
const LONGEST_STORING_MS = 25_000;

/** After a load that failed, none is begun for a second; each failure doubles that, up to half a minute. */
const FIRST_BACK_OFF_MS = 1000;
const LONGEST_BACK_OFF_MS = 30_000;

/** How much is remembered; what is oldest goes first, and costs a load that could have been spared. */
const REMEMBERED = 1000;

const flights = new Map<string, Flight>();
const failures = new Map<string, { times: number; until: number }>();

/** The loaders being called just now, the innermost last: as far as a call stack tells. */
const calling: string[] = [];

/** Follows a loader across what it waits for. */
interface Following {
  run<T>(ids: readonly string[], act: () => T): T;
  getStore(): readonly string[] | undefined;
}

/** Node has it; Workers have it with the compatibility flag nodejs_compat. */
const following = followingOf();

function followingOf(): Following | undefined {
  try {
    const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
    const hooks = process?.getBuiltinModule?.('node:async_hooks') as { AsyncLocalStorage: new () => Following } | undefined;
    return hooks === undefined ? undefined : new hooks.AsyncLocalStorage();
  } catch {
    return undefined;
  }
}

/** The load of a key that is under way, if there is one. The key is that of {@link flightId}. */
export function flightOf(id: string): Flight | undefined {
  return flights.get(id);
}

/** Names a key of a store. */
export function flightId(storeId: number, key: string): string {
  return `${storeId}:${key}`;
}

/**
 * Notes a load that has begun. One that was under way must not be stored any more: it is older. Gives what {@link supersede}
 * does.
 */
export function register(id: string, flight: Flight): Promise<unknown> | undefined {
  const before = flights.get(id);
  if (before !== undefined) before.successor = flight;
  const storing = supersede(id);
  flights.set(id, flight);
  forgetOldest(flights);
  return storing;
}

/** Forgets a load that has ended, unless another one has taken its place. */
export function settle(id: string, flight: Flight): void {
  if (flights.get(id) === flight) flights.delete(id);
}

/**
 * Says that a key is to be written or deleted: what is being loaded for it is not to be stored, and nobody else is to wait for it.
 * Where it is being stored already, that must be over first, or it might land last: then this gives what to wait for, with
 * {@link within}.
 */
export function supersede(id: string): Promise<unknown> | undefined {
  const flight = flights.get(id);
  if (flight === undefined) return undefined;
  flight.superseded = true;
  flights.delete(id);
  return flight.storing;
}

/** The same for all keys that begin alike. */
export function supersedePrefix(prefix: string): Promise<unknown> | undefined {
  const storing = [...flights.keys()].filter((id) => id.startsWith(prefix)).map(supersede);
  return storing.some((promise) => promise !== undefined) ? Promise.allSettled(storing) : undefined;
}

/** The same for all entries of a store that belong to a group. */
export function supersedeGroup(storeId: number, group: string): void {
  for (const [id, flight] of flights) {
    if (id.startsWith(flightId(storeId, '')) && flight.groups.includes(group)) supersede(id);
  }
}

/** How long to wait for another's load, which took `loadMs` the last time; 0: unknown. */
export function patienceFor(loadMs: number): number {
  return loadMs > 0 ? Math.max(LEAST_PATIENCE_MS, 2 * loadMs) : UNKNOWN_PATIENCE_MS;
}

/** Whether a load is under way that need not be taken for dead yet. */
export function isUnderWay(id: string, patienceMs: number): boolean {
  const flight = flights.get(id);
  if (flight === undefined) return false;
  return Date.now() - flight.beganMs < patienceMs + (flight.storing === undefined ? 0 : LONGEST_STORING_MS);
}

/** Calls a loader. While it runs, {@link isCalling} knows; after it has waited for something, only where there is a way to follow it. */
export async function callLoader(id: string, load: () => unknown): Promise<unknown> {
  if (following !== undefined) return await following.run([...(following.getStore() ?? []), id], load);
  calling.push(id);
  let loading: unknown;
  try {
    loading = load();
  } finally {
    calling.pop();
  }
  return await loading;
}

/** Whether the loader of this key is what is calling. */
export function isCalling(id: string): boolean {
  return calling.includes(id) || following?.getStore()?.includes(id) === true;
}

/** Notes how a load came out. */
export function noteOutcome(id: string, failed: boolean, nowMs: number): void {
  const times = failed ? (failures.get(id)?.times ?? 0) + 1 : 0;
  failures.delete(id);
  if (!failed) return;
  failures.set(id, { times, until: nowMs + Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (times - 1)) });
  forgetOldest(failures);
}

/** Whether a load of this key failed so recently that another need not be tried, where there is something else to answer. */
export function backsOff(id: string, nowMs: number): boolean {
  const failure = failures.get(id);
  return failure !== undefined && nowMs < failure.until && failure.until - nowMs <= LONGEST_BACK_OFF_MS;
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/** What a wait came to where the awaited did not end in time. */
export const TIMED_OUT: unique symbol = Symbol('timed out');

/** Waits for what another request does, at most so long. A rejection counts as no answer at all: that request has ended. */
export function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof TIMED_OUT> {
  if (ms === Number.POSITIVE_INFINITY) return promise;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, TIMED_OUT);
    const over = (outcome: T | typeof TIMED_OUT): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    promise.then(over, () => over(TIMED_OUT));
  });
}
