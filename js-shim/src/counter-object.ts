import { withinTime } from './within-time.js';

/** What is called on the object; `AuthCounters` implements it. */
export interface CounterObject {
  /** Counts one under a key, which ends so many seconds after its first, and returns how many there are. */
  increment(key: string, ttlSeconds: number): Promise<number>;
  /** How many there are, and counts none. */
  count(key: string): Promise<number>;
}

/** The binding of the object's class: a `DurableObjectNamespace`. */
export interface CounterNamespace {
  idFromName(name: string): unknown;
  get(id: never): unknown;
}

/** The objects among which keys are divided. Stubs are made for each call: one that was kept fails in the next request. */
export class CounterObjects implements CounterObject {
  readonly #namespace: CounterNamespace;
  readonly #shards: number;
  readonly #timeoutMs: number;

  constructor(namespace: CounterNamespace, shards: number, timeoutMs: number) {
    this.#namespace = namespace;
    this.#shards = shards;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects with `store-unavailable` where the object fails, or has not answered in time; it may have counted then. */
  increment(key: string, ttlSeconds: number): Promise<number> {
    return this.#ask(key, (object) => object.increment(key, ttlSeconds));
  }

  /** Rejects as {@link increment} does. */
  count(key: string): Promise<number> {
    return this.#ask(key, (object) => object.count(key));
  }

  #ask(key: string, question: (object: CounterObject) => Promise<number>): Promise<number> {
    return withinTime('the object that counts', this.#timeoutMs, () => {
      const namespace = this.#namespace;
      // Objects of another division are different ones.
      const name = `auth:${this.#shards}:${hashOf(key) % this.#shards}`;
      return question(namespace.get(namespace.idFromName(name) as never) as CounterObject);
    });
  }
}

/** FNV-1a, 32 bits, over the units of the text: spreads keys that differ in little, and is nobody's secret. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
