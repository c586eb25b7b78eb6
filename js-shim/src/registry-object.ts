import { KVClientError } from './errors.js';
import { withinTime } from './within-time.js';

/** What a client calls on the object; `SessionRegistry` implements it. */
export interface RegistryObject {
  /** Records that copies loaded up to `before` are void, and keeps that until then. Both in Unix milliseconds. */
  revoke(key: string, before: number, until: number): Promise<void>;
  /** Up to when copies are void, or null, for each key. */
  revokedBefore(keys: readonly string[]): Promise<(number | null)[]>;
}

/** The binding of the object's class: a `DurableObjectNamespace`. */
export interface RegistryNamespace {
  idFromName(name: string): unknown;
  get(id: never): unknown;
}

/** What is recorded under a key, which the core has named with the number by which its object is chosen. */
export interface RegistryKey {
  readonly name: string;
  readonly shard: number;
}

/** Objects among which users and tokens are divided. */
const SHARDS = 64;

/** The objects that know of every revocation at once. Stubs are made for each call: one that was kept fails in the next request. */
export class RegistryObjects {
  readonly #namespace: RegistryNamespace;
  readonly #timeoutMs: number;

  constructor(namespace: RegistryNamespace, timeoutMs: number) {
    if (typeof namespace?.idFromName !== 'function' || typeof namespace.get !== 'function') {
      throw new KVClientError(
        'invalid-config',
        'registry must be the binding of a Durable Object namespace of SessionRegistry',
      );
    }
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects with `store-unavailable` where it is not recorded for certain. */
  async revoke(key: RegistryKey, before: number, until: number): Promise<void> {
    await this.#ask(key, (object) => object.revoke(key.name, before, until));
  }

  /** Whether copies with these stamps are good; undefined where an object cannot be asked. NaN: nothing is known of the copy. */
  async accepts(stamped: readonly (readonly [key: RegistryKey, loadedAt: number])[]): Promise<boolean | undefined> {
    const answers = await Promise.all(
      stamped.map(async ([key, loadedAt]) => {
        const answer = await this.#ask(key, (object) => object.revokedBefore([key.name])).catch(() => undefined);
        if (!Array.isArray(answer) || answer.length !== 1) return undefined;
        const [before] = answer;
        return before === null || loadedAt > (before as number);
      }),
    );
    return answers.includes(undefined) ? undefined : answers.every((good) => good === true);
  }

  #ask<T>({ shard }: RegistryKey, question: (object: RegistryObject) => Promise<T>): Promise<T> {
    return withinTime('the session registry', this.#timeoutMs, () => {
      const namespace = this.#namespace;
      const id = namespace.idFromName(`sessions:${SHARDS}:${shard % SHARDS}`);
      return question(namespace.get(id as never) as RegistryObject);
    });
  }
}
