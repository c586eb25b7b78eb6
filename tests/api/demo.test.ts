import { describe, expect, it } from 'vitest';
import type { Env } from '../../workers/api/src/env.ts';
import { CLEO, ORIGIN, call, callWith, freshAddress } from './api.ts';
import { failingObjects } from './failing-stores.ts';

describe('the routes under /demo', () => {
  it('name the accounts of the sample data', async () => {
    const { status, body } = await call('GET', '/demo');
    expect({ status, accounts: body.accounts }).toEqual({
      status: 200,
      accounts: expect.arrayContaining([expect.objectContaining({ email: CLEO.email, password: CLEO.password })]),
    });
  });

  it('let a refused caller try again', async () => {
    const address = freshAddress();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      statuses.push((await call('POST', '/auth/login', { address, body: { ...CLEO, password: 'wrong' } })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await call('POST', '/demo/reset-attempts', { address })).status).toBe(200);
    const { status, body } = await call('POST', '/auth/login', { address, body: CLEO });
    expect({ status, limit: body.limit }).toEqual({ status: 200, limit: expect.objectContaining({ remaining: 5 }) });
    expect(body.accountLimit).toMatchObject({ remaining: 10 });
  });

  it('say so when the attempts could not be forgotten', async () => {
    const { status, body } = await callWith({ LOGIN_LIMITS: failingObjects() }, 'POST', '/demo/reset-attempts');
    expect({ status, type: body.type }).toEqual({ status: 503, type: 'urn:codex:problem:reset-incomplete' });
  });

  it('name nobody and forget nothing without demo accounts', async () => {
    const bindings = { LOCAL_DEMO: { accounts: [] } };
    expect((await callWith(bindings, 'GET', '/demo')).body).toEqual({ accounts: [] });
    expect((await callWith(bindings, 'POST', '/demo/reset-attempts')).status).toBe(404);
  });

  it('name nobody and forget nothing for another host, even with demo accounts', async () => {
    const bindings = { APP_ORIGIN: ORIGIN };
    expect((await callWith(bindings, 'GET', 'https://codex.example/demo')).body).toEqual({ accounts: [] });
    expect((await callWith(bindings, 'POST', 'https://codex.example/demo/reset-attempts')).status).toBe(404);
  });

  it('show no mail and sign no event without demo accounts, or for another host', async () => {
    const elsewhere: [Partial<Env>, string][] = [
      [{ LOCAL_DEMO: { accounts: [] } }, ORIGIN],
      [{ APP_ORIGIN: ORIGIN }, 'https://codex.example'],
    ];
    for (const [bindings, origin] of elsewhere) {
      expect((await callWith(bindings, 'GET', `${origin}/demo/outbox`)).status).toBe(404);
      expect((await callWith(bindings, 'POST', `${origin}/demo/stripe`)).status).toBe(404);
    }
  });
});
