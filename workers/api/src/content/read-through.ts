import { KVClientError } from '@codex/cloudflare-clients';
import type { GetOrSetOptions } from '@codex/cloudflare-clients';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { logFailure } from '../http/log.ts';

/**
 * Answers from CACHE_KV, else loads and stores. A cache that fails altogether is passed by: the loader's value, or its
 * error, is the answer.
 */
export async function readThrough<T>(
  c: Context<AppEnv>,
  key: string,
  ttlSeconds: number,
  load: () => Promise<T>,
  options: GetOrSetOptions = {},
): Promise<T> {
  try {
    return await c.var.clients.cache.getOrSet(key, ttlSeconds, load, options);
  } catch (error) {
    if (!(error instanceof KVClientError)) throw error;
    logFailure('content cache', error);
    return load();
  }
}
