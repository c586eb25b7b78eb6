import { SessionCacheClient } from '@codex/cloudflare-clients';
import { signedCookie } from '@codex/cloudflare-clients/sveltekit';
import type { RequestEvent } from '@sveltejs/kit';
import { SESSION_COOKIE, authOf } from './auth';
import { envOf } from './env';

/**
 * Ends the session of this request's cookie: in the database, then in the cache; in the other order, a request between the two
 * would put it back. Signing out without a session is a success.
 *
 * Rejects with a `KVClientError` where the cached copy may still be accepted, for an hour at most. The cookie is kept then, and
 * trying again finishes it, whoever the cache and the database take this request for by then.
 */
export async function signOut(event: RequestEvent): Promise<void> {
  const env = envOf(event);
  const token = await signedCookie(event.request.headers.get('cookie'), SESSION_COOKIE, env.AUTH_SECRET);
  if (token === null) return;
  const { internalAdapter, authCookies } = await authOf(env).$context;
  await internalAdapter.deleteSession(token);
  if (env.AUTH_SESSION_KV) await new SessionCacheClient(env.AUTH_SESSION_KV).delete(token);
  event.cookies.delete(authCookies.sessionToken.name, { path: '/' });
}

/**
 * Ends every session of this request's user: the others in the database, then all copies in the cache, then this one. Other places
 * refuse their copies as soon as KV shows them the revocation there: usually within two minutes.
 *
 * Rejects with a `KVClientError` where the revocation was not recorded. This session is the last to go, so that trying again
 * is possible.
 */
export async function signOutEverywhere(event: RequestEvent): Promise<void> {
  const env = envOf(event);
  const { headers } = event.request;
  // From the database: with a copy of a session that has been ended nobody ends another.
  const current = await authOf(env).api.getSession({ headers, query: { disableRefresh: true } });
  if (current !== null) {
    const { token, userId } = current.session;
    // One statement, however many there are: better-auth's own way to end the others goes through a list of a hundred.
    await env.DB.prepare('DELETE FROM "session" WHERE "userId" = ?1 AND "token" <> ?2').bind(userId, token).run();
    if (env.AUTH_SESSION_KV) await new SessionCacheClient(env.AUTH_SESSION_KV).deleteUserSessions(userId);
  }
  await signOut(event);
}
