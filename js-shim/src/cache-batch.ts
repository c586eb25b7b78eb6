import { BulkReads } from './bulk-reads.js';
import type { Entries, Found } from './cache-entries.js';
import { type EntryOptions, NO_TAGS, NO_TERMS, optionsOf, stringsOf, tagsOf, termsOf } from './cache-options.js';
import type { Call } from './call.js';
import { jsonTextOf, readArgument } from './caller.js';
import { type ErrorCode, KVClientError, storeFailure } from './errors.js';
import { MAX_OPERATIONS, OperationBudget } from './operation-budget.js';

/** What `deleteMany` did. */
export interface DeletedMany {
  /** Keys deleted; each counts once, however often it was named. */
  deleted: number;
  /** Whether nothing is left to do. */
  complete: boolean;
  /** The keys that may still be there. */
  remaining: string[];
}

/** Operations under way at once: the connections a Worker may have open (developers.cloudflare.com/workers/platform/limits). */
const CONCURRENT = 6;

/** Look-ups under way at once, so that a long list holds no more memory than a short one. */
const LOOK_UPS = 1000;

export async function getMany<T>(entries: Entries, keys: readonly string[]): Promise<Map<string, T | null>> {
  const pending = stringsOf(keys, 'getMany', 'keys');
  for (const key of pending) await entries.check('getMany', key);

  const values = new Map<string, T | null>(pending.map((key) => [key, null]));
  const unknown = pending.filter((key) => {
    const found = entries.recall(entries.full(key, 'getMany'), false);
    if (found === undefined) return true;
    values.set(key, entries.answer(found, 'getMany') as T);
    return false;
  });
  const budget = new OperationBudget();
  for (let from = 0; from < unknown.length; from += LOOK_UPS) {
    const found = await lookUpAll(entries, unknown.slice(from, from + LOOK_UPS), budget);
    for (const [key, { state, value }] of found) values.set(key, state === 'fresh' || state === 'stale' ? (value as T) : null);
  }
  return values;
}

/** Looks entries up in bulk: their values together, then the epochs of the tags that they turn out to have. */
async function lookUpAll(entries: Entries, keys: string[], budget: OperationBudget): Promise<[string, Found][]> {
  const { store } = entries.caller;
  const bulk = new BulkReads(store, budget);
  const calls: Call[] = keys.map(() => entries.caller.begin(bulk));
  const found = await Promise.all(
    keys.map(async (key, at): Promise<[string, Found]> => {
      return [key, await entries.find(calls[at] as Call, 'getMany', key, NO_TAGS, NO_TERMS)];
    }),
  );
  for (const [at, call] of calls.entries()) {
    // An epoch that several entries share was read once. What the epochs cost stands with the first entry.
    call.kvReads = at === 0 ? bulk.keysRead - (keys.length - 1) : 1;
    entries.report(call, 'getMany', (found[at] as [string, Found])[1]);
  }
  return found;
}

export async function setMany(
  entries: Entries,
  values: Iterable<readonly [string, unknown]> | Readonly<Record<string, unknown>>,
  ttlSeconds: number,
  options: EntryOptions | undefined,
): Promise<void> {
  const op = 'setMany';
  const tags = tagsOf(optionsOf(options, op).tags, op);
  const terms = termsOf(ttlSeconds, {});
  // Of a key that is named twice the last value counts, and KV takes one write a second.
  const texts = new Map(pairsOf(values).map(([key, value]) => [key, jsonTextOf(value, op)]));
  for (const key of texts.keys()) await entries.check(op, key, terms, tags);

  await Promise.all([...texts.keys()].map((key) => entries.supersede(entries.full(key, op))));
  const epochs = tags.length === 0 || texts.size === 0 ? '' : await entries.readEpochs(op, tags);
  // Without its epochs nothing can be stored that the groups could void.
  if (epochs === null) return;
  const budget = new OperationBudget();
  await each([...texts], async ([key, text]) => void (await entries.store(op, key, text, terms, { epochs, budget })));
}

function pairsOf(
  values: Iterable<readonly [string, unknown]> | Readonly<Record<string, unknown>>,
): (readonly [string, unknown])[] {
  const pairs = readArgument('setMany', 'entries', () => {
    if (typeof values !== 'object' || values === null) return null;
    const list = Symbol.iterator in values ? [...values] : Object.entries(values);
    return list.map(([key, value]): readonly [string, unknown] => [key, value]);
  });
  if (pairs !== null) return pairs;
  throw new KVClientError('invalid-argument', 'setMany: entries must be pairs of key and value, or an object');
}

export async function deleteMany(entries: Entries, keys: readonly string[]): Promise<DeletedMany> {
  const op = 'deleteMany';
  const pending = stringsOf(keys, op, 'keys');
  for (const key of pending) await entries.check(op, key);
  const now = pending.slice(0, MAX_OPERATIONS);
  const later = pending.slice(MAX_OPERATIONS);
  const { failure, failed } = await deleteEach(entries, op, now, (key) => entries.full(key, op), new OperationBudget());
  if (failure !== undefined) throw storeFailure(op, failure, [...failed, ...later]);
  return { deleted: now.length, complete: later.length === 0, remaining: later };
}

/** Deletes keys, a few at a time, all of them whatever becomes of some. */
export async function deleteEach(
  entries: Entries,
  op: string,
  keys: readonly string[],
  full: (key: string) => string,
  budget: OperationBudget,
): Promise<{ failure: ErrorCode | undefined; failed: string[] }> {
  let failure: ErrorCode | undefined;
  const failed: string[] = [];
  await each(keys, async (key) => {
    const name = full(key);
    const older = entries.overtakeWrites(name);
    if (older !== undefined) await older;
    const { error } = await entries.delete(op, name, budget);
    if (error === undefined) return;
    failure ??= error;
    failed.push(key);
  });
  return { failure, failed };
}

/** Does something with each item, with a few at once. */
export async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT, items.length) }, worker));
}
