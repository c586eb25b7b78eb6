import { env } from 'cloudflare:workers';
import type { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

type Stub = DurableObjectStub<RateLimitAuthority>;

/** What becomes of a request to an object. `too late`: it does what it is asked, and its answer is lost. */
export type Fault = 'none' | 'throws' | 'hangs' | 'too late';

/** The binding of the objects, with a note of each request, and faults between it and the caller. */
export class Objects {
  /** The method and the object's name. */
  readonly requests: string[] = [];
  fault: Fault = 'none';

  idFromName = (name: string): string => name;

  get = (name: string): Stub => {
    const stub = stubOf(name);
    return new Proxy(stub, {
      get: (target, method) => (typeof method === 'string' ? this.#passOn(target, name, method) : undefined),
    });
  };

  #passOn(stub: Stub, name: string, method: string): (...args: unknown[]) => Promise<unknown> {
    return async (...args) => {
      this.requests.push(`${method} ${name}`);
      if (this.fault === 'throws') throw new Error('the object was reset');
      if (this.fault === 'hangs') return new Promise(() => {});
      const answer: unknown = await (stub as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]?.(
        ...args,
      );
      return this.fault === 'too late' ? new Promise(() => {}) : answer;
    };
  }
}

/** An object by its name. */
export function stubOf(name: string): Stub {
  return env.LIMITS.get(env.LIMITS.idFromName(name));
}
