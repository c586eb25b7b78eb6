import { jsonTextOf } from './caller.js';
import type { Caller } from './caller.js';
import { KVClientError } from './errors.js';
import {
  callLoader,
  type Flight,
  flightOf,
  isCalling,
  type Landing,
  patienceFor,
  register,
  settle,
  supersede,
  supersedePrefix,
  TIMED_OUT,
} from './flights.js';
import { type Begun, landingOf } from './shared-load.js';

const OP = 'getOrLoad';

/** A session that is wanted and was not cached. */
export interface SessionLoad {
  readonly caller: Caller;
  readonly token: string;
  /** Whether it is a load of the same session that asks: {@link isLoading}, before anything was waited for. */
  readonly nested: boolean;
  /** A load that will not do: {@link loadOf}, before anything was waited for. */
  readonly older: Flight | undefined;
  load(): unknown;
  /** Stores what was loaded, given the instant before that. What it throws is ignored. */
  store(loaded: unknown, loadedAt: number): Promise<void>;
}

/** Loads a session, once for all who want it meanwhile, and gives each a copy of its own. */
export async function loadSession(wanted: SessionLoad): Promise<unknown> {
  const id = idOf(wanted.caller, wanted.token);
  const shared = {
    id,
    patienceMs: patienceFor(0),
    limitMs: Number.POSITIVE_INFINITY,
    older: wanted.older,
    begin: () => begin(wanted, id),
    alone: () => ({ landing: land(wanted, id) }),
  };
  // A loader that asks for its own session must not wait for itself.
  const landing = await landingOf(shared, wanted.nested ? shared.alone() : undefined);
  if (landing === TIMED_OUT) throw new KVClientError('aborted', `${OP}: the loader did not end`);
  if ('error' in landing) throw landing.error;
  return landing.value;
}

/** Whether the loader of this session is what is calling. */
export function isLoading(caller: Caller, token: string): boolean {
  return isCalling(idOf(caller, token));
}

/** The load of a session that is under way, if there is one. */
export function loadOf(caller: Caller, token: string): Flight | undefined {
  return flightOf(idOf(caller, token));
}

/** Says that a session has changed: one that is being loaded is not stored, and nobody else waits for it. */
export function supersedeSession(caller: Caller, token: string): void {
  supersede(idOf(caller, token));
}

/** The same for all of a store: whose session is being loaded is not known before it is there. */
export function supersedeSessions(caller: Caller): void {
  supersedePrefix(idOf(caller, ''));
}

/** No key of a cache entry in flight begins so. */
function idOf(caller: Caller, token: string): string {
  return `session:${caller.store.id}:${token}`;
}

function begin(wanted: SessionLoad, id: string): Begun {
  const { caller } = wanted;
  const loadedAt = caller.now();
  const flight: Flight = { landing: land(wanted, id), groups: [], beganMs: Date.now(), superseded: false };
  void register(id, flight);
  const work = flight.landing
    .then(async (landing) => {
      if ('error' in landing || landing.text === null || landing.value === null || flight.superseded) return;
      await wanted.store(JSON.parse(landing.text), loadedAt);
    })
    .catch(() => {})
    .then(() => settle(id, flight));
  return { landing: flight.landing, kept: caller.defer(work) };
}

/** Calls the loader. Never rejects. What has JSON comes out as that would, so that dates are texts whoever loaded them. */
async function land(wanted: SessionLoad, id: string): Promise<Landing> {
  try {
    const value = await callLoader(id, wanted.load);
    if (value === undefined) return { value: null, text: 'null' };
    try {
      const text = jsonTextOf(value, OP);
      return { value: JSON.parse(text), text };
    } catch {
      return { value, text: null };
    }
  } catch (error) {
    return { error };
  }
}
