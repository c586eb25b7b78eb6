import { tooManyRequests } from './rate-limit-response.js';
import type { CachedSession } from './cached-session.js';
import { resolveSession, type SessionOptions } from './session-resolver.js';

export type { LoadedSession, ResolvedSession, SessionOptions } from './session-resolver.js';

/** What {@link session} sets: `c.get('session')` and `c.get('user')`, both null where nobody is signed in. */
export interface SessionVariables {
  session: CachedSession['session'] | null;
  user: CachedSession['user'] | null;
}

/** What is used of Hono's `Context`; the package declares no types of Hono. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  set(name: 'session', value: SessionVariables['session']): void;
  set(name: 'user', value: SessionVariables['user']): void;
}

/**
 * A Hono middleware that tells who sent a request, by better-auth's signed session cookie: from the cache, else from the database.
 *
 * ```ts
 * type App = { Bindings: Env; Variables: SessionVariables };
 * const app = new Hono<App>();
 * app.use(
 *   session((c: Context<App>) => ({
 *     kv: c.env.AUTH_SESSION_KV,
 *     secret: c.env.AUTH_SECRET,
 *     load: () => authOf(c.env).api.getSession({ headers: c.req.raw.headers }),
 *   })),
 * );
 * app.get('/me', (c) => c.json(c.get('user')));
 * ```
 * better-auth renews a session, and so its cookie, while it is asked: call it with `returnHeaders: true` and pass its `Set-Cookie` on with
 * `c.header`. A failing cache signs nobody out, and where `kv` is not bound the database is asked each time; a failing database is thrown on, to
 * `app.onError`. Whoever presents too many unknown tokens is answered 429 (`tooManyRequests`), unless the cache knows
 * the session. See {@link SessionOptions}. The middleware keeps nobody out: a handler that needs a user asks for one.
 */
export function session<C extends HonoContext>(
  configure: (c: C) => SessionOptions,
): (c: C, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (c, next) => {
    const resolved = await resolveSession(c.req.raw, configure(c));
    if (resolved.state === 'limited') return tooManyRequests(resolved.verdict, { name: 'unknown-sessions' });
    const isSignedIn = resolved.state === 'signed-in';
    c.set('session', isSignedIn ? resolved.session : null);
    c.set('user', isSignedIn ? resolved.user : null);
    await next();
    return undefined;
  };
}
