import type { KVLike } from '@codex/cloudflare-clients';

/** How an operation of a store comes out instead of being done. */
export type Fault = (operation: string) => unknown;

/** A store whose operation number `step`, counted from 1, has a fault; the others are done. A full KV stays one. */
export function failingAt(step: number, fault: Fault, kv: KVLike): KVLike {
  let operations = 0;
  const maybe =
    (name: string, operation: (...args: never[]) => unknown) =>
    (...args: unknown[]): unknown =>
      ++operations === step ? fault(name) : operation.apply(kv, args as never[]);
  const store: Record<string, unknown> = {};
  for (const name of ['get', 'getWithMetadata', 'put', 'delete', 'list'] as const) {
    const operation = (kv as unknown as Record<string, unknown>)[name];
    if (typeof operation === 'function') store[name] = maybe(name, operation as never);
  }
  return store as unknown as KVLike;
}

const kvFailure = (operation: string, status: string): Error =>
  new Error(`KV ${operation === 'getWithMetadata' ? 'GET' : operation.toUpperCase()} failed: ${status}`);
const hostile = { toString: (): never => raise(new Error('an odd error')), message: 5 };

function raise(error: unknown): never {
  throw error;
}

/** Ways to fail, each with the code it must come out as. */
export const FAULTS: readonly [name: string, fault: Fault, code: 'store-unavailable' | 'store-rate-limited'][] = [
  ['429', async (operation) => raise(kvFailure(operation, '429 Too Many Requests')), 'store-rate-limited'],
  ['429 thrown at once', (operation) => raise(kvFailure(operation, '429 Too Many Requests')), 'store-rate-limited'],
  ['500', async (operation) => raise(kvFailure(operation, '500 Internal Server Error')), 'store-unavailable'],
  ['400', async (operation) => raise(kvFailure(operation, '400 Bad Request')), 'store-unavailable'],
  ['an error that says 200', async (operation) => raise(kvFailure(operation, '200 OK')), 'store-unavailable'],
  ['a SyntaxError', async () => JSON.parse('{') as unknown, 'store-unavailable'],
  ['a rejection with undefined', () => Promise.reject(undefined), 'store-unavailable'],
  ['a rejection with null', () => Promise.reject(null), 'store-unavailable'],
  ['a rejection with a text', () => Promise.reject('no'), 'store-unavailable'],
  ['a rejection with a symbol', () => Promise.reject(Symbol('no')), 'store-unavailable'],
  ['a rejection with an object that cannot be read', () => Promise.reject(hostile), 'store-unavailable'],
  ['an exception', () => raise(new TypeError('Illegal invocation')), 'store-unavailable'],
  ['an exception that is undefined', () => raise(undefined), 'store-unavailable'],
  // biome-ignore lint/suspicious/noThenProperty: what a store returns is awaited, whatever it is.
  ['a thenable that throws', () => ({ then: () => raise(new Error('no')) }), 'store-unavailable'],
  ['no answer at all', () => new Promise(() => {}), 'store-unavailable'],
];
