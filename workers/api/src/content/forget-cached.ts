import { KVClientError } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { logFailure } from '../http/log.ts';

/** Drops a cached copy; one that cannot be dropped is logged, and ends with its TTL. Resolves to whether it is gone. */
export async function forgetCached(c: Context<AppEnv>, key: string): Promise<boolean> {
  try {
    await c.var.clients.cache.delete(key);
    return true;
  } catch (error) {
    if (!(error instanceof KVClientError)) throw error;
    logFailure('cache invalidation', error);
    return false;
  }
}
