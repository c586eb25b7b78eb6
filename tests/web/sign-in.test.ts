import { describe, expect, inject, it } from 'vitest';
import { Visitor } from './visitor.ts';

describe.each(['linked', 'packed'] as const)('signing in, with the %s package', (how) => {
  const site = inject('sites')[how].url;

  it('sets a cookie for this site alone, unreadable to scripts', async () => {
    const visitor = new Visitor(site);
    const credentials = await visitor.signUp('Ada');
    const answer = await visitor.post('/login?/signIn', { ...credentials });
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^codex-session=[\w.%-]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
  });

  it('works without a page', async () => {
    const credentials = await new Visitor(site).signUp('Ada');
    const visitor = new Visitor(site);
    expect(await visitor.post('/api/auth/login', { ...credentials })).toMatchObject({ status: 200, body: { signedIn: true } });
    expect(await visitor.get('/api/me')).toMatchObject({ status: 200, body: { user: { email: credentials.email } } });
  });

  it('is refused with a wrong password, and after five of them with the right one', async () => {
    const { email, password } = await new Visitor(site).signUp('Ada');
    const visitor = new Visitor(site);
    for (let attempt = 0; attempt < 5; attempt++) {
      expect((await visitor.post('/api/auth/login', { email, password: 'wrong' })).status).toBe(401);
    }
    const refused = await visitor.post('/api/auth/login', { email, password });
    expect(refused).toMatchObject({ status: 429, body: { status: 429, 'violated-policies': ['login-address'] } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(visitor.cookie).toBeNull();

    const page = await visitor.post('/login?/signIn', { email, password });
    expect(page.status).toBe(429);
    expect(page.body).toContain('Too many attempts to sign in. Try again in 15 min.');
    // Only that address is refused.
    expect((await new Visitor(site).post('/api/auth/login', { email, password })).status).toBe(200);
  });

  it('succeeds while KV is down', async () => {
    const credentials = await new Visitor(site).signUp('Ada');
    const visitor = new Visitor(site);
    expect((await visitor.post('/api/auth/login', { ...credentials }, 'kv-down')).status).toBe(200);
    expect((await visitor.get('/api/me', 'kv-down')).status).toBe(200);
  });

  it('takes no form from another site', async () => {
    const credentials = await new Visitor(site).signUp('Ada');
    const answer = await fetch(`${site}/api/auth/login`, {
      method: 'POST',
      headers: { origin: 'https://elsewhere.example' },
      body: new URLSearchParams({ ...credentials }),
    });
    expect(answer.status).toBe(403);
  });

  it('says that an account could not be stored, and not that its email is taken', async () => {
    const [name, email, password] = ['Flo', `flo-${crypto.randomUUID()}@codex.example`, 'a password to try'];
    const refused = await new Visitor(site).post('/login?/signUp', { name, email, password }, 'd1-full');
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('That could not be stored. Try again in a moment.');
    expect((await new Visitor(site).post('/login?/signUp', { name, email, password })).status).toBe(303);
  });

  it('says what is wrong with a new account', async () => {
    const ada = new Visitor(site);
    const { email, password } = await ada.signUp('Ada');
    const taken = await new Visitor(site).post('/login?/signUp', { name: 'Ada', email, password });
    expect(taken.status).toBe(409);
    expect(taken.body).toContain('There is an account with that email already.');
    const short = await new Visitor(site).post('/login?/signUp', { name: 'Bo', email: 'bo@codex.example', password: 'short' });
    expect(short).toMatchObject({ status: 400, body: expect.stringContaining('Password too short') as unknown });
    const owner = new Visitor(site);
    await owner.post('/login?/signUp', {
      name: 'Eve',
      email: `eve-${crypto.randomUUID()}@codex.example`,
      password,
      role: 'owner',
    });
    expect(await owner.get('/api/me')).toMatchObject({ body: { user: { name: 'Eve', role: 'customer' } } });
  });
});
