import type { CachedSession } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { problems } from '../http/problem.ts';
import { readSessionCookie } from './session-cookie.ts';
import { hashSessionToken } from './session-token.ts';
import { findSession } from './sessions-table.ts';

/**
 * Finds who is asking, for a read: from the cache, else from D1, which then refills the cache after the answer.
 * No failure of the cache changes the answer. Role and name may be as old as the cached copy.
 */
export async function readSession(c: Context<AppEnv>): Promise<CachedSession | null> {
  const token = readSessionCookie(c);
  return token === null ? null : c.var.clients.sessions.getOrLoad(token, () => loadSession(c, token));
}

/**
 * Finds who is asking, for a write: from D1 alone, so that a revoked session or a lost role ends at once.
 * Throws `not-signed-in`.
 */
export async function requireStoredSession(c: Context<AppEnv>): Promise<CachedSession> {
  const token = readSessionCookie(c);
  const stored = token === null ? null : await loadSession(c, token);
  if (stored === null) throw problems.notSignedIn();
  return stored;
}

async function loadSession(c: Context<AppEnv>, token: string): Promise<CachedSession | null> {
  const tokenHash = await hashSessionToken(token);
  return c.var.served.d1('find session', () => findSession(c.env.DB, token, tokenHash, Date.now()));
}
