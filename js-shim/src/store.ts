/**
 * What the clients need of a store. A Workers `KVNamespace` is one; so is any object with these three methods. Where
 * `getWithMetadata` is there it is used, and the store is taken to keep metadata. Where it is not, a cache entry lives as
 * long as the store keeps it (KV: at least 60 seconds), and a session does not know when it was loaded.
 */
export interface KVLike {
  get(key: string, type: 'text'): Promise<string | null>;
  put(key: string, value: string, options?: KVPutOptions): Promise<void>;
  delete(key: string): Promise<void>;
}

/** How long a value is kept, in seconds, and what is kept beside it. */
export interface KVPutOptions {
  expirationTtl?: number;
  metadata?: unknown;
}

/** The part of a `KVNamespace` that goes beyond {@link KVLike}. */
interface FullKV {
  get(key: string, options: { type: 'text'; cacheTtl?: number }): Promise<unknown>;
  getWithMetadata(key: string, options: { type: 'text'; cacheTtl?: number }): Promise<unknown>;
}

/**
 * Hears how an operation went, once. `status` is an HTTP status as KV gives it (200, 429, 500, ...), or 504 where there was no
 * answer in time; `value` is what the store returned; `atOnce` says that the answer came before any input or output could, so
 * that no clock has moved meanwhile.
 */
export type Answered = (status: number, value: unknown, atOnce: boolean) => void;

const OK = 200;
const FAILED = 500;
const TIMED_OUT = 504;

/** Turns of the microtask queue given to a store that keeps everything in memory, before a timer is set for a slow one. */
const PATIENT_TURNS = 4;

let storesSeen = 0;
const storeIds = new WeakMap<object, number>();

/** A KV binding, with a number for it that lasts as long as the isolate and a bound on every wait. */
export class Store {
  /** The same for every client of one binding. */
  readonly id: number;
  readonly keepsMetadata: boolean;
  readonly timeoutMs: number;
  readonly #kv: KVLike;
  readonly #full: FullKV | null;

  constructor(kv: KVLike, timeoutMs: number) {
    this.#kv = kv;
    this.#full = fullKV(kv);
    this.keepsMetadata = this.#full !== null;
    this.timeoutMs = timeoutMs;
    const known = storeIds.get(kv);
    this.id = known ?? ++storesSeen;
    if (known === undefined) storeIds.set(kv, this.id);
  }

  /** Reads a text. `cacheTtlSeconds` 0 means KV's own. */
  get(key: string, cacheTtlSeconds: number, answered: Answered): void {
    const full = this.#full;
    settle(
      () =>
        full !== null && cacheTtlSeconds > 0
          ? full.get(key, { type: 'text', cacheTtl: cacheTtlSeconds })
          : this.#kv.get(key, 'text'),
      this.timeoutMs,
      answered,
    );
  }

  /** Reads a text with its metadata: a `{ value, metadata }`, or where the store keeps no metadata the text alone. */
  getWithMetadata(key: string, answered: Answered): void {
    const full = this.#full;
    settle(
      () => (full !== null ? full.getWithMetadata(key, { type: 'text' }) : this.#kv.get(key, 'text')),
      this.timeoutMs,
      answered,
    );
  }

  put(key: string, value: string, options: KVPutOptions, answered: Answered): void {
    settle(() => this.#kv.put(key, value, options), this.timeoutMs, answered);
  }

  delete(key: string, answered: Answered): void {
    settle(() => this.#kv.delete(key), this.timeoutMs, answered);
  }
}

/** What goes beyond the three methods, where it is there. */
function fullKV(kv: KVLike): FullKV | null {
  return 'getWithMetadata' in kv && typeof kv.getWithMetadata === 'function' ? (kv as unknown as FullKV) : null;
}

/**
 * Waits for an operation, however it ends, for at most `timeoutMs`. With callbacks and without a timer for a store that
 * answers at once, since this is most of what a call costs beside the store itself.
 */
function settle(begin: () => unknown, timeoutMs: number, answered: Answered): void {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (status: number, value: unknown): void => {
    if (over) return;
    over = true;
    if (timer !== undefined) clearTimeout(timer);
    answered(status, value, timer === undefined);
  };
  begun(begin).then(
    (value) => end(OK, value),
    (error: unknown) => end(statusOf(error), null),
  );
  let turns = PATIENT_TURNS;
  const watch = (): void => {
    if (over) return;
    if (--turns > 0) void Promise.resolve().then(watch);
    else timer = startTimer(() => end(TIMED_OUT, null), timeoutMs);
  };
  void Promise.resolve().then(watch);
}

/** The promise of an operation, also where it is none or the operation throws before it has one. */
function begun(begin: () => unknown): Promise<unknown> {
  try {
    return Promise.resolve(begin());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A timer; none outside of a request, where a Worker may set none and can do no input or output either. */
function startTimer(over: () => void, ms: number): ReturnType<typeof setTimeout> | undefined {
  try {
    return setTimeout(over, ms);
  } catch {
    return undefined;
  }
}

/**
 * The HTTP status within an error of KV, `KV GET failed: 429 Too Many Requests`; the words after it vary. Whatever the words
 * say, what was thrown is no success.
 */
function statusOf(error: unknown): number {
  try {
    const match = /^KV \w+ failed: (\d{3})/.exec(error instanceof Error ? error.message : String(error));
    const status = match === null ? FAILED : Number(match[1]);
    return status < 400 ? FAILED : status;
  } catch {
    return FAILED;
  }
}
