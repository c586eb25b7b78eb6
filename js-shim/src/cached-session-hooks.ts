/** What is asked of a `SessionCacheClient`. */
export interface RevocableSessions {
  delete(sessionToken: string): Promise<void>;
  invalidateUser(userId: string): Promise<unknown>;
}

/** better-auth's `databaseHooks`, as far as {@link cachedSessionHooks} fills them. */
export interface CachedSessionHooks {
  session: { update: AfterHook; delete: AfterHook };
  user: { update: AfterHook; delete: AfterHook };
}

interface AfterHook {
  /** What has changed or gone; null where there was nothing. */
  after(row: Readonly<Record<string, unknown>> | null): Promise<void>;
}

/**
 * The `databaseHooks` by which better-auth (1.7) tells a session cache what has changed: whoever signs out, is revoked, or gets
 * another role is so for `session` of the Hono middleware and for SvelteKit's handle as well, not only for better-auth.
 *
 * ```ts
 * betterAuth({ database: env.DB, databaseHooks: cachedSessionHooks(new SessionCacheClient(env.AUTH_SESSION_KV)) });
 * ```
 * After the database has changed, so that no load in flight can bring back what it read before: a session that is deleted or
 * changed is deleted from the cache; a user who is changed or deleted has all copies read anew. Where that cannot be recorded the hook
 * rejects, and so does better-auth's call (its sign-out logs it and goes on); the copy then counts for `maxStaleMs` at most. Cost:
 * that of `delete` for each session, of `invalidateUser` for a user.
 */
export function cachedSessionHooks(sessions: RevocableSessions): CachedSessionHooks {
  const forget: AfterHook = {
    async after(row) {
      if (typeof row?.['token'] === 'string') await sessions.delete(row['token']);
    },
  };
  const reread: AfterHook = {
    async after(row) {
      if (typeof row?.['id'] === 'string') await sessions.invalidateUser(row['id']);
    },
  };
  return { session: { update: forget, delete: forget }, user: { update: reread, delete: reread } };
}
