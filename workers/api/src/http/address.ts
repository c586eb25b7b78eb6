import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';

/** The bucket of every caller whose address is not known. */
export const UNKNOWN_ADDRESS = 'unknown';

/**
 * The caller's address, as Cloudflare's edge states it. The edge overwrites whatever a client sends under this name;
 * `wrangler dev` sets it to 127.0.0.1 and lets a client override it.
 * Without it, all callers share one bucket: together they may be refused too early, but nobody escapes the limit by
 * arriving without an address.
 */
export function callerAddress(c: Context<AppEnv>): string {
  return c.req.header('CF-Connecting-IP')?.trim() || UNKNOWN_ADDRESS;
}
