import { Call } from './call.js';
import { core } from './core.js';
import { KVClientError } from './errors.js';
import type { ClientEvent, Outcome } from './events.js';
import type { Instance } from './instance.js';
import { memory } from './memory.js';
import { type Counts, decisions, latencies } from './meter.js';
import { type ClientOptions, checkFunction, checkOptions, checkStore, memoryOf, storeTimeoutOf } from './options.js';
import { type KVLike, Store } from './store.js';
import { keepsAlive, runtimeProblem, waitUntil } from '#host';

/** Calls kept for the next ones. */
const IDLE_CALLS = 32;

/** What a decision has cost so far. */
export type Spent = Pick<Call, 'beganMs' | 'kvReads' | 'kvWrites'> & Partial<Pick<Call, 'waited'>>;

/** What memory has, and what it cost. The instance's reply says what else is known of it, until the next entry. */
export interface Recalled extends Spent {
  readonly instance: Instance;
  readonly payload: unknown;
}

/** What the three clients share: a store, a clock, the work left for after the answer, and the events. */
export class Caller {
  readonly store: Store;
  /** How long values in memory answer reads, in milliseconds; 0: they do not. */
  readonly memoryMs: number;
  readonly #idle: Call[] = [];
  readonly #client: ClientEvent['client'];
  readonly #counts: Counts;
  readonly #clock: () => number;
  readonly #waitUntil: ((promise: Promise<unknown>) => void) | undefined;
  readonly #onEvent: ((event: ClientEvent) => void) | undefined;

  /** Throws `invalid-config` for a missing binding or an option out of range. */
  constructor(kv: KVLike, client: ClientEvent['client'], className: string, options: ClientOptions) {
    checkStore(kv, className);
    checkOptions(options, className);
    checkFunction(options.waitUntil, 'waitUntil');
    checkFunction(options.onEvent, 'onEvent');
    checkFunction(options.now, 'now');
    this.store = new Store(kv, storeTimeoutOf(options));
    const { maxAgeMs, maxBytes } = memoryOf(options, client, this.store.keepsMetadata);
    this.memoryMs = maxAgeMs;
    memory.raise(maxBytes);
    this.#client = client;
    this.#counts = decisions[client];
    this.#clock = options.now === undefined ? Date.now : clockOf(options.now);
    this.#waitUntil = options.waitUntil;
    this.#onEvent = options.onEvent;
  }

  /** The clock that decides, in Unix milliseconds. */
  now(): number {
    // Called by its name, which the compiler knows.
    return this.#clock === Date.now ? Date.now() : this.#clock();
  }

  /**
   * Asks the memory tier, at once and without a call: `question` enters the core and gives a slot, or -1. Undefined where
   * memory has nothing, and where there is no core.
   */
  recall(question: (instance: Instance, key: string, nowMs: number) => number, key: string): Recalled | undefined {
    if (this.memoryMs === 0 || runtimeProblem !== null) return undefined;
    const instance = core.current;
    if (instance === null || !instance.remembers) return undefined;
    const beganMs = this.now();
    let slot: number;
    try {
      slot = question(instance, key, beganMs);
      instance.settle();
    } catch {
      core.condemn(instance, Date.now());
      return undefined;
    }
    return slot < 0 ? undefined : { instance, payload: instance.payloads[slot], beganMs, kvReads: 0, kvWrites: 0 };
  }

