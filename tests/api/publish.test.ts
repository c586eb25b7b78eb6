import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLEO, CORY, OLIVE, call, callWith, storeSession } from './api.ts';
import { failingKv } from './failing-stores.ts';

let olive = '';
let cleo = '';
let cory = '';

beforeAll(async () => {
  [olive, cleo, cory] = await Promise.all([storeSession(OLIVE.id), storeSession(CLEO.id), storeSession(CORY.id)]);
});

const stored = (id: string): Promise<{ status: string; published_at: number | null } | null> =>
  env.DB.prepare('SELECT status, published_at FROM content WHERE id = ?1').bind(id).first();

const titles = async (path: string): Promise<string[]> =>
  ((await call('GET', path)).body.content as { title: string }[]).map(({ title }) => title);

/** Reads the lists until KV has them, so that there is something to invalidate. */
async function fill(category: string): Promise<void> {
  await Promise.all([titles(`/content?category=${category}`), titles('/content/featured')]);
  await expect.poll(() => env.CACHE_KV.get(`cache:content:published:${category}`)).not.toBeNull();
  await expect.poll(() => env.CACHE_KV.get('cache:content:featured')).not.toBeNull();
}

describe('POST /content/:id/publish and /unpublish', () => {
  it('shows in the lists at once, both ways', async () => {
    await fill('sound');
    const published = await call('POST', '/content/tape-splices/publish', { token: cleo });
    expect(published).toMatchObject({
      status: 200,
      body: { content: { id: 'tape-splices', status: 'published' }, lists: { refreshed: true } },
    });
    expect(await titles('/content?category=sound')).toContain('A short course in tape splices');
    expect(await titles('/content/featured')).toContain('A short course in tape splices');

    await fill('sound');
    const withdrawn = await call('POST', '/content/tape-splices/unpublish', { token: cleo });
    expect(withdrawn).toMatchObject({ status: 200, body: { content: { status: 'draft' }, lists: { refreshed: true } } });
    expect(await titles('/content?category=sound')).not.toContain('A short course in tape splices');
    expect(await titles('/content/featured')).not.toContain('A short course in tape splices');
  });

  it('deletes the two lists from KV and leaves the others', async () => {
    await fill('film');
    await fill('essays');
    await call('POST', '/content/night-bus/publish', { token: olive });
    expect(await env.CACHE_KV.get('cache:content:published:film')).toBeNull();
    expect(await env.CACHE_KV.get('cache:content:featured')).toBeNull();
    expect(await env.CACHE_KV.get('cache:content:published:essays')).not.toBeNull();
  });

  it('keeps the date of what is published already', async () => {
    const before = await stored('walking-maps');
    const { status } = await call('POST', '/content/walking-maps/publish', { token: cleo });
    expect(status).toBe(200);
    expect(await stored('walking-maps')).toEqual(before);
  });

  it('refuses a customer', async () => {
    const { status, body } = await call('POST', '/content/borrowed-light/publish', { token: cory });
    expect({ status, type: body.type }).toEqual({ status: 403, type: 'urn:codex:problem:forbidden' });
    expect(await stored('borrowed-light')).toEqual({ status: 'draft', published_at: null });
  });

  it('refuses nobody in particular', async () => {
    expect((await call('POST', '/content/borrowed-light/publish')).status).toBe(401);
  });

  it('refuses another creator’s content, and lets the owner do it', async () => {
    expect((await call('POST', '/content/slow-letters/unpublish', { token: cleo })).status).toBe(403);
    expect(await stored('slow-letters')).toMatchObject({ status: 'published' });
    expect((await call('POST', '/content/the-understudy/unpublish', { token: olive })).status).toBe(200);
    expect(await stored('the-understudy')).toEqual({ status: 'draft', published_at: null });
  });

  it('asks D1 who is writing: a role lost since the session was cached is lost for writing at once', async () => {
    const token = await storeSession(CLEO.id);
    await call('GET', '/auth/me', { token });
    await expect.poll(() => env.AUTH_SESSION_KV.get(`session:${token}`)).not.toBeNull();
    await env.DB.prepare("UPDATE users SET role = 'customer' WHERE id = ?1").bind(CLEO.id).run();
    const { status } = await call('POST', '/content/borrowed-light/publish', { token });
    await env.DB.prepare("UPDATE users SET role = 'creator' WHERE id = ?1").bind(CLEO.id).run();
    expect(status).toBe(403);
  });

  it('does not accept a session that is left in the cache alone', async () => {
    const token = await storeSession(CLEO.id);
    await call('GET', '/auth/me', { token });
    await expect.poll(() => env.AUTH_SESSION_KV.get(`session:${token}`)).not.toBeNull();
    await callWith({ AUTH_SESSION_KV: failingKv() }, 'POST', '/auth/logout', { token });
    expect((await call('POST', '/content/borrowed-light/publish', { token })).status).toBe(401);
  });

  it('answers unknown content with 404, and an odd id with 400', async () => {
    const unknown = await call('POST', '/content/unheard-of/publish', { token: olive });
    const odd = await call('POST', '/content/a%27b/publish', { token: olive });
    expect([unknown.status, odd.status]).toEqual([404, 400]);
  });

  it('publishes and says so when the lists could not be refreshed; repeating it refreshes them', async () => {
    await fill('workshops');
    const failed = await callWith({ CACHE_KV: failingKv() }, 'POST', '/content/spoon-carving/publish', { token: cleo });
    expect(failed).toMatchObject({
      status: 200,
      body: {
        content: { status: 'published' },
        lists: { refreshed: false, staleForSeconds: 1800, detail: expect.stringContaining('30 minutes') },
      },
    });
    expect(await stored('spoon-carving')).toMatchObject({ status: 'published' });

    const again = await call('POST', '/content/spoon-carving/publish', { token: cleo });
    expect(again.body.lists).toEqual({ refreshed: true });
    expect(await titles('/content?category=workshops')).toContain('A spoon from a branch');
  });
});
