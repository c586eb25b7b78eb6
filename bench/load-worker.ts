// What the load is put to: an answer that does nothing, the cache and the sessions of this package, and the same in plain code. The
// binding counts the keys that are read, as KV bills them.
import { CacheClient, type ClientOptions, SessionCacheClient, stats } from '@codex/cloudflare-clients';
import { PlainCache } from './plain/cache.ts';
import { PlainSessionCache } from './plain/session-cache.ts';
import { type SampleList, sampleList, sampleSession, sampleToken } from './samples.ts';
import type { Store } from './side.ts';

interface Env {
  KV: KVNamespace;
  /** How long values may be remembered, in milliseconds. */
  AGE_MS: number;
}

const DAY_SECONDS = 86_400;

let keysRead = 0;
let counted: { of: KVNamespace; store: Store } | undefined;

/** The binding, with a count of the keys that are read. */
function storeOf(kv: KVNamespace): Store {
  if (counted?.of !== kv) counted = { of: kv, store: counting(kv) };
  return counted.store;
}

function counting(kv: KVNamespace): Store {
  return new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      const reads = name === 'get' || name === 'getWithMetadata';
      return (...args: unknown[]): unknown => {
        if (reads) keysRead += Array.isArray(args[0]) ? args[0].length : 1;
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  }) as unknown as Store;
}

const cacheKey = (number: number): string => `cache:content:published:${number}`;

/** Answers with a part of what was found, by the number of what is wanted. Throws where it is not that. */
const routes: Record<string, (env: Env, number: number) => string | Promise<string>> = {
  nothing: (_, number) => String(number),
  'cache-plain': async ({ KV }, number) => {
    const cache = new PlainCache(storeOf(KV));
    return idOf(await cache.getOrSet<SampleList>(cacheKey(number), DAY_SECONDS, absent), number);
  },
  'cache-ours': async ({ KV, AGE_MS }, number) => {
    const cache = new CacheClient(storeOf(KV), rememberingFor(AGE_MS));
    return idOf(await cache.getOrSet<SampleList>(cacheKey(number), DAY_SECONDS, absent), number);
  },
  'session-plain': async ({ KV }, number) => {
    const token = sampleToken(number);
    const found = await new PlainSessionCache(storeOf(KV)).get(token);
    return nameIn(found, token);
  },
  'session-ours': async ({ KV, AGE_MS }, number) => {
    const token = sampleToken(number);
    const found = await new SessionCacheClient(storeOf(KV), rememberingFor(AGE_MS)).get(token);
    return nameIn(found, token);
  },
  'fill-cache': async ({ KV }, number) => {
    await new CacheClient(storeOf(KV)).set(cacheKey(number), sampleList(number), DAY_SECONDS);
    return '';
  },
  'fill-session': async ({ KV }, number) => {
    const session = sampleSession(number);
    await new SessionCacheClient(storeOf(KV)).set(session.session.token, session);
    return '';
  },
  'keys-read': () => String(keysRead),
  'keys-read-by-stats': () => String(stats().kv.reads),
};

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, , , route = '', number = ''] = request.url.split('/');
    return new Response(await routes[route]?.(env, Number(number)));
  },
};

/** Enough for all keys: what is read again then is what has grown too old. */
const MEMORY_BYTES = 32 * 1024 * 1024;

function rememberingFor(maxAgeMs: number): ClientOptions {
  return { memory: { maxAgeMs, maxBytes: MEMORY_BYTES } };
}

function absent(): never {
  throw new Error('a value that is cached was loaded');
}

function idOf(list: SampleList, number: number): string {
  const id = list.items[0]?.id ?? '';
  if (Number(id.slice(-12)) !== number * list.items.length) throw new Error('the cache gave another value');
  return id;
}

function nameIn(found: { session: { token: string }; user: { name: string } } | null, token: string): string {
  if (found?.session.token !== token) throw new Error('another session, or none');
  return found.user.name;
}
