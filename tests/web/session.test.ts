import { beforeEach, describe, expect, inject, it } from 'vitest';
import { Visitor, signedCookie } from './visitor.ts';

const NOBODY = { user: null };

describe.each(['linked', 'packed'] as const)('a session, with the %s package', (how) => {
  const site = inject('sites')[how].url;
  let ada: Visitor;
  beforeEach(async () => {
    ada = new Visitor(site);
    await ada.signUp('Ada');
  });

  it('is read from the database once, then from the cache, and is the same', async () => {
    const missed = await ada.get('/api/me');
    expect(missed).toMatchObject({ status: 200, body: { user: { name: 'Ada', role: 'customer' }, answeredBy: 'database' } });
    expect(missed.d1Statements).toBeGreaterThan(0);

    const hit = await ada.untilCached();
    expect(hit.body).toEqual({ ...(missed.body as object), answeredBy: expect.stringMatching(/^(?:kv|memory)$/) });
  });

  it('needs no database while it is cached', async () => {
    await ada.untilCached();
    expect(await ada.get('/api/me', 'd1-down')).toMatchObject({ status: 200, body: { user: { name: 'Ada' } } });
  });

  it('is answered from the database while KV is down, silent or not bound', async () => {
    for (const circumstances of ['kv-down', 'kv-silent', 'kv-unbound']) {
      const bob = new Visitor(site);
      await bob.signUp('Bob');
      const answer = await bob.get('/api/me', circumstances);
      expect(answer, circumstances).toMatchObject({ status: 200, body: { user: { name: 'Bob' }, answeredBy: 'database' } });
      expect(bob.cookie).not.toBeNull();
    }
  });

  it('is not ended by a database that is down: that is an error, and the cookie stays', async () => {
    const { cookie } = ada;
    expect((await ada.get('/api/me', 'd1-down')).status).toBe(500);
    expect(ada.cookie).toBe(cookie);
    expect((await ada.get('/api/me')).status).toBe(200);
  });

  it('ends with signing out', async () => {
    const { cookie } = ada;
    await ada.untilCached();
    expect(await ada.post('/?/signOut')).toMatchObject({ status: 303 });
    expect(ada.cookie).toBeNull();
    ada.cookie = cookie;
    expect(await ada.get('/api/me')).toMatchObject({ status: 401, body: NOBODY });
  });

  it('ends when somebody signs out everywhere from another one', async () => {
    const credentials = await ada.signUp('Ada');
    const elsewhere = new Visitor(site);
    expect((await elsewhere.post('/login?/signIn', { ...credentials })).status).toBe(303);
    await ada.untilCached();

    await elsewhere.get('/api/me');
    expect(await elsewhere.post('/?/signOutEverywhere')).toMatchObject({ status: 303 });
    expect(await ada.get('/api/me')).toMatchObject({ status: 401, body: NOBODY });
    // Whoever signs in again is in again.
    expect((await ada.post('/login?/signIn', { ...credentials })).status).toBe(303);
    expect((await ada.get('/api/me')).status).toBe(200);
  });

  it('is kept while KV cannot record that all have ended; trying again finishes', async () => {
    const { cookie } = ada;
    await ada.untilCached();
    const refused = await ada.post('/?/signOutEverywhere', {}, 'kv-down');
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('not finished');
    expect(ada.cookie).toBe(cookie);
    expect((await ada.get('/api/me', 'kv-unbound')).status).toBe(200);
    expect(await ada.post('/?/signOutEverywhere')).toMatchObject({ status: 303 });
    ada.cookie = cookie;
    expect((await ada.get('/api/me')).status).toBe(401);
  });

  it('has not quite ended while KV cannot delete its copy, which is said; trying again finishes', async () => {
    const { cookie } = ada;
    await ada.untilCached();
    expect(await ada.post('/?/signOut', {}, 'kv-down')).toMatchObject({
      status: 503,
      body: expect.stringContaining('try again'),
    });
    expect(ada.cookie).toBe(cookie);
    expect(await ada.post('/?/signOut')).toMatchObject({ status: 303 });
    ada.cookie = cookie;
    expect((await ada.get('/api/me')).status).toBe(401);
  });

  it('that was ended ends no other, though a copy of it is left', async () => {
    const credentials = await ada.signUp('Ada');
    const elsewhere = new Visitor(site);
    await elsewhere.post('/login?/signIn', { ...credentials });
    await ada.untilCached();
    const { cookie } = ada;
    await ada.post('/?/signOut', {}, 'kv-down');
    ada.cookie = cookie;
    await ada.post('/?/signOutEverywhere');
    expect((await elsewhere.get('/api/me')).status).toBe(200);
  });
});

describe.each(['linked', 'packed'] as const)('a cookie, with the %s package', (how) => {
  const site = inject('sites')[how].url;

  it('that was not signed here costs nothing', async () => {
    const mallory = new Visitor(site);
    for (const cookie of [
      signedCookie('a-token', 'another secret'),
      'codex-session=a-token',
      `codex-session=${'x'.repeat(600)}`,
    ]) {
      mallory.cookie = cookie;
      expect(await mallory.get('/api/me')).toMatchObject({ status: 401, body: NOBODY, d1Statements: 0, sessionReads: 0 });
    }
  });

  it('of no session is refused for its address after twenty of them, whoever else goes on', async () => {
    const mallory = new Visitor(site);
    const ada = new Visitor(site);
    await ada.signUp('Ada');
    const statuses: number[] = [];
    for (let guess = 0; guess < 21; guess++) {
      mallory.cookie = signedCookie(`guess-${crypto.randomUUID()}`);
      statuses.push((await mallory.get('/api/me')).status);
    }
    expect(statuses).toEqual([...Array(20).fill(401), 429]);
    mallory.cookie = signedCookie(`guess-${crypto.randomUUID()}`);
    const refused = await mallory.get('/api/me');
    expect(refused).toMatchObject({ status: 429, d1Statements: 0 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ada.get('/api/me')).status).toBe(200);
  });
});
