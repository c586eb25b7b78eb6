// What `durable-objects.ts` exports, for runtimes other than Workers: a Worker's own module can be imported in Node, for tests
// and prerendering, and bundled without the `workerd` condition; no object can be made of it.

import { KVClientError } from './errors.js';

class Elsewhere {
  constructor() {
    throw new KVClientError(
      'not-supported',
      'Durable Objects run in Workers only: bundle the Worker that exports them with the `workerd` condition, as wrangler does',
    );
  }
}

/** No object: constructing it throws `not-supported`. */
export class AuthCounters extends Elsewhere {}

/** No object: constructing it throws `not-supported`. */
export class RateLimitAuthority extends Elsewhere {}

/** No object: constructing it throws `not-supported`. */
export class SessionRegistry extends Elsewhere {}
