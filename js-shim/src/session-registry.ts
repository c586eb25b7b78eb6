import { DurableObject } from 'cloudflare:workers';
import { KVClientError } from './errors.js';
import { inRange } from './options.js';
import type { RegistryObject } from './registry-object.js';
import { RevocationRows } from './revocation-rows.js';

/** KV's limit on a key (developers.cloudflare.com/kv/platform/limits): the core names none that is longer. */
const MAX_KEY_UNITS = 512;
/** Keys that are asked about at once. */
const MAX_KEYS = 100;
/** The range of a `Date` (ECMA-262, 21.4.1.1). */
const LATEST_MS = 8_640_000_000_000_000;

/**
 * The Durable Object that knows of every revocation at once, for strict reads of {@link SessionCacheClient} to ask. Export it from
 * the Worker's main module, bind it, and pass the binding as `registry`:
 *
 * ```toml
 * durable_objects.bindings = [{ name = "SESSIONS", class_name = "SessionRegistry" }]
 * migrations = [{ tag = "v1", new_sqlite_classes = ["SessionRegistry"] }]
 * ```
 *
 * A row says up to when copies of a user's, or of one session, are void; a later revocation moves that on and none moves it back. Nothing is
 * awaited between reading and writing, and no answer leaves before what was written is durable: the output gate holds it back
 * (developers.cloudflare.com/durable-objects/api/sqlite-storage-api). What no stored session can outlive is cleared by an alarm.
 *
 * Every method throws for arguments that the client does not send.
 */
export class SessionRegistry extends DurableObject implements RegistryObject {
  readonly #rows: RevocationRows = new RevocationRows(this.ctx.storage);

  /** Cost: 1 row read and 1 written. */
  async revoke(key: string, before: number, until: number): Promise<void> {
    checkKey(key, 'revoke');
    this.#rows.revoke(key, instant(before, 'before'), instant(until, 'until'), Date.now());
  }

  /** Cost: 1 row read for each key. */
  async revokedBefore(keys: readonly string[]): Promise<(number | null)[]> {
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) {
      throw new KVClientError('invalid-argument', `revokedBefore: keys must be an array of at most ${MAX_KEYS}`);
    }
    for (const key of keys) checkKey(key, 'revokedBefore');
    return keys.map((key) => this.#rows.before(key));
  }

  /** Clears what matters no longer. Called by the runtime. */
  override async alarm(): Promise<void> {
    this.#rows.sweep(Date.now());
  }
}

function checkKey(key: unknown, op: string): asserts key is string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_UNITS) return;
  throw new KVClientError('invalid-argument', `${op}: key must be that of a user's sessions or of a session`);
}

function instant(ms: unknown, name: string): number {
  return Math.floor(inRange(ms as number, `revoke: ${name}`, -LATEST_MS, LATEST_MS, 'invalid-argument'));
}
