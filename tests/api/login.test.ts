import { env } from 'cloudflare:workers';
import { normalizeAddress, RATE_LIMITS, RateLimiterClient } from '@codex/cloudflare-clients';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ACCOUNT_LIMIT } from '../../workers/api/src/auth/login-limits.ts';
import { hashSessionToken } from '../../workers/api/src/auth/session-token.ts';
import { CLEO, CORY, OLIVE, call, freshAddress } from './api.ts';
import type { Answer } from './api.ts';

const WRONG = { email: CLEO.email, password: 'wrong' };

type Limit = { remaining: number; resetAt: number; retryAfterMs: number };

/** The email of no account that anybody has tried. */
const freshEmail = (): string => `${crypto.randomUUID()}@codex.example`;

/** What is left for an address and on an account. */
async function left(address: string, email: string): Promise<number[]> {
  const limiter = new RateLimiterClient(env.RATE_LIMIT_KV, { authority: env.LOGIN_LIMITS });
  const both = [limiter.peek(normalizeAddress(address) ?? '', RATE_LIMITS.login), limiter.peek(email, ACCOUNT_LIMIT)];
  return (await Promise.all(both)).map(({ remaining }) => remaining);
}

/** Spends the attempts of an address, each on another account. */
async function exhaust(address: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let attempt = 0; attempt < 5; attempt += 1)
    answers.push(await call('POST', '/auth/login', { address, body: { ...WRONG, email: freshEmail() } }));
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

  it('says in the RateLimit fields what is left of both limits', async () => {
    const { headers } = await call('POST', '/auth/login', { body: { ...WRONG, email: freshEmail() } });
    expect(headers.get('RateLimit-Policy')).toBe('"login-address";q=5;w=900, "login-account";q=10;w=3600');
    expect(headers.get('RateLimit')).toMatch(/^"login-address";r=4;t=(900|899), "login-account";r=9;t=3[56]\d$/);
    expect(headers.has('Retry-After')).toBe(false);
  });

  it('takes a successful attempt back, and that one alone', async () => {
    const [address, body] = [freshAddress(), { ...CORY, email: ` ${CORY.email}` }];
    await call('POST', '/auth/login', { address, body: { ...CORY, password: 'wrong' } });
    const before = await left(address, CORY.email);
    for (let time = 0; time < 6; time += 1) {
      const { status, headers, body: said } = await call('POST', '/auth/login', { address, body });
      const shown = [(said.limit as Limit).remaining, (said.accountLimit as Limit).remaining];
      expect({ status, shown }).toEqual({ status: 200, shown: before });
      expect(headers.get('RateLimit')).toContain(`"login-address";r=${before[0]};`);
    }
    expect(await left(address, CORY.email)).toEqual(before);
  });

  it('says after that when the attempts before it will have ended', async () => {
    const address = freshAddress();
    const wrong = await call('POST', '/auth/login', { address, body: { ...OLIVE, password: 'wrong' } });
    const right = await call('POST', '/auth/login', { address, body: OLIVE });
    for (const limit of ['limit', 'accountLimit'] as const) {
      const [before, after] = [wrong.body[limit] as Limit, right.body[limit] as Limit];
      expect(after.remaining).toBe(before.remaining);
      expect(Math.abs(after.resetAt - before.resetAt)).toBeLessThanOrEqual(1);
    }
  });

  it('counts on the account as well, from wherever, and refuses the eleventh', async () => {
    const email = freshEmail();
    const answers: Answer[] = [];
    for (let attempt = 0; attempt < 11; attempt += 1) {
      answers.push(await call('POST', '/auth/login', { address: freshAddress(), body: { ...WRONG, email } }));
    }
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(10).fill(401), 429]);
    const { body, headers } = answers[10] as Answer;
    expect(body).toMatchObject({
      refusedFor: 'on this account',
      limit: { remaining: 5 },
      accountLimit: { limit: 10, remaining: 0 },
    });
    // One comes back every six minutes.
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(350);
    expect(Number(headers.get('Retry-After'))).toBeLessThanOrEqual(360);
    expect(body.retryAfterMs).toBe((body.accountLimit as Limit).retryAfterMs);
  });

  it('counts on an account in whatever case it is written', async () => {
    const email = freshEmail();
    await call('POST', '/auth/login', { body: { ...WRONG, email } });
    const { body } = await call('POST', '/auth/login', { body: { ...WRONG, email: ` ${email.toUpperCase()} ` } });
    expect(body.accountLimit).toMatchObject({ remaining: 8 });
  });

  it('counts nothing on the account where the address is refused, and nothing for the address where the account is', async () => {
    const [address, email] = [freshAddress(), freshEmail()];
    for (let attempt = 0; attempt < 9; attempt += 1) await call('POST', '/auth/login', { address, body: { ...WRONG, email } });
    expect(await left(address, email)).toEqual([0, 5]);
    for (let attempt = 0; attempt < 5; attempt += 1) await call('POST', '/auth/login', { body: { ...WRONG, email } });
    const other = freshAddress();
    await call('POST', '/auth/login', { address: other, body: { ...WRONG, email } });
    expect(await left(other, email)).toEqual([5, 0]);
  });

  it('admits five of fifty at once, and knows that it is everybody who was counted', async () => {
    const [address, statuses] = [freshAddress(), [] as number[]];
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const { status, body } = await call('POST', '/auth/login', { address, body: { ...WRONG, email: freshEmail() } });
        statuses.push(status);
        expect(body.limit).toMatchObject({ exact: true, scope: 'global' });
      }),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(45);
  });

  it('takes a network of IPv6 for one address, and asks no KV', async () => {
    const address = freshAddress();
    await call('POST', '/auth/login', { address, body: { ...WRONG, email: freshEmail() } });
    const { body, served } = await call('POST', '/auth/login', {
      address: address.replace('::1', '::2'),
      body: { ...WRONG, email: freshEmail() },
    });
    expect(body.limit).toMatchObject({ remaining: 3 });
    expect(served).toMatchObject({ kvReads: 0, kvWrites: 0 });
  });

  it('gives callers without an address one bucket between them', async () => {
    const anonymous = { headers: { 'CF-Connecting-IP': '' }, body: WRONG };
    const remaining: unknown[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      remaining.push(((await call('POST', '/auth/login', anonymous)).body.limit as { remaining: number }).remaining);
    }
    expect(remaining).toEqual([4, 3]);
  });

  it('answers an unknown user and a wrong password alike', async () => {
    const wrong = await call('POST', '/auth/login', { body: WRONG });
    const unknown = await call('POST', '/auth/login', { body: { ...WRONG, email: 'nobody@codex.example' } });
    const withoutTimes = ({ status, body, served }: Answer): unknown => ({
      status,
      // Who has tried before is no secret; whether there is such an account is.
      body: { ...body, limit: null, accountLimit: null },
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
