import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { hashSessionToken, newSessionToken } from '../../workers/api/src/auth/session-token.ts';
import { CLEO, CORY, call, callWith, signIn, storeSession } from './api.ts';
import { brokenD1, failingKv } from './failing-stores.ts';

const FROM_THE_CACHE = expect.stringMatching(/^(kv|memory)$/);

describe('GET /auth/me', () => {
  it('knows nobody without a cookie, and asks nothing to say so', async () => {
    const { status, body, served } = await call('GET', '/auth/me');
    expect({ status, user: body.user }).toEqual({ status: 401, user: null });
    expect(served).toMatchObject({ from: 'none', kvReads: 0, d1Queries: 0 });
  });

  it('is answered by the cache right after signing in', async () => {
    const { status, body, served } = await call('GET', '/auth/me', { token: await signIn(CLEO) });
    expect({ status, user: body.user }).toEqual({
      status: 200,
      user: expect.objectContaining({ email: CLEO.email, role: 'creator' }),
    });
    expect(served).toMatchObject({ from: FROM_THE_CACHE, d1Queries: 0 });
  });

  it('is answered by D1 once, when the cache has not heard of the session, and by the cache from then on', async () => {
    const token = await storeSession(CORY.id);
    const first = await call('GET', '/auth/me', { token });
    expect(first).toMatchObject({ status: 200, served: { from: 'd1', d1Queries: 1 } });
    await expect.poll(() => env.AUTH_SESSION_KV.get(`session:${token}`)).not.toBeNull();
    const second = await call('GET', '/auth/me', { token });
    expect(second).toMatchObject({ status: 200, body: first.body, served: { from: FROM_THE_CACHE, d1Queries: 0 } });
  });

  it.each([
    ['text that is not JSON', () => 'not json'],
    ['JSON that is no session', () => '"hello"'],
    ['a session without a user', () => '{"session":{}}'],
    ['another token’s session', (token: string) => record(token, { token: newSessionToken() })],
    ['a session that has expired', (token: string) => record(token, { expiresAt: '2020-01-01T00:00:00.000Z' })],
  ])('is answered by D1 when KV holds %s', async (_, corrupt) => {
    const token = await storeSession(CLEO.id);
    await env.AUTH_SESSION_KV.put(`session:${token}`, corrupt(token));
    const { status, body, served } = await call('GET', '/auth/me', { token });
    expect({ status, user: body.user }).toEqual({ status: 200, user: expect.objectContaining({ id: CLEO.id }) });
    expect(served.from).toBe('d1');
  });

  it('ends with the session', async () => {
    const { status, body } = await call('GET', '/auth/me', { token: await storeSession(CLEO.id, -1) });
    expect({ status, user: body.user }).toEqual({ status: 401, user: null });
  });

  it('does not know a token that was never given out', async () => {
    const { status, body } = await call('GET', '/auth/me', { token: newSessionToken() });
    expect({ status, user: body.user }).toEqual({ status: 401, user: null });
  });

  it.each(['', 'short', 'x'.repeat(600), `${'a'.repeat(42)}%`, '../../etc/passwd'])(
    'asks nobody about the cookie %j',
    async (token) => {
      const { status, served } = await call('GET', '/auth/me', { token });
      expect(status).toBe(401);
      expect(served).toMatchObject({ kvReads: 0, d1Queries: 0 });
    },
  );

  it('is never stored by a browser or a proxy', async () => {
    const { headers } = await call('GET', '/auth/me', { token: await signIn(CLEO) });
    expect(headers.get('Cache-Control')).toBe('no-store');
  });
});

