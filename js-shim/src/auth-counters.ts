import { DurableObject } from 'cloudflare:workers';
import type { CounterObject } from './counter-object.js';
import { CounterRows } from './counter-rows.js';
import { KVClientError } from './errors.js';
import { inRange } from './options.js';

/** A key of KV, 512 bytes, and what may stand around it. */
const MAX_KEY_UNITS = 1024;
/** 400 days. */
const LONGEST_SECONDS = 34_560_000;

/**
 * The Durable Object that counts for better-auth where KV cannot: its rate limits, who was the first to take a value that may be
 * taken once, and which sessions are gone. Export it from the Worker's main module, bind it, and pass the binding to `withKVStorage` as `counters`:
 *
 * ```toml
 * durable_objects.bindings = [{ name = "AUTH_COUNTERS", class_name = "AuthCounters" }]
 * migrations = [{ tag = "v1", new_sqlite_classes = ["AuthCounters"] }]
 * ```
 *
 * Between reading a row and writing it nothing is awaited, and no answer leaves before what was written is durable. What has ended
 * is cleared by an alarm, some minutes later.
 */
export class AuthCounters extends DurableObject implements CounterObject {
  #rows: CounterRows | undefined;

  /**
   * Counts one under a key and returns how many there are now, the first being 1. A counter ends `ttlSeconds` (above 0, at most
   * 400 days) after its first, whatever comes later. Throws `invalid-argument` for what the adapter does not send. Cost: 1
   * row read, 1 written.
   */
  async increment(key: string, ttlSeconds: number): Promise<number> {
    checkKey(key, 'increment');
    const ttlMs = inRange(ttlSeconds, 'ttlSeconds', 0.001, LONGEST_SECONDS, 'invalid-argument') * 1000;
    const now = Date.now();
    return this.#stored().increment(key, now + Math.ceil(ttlMs), now);
  }

  /** How many there are, and counts none. Throws as {@link increment} does. Cost: 1 row read. */
  async count(key: string): Promise<number> {
    checkKey(key, 'count');
    return this.#stored().count(key, Date.now());
  }

  /** Clears what has ended. Called by the runtime. */
  override async alarm(): Promise<void> {
    this.#stored().sweep(Date.now());
  }

  #stored(): CounterRows {
    this.#rows ??= new CounterRows(this.ctx.storage);
    return this.#rows;
  }
}

function checkKey(key: unknown, op: string): void {
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_UNITS) return;
  throw new KVClientError('invalid-argument', `${op}: key must be that of a counter`);
}
