import type { CachedSession } from '@codex/cloudflare-clients';
import type { PlainStore } from './store.ts';

const ROLES = ['customer', 'owner', 'creator'];
const MAX_STALE_MS = 3_600_000;
const MAX_SESSION_SECONDS = 30 * 86_400;

/**
 * The same checks as the package's sessions, in plain TypeScript: format, token, expiry, age, the token's fence and the user's
 * watermark. It reads the same three keys, in two operations, since it does not remember whose a session was.
 */
export class CheckedSessionCache {
  readonly #kv: PlainStore;

  constructor(kv: PlainStore) {
    this.#kv = kv;
  }

  async get(token: string): Promise<CachedSession | null> {
    const [key, fenceKey] = [`session:${token}`, `srev:${token}`];
    const found = await this.#kv.getWithMetadata([key, fenceKey], 'json');
    const { value, metadata } = found.get(key) ?? { value: null, metadata: null };
    if (!isSession(value) || value.session.token !== token) return null;
    const loadedAt = (metadata as { l?: number } | null)?.l;
    const now = Date.now();
    if (Date.parse(value.session.expiresAt) <= now) return null;
    if (loadedAt !== undefined && now - loadedAt > MAX_STALE_MS) return null;

    const watermark = await this.#kv.get(`urev:${value.user.id}`, 'json');
    return isVoid(loadedAt, found.get(fenceKey)?.value) || isVoid(loadedAt, watermark) ? null : value;
  }

  async set(token: string, data: CachedSession): Promise<void> {
    if (!isSession(data) || data.session.token !== token) throw new Error('not a session of that token');
    const now = Date.now();
    const ttl = Math.floor((Date.parse(data.session.expiresAt) - now) / 1000);
    if (ttl <= 0) return;
    await this.#kv.put(`session:${token}`, JSON.stringify(data), {
      expirationTtl: Math.min(Math.max(ttl, 60), MAX_SESSION_SECONDS),
      metadata: { l: now },
    });
  }
}

function isSession(value: unknown): value is CachedSession {
  if (typeof value !== 'object' || value === null) return false;
  const { session, user } = value as Partial<CachedSession>;
  return (
    typeof session === 'object' &&
    session !== null &&
    typeof user === 'object' &&
    user !== null &&
    typeof session.id === 'string' &&
    typeof session.userId === 'string' &&
    typeof session.token === 'string' &&
    !Number.isNaN(Date.parse(session.expiresAt)) &&
    isTextOrNothing(session.ipAddress) &&
    isTextOrNothing(session.userAgent) &&
    typeof user.id === 'string' &&
    user.id === session.userId &&
    typeof user.email === 'string' &&
    typeof user.name === 'string' &&
    typeof user.emailVerified === 'boolean' &&
    ROLES.includes(user.role)
  );
}

/** Whether a copy was revoked, by what stands under the key of a revocation. */
function isVoid(loadedAt: number | undefined, revocation: unknown): boolean {
  if (revocation === null || revocation === undefined) return false;
  return loadedAt === undefined || loadedAt <= (revocation as { before: number }).before;
}

function isTextOrNothing(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}
