import { type ErrorCode, KVClientError } from './errors.js';
import type { ClientEvent } from './events.js';
import type { KVLike } from './store.js';

/** What every client takes as its second argument. */
export interface ClientOptions {
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
