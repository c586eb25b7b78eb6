import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hashSessionToken } from '../../workers/api/src/auth/session-token.ts';
import { CLEO, call, freshAddress } from './api.ts';
import type { Answer } from './api.ts';

const WRONG = { email: CLEO.email, password: 'wrong' };

async function exhaust(address: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let attempt = 0; attempt < 5; attempt += 1) answers.push(await call('POST', '/auth/login', { address, body: WRONG }));
  return answers;
}

afterEach(() => vi.restoreAllMocks());

describe('POST /auth/login', () => {
  it.each(env.LOCAL_DEMO?.accounts ?? [])('lets the demo account of $name in', async ({ email, password, name, role }) => {
    const { status, body } = await call('POST', '/auth/login', { body: { email, password } });
    expect({ status, user: body.user }).toEqual({ status: 200, user: expect.objectContaining({ email, name, role }) });
  });

  it('sets a cookie that scripts cannot read, other sites cannot send, and plain HTTP does not carry', async () => {
    const { headers } = await call('POST', '/auth/login', { body: CLEO });
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(/^codex-session=[A-Za-z0-9_-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
  });

  it('keeps the hash of the token in D1, and the token nowhere in it', async () => {
    const { cookies } = await call('POST', '/auth/login', { body: CLEO });
    const token = cookies['codex-session'] ?? '';
    const { results } = await env.DB.prepare('SELECT * FROM sessions').all();
    expect(results).toContainEqual(expect.objectContaining({ token_hash: await hashSessionToken(token), user_id: CLEO.id }));
    expect(JSON.stringify(results)).not.toContain(token);
  });

  it('puts the session into KV under the key of the spec', async () => {
    const { cookies, body } = await call('POST', '/auth/login', { body: CLEO });
    const token = cookies['codex-session'] ?? '';
    expect(await env.AUTH_SESSION_KV.get(`session:${token}`, 'json')).toEqual({
      session: { ...(body.session as object), userId: CLEO.id, token },
      user: body.user,
    });
  });

  it('takes the email in any case', async () => {
    const { status } = await call('POST', '/auth/login', { body: { ...CLEO, email: ' Cleo@CODEX.example ' } });
    expect(status).toBe(200);
  });

  it('counts down the attempts of one address, then refuses the sixth', async () => {
    const address = freshAddress();
    const wrong = await exhaust(address);
    expect(wrong.map(({ status, body }) => [status, (body.limit as { remaining: number }).remaining])).toEqual([
      [401, 4],
      [401, 3],
      [401, 2],
      [401, 1],
      [401, 0],
    ]);
    const sixth = await call('POST', '/auth/login', { address, body: WRONG });
    expect(sixth.status).toBe(429);
    expect(sixth.body).toMatchObject({ type: 'urn:codex:problem:too-many-attempts', limit: { limit: 5, remaining: 0 } });
  });

  it('refuses the right password too, once the attempts are spent, and says when to come back', async () => {
    const address = freshAddress();
    await exhaust(address);
    const { status, headers, body, cookies } = await call('POST', '/auth/login', { address, body: CLEO });
    expect({ status, cookies }).toEqual({ status: 429, cookies: {} });
    expect(headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
    const retryAfterSeconds = Number(headers.get('Retry-After'));
    const retryAfterMs = body.retryAfterMs as number;
    expect(retryAfterSeconds * 1000).toBeGreaterThanOrEqual(retryAfterMs);
    expect(retryAfterSeconds * 1000 - retryAfterMs).toBeLessThan(1000);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(900_000);
  });

  it('lets another address in while one is refused', async () => {
    await exhaust(freshAddress());
    const { status } = await call('POST', '/auth/login', { address: freshAddress(), body: CLEO });
    expect(status).toBe(200);
  });

  it('counts a successful attempt too', async () => {
    const address = freshAddress();
    await call('POST', '/auth/login', { address, body: CLEO });
    const { body } = await call('POST', '/auth/login', { address, body: CLEO });
    expect(body.limit).toMatchObject({ remaining: 3 });
  });

  it('gives callers without an address one bucket between them', async () => {
    const anonymous = { headers: { 'CF-Connecting-IP': '' }, body: WRONG };
    const remaining: unknown[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      remaining.push(((await call('POST', '/auth/login', anonymous)).body.limit as { remaining: number }).remaining);
    }
    expect(remaining).toEqual([4, 3]);
    // The second count is written once KV takes another write of the key.
    const written = (): Promise<unknown> => env.RATE_LIMIT_KV.get('rl:login:unknown', 'json');
    await expect.poll(written, { timeout: 5000 }).toMatchObject({ count: 2 });
  });

  it('answers an unknown user and a wrong password alike', async () => {
    const wrong = await call('POST', '/auth/login', { body: WRONG });
    const unknown = await call('POST', '/auth/login', { body: { ...WRONG, email: 'nobody@codex.example' } });
    const withoutTimes = ({ status, body, served }: Answer): unknown => ({
      status,
      body: { ...body, limit: null },
      steps: served.steps.map((step) => ({ ...step, durationMs: 0 })),
    });
    expect(withoutTimes(unknown)).toEqual(withoutTimes(wrong));
    expect(unknown.status).toBe(401);
  });

  it('does the same work for an unknown user, a broken stored hash and a wrong password: one derivation', async () => {
    await env.DB.prepare(
      "INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES ('user-odd', 'odd@codex.example', 'Odd', 'customer', 'plain', 0)",
    ).run();
    const derive = vi.spyOn(crypto.subtle, 'deriveBits');
    const statuses: number[] = [];
    for (const email of ['nobody@codex.example', 'odd@codex.example', CLEO.email]) {
      statuses.push((await call('POST', '/auth/login', { body: { email, password: 'wrong' } })).status);
    }
    expect(statuses).toEqual([401, 401, 401]);
    expect(derive.mock.calls.map(([algorithm]) => (algorithm as { iterations?: number }).iterations)).toEqual([
      100_000, 100_000, 100_000,
    ]);
  });

  it('derives nothing for a caller who is refused', async () => {
    const address = freshAddress();
    await exhaust(address);
    const derive = vi.spyOn(crypto.subtle, 'deriveBits');
    const { served } = await call('POST', '/auth/login', { address, body: CLEO });
    expect(derive).not.toHaveBeenCalled();
    expect(served.d1Queries).toBe(0);
  });

  it('drops this user’s expired sessions and keeps the live ones', async () => {
    const insert = 'INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES (?1, ?1, ?2, 0, ?3)';
    await env.DB.batch([
      env.DB.prepare(insert).bind('expired', CLEO.id, Date.now() - 1),
      env.DB.prepare(insert).bind('live', CLEO.id, Date.now() + 60_000),
    ]);
    await call('POST', '/auth/login', { body: CLEO });
    const { results } = await env.DB.prepare("SELECT id FROM sessions WHERE id IN ('expired', 'live')").all();
    expect(results).toEqual([{ id: 'live' }]);
  });
});
