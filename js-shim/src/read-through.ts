import type { Entries, Found, FoundInMemory } from './cache-entries.js';
import type { Terms } from './cache-options.js';
import { jsonTextOf } from './caller.js';
import { type ErrorCode, KVClientError } from './errors.js';
import {
  backsOff,
  callLoader,
  type Flight,
  flightId,
  isCalling,
  isUnderWay,
  type Landing,
  noteOutcome,
  patienceFor,
  register,
  settle,
  TIMED_OUT,
} from './flights.js';
import { type Begun, landingOf } from './shared-load.js';
import { isValid, type Validate } from './validation.js';

/** What `getOrSet` was asked for, checked. */
export interface Wanted {
  readonly key: string;
  /** What memory has of it. */
  readonly found: FoundInMemory | undefined;
  readonly load: () => unknown;
  readonly terms: Terms;
  readonly tags: readonly string[];
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly forceFresh: boolean;
  readonly validate: Validate | undefined;
}

const OP = 'getOrSet';

/** A value that is wanted. */
interface Load {
  readonly id: string;
  readonly wanted: Wanted;
  /** The epochs of the tags as they were before the load; null where they could not be read. */
  readonly epochs: string | null;
  /** What may be answered where loading fails. */
  readonly fallback: Found | null;
  /** How long to wait for another's load. */
  readonly patienceMs: number;
  /** The memory tier's stamp of when what came before the load began. */
  readonly began: number;
}

/** Reads an entry, or loads it and stores it. */
export async function readThrough(entries: Entries, wanted: Wanted): Promise<unknown> {
  const { caller } = entries;
  const { key, tags, terms } = wanted;
  const id = flightId(caller.store.id, entries.full(key, OP));
  // A loader that asks for its own key must not wait for itself.
  const nested = isCalling(id);
  if (wanted.forceFresh) {
    await entries.check(OP, key, terms, tags);
    const epochs = tags.length === 0 ? '' : await entries.readEpochs(OP, tags);
    const load = { id, wanted, epochs, fallback: null, patienceMs: patienceFor(0), began: 0 };
    return await answerOf(entries, load, begin(entries, load));
  }

  const { found: recalled } = wanted;
  const found =
    recalled !== undefined && (await mayAnswer(entries, wanted, recalled))
      ? recalled
      : await entries.read(OP, key, tags, terms, wanted.validate);
  if (found.state === 'fresh') return found.value;
  const epochs = found.outcome === 'failed' && tags.length > 0 ? null : found.tags;
  const fallback = found.state === 'miss' ? null : found;
  const load: Load = { id, wanted, epochs, fallback, patienceMs: patienceFor(found.loadMs), began: found.began };
  if (fallback !== null && backsOff(id, caller.now())) return served(entries, fallback);
  if (found.state === 'stale') {
    if (!isUnderWay(id, load.patienceMs)) await begin(entries, load).kept;
    return found.value;
  }
  if (nested) return await answerOf(entries, load, { landing: land(entries, load) });
  return await answerOf(entries, load);
}

/** Whether what memory has may be answered. What is stale and has tags is read again: their epochs are to be known before a load. */
async function mayAnswer(entries: Entries, { tags, validate }: Wanted, found: FoundInMemory): Promise<boolean> {
  if (found.state !== 'fresh' && tags.length > 0) return false;
  if (validate !== undefined && !(await isValid(validate, found.value))) return false;
  entries.reportRecalled(found, OP);
  return true;
}

/** Waits for a load, another's or one's own, and gives what it comes to. */
async function answerOf(entries: Entries, load: Load, own?: Begun): Promise<unknown> {
  const { id, wanted, fallback, patienceMs } = load;
  const soft = fallback === null ? Number.POSITIVE_INFINITY : wanted.softTimeoutMs;
  const shared = {
    id,
    patienceMs,
    limitMs: Math.min(soft, wanted.hardTimeoutMs),
    begin: () => begin(entries, load),
    alone: () => ({ landing: land(entries, load) }),
  };
  const landing = await landingOf(shared, own);
  if (landing === TIMED_OUT) {
    const reason = `${OP}: the loader took longer than hardTimeoutMs; what it loads is stored all the same: repeat the call`;
    return failedWith(new KVClientError('aborted', reason), entries, fallback);
  }
  return 'error' in landing ? failedWith(landing.error, entries, fallback) : landing.value;
}

function failedWith(error: unknown, entries: Entries, fallback: Found | null): unknown {
  if (fallback === null) throw error;
  return served(entries, fallback);
}

/** Answers what is out of date, and says so. */
function served(entries: Entries, fallback: Found): unknown {
  entries.report(entries.caller.begin(), OP, { outcome: 'stale', error: undefined });
  return fallback.value;
}

/** Begins a load that others may wait for, and stores what comes of it. */
function begin(entries: Entries, load: Load): Begun {
  const { caller } = entries;
  const beganMs = caller.now();
  const flight: Flight = {
    landing: land(entries, load),
    groups: load.wanted.tags.map((tag) => entries.group(tag)),
    beganMs: Date.now(),
    superseded: false,
  };
  const older = register(load.id, flight);
  const work = flight.landing
    .then((landing) => {
      const nowMs = caller.now();
      noteOutcome(load.id, 'error' in landing, nowMs);
      return keep(entries, load, flight, landing, Math.max(0, nowMs - beganMs), older);
    })
    .catch(() => {})
    .then(() => settle(load.id, flight));
  return { landing: flight.landing, kept: caller.defer(work) };
}

/** Calls the loader. Never rejects. */
async function land(entries: Entries, { id, wanted }: Load): Promise<Landing> {
  let value: unknown;
  try {
    value = await callLoader(id, wanted.load);
  } catch (error) {
    return { error };
  }
  if (value === undefined) return { value, text: null };
  try {
    return { value, text: jsonTextOf(value, OP) };
  } catch (error) {
    unstored(entries, 'failed', error instanceof KVClientError ? error.code : 'invalid-argument');
    return { value, text: null };
  }
}

/** Stores what was loaded, if it is to be stored. */
async function keep(
  entries: Entries,
  load: Load,
  flight: Flight,
  landing: Landing,
  loadMs: number,
  older: Promise<unknown> | undefined,
): Promise<void> {
  const { key, terms, tags, validate } = load.wanted;
  if ('error' in landing || landing.text === null || load.epochs === null) return;
  const { value, text } = landing;
  if ((value === null ? terms.negativeTtl : terms.ttl) <= 0) return;
  if (validate !== undefined && !(await isValid(validate, JSON.parse(text)))) {
    unstored(entries, 'skipped', 'invalid-argument');
    return;
  }
  if (older !== undefined) await entries.overtake(older);
  if (flight.superseded) return;
  const { began } = load;
  flight.storing = entries.store(OP, key, text, terms, { epochs: tags.length === 0 ? '' : load.epochs, loadMs, began });
  await flight.storing;
}

/** Says why what was loaded is not stored. */
function unstored(entries: Entries, outcome: 'failed' | 'skipped', code: ErrorCode): void {
  entries.caller.report(entries.caller.begin(), OP, outcome, 'none', code);
}
