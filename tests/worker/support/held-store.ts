import type { KVLike } from '@codex/cloudflare-clients';

/** An operation that waits for the test to answer it. */
export interface Held {
  readonly verb: 'get' | 'put' | 'delete';
  /** Of a bulk read the first key, which is the one that is answered; the others hold nothing. */
  readonly key: string;
  answer(value?: unknown): void;
  fail(error: unknown): void;
}

/** A full KV that answers when, how and in whatever order the test says, or never. */
export class HeldStore {
  readonly held: Held[] = [];

  get = (key: string | readonly string[]): Promise<never> => this.#hold('get', key);
  getWithMetadata = (key: string | readonly string[]): Promise<never> => this.#hold('get', key);
  put = (key: string): Promise<never> => this.#hold('put', key);
  delete = (key: string): Promise<never> => this.#hold('delete', key);

  /** The same object, as the clients take it. */
  get kv(): KVLike {
    return this as unknown as KVLike;
  }

  /** The operation on that key that has waited longest. It waits no more. */
  take(key: string): Held {
    const at = this.held.findIndex((held) => held.key === key);
    const [taken] = at < 0 ? [] : this.held.splice(at, 1);
    if (taken === undefined) throw new Error(`nothing waits for ${key}`);
    return taken;
  }

  #hold(verb: Held['verb'], keys: string | readonly string[]): Promise<never> {
    const [key = '', ...others] = [keys].flat();
    const found = (value: unknown): unknown =>
      typeof keys === 'string' ? value : new Map([[key, value], ...others.map((other) => [other, null] as const)]);
    return new Promise((resolve, reject) => {
      this.held.push({ verb, key, answer: (value) => resolve(found(value) as never), fail: reject });
    });
  }
}

/** A stored value as a KV namespace hands it over. */
export function stored(value: unknown, metadata: unknown = null): { value: string; metadata: unknown } {
  return { value: JSON.stringify(value), metadata };
}
