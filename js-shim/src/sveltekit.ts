import { tooManyRequests } from './rate-limit-response.js';
import type { CachedSession } from './cached-session.js';
import { resolveSession, type SessionOptions } from './session-resolver.js';

export type { LoadedSession, ResolvedSession, SessionOptions } from './session-resolver.js';
export { signedCookie } from './signed-cookie.js';

/** What {@link sessionHandle} sets; both null where nobody is signed in. `interface Locals extends SessionLocals {}` in app.d.ts. */
export interface SessionLocals {
  session: CachedSession['session'] | null;
  user: CachedSession['user'] | null;
}

/** What is used of SvelteKit's `RequestEvent`; the package declares no types of SvelteKit. */
export interface SvelteKitEvent {
  readonly request: Request;
  readonly locals: SessionLocals;
}

/**
 * A SvelteKit `handle` that tells who sent a request, by better-auth's signed session cookie: from the cache, else from the database.
 *
 * ```ts
 * // src/hooks.server.ts
 * export const handle: Handle = sessionHandle((event) => ({
 *   kv: event.platform?.env?.AUTH_SESSION_KV,
 *   secret: env.AUTH_SECRET,
 *   load: () => auth.api.getSession({ headers: event.request.headers }),
 * }));
 * ```
 * `locals.session` and `locals.user` are set before anything else runs. The cookie's signature is verified before anything is looked up. A
 * failing cache signs nobody out, and where `kv` is not bound the database is asked each time; a failing database is thrown on,
 * to `handleError`. What was loaded is cached after the answer. Whoever presents too many unknown tokens is answered 429
 * (`tooManyRequests`), unless the cache knows the session. A request without any cookie, as in prerendering, is anonymous, and
 * `configure` is not called for it. See {@link SessionOptions}.
 *
 * better-auth renews a session, and so its cookie, while it loads one: have its `sveltekitCookies` plugin pass cookies on.
 */
export function sessionHandle<Event extends SvelteKitEvent>(
  configure: (event: Event) => SessionOptions,
): (input: { event: Event; resolve: (event: Event) => Response | Promise<Response> }) => Promise<Response> {
  return async ({ event, resolve }) => {
    const { request, locals } = event;
    locals.session = null;
    locals.user = null;
    if (request.headers.has('Cookie')) {
      const resolved = await resolveSession(request, configure(event));
      if (resolved.state === 'limited') return tooManyRequests(resolved.verdict, { name: 'unknown-sessions' });
      if (resolved.state === 'signed-in') {
        locals.session = resolved.session;
        locals.user = resolved.user;
      }
    }
    return resolve(event);
  };
}
