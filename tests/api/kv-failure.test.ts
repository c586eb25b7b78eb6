import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLEO, CORY, OLIVE, call, callWith, freshAddress, storeSession } from './api.ts';
import type { Answer } from './api.ts';
import { brokenD1, failingKv, failingObjects } from './failing-stores.ts';

const DOWN = { AUTH_SESSION_KV: failingKv(), RATE_LIMIT_KV: failingKv(), CACHE_KV: failingKv() };

afterEach(() => vi.restoreAllMocks());

describe('with every KV namespace failing', () => {
  it.each([
    '/content?category=essays',
    '/content/featured',
    '/categories',
    '/content?category=unheard-of',
    '/content?category=!',
    '/auth/me',
  ])('GET %s answers as ever', async (path) => {
    const down = await callWith(DOWN, 'GET', path);
    const up = await call('GET', path);
    expect({ status: down.status, body: down.body }).toEqual({ status: up.status, body: up.body });
  });

  it.each([OLIVE, CLEO, CORY])('GET /auth/me knows $email, and keeps knowing', async ({ id, email }) => {
    const token = await storeSession(id);
    for (let time = 0; time < 2; time += 1) {
      const { status, body } = await callWith(DOWN, 'GET', '/auth/me', { token });
      expect({ status, user: body.user }).toEqual({ status: 200, user: expect.objectContaining({ email }) });
    }
  });

  it('signing in works, and the session is known afterwards', async () => {
    const { status, cookies } = await callWith(DOWN, 'POST', '/auth/login', { body: CLEO });
    expect(status).toBe(200);
    const token = cookies['codex-session'] ?? '';
    expect((await callWith(DOWN, 'GET', '/auth/me', { token })).status).toBe(200);
    expect((await call('GET', '/auth/me', { token })).status).toBe(200);
  });

  it('the sixth attempt is refused all the same', async () => {
    const address = freshAddress();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      statuses.push((await callWith(DOWN, 'POST', '/auth/login', { address, body: { ...CLEO, password: 'wrong' } })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it('publishing is stored, and refusals are refusals', async () => {
    const [creator, customer] = [await storeSession(CLEO.id), await storeSession(CORY.id)];
    const refused = await callWith(DOWN, 'POST', '/content/borrowed-light/publish', { token: customer });
    const published = await callWith(DOWN, 'POST', '/content/borrowed-light/publish', { token: creator });
    expect([refused.status, published.status]).toEqual([403, 200]);
    expect(await env.DB.prepare("SELECT status FROM content WHERE id = 'borrowed-light'").first('status')).toBe('published');
  });

  it('logs no token, address or email', async () => {
    const lines: string[] = [];
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation((...parts: unknown[]) => void lines.push(parts.map(String).join(' ')));
    }
    const address = freshAddress();
    const { cookies } = await callWith(DOWN, 'POST', '/auth/login', { address, body: CLEO });
    const token = cookies['codex-session'] ?? '';
    await callWith(DOWN, 'GET', '/auth/me', { address, token });
    await callWith(DOWN, 'POST', '/content/walking-maps/publish', { address, token });
    await callWith(DOWN, 'POST', '/auth/logout', { address, token });
    const DB = brokenD1(`no answer about ${CLEO.email} and ${token}`);
    await callWith({ ...DOWN, DB }, 'POST', '/auth/login', { address, body: CLEO });
    expect(lines.join('\n')).toContain('session revocation');
    expect(lines.join('\n')).toContain('database-unavailable');
    for (const secret of [token, address, CLEO.email, CLEO.password]) expect(lines.join('\n')).not.toContain(secret);
  });
});

describe('with the objects that count failing', () => {
  const broken = { LOGIN_LIMITS: failingObjects() };

  it('the isolate refuses the sixth attempt by itself, and says so', async () => {
    const address = freshAddress();
    const answers: Answer[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const email = `${crypto.randomUUID()}@codex.example`;
      answers.push(await callWith(broken, 'POST', '/auth/login', { address, body: { email, password: 'wrong' } }));
    }
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    for (const { body } of answers) expect(body.limit).toMatchObject({ reason: 'degraded', exact: false, scope: 'isolate' });
  });

  it('signing in works, and is taken back', async () => {
    const address = freshAddress();
    for (let time = 0; time < 6; time += 1) {
      expect((await callWith(broken, 'POST', '/auth/login', { address, body: OLIVE })).status).toBe(200);
    }
  });
});

describe('with D1 failing', () => {
  const broken = brokenD1('no answer');

  it('a list that KV has is still answered', async () => {
    const { body } = await call('GET', '/content?category=sound');
    await expect.poll(() => env.CACHE_KV.get('cache:content:published:sound')).not.toBeNull();
    const down = await callWith({ DB: broken }, 'GET', '/content?category=sound');
    expect({ status: down.status, body: down.body }).toEqual({ status: 200, body });
  });

  it('what needs it is a problem that says so, and quotes nothing', async () => {
    const { status, body, headers } = await callWith({ DB: broken }, 'POST', '/auth/login', { body: CLEO });
    expect({ status, type: body.type, retry: headers.get('Retry-After') }).toEqual({
      status: 503,
      type: 'urn:codex:problem:database-unavailable',
      retry: '5',
    });
    expect(JSON.stringify(body)).not.toContain('D1_ERROR');
  });
});
