// What `durable-objects.ts` exports, for runtimes other than Workers: a Worker's own module can be imported in Node, for tests
// and prerendering, and bundled without the `workerd` condition; no object can be made of it.

import { KVClientError } from './errors.js';

/** No object: constructing it throws `not-supported`. */
export class AuthCounters {
  constructor() {
    throw notHere('AuthCounters');
  }
}

/** No object: constructing it throws `not-supported`. */
export class RateLimitAuthority {
  constructor() {
    throw notHere('RateLimitAuthority');
  }
}

function notHere(name: string): KVClientError {
  return new KVClientError(
    'not-supported',
    `${name} runs in Workers only: bundle the Worker that exports it with the \`workerd\` condition, as wrangler does`,
  );
}
