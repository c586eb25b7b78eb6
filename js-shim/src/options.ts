import { type ErrorCode, KVClientError } from './errors.js';
import type { ClientEvent } from './events.js';
import type { KVLike } from './store.js';

/** What every client takes as its second argument. */
export interface ClientOptions {
  /**
   * Values read lately stay in the isolate's memory, and answer reads for `maxAgeMs` (1 to 2,147,483,647) without asking the store: 10
   * seconds for the cache and 2 seconds for sessions unless said otherwise. False: every read asks the store. An object that is no
   * full KV namespace (it has no `getWithMetadata`) gets memory only where this is given. All clients of the isolate share it, whatever
   * the store; it holds `maxBytes` (1 to 67,108,864), the largest asked for, 8 MiB by default. A limiter has no use for it.
   */
  memory?: false | MemoryOptions;
  /**
   * Keeps the Worker alive for work that goes on after the answer, such as the write after a load. Default: the running
   * Worker's own. Where there is none (Node), that work is awaited before the call answers.
   */
  waitUntil?: (promise: Promise<unknown>) => void;
  /** Milliseconds after which an operation on the store counts as failed: 1 to 2,147,483,647. Default 3000. */
  storeTimeoutMs?: number;
  /** Told of every decision. What it throws is ignored. */
  onEvent?: (event: ClientEvent) => void;
  /** The clock that decides, in Unix milliseconds. Default `Date.now`. */
  now?: () => number;
}

/** What is kept in the isolate's memory. */
export interface MemoryOptions {
  /** Milliseconds for which a value in memory answers reads. */
  maxAgeMs?: number;
  /** Bytes that the isolate's memory may hold of all clients together. */
  maxBytes?: number;
}

const DEFAULT_STORE_TIMEOUT_MS = 3000;
/** The longest delay of a timer (HTML, 8.6: a 32-bit signed integer). */
export const MAX_TIMER_MS = 2_147_483_647;

/** Checks that a binding is one. Throws `invalid-config` where it is missing or lacks a method. */
export function checkStore(kv: KVLike, client: string): void {
  const methods = ['get', 'put', 'delete'] as const;
  const isStore = typeof kv === 'object' && kv !== null && methods.every((method) => typeof kv[method] === 'function');
  if (isStore) return;
  throw new KVClientError(
    'invalid-config',
    `${client} needs a KV binding with get, put and delete; is the namespace bound in wrangler.toml for this environment?`,
  );
}

/** Checks that options are an object. Throws `invalid-config`. */
export function checkOptions(options: object, client: string): void {
  if (typeof options === 'object' && options !== null) return;
  throw new KVClientError('invalid-config', `the options of ${client} must be an object`);
}

/** The bound on operations. Throws `invalid-config`. */
export function storeTimeoutOf(options: ClientOptions): number {
  return inRange(options.storeTimeoutMs ?? DEFAULT_STORE_TIMEOUT_MS, 'storeTimeoutMs', 1, MAX_TIMER_MS);
}

/** How long values in memory answer reads, in milliseconds. A limiter has none, and checks what it is given. */
const DEFAULT_MEMORY_MS = { cache: 10_000, session: 2_000, limit: 1 };
const DEFAULT_MEMORY_BYTES = 8 * 2 ** 20;
/** Half of what an isolate has (developers.cloudflare.com/workers/platform/limits). */
const MOST_MEMORY_BYTES = 64 * 2 ** 20;

/** The age of what a client answers from memory, and the bytes it asks for; both 0 for none. Throws `invalid-config`. */
export function memoryOf(
  options: ClientOptions,
  client: keyof typeof DEFAULT_MEMORY_MS,
  keepsMetadata: boolean,
): { maxAgeMs: number; maxBytes: number } {
  const asked = options.memory ?? (keepsMetadata ? {} : false);
  const none = { maxAgeMs: 0, maxBytes: 0 };
  if (asked === false) return none;
  if (typeof asked !== 'object') throw new KVClientError('invalid-config', 'memory must be false or an object');
  const maxAgeMs = inRange(asked.maxAgeMs ?? DEFAULT_MEMORY_MS[client], 'memory.maxAgeMs', 1, MAX_TIMER_MS);
  const maxBytes = inRange(asked.maxBytes ?? DEFAULT_MEMORY_BYTES, 'memory.maxBytes', 1, MOST_MEMORY_BYTES);
  return client === 'limit' ? none : { maxAgeMs, maxBytes };
}

/** A number option that must lie within a range. Throws `invalid-config`, or what is said. */
export function inRange(
  value: number,
  name: string,
  lowest: number,
  highest: number,
  code: ErrorCode = 'invalid-config',
): number {
  if (typeof value === 'number' && value >= lowest && value <= highest) return value;
  throw new KVClientError(code, `${name} must be a number from ${lowest} to ${highest}`);
}

/** An optional function. Throws `invalid-config`. */
export function checkFunction(value: unknown, name: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw new KVClientError('invalid-config', `${name} must be a function`);
}
