import { env } from 'cloudflare:workers';
import { CacheClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { registered } from './account.ts';
import type { Env } from '../../workers/api/src/env.ts';
import { callWith, freshAddress, signIn, type Answer, type Call } from './api.ts';
import { failingKv } from './failing-stores.ts';

const SECRET = 'a secret of the administrators';

/** Asks as an administrator does: with the secret, from no page. */
async function admin(
  method: string,
  path: string,
  options: Call & { secret?: string; bindings?: Partial<Env> } = {},
): Promise<Answer> {
  const { secret = SECRET, headers, bindings, ...rest } = options;
  const all = { Origin: '', Authorization: secret === '' ? '' : `Bearer ${secret}`, ...headers };
  return callWith({ ADMIN_SECRET: SECRET, ...bindings }, method, path, { ...rest, headers: all });
}

const ROUTES: [string, string, object?][] = [
  ['GET', '/admin/keys?store=cache'],
  ['GET', '/admin/entry?store=cache&key=cache:admin:one'],
  ['DELETE', '/admin/entry?store=cache&key=cache:admin:none'],
  ['GET', '/admin/sessions?userId=user-nobody'],
  ['POST', '/admin/sessions/revoke', { userId: 'user-cory' }],
  ['POST', '/admin/purge', { prefix: 'cache:nothing:', confirm: 'purge cache:nothing:' }],
  ['POST', '/admin/purge', { tags: ['nothing'], confirm: 'purge nothing' }],
  ['POST', '/admin/purge', { everything: true, confirm: 'purge everything' }],
];

describe.each(ROUTES)('%s %s', (method, path, body) => {
  it('is for whoever bears the secret alone', async () => {
    await env.CACHE_KV.put('cache:admin:one', '1');
    for (const secret of ['', 'wrong', SECRET.slice(1), `${SECRET} `.repeat(2).trim()]) {
      const { status, headers } = await admin(method, path, { secret, body, address: freshAddress() });
      expect({ status, asks: headers.get('WWW-Authenticate') }).toEqual({ status: 401, asks: 'Bearer realm="admin"' });
    }
    expect((await admin(method, path, { body })).status).toBe(200);
  });

  it('is not there without a secret', async () => {
    const headers = { Origin: '', Authorization: 'Bearer ' };
    expect((await callWith({ ADMIN_SECRET: '' }, method, path, { body, headers })).status).toBe(404);
  });
});

describe('the administrator', () => {
  it('is refused after ten wrong secrets from one address', async () => {
    const address = freshAddress();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt += 1) {
      statuses.push((await admin('GET', '/admin/keys?store=cache', { secret: 'wrong', address })).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
    // Guessing on would be told that it has guessed right.
    const right = await admin('GET', '/admin/keys?store=cache', { address });
    expect([right.status, right.body.type]).toEqual([429, 'urn:codex:problem:too-many-requests']);
    expect(Number(right.headers.get('Retry-After'))).toBeGreaterThan(800);
    expect((await admin('GET', '/admin/keys?store=cache')).status).toBe(200);
  });

  it.each(['.', '..', '', 'x'.repeat(513)])('is told that %o is no key', async (key) => {
    for (const [method, store] of [
      ['GET', 'cache'],
      ['DELETE', 'cache'],
      ['DELETE', 'limits'],
    ] as const) {
      const { status, body } = await admin(method, `/admin/entry?store=${store}&key=${key}`);
      expect({ status, fields: body.fields }).toEqual({ status: 400, fields: ['key'] });
    }
  });

  it('lists a page of keys, reads an entry and what the cache makes of it, and deletes it', async () => {
    await env.CACHE_KV.put('cache:admin:list', '{"a":1}');
    const { body } = await admin('GET', '/admin/keys?store=cache&prefix=cache:admin:l');
    expect((body.keys as { name: string }[]).map(({ name }) => name)).toEqual(['cache:admin:list']);
    const entry = await admin('GET', '/admin/entry?store=cache&key=cache:admin:list');
    expect(entry.body).toMatchObject({ value: '{"a":1}', explained: { state: 'fresh', physicalKey: 'cache:admin:list' } });
    await admin('DELETE', '/admin/entry?store=cache&key=cache:admin:list');
    expect((await admin('GET', '/admin/entry?store=cache&key=cache:admin:list')).status).toBe(404);
  });

  it('sees a user’s sessions without tokens, and ends them', async () => {
    const user = await registered();
    const token = await signIn(user);
    const found = await env.DB.prepare('SELECT id FROM users WHERE email = ?1').bind(user.email).first<{ id: string }>();
    const userId = found?.id ?? '';
    const { body } = await admin('GET', `/admin/sessions?userId=${userId}`);
    expect(body.sessions).toHaveLength(1);
    expect(JSON.stringify(body)).not.toContain(token);
    expect((await admin('POST', '/admin/sessions/revoke', { body: { userId } })).body).toMatchObject({ revoked: true });
    expect((await callWith({}, 'GET', '/auth/me', { token })).status).toBe(401);
  });

  it('ends the cached sessions of a user whom D1 does not know any more', async () => {
    const { status, body } = await admin('POST', '/admin/sessions/revoke', { body: { userId: 'user-gone' } });
    expect({ status, revoked: body.revoked }).toEqual({ status: 200, revoked: true });
  });

  it('reads out no session keys', async () => {
    for (const path of ['keys?store=sessions', 'entry?store=sessions&key=session:a'])
      expect((await admin('GET', `/admin/${path}`)).status).toBe(400);
  });

  it('purges nothing without saying it again', async () => {
    await env.CACHE_KV.put('cache:admin:kept', '1');
    for (const body of [{ prefix: 'cache:admin:kept' }, { tags: ['kept'] }, { everything: true, confirm: 'purge' }]) {
      expect((await admin('POST', '/admin/purge', { body })).status).toBe(409);
    }
    expect(await env.CACHE_KV.get('cache:admin:kept')).toBe('1');
  });

  it('purges what begins with a prefix a page at a time, goes on where it stopped, and leaves the rest', async () => {
    const keys = Array.from({ length: 1000 }, (_, at) => `cache:paged:${at}`);
    for (const key of [...keys, 'cache:pages']) await env.CACHE_KV.put(key, '1');
    const body = { prefix: 'cache:paged:', confirm: 'purge cache:paged:' };
    const first = await admin('POST', '/admin/purge', { body });
    expect(first.body).toMatchObject({ complete: false, cursor: expect.any(String) as unknown });
    const again = await admin('POST', '/admin/purge', { body: { ...body, cursor: first.body.cursor } });
    expect(again.body).toMatchObject({ complete: true });
    expect((first.body.deleted as number) + (again.body.deleted as number)).toBe(keys.length);
    expect((await env.CACHE_KV.list({ prefix: 'cache:page' })).keys.map(({ name }) => name)).toEqual(['cache:pages']);
  });

  it('voids what bears a tag, and leaves the rest', async () => {
    const cache = new CacheClient(env.CACHE_KV, { memory: false });
    await cache.set('cache:tagged', 1, 600, { tags: ['spring'] });
    await cache.set('cache:untagged', 2, 600, { tags: ['autumn'] });
    const body = { tags: ['spring'], confirm: 'purge spring' };
    expect((await admin('POST', '/admin/purge', { body })).body).toMatchObject({ complete: true });
    expect([await cache.get('cache:tagged'), await cache.get('cache:untagged')]).toEqual([null, 2]);
  });

  it('is told that what the cache keeps for itself is no prefix to purge', async () => {
    const body = { prefix: 'e:', confirm: 'purge e:' };
    expect((await admin('POST', '/admin/purge', { body })).body).toMatchObject({ type: 'urn:codex:problem:invalid-input' });
  });

  it.each(ROUTES.filter(([, path]) => path !== '/admin/sessions/revoke'))(
    'is told to ask again where KV fails: %s %s',
    async (method, path, body) => {
      const failing = { AUTH_SESSION_KV: failingKv(), RATE_LIMIT_KV: failingKv(), CACHE_KV: failingKv() };
      const { status, body: problem, headers } = await admin(method, path, { body, bindings: failing });
      expect({ status, type: problem.type }).toEqual({ status: 503, type: 'urn:codex:problem:storage-unavailable' });
      expect(headers.get('Retry-After')).toBe('5');
    },
  );

  it.each<[string, string, object?]>([
    ['GET', '/admin/keys?store=cache&cursor=x'],
    ['GET', '/admin/sessions?userId=user-nobody&cursor=x'],
    ['POST', '/admin/purge', { prefix: 'cache:nothing:', confirm: 'purge cache:nothing:', cursor: 'x' }],
  ])('is told that KV does not take a cursor, where KV says so: %s %s', async (method, path, body) => {
    const list = () => Promise.reject(new Error('KV GET failed: 400 Invalid cursor'));
    const kv = { ...failingKv(), list };
    const answer = await admin(method, path, { body, bindings: { AUTH_SESSION_KV: kv, CACHE_KV: kv } });
    expect(answer).toMatchObject({ status: 400, body: { type: 'urn:codex:problem:invalid-input' } });
  });

  it('purges everything, values before what voids them, and waits in between', async () => {
    for (const kv of [env.AUTH_SESSION_KV, env.RATE_LIMIT_KV, env.CACHE_KV]) await emptied(kv);
    const keys = ['session:a', 'session:b', 'usess:u:h', 'urev:u', 'srev:h'];
    for (const key of keys) await env.AUTH_SESSION_KV.put(key, `{"before":${Date.now() - 1}}`);
    await env.RATE_LIMIT_KV.put('rl:login:a', '1');
    await env.CACHE_KV.put('cache:a', '1');
    await env.CACHE_KV.put('e::tag', '1');
    const left = async () => (await env.AUTH_SESSION_KV.list()).keys.map(({ name }) => name);

    const confirm = { everything: true, confirm: 'purge everything' };
    const sessions = await admin('POST', '/admin/purge', { body: confirm });
    expect(sessions.body).toMatchObject({ deleted: 2, complete: false });
    expect(await left()).toEqual(['srev:h', 'urev:u', 'usess:u:h']);
    const index = await admin('POST', '/admin/purge', { body: { ...confirm, cursor: sessions.body.cursor } });
    expect(index.body).toMatchObject({ deleted: 1, complete: false });
    const entries = await admin('POST', '/admin/purge', { body: { ...confirm, cursor: index.body.cursor } });
    expect(entries.body).toMatchObject({ deleted: 1, complete: false, waitMs: 300_000 });
    const early = await admin('POST', '/admin/purge', { body: { ...confirm, cursor: entries.body.cursor } });
    expect(early.body).toMatchObject({ deleted: 0, complete: false });
    expect(await left()).toEqual(['srev:h', 'urev:u']);
    expect((await env.CACHE_KV.list()).keys.map(({ name }) => name)).toEqual(['e::tag']);

    // Revoked while the purge waits: no copy of before may be good again because of it.
    await new SessionCacheClient(env.AUTH_SESSION_KV).deleteUserSessions('late');
    let cursor = btoa(JSON.stringify({ ...JSON.parse(atob(early.body.cursor as string)), notBefore: Date.now() }));
    let deleted = 0;
    for (let pages = 0; pages < 10; pages += 1) {
      const { body } = await admin('POST', '/admin/purge', { body: { ...confirm, cursor } });
      deleted += body.deleted as number;
      if (body.complete === true) break;
      cursor = body.cursor as string;
    }
    expect(deleted).toBe(4);
    expect(await left()).toEqual(['urev:late']);
    for (const kv of [env.RATE_LIMIT_KV, env.CACHE_KV]) expect((await kv.list()).keys).toEqual([]);
  });

  it('takes no cursor but its own', async () => {
    const body = { everything: true, confirm: 'purge everything', cursor: btoa('{"phase":99}') };
    expect((await admin('POST', '/admin/purge', { body })).status).toBe(400);
  });
});

async function emptied(kv: KVNamespace): Promise<void> {
  for (const { name } of (await kv.list()).keys) await kv.delete(name);
}
