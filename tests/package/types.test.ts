import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Project, ROOT } from './project.ts';

const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  // The package's own declarations are checked as well.
  skipLibCheck: false,
  noEmit: true,
  target: 'es2024',
  lib: ['es2024'],
};

const RIGHT = `
import { CACHE_TTL, CacheClient, cacheKeys, KVClientError, RATE_LIMITS, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { cachedSessionHooks, withKVStorage } from '@codex/cloudflare-clients/better-auth';
import { AuthCounters, RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';
import { session, type HonoContext, type SessionVariables } from '@codex/cloudflare-clients/hono';
import type { CachedSession, ClientEvent, ErrorCode, KVLike, RateLimitConfig, RateLimitResult } from '@codex/cloudflare-clients';

export async function onWorkers(kv: KVNamespace, ctx: ExecutionContext): Promise<string[]> {
  new SessionCacheClient(kv);
  new RateLimiterClient(kv, { onUnavailable: 'deny', waitUntil: (work) => ctx.waitUntil(work) });
  const cache = new CacheClient(kv, { onEvent: (event: ClientEvent) => console.log(event.client, event.outcome, event.durationMs) });
  return cache.getOrSet(cacheKeys.contentFeatured(), CACHE_TTL.contentFeatured, async () => ['a']);
}

export { RateLimitAuthority };
export async function withObjects(kv: KVNamespace, limits: DurableObjectNamespace<RateLimitAuthority>, untyped: DurableObjectNamespace): Promise<boolean> {
  new RateLimiterClient(kv, { authority: untyped, shards: 4, durable: false, shadow: true });
  const limiter = new RateLimiterClient(kv, { authority: limits });
  const { allowed, results } = await limiter.checkAll([{ identifier: 'x', config: RATE_LIMITS.login, cost: 2 }]);
  for (const { ticket } of results) if (ticket) await limiter.refund(ticket);
  return allowed;
}

export class Own extends RateLimitAuthority {
  fetch(): Response {
    return new Response(String(this.ctx.id));
  }
}

export async function onAnythingWithThreeMethods(): Promise<number> {
  const values = new Map<string, string>();
  const kv: KVLike = {
    get: async (key) => values.get(key) ?? null,
    put: async (key, text) => void values.set(key, text),
    delete: async (key) => void values.delete(key),
  };
  const own: RateLimitConfig = { limit: 3, window: 0.5, keyPrefix: 'rl:own:' };
  const verdict: RateLimitResult = await new RateLimiterClient(kv).checkLimit('x', own);
  await new RateLimiterClient(kv).reset('x', RATE_LIMITS.login);
  return verdict.retryAfterMs;
}

export async function aSession(sessions: SessionCacheClient, expiresAt: Date): Promise<'customer' | 'owner' | 'creator' | undefined> {
  const user = { id: 'u', email: 'e', name: 'n', role: 'owner', emailVerified: true } as const;
  await sessions.set('t', { session: { id: 's', userId: 'u', token: 't', expiresAt, ipAddress: null }, user });
  const found: CachedSession | null = await sessions.get('t');
  return found?.user.role;
}

export { AuthCounters };
export function forBetterAuth(kv: KVNamespace, counters: DurableObjectNamespace<AuthCounters>, untyped: DurableObjectNamespace) {
  const options = withKVStorage({ session: { storeSessionInDatabase: true } }, { kv, counters });
  withKVStorage({ appName: 'Codex' }, { kv, counters: untyped, shards: 4, storeTimeoutMs: 500 });
  const sessions = new SessionCacheClient(kv);
  const hooks = cachedSessionHooks(sessions);
  return { stored: options.session.storeSessionInDatabase satisfies boolean, get: options.secondaryStorage.get, hooks };
}

type Loaded = { session: { id: string; userId: string; token: string; expiresAt: Date; ipAddress?: string | null | undefined }; user: CachedSession['user'] };
export const middleware = (kv: KVNamespace | undefined, load: () => Promise<Loaded | null>) =>
  session((c: HonoContext & { env: { SECRET: string } }) => ({ kv, secret: c.env.SECRET, load, unknownTokens: RATE_LIMITS.login }));
export const nobody: SessionVariables = { session: null, user: null };

export function why(error: unknown): ErrorCode | null {
  return error instanceof KVClientError ? error.code : null;
}
`;

