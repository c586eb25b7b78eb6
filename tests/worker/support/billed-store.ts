import type { KVLike } from '@codex/cloudflare-clients';

/** Operations on a binding, counted where it is called: every key of every read, whatever comes of it. */
export interface Billed {
  readonly kv: KVLike;
  readonly bill: { reads: number; writes: number; deletes: number; lists: number };
}

const COLUMNS = { get: 'reads', getWithMetadata: 'reads', put: 'writes', delete: 'deletes', list: 'lists' } as const;

/** Puts a meter of the test's own on a binding, or on a double of one. */
export function billed(inner: object): Billed {
  const bill = { reads: 0, writes: 0, deletes: 0, lists: 0 };
  const kv = new Proxy(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]): unknown => {
        const [first] = args;
        if (name in COLUMNS) bill[COLUMNS[name as keyof typeof COLUMNS]] += Array.isArray(first) ? first.length : 1;
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  }) as KVLike;
  return { kv, bill };
}
