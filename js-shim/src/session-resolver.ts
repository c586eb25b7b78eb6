import type { CachedSession, SessionInput } from './cached-session.js';
import { clientAddress } from './client-address.js';
import type { RateLimitConfig } from './rate-limit-config.js';
import type { RateLimitResult } from './rate-limit-result.js';
import { RateLimiterClient } from './rate-limiter.js';
import { Recent } from './recent.js';
import { SessionCacheClient } from './session-cache.js';
import type { SessionCacheOptions } from './session-options.js';
import { SESSION_COOKIE, signedCookie } from './signed-cookie.js';
import type { KVLike } from './store.js';

/** A session and its user as databases return them: dates may be `Date`s, and what is unknown null or undefined. */
export interface LoadedSession {
  session: OrUndefined<SessionInput['session']>;
  user: OrUndefined<SessionInput['user']>;
}

/** What may be missing may also be there and undefined, whatever `exactOptionalPropertyTypes` says. */
type OrUndefined<T> = { [Name in keyof T]: object extends Pick<T, Name> ? T[Name] | undefined : T[Name] };

/** What it takes to tell who sent a request; beyond these, the options of the `SessionCacheClient` that is asked. */
export interface SessionOptions extends SessionCacheOptions {
  /** The namespace of the sessions. Where it is not bound (undefined or null), every request asks the database. */
  kv: KVLike | null | undefined;
  /** better-auth's `secret`, by which it signs its cookies; of its `secrets` the first. */
  secret: string;
  /**
   * Asks the database for the session of this request, whose token is given, and answers null where there is none: what
   * `auth.api.getSession({ headers })` returns, as it is. What it throws is thrown on.
   */
  load: (token: string) => Promise<LoadedSession | null>;
  /**
   * The cookie's name. Default `better-auth.session_token`, and before that the same with `__Secure-`; a name that has such
   * a prefix is the only one accepted.
   */
  cookie?: string;
  /** Who counts unknown tokens. Default: a client on `kv`. With null nobody does. */
  limiter?: RateLimiterClient | null;
  /**
   * How many unknown tokens an address may present before the database is not asked for it, and how often each of them, in an
   * isolate. Default 20 in a minute.
   */
  unknownTokens?: RateLimitConfig;
}

/** Who sent a request. */
export type ResolvedSession =
  | { state: 'signed-in'; token: string; session: CachedSession['session']; user: CachedSession['user'] }
  /** No cookie, one that was not signed by us, or a session that there is not (any more). */
  | { state: 'anonymous' }
  /** The cache does not know the session, and the address has presented too many unknown ones: answer with `tooManyRequests`. */
  | { state: 'limited'; verdict: RateLimitResult };

const UNKNOWN_TOKENS: RateLimitConfig = { limit: 20, window: 60, keyPrefix: 'rl:unknown-session:' };

const ANONYMOUS = { state: 'anonymous' } as const;

/** The tokens that were found to be unknown lately, by the address that presented them, oldest first; how often, and until when. */
const unknown = new Recent<{ times: number; until: number }>(1000);

/** Thrown through the cache by a load that may not be made. */
const REFUSED = Symbol('refused');

/**
 * Tells who sent a request, by better-auth's signed session cookie: from the cache, else from the database.
 *
 * - The signature is verified before anything is looked up; what is not signed by `secret` costs no operation.
 * - A failing cache is a miss. Only the database says that somebody is signed out, and where it fails its error is thrown: nobody is
 *   taken for signed out because something was out of order.
 * - What was loaded is cached after the answer (`waitUntil`); a failing write is an event.
 * - A signed token that the database does not know (signed out, expired, copied from somewhere) counts against the client's address,
 *   once in the limit's window in each isolate. What an address asks at once is counted when the database has answered.
 *   Beyond `unknownTokens` the database is not asked for that address until some of it has passed, and the state is `limited`:
 *   not `anonymous`, since whoever shares the address may well be signed in. Whose token was found to be unknown just now is
 *   `anonymous` all the same, also who presents it so often that the database is not asked for it any more: a browser that
 *   keeps an old cookie can still sign in. Sessions that are cached go on being found. Without an address
 *   (`CF-Connecting-IP`) nothing is counted.
 *
 * Dates are ISO 8601 strings, wherever the session came from. Cost: that of `SessionCacheClient.getOrLoad`; on a miss also a `peek`
 * at the limit, and a `checkLimit` where the token is unknown. Throws `invalid-config` without a secret, and what `load` throws.
 */
export async function resolveSession(
  request: { readonly headers: { get(name: string): string | null } },
  options: SessionOptions,
): Promise<ResolvedSession> {
  const { kv, secret, load, cookie = SESSION_COOKIE, unknownTokens = UNKNOWN_TOKENS } = options;
  const token = await signedCookie(request.headers.get('Cookie'), cookie, secret);
  if (token === null) return ANONYMOUS;

  const limiter = limiterOf(options);
  const address = limiter === null ? null : clientAddress(request);
  const id = `${address} ${token}`;
  const now = options.now?.() ?? Date.now();
  const lately = (): { times: number } | undefined => {
    const found = unknown.get(id);
    return found !== undefined && now < found.until ? found : undefined;
  };
  let verdict: RateLimitResult | undefined;
  const loadUnlessRefused = async (): Promise<CachedSession | null> => {
    if (limiter !== null && address !== null) {
      const known = lately();
      if (known !== undefined && known.times >= unknownTokens.limit) return null;
      const peeked = await limiter.peek(address, unknownTokens);
      if (!peeked.allowed) {
        if (known !== undefined) return null;
        verdict = peeked;
        throw REFUSED;
      }
    }
    return acceptable(await load(token), token, options.now?.() ?? Date.now());
  };

  let found = await refusable(() =>
    kv ? new SessionCacheClient(kv, options).getOrLoad(token, loadUnlessRefused) : loadUnlessRefused(),
  );
  // Another request's load was awaited, and refused for that one's address.
  if (found === REFUSED && verdict === undefined) found = await refusable(loadUnlessRefused);
  if (found === REFUSED) return { state: 'limited', verdict: verdict as RateLimitResult };
  if (found !== null) {
    unknown.delete(id);
    return { state: 'signed-in', token, session: found.session, user: found.user };
  }
  if (limiter === null || address === null) return ANONYMOUS;
  // Of several that came at once one counts.
  const known = lately();
  if (known !== undefined) {
    known.times++;
    return ANONYMOUS;
  }
  unknown.set(id, { times: 1, until: now + unknownTokens.window * 1000 });
  await limiter.checkLimit(address, unknownTokens);
  return ANONYMOUS;
}

function limiterOf(options: SessionOptions): RateLimiterClient | null {
  const { kv, limiter } = options;
  if (limiter !== undefined) return limiter;
  return kv ? new RateLimiterClient(kv, options) : null;
}

async function refusable<T>(find: () => Promise<T>): Promise<T | typeof REFUSED> {
  try {
    return await find();
  } catch (error) {
    if (error === REFUSED) return REFUSED;
    throw error;
  }
}

/** What was loaded, as it would come from the cache; null where it is somebody else's or has ended. */
function acceptable(loaded: LoadedSession | null, token: string, now: number): CachedSession | null {
  if (loaded === null) return null;
  const found = JSON.parse(JSON.stringify(loaded)) as CachedSession;
  const { session, user } = found;
  return session.token === token && session.userId === user.id && Date.parse(session.expiresAt) > now ? found : null;
}
