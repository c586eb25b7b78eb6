import { SessionCacheClient } from '@codex/cloudflare-clients';
import { type SessionLocals, type SessionOptions, sessionHandle, signedCookie } from '@codex/cloudflare-clients/sveltekit';
import { expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { sessionOf } from './support/sessions.ts';
import { signed } from './support/signed-cookies.ts';

const SECRET = 'a secret of at least thirty-two characters';
const COOKIE = 'better-auth.session_token';
const ADDRESS = '198.51.100.7';

interface Visit {
  status: number;
  locals: SessionLocals;
}

/** What a page finds in its `locals`, and how it is answered. */
async function visit(options: SessionOptions | (() => never), cookie: string | null): Promise<Visit> {
  const headers = new Headers({ 'CF-Connecting-IP': ADDRESS, ...(cookie === null ? {} : { cookie }) });
  // What was there before is somebody else's.
  const locals = sessionOf('left over') as SessionLocals;
  const handle = sessionHandle(() => (typeof options === 'function' ? options() : options));
  const request = new Request('https://codex.example/', { headers });
  const { status } = await handle({ event: { request, locals }, resolve: () => new Response(null, { status: 204 }) });
  return { status, locals };
}

const cookieOf = async (token: string): Promise<string> => `theme=dark; ${COOKIE}=${await signed(token, SECRET)}`;

it('sets who is asking before the page runs, from the database and then from the cache', async () => {
  const kv = new MemoryKV();
  const token = crypto.randomUUID();
  const { session, user } = sessionOf(token);
  const load = vi.fn(async () => ({ session, user }));
  for (let time = 0; time < 2; time++) {
    expect(await visit({ kv, secret: SECRET, load }, await cookieOf(token))).toEqual({
      status: 204,
      locals: { session, user },
    });
  }
  expect(load).toHaveBeenCalledTimes(1);
  expect(await new SessionCacheClient(kv).get(token)).toEqual({ session, user });
});

it('asks nobody where there is no cookie, as while prerendering, where bindings cannot be read', async () => {
  const configure = (): never => {
    throw new Error('Cannot access platform.env.AUTH_SESSION_KV in a prerenderable route');
  };
  expect(await visit(configure, null)).toEqual({ status: 204, locals: { session: null, user: null } });
});

it('has nobody where the cookie is not ours or the session not there', async () => {
  const load = vi.fn(async () => null);
  const options = { kv: new MemoryKV(), secret: SECRET, load };
  const nobody = { status: 204, locals: { session: null, user: null } };
  expect(await visit(options, `${COOKIE}=${await signed('a-token', 'another secret')}`)).toEqual(nobody);
  expect(load).not.toHaveBeenCalled();
  expect(await visit(options, await cookieOf('a-token'))).toEqual(nobody);
});

it('answers 429 itself after too many unknown tokens', async () => {
  const unknownTokens = { limit: 1, window: 60, keyPrefix: 'rl:unknown-session:' };
  const options = { kv: new MemoryKV(), secret: SECRET, load: async () => null, unknownTokens };
  expect((await visit(options, await cookieOf('a-guess'))).status).toBe(204);
  expect((await visit(options, await cookieOf('another-guess'))).status).toBe(429);
});

it('throws on what the database throws, and signs nobody out for it', async () => {
  const load = (): Promise<null> => Promise.reject(new Error('D1_ERROR: Network connection lost.'));
  await expect(visit({ kv: new MemoryKV(), secret: SECRET, load }, await cookieOf('a-token'))).rejects.toThrow('D1_ERROR');
});

it('gives the token of a cookie to whoever ends a session', async () => {
  expect(await signedCookie(await cookieOf('a-token'), COOKIE, SECRET)).toBe('a-token');
  expect(await signedCookie(`${COOKIE}=a-token`, COOKIE, SECRET)).toBeNull();
});
