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

/** How an operation went. */
export interface Answer {
  /** An HTTP status as KV gives it (200, 429, 500, ...), or 504 where there was no answer in time. */
  status: number;
  /** What the store returned. */
  value: unknown;
  /** The answer came before any input or output could: no clock has moved meanwhile. */
  atOnce: boolean;
}

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
  get(key: string, cacheTtlSeconds: number): Promise<Answer> {
    const full = this.#full;
    return settle(
      () =>
        full !== null && cacheTtlSeconds > 0
          ? full.get(key, { type: 'text', cacheTtl: cacheTtlSeconds })
          : this.#kv.get(key, 'text'),
      this.timeoutMs,
    );
  }

  /** Reads a text with its metadata: a `{ value, metadata }`, or where the store keeps no metadata the text alone. */
  getWithMetadata(key: string): Promise<Answer> {
    const full = this.#full;
    return settle(
      () => (full !== null ? full.getWithMetadata(key, { type: 'text' }) : this.#kv.get(key, 'text')),
      this.timeoutMs,
    );
  }

  put(key: string, value: string, options: KVPutOptions): Promise<Answer> {
    return settle(() => this.#kv.put(key, value, options), this.timeoutMs);
  }

  delete(key: string): Promise<Answer> {
    return settle(() => this.#kv.delete(key), this.timeoutMs);
  }
}

function fullKV(kv: KVLike): FullKV | null {
  return 'getWithMetadata' in kv && typeof kv.getWithMetadata === 'function' ? (kv as unknown as FullKV) : null;
}

/** Waits for an operation, however it ends, for at most `timeoutMs`. Never rejects. */
async function settle(begin: () => unknown, timeoutMs: number): Promise<Answer> {
  let answer: Answer | undefined;
  const came = (value: unknown): void => {
    answer ??= { status: OK, value, atOnce: false };
  };
  const failed = (error: unknown): void => {
    answer ??= { status: statusOf(error), value: null, atOnce: false };
  };

  let pending: Promise<void>;
  try {
    pending = Promise.resolve(begin()).then(came, failed);
  } catch (error) {
    return { status: statusOf(error), value: null, atOnce: true };
  }
  for (let turn = 0; turn < PATIENT_TURNS && answer === undefined; turn++) await undefined;
  if (answer !== undefined) return { ...(answer as Answer), atOnce: true };

  const timer = startTimer(timeoutMs);
  await (timer === null ? pending : Promise.race([pending, timer.over]));
  timer?.stop();
  // Whatever comes later is not wanted any more.
  return (answer ??= { status: TIMED_OUT, value: null, atOnce: false });
}

interface Timer {
  over: Promise<void>;
  stop: () => void;
}

/** A timer, or null where none may be set: outside of a request, where a Worker can do no input or output either. */
function startTimer(ms: number): Timer | null {
  try {
    let stop = (): void => {};
    const over = new Promise<void>((resolve) => {
      const id = setTimeout(resolve, ms);
      stop = (): void => clearTimeout(id);
    });
    return { over, stop };
  } catch {
    return null;
  }
}

/** The HTTP status within an error of KV, `KV GET failed: 429 Too Many Requests`; the words after it vary. */
function statusOf(error: unknown): number {
  try {
    const match = /^KV \w+ failed: (\d{3})/.exec(error instanceof Error ? error.message : String(error));
    return match === null ? FAILED : Number(match[1]);
  } catch {
    return FAILED;
  }
}