/** One wrong use to a line, and the error that TypeScript must give there. */
const WRONG: [use: string, error: string][] = [
  ['new CacheClient();', 'TS2554'],
  ['new CacheClient({ get: async () => null });', 'TS2739'],
  ["new CacheClient('CACHE_KV');", 'TS2345'],
  ["new RateLimiterClient(kv, { onUnavailable: 'open' });", 'TS2322'],
  ["new RateLimiterClient(kv).checkLimit('x', { limit: 1, window: 1 });", 'TS2741'],
  ['new RateLimiterClient(kv, { authority: kv });', 'TS2322'],
  ['new RateLimiterClient(kv).checkLimit(7, RATE_LIMITS.login);', 'TS2345'],
  ['RATE_LIMITS.login.limit = 1_000;', 'TS2540'],
  ["new CacheClient(kv).set('k', 1);", 'TS2554'],
  ["new CacheClient(kv).deleteMany('k');", 'TS2345'],
  ["const text: string = await new CacheClient(kv).get<number>('k'); console.log(text);", 'TS2322'],
  ["new SessionCacheClient(kv).set('t', { session: nested, user });", 'TS2322'],
  ["new SessionCacheClient(kv).set('t', { session, user: { ...user, role: 'admin' } });", 'TS2322'],
  ["(await new SessionCacheClient(kv).get('t')).user;", 'TS2531'],
  ["new KVClientError('no-such-code', '');", 'TS2345'],
  ["cacheKeys.noSuchKey('x');", 'TS2339'],
];

const WRONG_HEAD = `import { CacheClient, cacheKeys, KVClientError, RATE_LIMITS, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
declare const kv: KVNamespace;
declare const session: { id: string; userId: string; token: string; expiresAt: string };
declare const user: { id: string; email: string; name: string; role: 'owner'; emailVerified: boolean };
declare const nested: { session: typeof session; user: typeof user };
`;

describe('the installed declarations, under tsc and strict', () => {
  let project: Project;

  beforeAll(async () => {
    project = await Project.empty();
    await project.install(inject('tarball'));
    await project.link('@cloudflare/workers-types', join(ROOT, 'node_modules/@cloudflare/workers-types'));
    await project.write({
      'right.ts': RIGHT,
      'wrong.ts': WRONG_HEAD + WRONG.map(([use]) => `${use}\n`).join(''),
      'lone.ts': ['', '/better-auth', '/hono', '/sveltekit']
        .map((entry) => `export * from '@codex/cloudflare-clients${entry}';\n`)
        .join(''),
    });
  });
  afterAll(() => project?.remove());

  async function check(file: string, options: object): Promise<string> {
    const config = { compilerOptions: { ...STRICT, ...options }, files: [file] };
    await project.write({ 'tsconfig.json': JSON.stringify(config) });
    return (await project.tool('tsc', '-p', '.', '--pretty', 'false')).output;
  }

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('takes a KVNamespace, and three methods, as they are: %s, %s', async (module, moduleResolution) => {
    expect(await check('right.ts', { module, moduleResolution, types: ['@cloudflare/workers-types'] })).toBe('');
  });

  it('needs no types of the Workers runtime', async () => {
    expect(await check('lone.ts', { module: 'nodenext', lib: ['es2024', 'dom'], types: [] })).toBe('');
  });

  it('refuses wrong uses, each for its own reason', async () => {
    const output = await check('wrong.ts', { module: 'nodenext', types: ['@cloudflare/workers-types'] });
    const before = WRONG_HEAD.split('\n').length - 1;
    const errors = Array.from(output.matchAll(/^wrong\.ts\((\d+),\d+\): error (TS\d+)/gm), ([, line, error]) => {
      const [use] = WRONG[Number(line) - before - 1] ?? ['elsewhere'];
      return [use, error];
    });
    expect(errors).toEqual(WRONG);
  });
});
