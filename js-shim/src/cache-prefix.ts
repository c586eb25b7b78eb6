import { deleteEach } from './cache-batch.js';
import type { Entries } from './cache-entries.js';
import { optionsOf } from './cache-options.js';
import { checkString } from './caller.js';
import { storeFailure } from './errors.js';
import { flightId, supersedePrefix } from './flights.js';
import { MAX_OPERATIONS, OperationBudget } from './operation-budget.js';
import { inRange } from './options.js';
import { inTime } from './store.js';

/** How far `deleteByPrefix` goes. */
export interface DeleteByPrefixOptions {
  /** Where an earlier call with the same prefix stopped. */
  cursor?: string;
  /** Lists and deletes that this call may take: 2 to 900, default 900. Workers allow a request 1,000 operations. */
  maxOperations?: number;
}

/** What `deleteByPrefix` did. */
export interface DeletedPrefix {
  deleted: number;
  /** Whether the list has come to its end. */
  complete: boolean;
  /** Where to go on; absent at the end. */
  cursor?: string;
}

/** The most keys of one list (developers.cloudflare.com/kv/api/list-keys). */
const MAX_LISTED = 1000;

export async function deleteByPrefix(
  entries: Entries,
  prefix: string,
  options: DeleteByPrefixOptions | undefined,
): Promise<DeletedPrefix> {
  const op = 'deleteByPrefix';
  const { maxOperations = MAX_OPERATIONS, ...chosen } = optionsOf(options, op);
  checkString(prefix, op, 'prefix');
  const full = entries.prefix + prefix;
  await entries.checkPrefix(op, full);
  const operations = Math.floor(inRange(maxOperations, `${op}: maxOperations`, 2, MAX_OPERATIONS, 'invalid-argument'));
  const budget = new OperationBudget(operations);
  let { cursor } = chosen;
  if (cursor !== undefined) checkString(cursor, op, 'cursor');

  const { store } = entries.caller;
  store.mustList(op);
  const older = supersedePrefix(flightId(store.id, full));
  if (older !== undefined) await entries.overtake(older);
  await entries.buryPrefix(op, full);
  let deleted = 0;
  while (budget.left > 1) {
    budget.spend();
    // No more than can be deleted as well: whoever goes on with the cursor has missed none.
    const limit = Math.min(MAX_LISTED, budget.left);
    const page = await inTime(store, op, () => store.list(full, limit, cursor));
    // As the caller names them, for `remaining`.
    const keys = page.keys.map((key) => key.slice(entries.prefix.length));
    const { failure, failed } = await deleteEach(entries, op, keys, (key) => entries.prefix + key, budget);
    if (failure !== undefined) throw storeFailure(op, failure, failed);
    deleted += page.keys.length;
    ({ cursor } = page);
    if (cursor === undefined) return { deleted, complete: true };
  }
  return { deleted, complete: false, ...(cursor === undefined ? {} : { cursor }) };
}
