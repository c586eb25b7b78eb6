import type { RateLimitConfig } from '@codex/cloudflare-clients';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../env.ts';
import { addressOf, countRequest, requireAttemptsLeft } from '../http/limits.ts';
import { HttpProblem, problems } from '../http/problem.ts';

/** Wrong secrets from one address. Beyond them the right one is refused as well: it would be told from the others otherwise. */
const ADMIN_LIMIT: RateLimitConfig = { limit: 10, window: 900, keyPrefix: 'rl:admin:' };

/**
 * Lets whoever bears ADMIN_SECRET pass. Where there is no such secret there is no such route. A browser does not send a bearer
 * token by itself, so these routes need no Origin.
 */
export function requireAdmin(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const secret = c.env.ADMIN_SECRET;
    if (secret === undefined || secret === '') throw problems.notFound();
    await requireAttemptsLeft(c, ADMIN_LIMIT, addressOf(c), 'admin-address');
    const [, presented] = /^bearer +(.+)$/i.exec(c.req.header('Authorization') ?? '') ?? [];
    if (presented === undefined || !(await sameSecret(presented, secret))) {
      await countRequest(c, ADMIN_LIMIT, addressOf(c), 'admin-address');
      throw new HttpProblem('not-signed-in', 401, 'Not authorized', 'Send the administrator’s secret as a bearer token.', {
        headers: { 'WWW-Authenticate': 'Bearer realm="admin"' },
      });
    }
    return next();
  };
}

/** Compares two secrets in a time that tells nothing of either: their digests, which have one length. */
async function sameSecret(one: string, other: string): Promise<boolean> {
  const digest = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const [a, b] = await Promise.all([digest(one), digest(other)]);
  return crypto.subtle.timingSafeEqual(a, b);
}
