import { env } from 'cloudflare:workers';
import { type CachedSession, SessionCacheClient, type SessionCacheOptions, type SessionInput } from '@codex/cloudflare-clients';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Clock } from './support/clock.ts';
import { sessionOf } from './support/sessions.ts';

// A session that KV shows again as it was is neither parsed nor checked a second time: what may have changed is asked all the same.

afterEach(() => {
  vi.restoreAllMocks();
});

/** Clients that read KV each time, and a session that has been read often enough to be known. */
async function known(options: SessionCacheOptions = {}, more: Partial<CachedSession['session']> = {}) {
  const clock = new Clock();
  const sessions = new SessionCacheClient(env.KV, { memory: false, now: clock.now, ...options });
  const token = crypto.randomUUID();
  const session = sessionOf(token, { userId: crypto.randomUUID(), ...more });
  await sessions.set(token, session);
  for (let reads = 0; reads < 3; reads++) expect(await sessions.get(token)).toEqual(session);
  return { clock, sessions, token, session };
}

describe.each([false, true])('a session that is as it was, hashTokens %s', (hashTokens) => {
  it('is not parsed again', async () => {
    const { sessions, token, session } = await known({ hashTokens });
    const parse = vi.spyOn(JSON, 'parse');
    expect(await sessions.get(token)).toEqual(session);
    expect(parse).not.toHaveBeenCalled();
  });

  it('is everybody’s own', async () => {
    const { sessions, token, session } = await known({ hashTokens });
    for (let reads = 0; reads < 3; reads++) {
      const mine = (await sessions.get(token)) as CachedSession;
      expect(mine).toEqual(session);
      mine.user.role = 'owner';
      mine.session.token = 'mine';
      delete (mine as Partial<CachedSession>).user;
    }
  });

  it('is everybody’s own from the first time on', async () => {
    const sessions = new SessionCacheClient(env.KV, { memory: false, hashTokens });
    const token = crypto.randomUUID();
    const session = sessionOf(token);
    await sessions.set(token, session);
    for (let reads = 0; reads < 4; reads++) {
      const mine = (await sessions.get(token)) as CachedSession;
      expect(mine).toEqual(session);
      mine.user.role = 'owner';
    }
  });

  it('ends', async () => {
    const { clock, sessions, token, session } = await known({ hashTokens, maxStaleMs: 34_560_000_000 });
    clock.advance(Date.parse(session.session.expiresAt) - clock.now());
    expect(await sessions.get(token)).toBeNull();
  });

  it('is void once it was revoked', async () => {
    const { sessions, token, session } = await known({ hashTokens });
    await sessions.invalidateUser(session.user.id);
    expect(await sessions.get(token)).toBeNull();
  });

  it('is read anew where it has changed', async () => {
    const { clock, sessions, token, session } = await known({ hashTokens });
    clock.advance(1500);
    const changed: SessionInput = { ...session, user: { ...session.user, name: 'Somebody Else' } };
    await sessions.set(token, changed);
    for (let reads = 0; reads < 3; reads++) expect(await sessions.get(token)).toEqual(changed);
  });
});

describe('a known session', () => {
  it('is void by a fence and by a watermark that others wrote, though its copy still stands', async () => {
    const { sessions, token, session } = await known();
    await env.KV.put(`urev:${session.user.id}`, JSON.stringify({ before: Date.now() + 60_000 }));
    expect(await env.KV.get(`session:${token}`)).not.toBeNull();
    expect(await sessions.get(token)).toBeNull();
  });

  it('is as old as its metadata says', async () => {
    const { clock, sessions, token, session } = await known({ maxStaleMs: 10_000 });
    clock.advance(10_001);
    expect(await sessions.get(token)).toBeNull();
    // The same text, loaded anew.
    await env.KV.put(`session:${token}`, JSON.stringify(session), { metadata: { l: clock.now() } });
    expect(await sessions.get(token)).toEqual(session);
  });

  it('is another user’s once its record is', async () => {
    const { sessions, token, session } = await known();
    const other = `${session.user.id}-other`;
    const theirs = { session: { ...session.session, userId: other }, user: { ...session.user, id: other } };
    await env.KV.put(`session:${token}`, JSON.stringify(theirs), { metadata: { l: Date.now() } });
    expect(await sessions.get(token)).toEqual(theirs);
    await env.KV.put(`urev:${other}`, JSON.stringify({ before: Date.now() + 60_000 }));
    expect(await sessions.get(token)).toBeNull();
  });

  it('may be longer than what is kept', async () => {
    const { sessions, token, session } = await known({}, { userAgent: 'x'.repeat(2000) });
    const parse = vi.spyOn(JSON, 'parse');
    expect(await sessions.get(token)).toEqual(session);
    expect(parse).toHaveBeenCalled();
  });

  it('keeps a field called __proto__ to itself', async () => {
    const { sessions, token, session } = await known();
    const text = JSON.stringify(session).replace('"user":{', '"user":{"__proto__":{"isAdmin":true},');
    await env.KV.put(`session:${token}`, text, { metadata: { l: Date.now() } });
    for (let reads = 0; reads < 3; reads++) {
      const found = (await sessions.get(token)) as CachedSession;
      expect(found).toEqual(JSON.parse(text));
      expect('isAdmin' in found.user).toBe(false);
    }
  });
});

it('does not make way for one that was stored 256 later', async () => {
  const sessions = new SessionCacheClient(env.KV, { memory: false });
  const tokens = Array.from({ length: 257 }, () => crypto.randomUUID());
  for (const token of tokens) await sessions.set(token, sessionOf(token));
  const read = async (): Promise<void> => {
    for (const token of [tokens[0] as string, tokens[256] as string]) {
      expect((await sessions.get(token))?.session.token).toBe(token);
    }
  };
  for (let reads = 0; reads < 3; reads++) await read();
  const parse = vi.spyOn(JSON, 'parse');
  await read();
  expect(parse).not.toHaveBeenCalled();
});

it('of more sessions than are kept each is its own', async () => {
  const sessions = new SessionCacheClient(env.KV, { memory: false });
  const tokens = Array.from({ length: 300 }, () => crypto.randomUUID());
  await Promise.all(tokens.map((token) => sessions.set(token, sessionOf(token))));
  for (let rounds = 0; rounds < 3; rounds++) {
    const found = await Promise.all(tokens.map((token) => sessions.get(token)));
    expect(found.map((session) => session?.session.token)).toEqual(tokens);
  }
});