describe('POST /auth/logout', () => {
  it('ends the session in D1, in KV and in the browser', async () => {
    const token = await signIn(CLEO);
    const { status, body, cookies } = await call('POST', '/auth/logout', { token });
    expect({ status, body, cookie: cookies['codex-session'] }).toEqual({ status: 200, body: { user: null }, cookie: '' });
    expect(await env.AUTH_SESSION_KV.get(`session:${token}`)).toBeNull();
    expect(await storedSessions(token)).toBe(0);
    expect((await call('GET', '/auth/me', { token })).status).toBe(401);
  });

  it('leaves the same user’s other sessions alone', async () => {
    const [here, elsewhere] = [await signIn(CLEO), await signIn(CLEO)];
    await call('POST', '/auth/logout', { token: here });
    expect((await call('GET', '/auth/me', { token: elsewhere })).status).toBe(200);
  });

  it('is no error without a session, or twice', async () => {
    const token = await signIn(CLEO);
    const statuses = [
      await call('POST', '/auth/logout'),
      await call('POST', '/auth/logout', { token }),
      await call('POST', '/auth/logout', { token }),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('says so when the cached session could not be revoked, signs the browser out, and finishes when asked again', async () => {
    const token = await signIn(CLEO);
    const failed = await callWith({ AUTH_SESSION_KV: failingKv() }, 'POST', '/auth/logout', { token });
    expect({ status: failed.status, type: failed.body.type }).toEqual({
      status: 503,
      type: 'urn:codex:problem:revocation-incomplete',
    });
    expect(failed.cookies).toEqual({ 'codex-session': '', 'codex-unfinished-logout': token });
    expect(await storedSessions(token)).toBe(0);

    const unfinished = `codex-unfinished-logout=${token}`;
    expect((await call('GET', '/auth/me', { cookie: unfinished })).status).toBe(401);

    const again = await call('POST', '/auth/logout', { cookie: unfinished });
    expect({ status: again.status, cookies: again.cookies }).toEqual({
      status: 200,
      cookies: { 'codex-session': '', 'codex-unfinished-logout': '' },
    });
    expect(await env.AUTH_SESSION_KV.get(`session:${token}`)).toBeNull();
    expect((await call('GET', '/auth/me', { token })).status).toBe(401);
  });

  it('remembers every unfinished logout of a browser', async () => {
    const [first, second] = [await signIn(CLEO), await signIn(CLEO)];
    const { cookies } = await callWith({ AUTH_SESSION_KV: failingKv() }, 'POST', '/auth/logout', {
      cookie: `codex-session=${second}; codex-unfinished-logout=${first}`,
    });
    expect(cookies['codex-unfinished-logout']?.split('.').sort()).toEqual([first, second].sort());
    const again = await call('POST', '/auth/logout', {
      cookie: `codex-unfinished-logout=${cookies['codex-unfinished-logout']}`,
    });
    expect(again.status).toBe(200);
    expect(await Promise.all([first, second].map((token) => env.AUTH_SESSION_KV.get(`session:${token}`)))).toEqual([
      null,
      null,
    ]);
  });

  it('leaves the unfinished logout where only logout sees it', async () => {
    const { headers } = await callWith({ AUTH_SESSION_KV: failingKv() }, 'POST', '/auth/logout', { token: await signIn(CLEO) });
    expect(headers.getSetCookie().find((line) => line.startsWith('codex-unfinished-logout='))).toMatch(
      /; Path=\/auth\/logout; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  it('keeps the browser signed in when D1 fails, because nothing has happened yet', async () => {
    const token = await signIn(CLEO);
    const broken = brokenD1('no answer');
    const { status, cookies } = await callWith({ DB: broken }, 'POST', '/auth/logout', { token });
    expect({ status, cookies }).toEqual({ status: 503, cookies: {} });
    expect((await call('GET', '/auth/me', { token })).status).toBe(200);
  });
});

async function storedSessions(token: string): Promise<number | null> {
  return env.DB.prepare('SELECT count(*) AS n FROM sessions WHERE token_hash = ?1')
    .bind(await hashSessionToken(token))
    .first<number>('n');
}

function record(token: string, session: Record<string, string>): string {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const user = { id: 'user-mallory', email: 'mallory@codex.example', name: 'Mallory', role: 'owner', emailVerified: true };
  return JSON.stringify({ session: { id: 'forged', userId: user.id, token, expiresAt, ...session }, user });
}
