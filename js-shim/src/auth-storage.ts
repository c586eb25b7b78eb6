import { authKey } from './auth-key.js';
import { type AuthValue, sessionIn, storedText, storedValue } from './auth-value.js';
import { type CounterNamespace, CounterObjects } from './counter-object.js';
import { KVClientError } from './errors.js';
import { checkStore, inRange, MAX_TIMER_MS } from './options.js';
import { type KVLike, type KVPutOptions, Store, statusOf } from './store.js';
import { withinTime } from './within-time.js';

/**
 * better-auth's `SecondaryStorage`, as of 1.7, on KV and Durable Objects. Each function can be called by itself, as better-auth does.
 *
 * | what fails | what becomes of it |
 * |---|---|
 * | `get` | null, and better-auth asks its database; but for the mark by which a user's sessions are revoked it rejects: a session that may be revoked is not accepted |
 * | `set` | tried again after a second where KV had a write of that key a second ago; else it rejects. A session is then deleted instead, and of a new one there is nothing to delete; the list of a user's sessions, which repeats what the database knows, may be missed |
 * | `delete` | tried again after a second; then it rejects. Of a session an object keeps for a day that it is gone, so that a refresh in flight, or one that read what KV still shows, does not bring it back; where the object fails that is not so |
 * | `increment`, `getAndDelete` | rejects: nothing was admitted, nothing was handed out (though an increment may have been counted) |
 *
 * A value ends with its `ttl`, also where that is below KV's 60 seconds. Cost: `get` 1 read; `set`, `delete` 1 write, and of a session 1 request to an object; `increment` 1
 * request; `getAndDelete` 1 read, 1 request, 1 delete. Consistency: KV's; what is deleted may be seen elsewhere for
 * usually another minute and a half, but is handed out by `getAndDelete` no more.
 */
export interface AuthSecondaryStorage {
  get(key: string): Promise<string | null>;
  getAndDelete(key: string): Promise<string | null>;
  increment(key: string, ttl: number): Promise<number>;
  set(key: string, value: string, ttl?: number): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Where better-auth's secondary storage stands. */
export interface AuthStorageOptions {
  /** The values: a KV namespace, which may hold other clients' keys as well; these begin with `auth:`. */
  kv: KVLike;
  /** The binding of `AuthCounters`, for what must be counted or taken once. */
  counters: CounterNamespace;
  /** Objects among which keys are divided: a whole number from 1 to 1,000. Default 16. Another number begins all counts anew. */
  shards?: number;
  /** Milliseconds after which an operation counts as failed: 1 to 2,147,483,647. Default 3000. */
  storeTimeoutMs?: number;
  /** The clock, in Unix milliseconds. Default `Date.now`. */
  now?: () => number;
}

/** Keys of better-auth 1.7 that are neither a session nor another single value (its `db/internal-adapter`). */
const INDEX = 'active-sessions-';
const WATERMARK = 'revoked-sessions-before-';
/** Before the keys of what is gone, among the counters. */
const GONE = 'gone:';

const DEFAULT_SHARDS = 16;
const MAX_SHARDS = 1000;
const DEFAULT_TIMEOUT_MS = 3000;
/** KV's least lifetime, its largest (workerd src/workerd/api/kv.h: 32 bits), and its least `cacheTtl`. */
const MIN_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 2_147_483_647;
const CACHE_TTL_SECONDS = 30;
/** KV takes a write of a key a second after the last; a little more, against clocks that differ. */
const NEXT_WRITE_MS = 1100;
/** How long it is remembered who took a value, beyond its end, and where it has none. */
const CLAIM_MARGIN_SECONDS = 3600;
const ENDLESS_CLAIM_SECONDS = 30 * 86_400;
const LONGEST_CLAIM_SECONDS = 400 * 86_400;
/** How long it is remembered that a session is gone: much longer than KV goes on showing it, and than any request that read it. */
const GONE_SECONDS = 86_400;
/** No older copy of a session that is younger than this can stand in KV. */
const NEW_SESSION_MS = 10_000;

/**
 * better-auth's secondary storage: values on KV, and on Durable Objects what KV cannot do, to count (`increment`) and to hand
 * out once (`getAndDelete`). `withKVStorage` puts it into better-auth's options.
 * What each operation costs, and what becomes of one that fails: see {@link AuthSecondaryStorage}.
 */
export class AuthStorage implements AuthSecondaryStorage {
  readonly #store: Store;
  readonly #counters: CounterObjects;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  /** What was written to a key last, while something waits to be written to it. */
  readonly #writing = new Map<string, symbol>();

  /** Throws `invalid-config` where a binding is missing or an option out of range. */
  constructor(options: AuthStorageOptions) {
    const { kv, counters, shards = DEFAULT_SHARDS, storeTimeoutMs = DEFAULT_TIMEOUT_MS, now = Date.now } = options;
    checkStore(kv, 'withKVStorage');
    if (typeof counters?.idFromName !== 'function') {
      throw new KVClientError('invalid-config', 'withKVStorage: counters must be the binding of AuthCounters');
    }
    this.#timeoutMs = inRange(storeTimeoutMs, 'storeTimeoutMs', 1, MAX_TIMER_MS);
    this.#store = new Store(kv, this.#timeoutMs);
    this.#counters = new CounterObjects(counters, Math.floor(inRange(shards, 'shards', 1, MAX_SHARDS)), this.#timeoutMs);
    this.#now = now;
  }

