import type { Env } from '../../workers/api/src/env.ts';

/** A KV namespace that is bound and answers every operation with KV's own failure. */
export function failingKv(): KVNamespace {
  const fail = (operation: string) => (): Promise<never> =>
    Promise.reject(new Error(`KV ${operation} failed: 500 Internal Server Error`));
  return {
    get: fail('GET'),
    getWithMetadata: fail('GET'),
    list: fail('GET'),
    put: fail('PUT'),
    delete: fail('DELETE'),
  } as unknown as KVNamespace;
}

/** A D1 database that throws at every query. */
export function brokenD1(message: string): D1Database {
  const fail = (): never => {
    throw new Error(`D1_ERROR: ${message}`);
  };
  return { prepare: fail, batch: fail, exec: fail } as unknown as D1Database;
}

/** Objects that count attempts, each of which fails as one does that is being moved. */
export function failingObjects(): Env['LOGIN_LIMITS'] {
  const fail = (): Promise<never> => Promise.reject(new Error('Durable Object reset because its code was updated.'));
  const object = { check: fail, refund: fail, block: fail, unblock: fail, reset: fail };
  return { idFromName: (name: string) => name, get: () => object } as unknown as Env['LOGIN_LIMITS'];
}
