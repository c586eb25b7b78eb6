import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLEO, CORY, OLIVE, call, callWith, storeSession } from './api.ts';
import { failingKv } from './failing-stores.ts';

let olive = '';
let cleo = '';

beforeAll(async () => {
  [olive, cleo] = await Promise.all([storeSession(OLIVE.id), storeSession(CLEO.id)]);
});

describe('/settings', () => {
  const wanted = { name: 'The Codex', tagline: 'Slowly', logoUrl: 'https://codex.example/logo.svg' };

  it('are there from the start, for everybody, and cached for a day', async () => {
    const { status, body } = await call('GET', '/settings');
    expect({ status, body }).toEqual({
      status: 200,
      body: { settings: { name: 'Codex', tagline: 'Essays, sound, film and workshops', logoUrl: null } },
    });
    await expect.poll(() => env.CACHE_KV.get('cache:platform-settings')).not.toBeNull();
    const { keys } = await env.CACHE_KV.list({ prefix: 'cache:platform-settings' });
    expect((keys[0]?.expiration ?? 0) - Date.now() / 1000).toBeGreaterThan(86_000);
    expect((await call('GET', '/settings')).served.d1Queries).toBe(0);
  });

  it('are changed by the owner, at once', async () => {
    const { status, body } = await call('PUT', '/settings', { token: olive, body: wanted });
    expect({ status, body }).toEqual({ status: 200, body: { settings: wanted, cache: { refreshed: true } } });
    expect((await call('GET', '/settings')).body.settings).toEqual(wanted);
  });

  it('are stored when KV fails, and the answer says how long the old ones may show', async () => {
    const { status, body } = await callWith({ CACHE_KV: failingKv() }, 'PUT', '/settings', { token: olive, body: wanted });
    expect({ status, cache: body.cache }).toEqual({ status: 200, cache: { refreshed: false, staleForSeconds: 86_400 } });
  });

  it('are changed by nobody else, and to nothing odd', async () => {
    expect((await call('PUT', '/settings', { token: cleo, body: wanted })).status).toBe(403);
    expect((await call('PUT', '/settings', { body: wanted })).status).toBe(401);
    for (const odd of [
      { name: '' },
      { logoUrl: 'http://codex.example/' },
      { logoUrl: 'javascript:alert(1)' },
      { tagline: 5 },
    ]) {
      expect((await call('PUT', '/settings', { token: olive, body: { ...wanted, ...odd } })).status).toBe(400);
    }
  });
});

describe('/creators/:id/buckets', () => {
  it('are a creator’s own to see, and the owner’s', async () => {
    const buckets = { media: 'codex-media-local-cleo', assets: 'codex-assets-local-cleo' };
    for (const token of [cleo, olive]) {
      const { status, body } = await call('GET', '/creators/user-cleo/buckets', { token });
      expect({ status, body }).toEqual({ status: 200, body: { buckets } });
    }
    await expect.poll(() => env.CACHE_KV.get('cache:creator-buckets:user-cleo', 'json')).toEqual(buckets);
    expect((await call('GET', '/creators/user-olive/buckets', { token: cleo })).status).toBe(403);
    expect((await call('GET', '/creators/user-cleo/buckets', { token: await storeSession(CORY.id) })).status).toBe(403);
    expect((await call('GET', '/creators/user-cleo/buckets')).status).toBe(401);
  });

  it('are given once and stay', async () => {
    const path = '/creators/user-olive/buckets';
    expect((await call('GET', path, { token: olive })).status).toBe(404);
    const given = await call('POST', path, { token: olive });
    expect(given.body.buckets).toEqual({
      media: expect.stringMatching(/^codex-media-[a-z0-9-]{36}$/),
      assets: expect.stringMatching(/^codex-assets-[a-z0-9-]{36}$/),
    });
    expect((await call('POST', path, { token: olive })).body).toEqual(given.body);
    expect((await call('GET', path, { token: olive })).body).toEqual(given.body);
  });

  it('are given to creators alone', async () => {
    expect((await call('POST', '/creators/user-cory/buckets', { token: olive })).status).toBe(404);
    expect((await call('POST', '/creators/nobody/buckets', { token: olive })).status).toBe(404);
    expect((await call('POST', '/creators/user-olive/buckets', { token: cleo })).status).toBe(403);
  });
});
