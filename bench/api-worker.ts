// The api worker as it is, and beside it a route that does nothing: what the others are compared to.
import api from '../workers/api/src/index.ts';
import type { Env } from '../workers/api/src/env.ts';

export { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Response | Promise<Response> {
    if (request.url.endsWith('/nothing')) return new Response('nothing');
    return api.fetch(request, env, context);
  },
};
