import { RateLimiterClient } from '@codex/cloudflare-clients';
import { sessionHandle } from '@codex/cloudflare-clients/sveltekit';
import type { Handle } from '@sveltejs/kit';
import { sequence } from '@sveltejs/kit/hooks';
import { cacheThatAnswered } from '$lib/answered-by';
import { SESSION_COOKIE, authOf } from '$lib/server/auth';
import { envOf } from '$lib/server/env';

/** What every answer of ours says. Scripts, styles and icons are served as files and never come here. */
const headers: Handle = async ({ event, resolve }) => {
  event.locals.answeredBy = null;
  const response = await resolve(event);
  // Pages show who is signed in, and belong in no cache on the way.
  if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'private, no-store');
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('referrer-policy', 'same-origin');
  return response;
};

/** Who is asking: `locals.session` and `locals.user`, from the cache, else from better-auth's database. */
const session: Handle = sessionHandle((event) => {
  const env = envOf(event);
  return {
    kv: env.AUTH_SESSION_KV,
    secret: env.AUTH_SECRET,
    cookie: SESSION_COOKIE,
    load: () => {
      event.locals.answeredBy = 'database';
      return authOf(env).api.getSession({ headers: event.request.headers });
    },
    limiter: new RateLimiterClient(env.RATE_LIMIT_KV),
    onEvent: (told) => (event.locals.answeredBy = cacheThatAnswered(told) ?? event.locals.answeredBy),
  };
});

export const handle = sequence(headers, session);
