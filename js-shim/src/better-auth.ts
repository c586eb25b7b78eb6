import { type AuthSecondaryStorage, AuthStorage, type AuthStorageOptions } from './auth-storage.js';

export type { AuthSecondaryStorage, AuthStorageOptions } from './auth-storage.js';
export { type CachedSessionHooks, cachedSessionHooks, type RevocableSessions } from './cached-session-hooks.js';
export type { CounterNamespace } from './counter-object.js';

/** What is looked at of better-auth's options; the package declares no types of better-auth. */
interface SessionsIn {
  session?: { storeSessionInDatabase?: boolean | undefined; preserveSessionInDatabase?: boolean | undefined } | undefined;
}

let warned = false;

/**
 * better-auth's options (1.7), with a secondary storage on KV and a Durable Object: sessions are read from KV instead of the
 * database, and rate limits are counted exactly.
 *
 * ```ts
 * const auth = betterAuth(
 *   withKVStorage(
 *     {
 *       database: env.DB,
 *       secret: env.AUTH_SECRET,
 *       session: { storeSessionInDatabase: true },
 *       rateLimit: { enabled: true },
 *       advanced: { ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] } },
 *     },
 *     { kv: env.AUTH_SESSION_KV, counters: env.AUTH_COUNTERS },
 *   ),
 * );
 * ```
 * `session.storeSessionInDatabase` should be true: KV shows a new session elsewhere late and may fail, and only with it better-auth asks
 * its database then. Without it (or with `preserveSessionInDatabase`, which has the same effect) such a user is signed out, of which this
 * warns, once, on the console. Where codes are counted or checked before they are taken (one-time passwords), set
 * `verification.storeInDatabase` too: KV shows such counts late.
 *
 * Throws `invalid-config` where a binding is missing or an option out of range. What each operation costs, and what becomes of
 * one that fails: see {@link AuthSecondaryStorage}.
 */
export function withKVStorage<Options extends object>(
  options: Options,
  storage: AuthStorageOptions,
): Options & { secondaryStorage: AuthSecondaryStorage } {
  const { session } = options as SessionsIn;
  if (!warned && (session?.storeSessionInDatabase !== true || session.preserveSessionInDatabase === true)) {
    warned = true;
    console.warn(
      'withKVStorage: set session.storeSessionInDatabase to true, and not session.preserveSessionInDatabase: a session that KV does not show (yet) counts as signed out',
    );
  }
  return { ...options, secondaryStorage: new AuthStorage(storage) };
}
