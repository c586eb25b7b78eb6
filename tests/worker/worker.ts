import { CacheClient, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
export { RateLimitAuthority, SessionRegistry } from '@codex/cloudflare-clients/durable-objects';
import { ruin } from './support/core.ts';
import { flight, loadsOf } from './support/flight-route.ts';
import { sessionOf } from './support/sessions.ts';
import { SlowStore } from './support/slow-store.ts';
import { write } from './support/write-route.ts';

/** A worker that uses the clients in ways of which a test wants to see what becomes of the isolate. */
export default {
  async fetch(request: Request, env: Cloudflare.Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const route = ROUTES[pathname];
    if (route === undefined) return new Response(null, { status: 404 });
    return Response.json(await route(env, searchParams.get('name') ?? ''));
  },
};

const ROUTES: Record<string, (env: Cloudflare.Env, name: string) => unknown> = {
  '/use': use,
  '/abandon': abandon,
  '/trap': trap,
  '/load': load,
  '/load-and-wait': loadAndWait,
  '/flight': flight,
  '/loads': loadsOf,
  '/write': write,
};

/** Uses each client and says what came of it. */
async function use({ KV }: Cloudflare.Env, name: string): Promise<unknown> {
  const [cache, sessions, limiter] = [new CacheClient(KV), new SessionCacheClient(KV), new RateLimiterClient(KV)];
  await Promise.all([cache.set(name, { name }, 60), sessions.set(name, sessionOf(name))]);
  const [cached, session, verdict] = await Promise.all([
    cache.get(name),
    sessions.get(name),
    limiter.checkLimit(name, { limit: 5, window: 60, keyPrefix: 'rl:use:' }),
  ]);
  return { cached, token: session?.session.token, remaining: verdict.remaining };
}

/** Begins calls on every client and answers without waiting for any, so that they die with the request. */
function abandon({ KV }: Cloudflare.Env, name: string): unknown {
  const cache = new CacheClient(KV);
  void cache.get(`${name} abandoned`);
  void cache.set(`${name} abandoned`, name, 60);
  void cache.getOrSet(`${name} abandoned load`, 60, async () => (await KV.get('something')) ?? name);
  void new SessionCacheClient(KV).get(`${name} abandoned`);
  void new RateLimiterClient(KV).checkLimit(`${name} abandoned`, { limit: 5, window: 60, keyPrefix: 'rl:abandoned:' });
  return {};
}

/** Makes the core trap, and answers at once. */
function trap({ KV }: Cloudflare.Env): unknown {
  ruin();
  void new CacheClient(KV).get('the call that traps');
  return {};
}

/** Loads a value into a KV whose writes take long, and says whether the write had been done when the value was there. */
async function load({ KV }: Cloudflare.Env, name: string): Promise<unknown> {
  const store = new SlowStore(KV, 100);
  const value = await new CacheClient(store).getOrSet(name, 60, () => `loaded ${name}`);
  return { value, written: store.written };
}

/** The same with a `waitUntil` that throws, as one taken off its context does. */
async function loadAndWait({ KV }: Cloudflare.Env, name: string): Promise<unknown> {
  const store = new SlowStore(KV, 100);
  const waitUntil = (): never => {
    throw new TypeError('Illegal invocation');
  };
  const value = await new CacheClient(store, { waitUntil }).getOrSet(name, 60, () => `loaded ${name}`);
  return { value, written: store.written };
}