  readonly get = async (key: string): Promise<string | null> => {
    try {
      return (await this.#read(await authKey(key)))?.text ?? null;
    } catch (error) {
      if (key.startsWith(WATERMARK)) throw error;
      return null;
    }
  };

  readonly getAndDelete = async (key: string): Promise<string | null> => {
    const name = await authKey(key);
    const found = await this.#read(name);
    if (found === null) return null;
    // KV may go on showing what was taken; whoever asks for it then is the second.
    const takers = await this.#counters.increment(`taken:${found.version}:${name}`, this.#claimSeconds(found.expiresAt));
    if (takers > 1) return null;
    await this.#delete(name).catch(() => {});
    return found.text;
  };

  readonly increment = async (key: string, ttl: number): Promise<number> => {
    const seconds = Math.min(ttl, LONGEST_CLAIM_SECONDS);
    if (!(seconds > 0)) throw new KVClientError('invalid-argument', 'increment: ttl must be a number of seconds above 0');
    return this.#counters.increment(await authKey(key), seconds);
  };

  readonly set = async (key: string, value: string, ttl?: number): Promise<void> => {
    const name = await authKey(key);
    if (ttl !== undefined && !(ttl > 0)) return this.#delete(name);
    const now = this.#now();
    const expiresAt = ttl === undefined ? 0 : Math.ceil(now + Math.min(ttl, MAX_TTL_SECONDS) * 1000);
    const stored = storedText({ text: value, expiresAt, version: crypto.randomUUID() });
    const lifetime = { expirationTtl: Math.min(Math.max(MIN_TTL_SECONDS, Math.ceil(ttl ?? 0)), MAX_TTL_SECONDS) };
    const session = maybeSession(key) ? sessionIn(key, value) : null;
    try {
      await this.#put(name, stored, ttl === undefined ? {} : lifetime);
      // In this order: a session that went before this is found gone here; one that goes after it is deleted after it.
      if (session !== null && (await this.#isGone(name))) await this.#delete(name);
    } catch (error) {
      if (key.startsWith(INDEX)) return;
      if (session === null) throw error;
      // An older copy must not outlive what it was to become.
      await this.#delete(name).catch(() => {
        if (!(now - session.createdAt < NEW_SESSION_MS)) throw error;
      });
    }
  };

  readonly delete = async (key: string): Promise<void> => {
    const name = await authKey(key);
    if (maybeSession(key)) await this.#counters.increment(GONE + name, GONE_SECONDS).catch(() => {});
    await this.#delete(name);
  };

  /** Whether a session has been deleted. Where nobody can say: no. */
  async #isGone(name: string): Promise<boolean> {
    return (await this.#counters.count(GONE + name).catch(() => 0)) > 0;
  }

  async #read(name: string): Promise<AuthValue | null> {
    const stored = await withinTime('KV', this.#timeoutMs, () => this.#store.get(name, CACHE_TTL_SECONDS));
    const value = typeof stored === 'string' ? storedValue(stored) : null;
    return value === null || (value.expiresAt > 0 && value.expiresAt <= this.#now()) ? null : value;
  }

  /** A value that waits to be written is not written any more where something else has been written, or deleted, since. */
  async #put(name: string, stored: string, options: KVPutOptions): Promise<void> {
    const mine = Symbol(name);
    this.#writing.set(name, mine);
    const put = (): Promise<unknown> => withinTime('KV', this.#timeoutMs, () => this.#store.put(name, stored, options));
    try {
      await put().catch(async (error: unknown) => {
        if (!isRateLimited(error)) throw error;
        await nextWrite();
        if (this.#writing.get(name) === mine) await put();
      });
    } finally {
      if (this.#writing.get(name) === mine) this.#writing.delete(name);
    }
  }

  /** Whatever comes meanwhile, what was to go goes. */
  async #delete(name: string): Promise<void> {
    this.#writing.delete(name);
    const gone = (): Promise<unknown> => withinTime('KV', this.#timeoutMs, () => this.#store.delete(name));
    await gone().catch(async () => {
      await nextWrite();
      await gone();
    });
  }

  #claimSeconds(expiresAt: number): number {
    if (expiresAt === 0) return ENDLESS_CLAIM_SECONDS;
    const left = Math.ceil((expiresAt - this.#now()) / 1000) + CLAIM_MARGIN_SECONDS;
    return Math.min(left, LONGEST_CLAIM_SECONDS);
  }
}

/** Whether a key can be the token of a session: all others of better-auth's begin with what they are. */
function maybeSession(key: string): boolean {
  return !key.includes(':') && !key.startsWith(INDEX) && !key.startsWith(WATERMARK);
}

function nextWrite(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, NEXT_WRITE_MS));
}

/** Whether KV has taken a write of the key less than a second ago. */
function isRateLimited(error: unknown): boolean {
  return statusOf((error as KVClientError).cause) === 429;
}
