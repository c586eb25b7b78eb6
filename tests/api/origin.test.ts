import { describe, expect, it } from 'vitest';
import { ownOrigin } from '../../workers/api/src/http/origin.ts';
import { CLEO, ORIGIN, call, callWith } from './api.ts';

const WRITES = [
  '/auth/login',
  '/auth/logout',
  '/content/walking-maps/publish',
  '/content/walking-maps/unpublish',
  '/demo/reset-attempts',
  '/nowhere',
];
const FOREIGN = { status: 403, type: 'urn:codex:problem:foreign-origin' };

async function post(path: string, headers: Record<string, string>): Promise<{ status: number; type: unknown }> {
  const { status, body, served } = await call('POST', path, { headers, body: CLEO });
  expect(served).toMatchObject({ kvReads: 0, kvWrites: 0, d1Queries: 0 });
  return { status, type: body.type };
}

describe('the origin of a write', () => {
  it.each(WRITES)('must be there: POST %s', async (path) => {
    expect(await post(path, { Origin: '' })).toEqual(FOREIGN);
  });

  it.each(WRITES)('must be this application’s: POST %s', async (path) => {
    expect(await post(path, { Origin: 'https://evil.example' })).toEqual(FOREIGN);
  });

  it.each([
    'null',
    'http://localhost',
    'http://localhost:8788',
    'https://localhost:8787',
    'http://localhost:8787.evil.example',
    `${ORIGIN}/`,
  ])('is not %j', async (origin) => {
    expect(await post('/auth/login', { Origin: origin })).toEqual(FOREIGN);
  });

  it.each(['cross-site', 'same-site', 'none'])('may not come with Sec-Fetch-Site: %s', async (site) => {
    expect(await post('/auth/login', { 'Sec-Fetch-Site': site })).toEqual(FOREIGN);
  });

  it('may come with Sec-Fetch-Site: same-origin', async () => {
    const { status } = await call('POST', '/auth/login', { headers: { 'Sec-Fetch-Site': 'same-origin' }, body: CLEO });
    expect(status).toBe(200);
  });

  it('is APP_ORIGIN where that is set, whatever host the request names', async () => {
    const configured = { APP_ORIGIN: 'https://codex.example' };
    const own = await callWith(configured, 'POST', '/auth/login', { headers: { Origin: 'https://codex.example' }, body: CLEO });
    const host = await callWith(configured, 'POST', '/auth/login', { headers: { Origin: ORIGIN }, body: CLEO });
    expect([own.status, host.status]).toEqual([200, 403]);
  });

  it.each([
    ['http://localhost:8787/x', 'http://localhost:8787'],
    ['http://127.0.0.1:1/', 'http://127.0.0.1:1'],
    ['http://[::1]:1/', 'http://[::1]:1'],
    ['http://rebound.example/', null],
    ['http://localhost.evil.example/', null],
    ['http://192.168.0.7:8787/', null],
  ])('without APP_ORIGIN is the request’s own on this machine only: %s', (url, own) => {
    expect(ownOrigin(new URL(url), undefined)).toBe(own);
  });
});
