import type { CachedSession } from '@codex/cloudflare-clients';

/** The session of a token, ending in an hour unless said otherwise. */
export function sessionOf(token: string, fields: Partial<CachedSession['session']> = {}): CachedSession {
  const userId = fields.userId ?? 'user-456';
  return {
    session: { id: `id of ${token}`, userId, token, expiresAt: new Date(Date.now() + 3_600_000).toISOString(), ...fields },
    user: { id: userId, email: 'test@example.com', name: 'Test User', role: 'customer', emailVerified: true },
  };
}
