import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../env.ts';
import { isLoopback } from './loopback.ts';
import { HttpProblem } from './problem.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses a write unless the browser says that it comes from this application's own page.
 * Origin is required, so a request without one is refused too: every browser sends it with a POST. Sec-Fetch-Site may be
 * absent (older browsers), and must be `same-origin` where it is present.
 */
export function requireOwnOrigin(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (SAFE_METHODS.has(c.req.method)) return next();
    const origin = c.req.header('Origin');
    const site = c.req.header('Sec-Fetch-Site');
    const own = ownOrigin(new URL(c.req.url), c.env.APP_ORIGIN);
    if (own === null || origin !== own || (site !== undefined && site !== 'same-origin')) {
      throw new HttpProblem('foreign-origin', 403, 'Foreign origin', 'Writes are taken from this application’s own page only.');
    }
    return next();
  };
}

/**
 * The origin that may write: APP_ORIGIN. Without it, the request's own, but on a loopback host only. A host name that
 * merely resolves to this machine (DNS rebinding) would otherwise name itself as the origin and be believed.
 */
export function ownOrigin(url: URL, configured: string | undefined): string | null {
  if (configured !== undefined) return configured;
  return isLoopback(url) ? url.origin : null;
}