  /**
   * Begins a call, on the caller's store or on another way to it. Throws `not-supported` on a runtime that is too old, by the name
   * of what is to be changed.
   */
  begin(store?: Store): Call {
    if (runtimeProblem !== null) throw new KVClientError('not-supported', runtimeProblem);
    const call = store === undefined ? (this.#idle.pop() ?? new Call(this.store, this.#clock)) : new Call(store, this.#clock);
    call.begin();
    return call;
  }

  /** Takes back a call that has ended and from which nothing is wanted any more: making one is a good part of what it costs. */
  release(call: Call): void {
    if (this.#idle.length < IDLE_CALLS) this.#idle.push(call);
  }

  /**
   * Leaves work for after the answer. Where nobody keeps the Worker alive for it, it is done before this resolves: work
   * that is only set going would be dropped with the request.
   */
  async defer(work: Promise<void>): Promise<void> {
    if (this.#waitUntil === undefined) {
      if (!waitUntil(work)) await work;
      return;
    }
    try {
      this.#waitUntil(work);
    } catch {
      await work;
    }
  }

  /** Whether work can be left for after the answer. */
  get defers(): boolean {
    return this.#waitUntil !== undefined || keepsAlive;
  }

  /** Leaves work for after the answer that may be lost: nobody waits for it. It must not reject. */
  keep(work: Promise<void>): void {
    try {
      if (this.#waitUntil === undefined) waitUntil(work);
      else this.#waitUntil(work);
    } catch {
      // It goes on for as long as the request does.
    }
  }

  /** Whether anybody listens to events. */
  get listens(): boolean {
    return this.#onEvent !== undefined;
  }

  /** Counts how a call came out: all there is to do where nobody listens. */
  count(call: Spent, outcome: Outcome): void {
    this.#counts[outcome]++;
    if (call.waited === true) latencies.record(Math.max(0, this.#clock() - call.beganMs));
  }

  /** Counts how a call came out, and tells the listener, if there is one. */
  report(call: Spent, op: string, outcome: Outcome, source: ClientEvent['source'], error?: KVClientError['code']): void {
    this.count(call, outcome);
    if (this.#onEvent === undefined) return;
    const event: ClientEvent = {
      client: this.#client,
      op,
      outcome,
      source,
      durationMs: Math.max(0, this.#clock() - call.beganMs),
      kvReads: call.kvReads,
      kvWrites: call.kvWrites,
      ...(error === undefined ? {} : { errorCode: error }),
    };
    try {
      const told: unknown = this.#onEvent(event);
      if (told instanceof Promise) told.catch(() => {});
    } catch {
      // A listener must not be why a request fails.
    }
  }
}

/** The caller's clock; the real one where that throws or tells no time. */
function clockOf(now: () => number): () => number {
  return () => {
    try {
      const ms: unknown = now();
      return typeof ms === 'number' && Number.isFinite(ms) ? ms : Date.now();
    } catch {
      return Date.now();
    }
  };
}

/** The JSON text of a value, at most KV's 25 MiB of it. Throws `invalid-argument` or `value-too-large`. */
export function jsonTextOf(value: unknown, op: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new KVClientError('invalid-argument', `${op}: the value cannot be written as JSON`, { cause });
  }
  if (text === undefined) {
    throw new KVClientError('invalid-argument', `${op}: the value must be JSON: undefined, functions and symbols are not`);
  }
  if (utf8Exceeds(text, MAX_VALUE_BYTES)) {
    throw new KVClientError('value-too-large', `${op}: the value exceeds KV's 25 MiB of JSON text; keep it elsewhere`);
  }
  return text;
}

/** KV's limit on a value, 25 MiB (developers.cloudflare.com/kv/platform/limits). */
const MAX_VALUE_BYTES = 26_214_400;

/** Whether the UTF-8 of a text is longer than that; a UTF-16 unit takes one to three bytes. */
function utf8Exceeds(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}

/** Checks that an argument is a string. Throws `invalid-argument`. */
export function checkString(value: unknown, op: string, name: string): asserts value is string {
  if (typeof value === 'string') return;
  throw new KVClientError('invalid-argument', `${op}: ${name} must be a string, not ${kindOf(value)}`);
}

/** What a value is, without saying what it holds. */
function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/** Reads what a caller handed over, of which a getter or a proxy may throw. Throws `invalid-argument` then. */
export function readArgument<T>(op: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new KVClientError('invalid-argument', `${op}: ${name} cannot be read`, { cause });
  }
}

/** A number as it is; anything else as NaN, which the core refuses. */
export function numberOr(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}
