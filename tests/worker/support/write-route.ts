import { CacheClient } from '@codex/cloudflare-clients';

/** Writes a value twice. Where it `dies`, the request ends while the second write still waits, and keeps nothing alive. */
export async function write({ KV }: Cloudflare.Env, text: string): Promise<unknown> {
  const { name, dies } = JSON.parse(text) as { name: string; dies: boolean };
  const cache = new CacheClient(KV);
  await cache.set(name, 'first', 600);
  const second = cache.set(name, 'second', 600);
  if (!dies) await second;
  return {};
}
