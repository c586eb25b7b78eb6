import { withinTime } from './within-time.js';

/** What is known of a caller under one rule, as numbers whose meaning is the core's. */
export type KnownAttempts = readonly number[];

/** How many numbers that takes. */
export const ATTEMPTS_NUMBERS = 8;

/** An attempt as it is put to the object that keeps its count. Plain data. */
export interface LimitRequest {
  /** The counter's key, as KV would have it. */
  key: string;
  limit: number;
  /** Seconds. */
  window: number;
  /** By the core's number. */
  algorithm: number;
  /** NaN: none was given. */
  burst: number;
  cost: number;
}

/** The object's answer to one attempt. */
export interface LimitAnswer {
  allowed: boolean;
  remaining: number;
  resetAt: number;
  retryAfterMs: number;
  /** By the core's number. */
  reason: number;
  /** Names the attempt for a refund; a sequence of 0 says that none was counted. */
  opening: number;
  sequence: number;
  known: KnownAttempts;
}

/** What a client calls on the object; `RateLimitAuthority` implements it. */
export interface LimitObject {
  /** Decides attempts: all of them are counted, or none where one is refused or `counts` is false. */
  check(requests: readonly LimitRequest[], counts: boolean, durable: boolean): Promise<LimitAnswer[]>;
  refund(request: LimitRequest, opening: number, sequence: number, durable: boolean): Promise<void>;
  /** Refuses a key for so many seconds, whatever the rule. */
  block(key: string, seconds: number, durable: boolean): Promise<void>;
  unblock(key: string, durable: boolean): Promise<void>;
  /** Forgets a key's attempts, by whatever rule. */
  reset(key: string, durable: boolean): Promise<void>;
}

/** The binding of the object's class: a `DurableObjectNamespace`. */
export interface LimitNamespace {
  idFromName(name: string): unknown;
  get(id: never): unknown;
}

/** The objects among which callers are divided. Stubs are made for each call: one that was kept fails in the next request. */
export class LimitObjects {
  readonly durable: boolean;
  readonly #namespace: LimitNamespace;
  readonly #shards: number;
  readonly #timeoutMs: number;

  constructor(namespace: LimitNamespace, shards: number, durable: boolean, timeoutMs: number) {
    this.#namespace = namespace;
    this.#shards = shards;
    this.durable = durable;
    this.#timeoutMs = timeoutMs;
  }

  /** Which of the objects keeps the count of a key, by the core's number for it. */
  shardOf(number: number): number {
    return number % this.#shards;
  }

  /** Asks one of them. Rejects with `store-unavailable` where it fails, or has not answered in time. */
  ask<T>(shard: number, question: (object: LimitObject) => Promise<T>): Promise<T> {
    return withinTime('the limit object', this.#timeoutMs, () => {
      // Objects that write and those that do not are different ones, and so are those of another division.
      const name = `${this.durable ? 'limits' : 'limits-in-memory'}:${this.#shards}:${shard}`;
      const namespace = this.#namespace;
      return question(namespace.get(namespace.idFromName(name) as never) as LimitObject);
    });
  }
}

/** An answer as the core takes it. */
export function numbersOf(answer: LimitAnswer): number[] {
  const { allowed, remaining, resetAt, retryAfterMs, reason, opening, sequence, known } = answer;
  return [allowed ? 1 : 0, remaining, resetAt, retryAfterMs, reason, opening, sequence, ...known];
}
