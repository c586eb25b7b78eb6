import { env } from 'cloudflare:workers';
import { type ClientEvent, type KVLike, SessionCacheClient, type SessionCacheOptions } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { Clock } from './support/clock.ts';
import { turns } from './support/core.ts';
import { failingAt } from './support/failing-store.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';
import { codeOf } from './support/thrown.ts';

// A namespace wrapped anew is one that this isolate remembers nothing of: so clients on such are clients in other isolates.

const newName = (): string => crypto.randomUUID();
const HOUR_MS = 3_600_000;
const ids = (page: { sessions: { id: string }[] }): string[] => page.sessions.map(({ id }) => id).toSorted();
const keysOf = async (kv: KVNamespace | MemoryKV, prefix: string): Promise<string[]> =>
  (await kv.list({ prefix })).keys.map(({ name }) => name);

/** Sessions of one user, stored. */
async function loggedIn(sessions: SessionCacheClient, userId: string, count: number): Promise<string[]> {
  const tokens = Array.from({ length: count }, newName);
  await Promise.all(tokens.map((token) => sessions.set(token, sessionOf(token, { userId }))));
  return tokens;
}

const raise = (): never => {
  throw new Error('an odd option');
};
/** What are no options, the last because they cannot be read. */
const ODD_OPTIONS = [null, 5, new Proxy({}, { get: raise, ownKeys: raise })] as never[];

const shown = async (kv: KVLike, tokens: string[], options: SessionCacheOptions = {}): Promise<boolean[]> =>
  Promise.all(
    tokens.map(async (token) => (await new SessionCacheClient(kv, { memory: false, ...options }).get(token)) !== null),
  );

describe('on real KV', () => {
  it('deleteUserSessions voids and deletes what the index lists, for every isolate, and leaves what comes after', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const [userId, otherId] = [`user:${newName()}`, newName()];
    const tokens = await loggedIn(sessions, userId, 3);
    const [other = ''] = await loggedIn(sessions, otherId, 1);
    const result = await sessions.deleteUserSessions(userId);
    expect(result).toEqual({
      revokedBefore: expect.any(Number) as number,
      deleted: 3,
      complete: true,
      effectiveWithinMs: 92_000,
      bounded: false,
    });
    for (const token of tokens) expect(await env.KV.get(`session:${token}`)).toBeNull();
    expect(await keysOf(env.KV, `usess:${userId.replace(':', '%3A')}:`)).toEqual([]);
    expect(await shown(recording(env.KV), [...tokens, other])).toEqual([false, false, false, true]);
    const [after = ''] = await loggedIn(sessions, userId, 1);
    expect(await shown(recording(env.KV), [after])).toEqual([true]);
  });

  it('the index holds tokens by their hash, when they end and which they are', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const [userId, token] = [newName(), newName()];
    const session = sessionOf(token, { userId });
    await sessions.set(token, session);
    const { keys } = await env.KV.list({ prefix: `usess:${userId}:` });
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .slice(0, 22);
    expect(keys.map(({ name }) => name)).toEqual([`usess:${userId}:${hash}`]);
    expect(keys[0]?.metadata).toEqual({ e: Date.parse(session.session.expiresAt), i: session.session.id });
    expect(await env.KV.get(keys[0]?.name ?? '')).toBe(token);
    await sessions.delete(token);
    expect(await keysOf(env.KV, `usess:${userId}:`)).toEqual([]);
    expect(await env.KV.get(`srev:${hash}`, 'json')).toEqual({ before: expect.any(Number) as number });
  });

  it('a hit reads three keys in one operation once its user is known', async () => {
    const kv = recording(env.KV);
    const sessions = new SessionCacheClient(kv, { memory: false });
    const [token = ''] = await loggedIn(sessions, 'user-1', 1);
    kv.operations.length = 0;
    expect(await sessions.get(token)).not.toBeNull();
    expect(kv.operations).toHaveLength(1);
    expect(kv.operations[0]?.split(',')).toHaveLength(3);
  });
});

describe('the four races', () => {
  it('two logins at once are both listed', async () => {
    const kv = new MemoryKV();
    const userId = newName();
    const tokens = (await Promise.all([1, 2].map(() => loggedIn(new SessionCacheClient(recording(kv)), userId, 1)))).flat();
    expect(ids(await new SessionCacheClient(kv).list(userId))).toEqual(tokens.map((token) => `id of ${token}`).toSorted());
  });

  it('without its index entry a session is void all the same', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const tokens = await loggedIn(sessions, userId, 2);
    for (const name of await keysOf(kv, 'usess:')) await kv.delete(name);
    expect(await new SessionCacheClient(recording(kv)).deleteUserSessions(userId)).toMatchObject({
      deleted: 0,
      complete: true,
    });
    expect(await shown(recording(kv), tokens)).toEqual([false, false]);
  });

  it.each([
    ['deleteUserSessions', (sessions: SessionCacheClient, userId: string) => sessions.deleteUserSessions(userId)],
    ['invalidateUser', (sessions: SessionCacheClient, userId: string) => sessions.invalidateUser(userId)],
    ['delete', (sessions: SessionCacheClient, _: string, token: string) => sessions.delete(token)],
  ])('a load in flight elsewhere brings nothing back that %s has ended', async (_, revoke) => {
    const kv = new MemoryKV();
    const there = recording(kv);
    const [here, elsewhere] = [new SessionCacheClient(recording(kv)), new SessionCacheClient(there)];
    const [userId, token] = [newName(), newName()];
    const loaded = Promise.withResolvers<void>();
    const loading = elsewhere.getOrLoad(token, async () => {
      const found = sessionOf(token, { userId });
      await loaded.promise;
      return found;
    });
    await revoke(here, userId, token);
    loaded.resolve();
    expect(await loading).not.toBeNull();
    expect(await kv.get(`session:${token}`)).not.toBeNull();
    expect(await here.get(token)).toBeNull();
    // What the memory there has, it has for two seconds.
    for (const store of [recording(kv), there]) expect(await shown(store, [token])).toEqual([false]);
  });

  it('a login before the revocation goes, and one after it stays', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const [before, , after] = await Promise.all([
      loggedIn(new SessionCacheClient(recording(kv)), userId, 1),
      sessions.deleteUserSessions(userId),
      loggedIn(sessions, userId, 1),
    ]);
    expect(await shown(recording(kv), [...before, ...after])).toEqual([false, true]);
  });
});

describe('deleteUserSessions', () => {
  it('goes on with its cursor through more than one call can delete, and deletes no login made meanwhile', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const tokens = await loggedIn(sessions, userId, 950);
    let result = await sessions.deleteUserSessions(userId);
    const { revokedBefore } = result;
    const [after = ''] = await loggedIn(sessions, userId, 1);
    let deleted = result.deleted;
    while (!result.complete) {
      expect(result.deleted).toBeLessThanOrEqual(400);
      result = await sessions.deleteUserSessions(userId, { cursor: result.cursor ?? '' });
      expect(result.revokedBefore).toBe(revokedBefore);
      deleted += result.deleted;
    }
    expect(deleted).toBe(950);
    expect(await shown(kv, [tokens[0] ?? '', tokens[949] ?? '', after])).toEqual([false, false, true]);
    expect(ids(await sessions.list(userId))).toEqual([`id of ${after}`]);
  });

  it('spares the session that is excepted, for as long as it would have been good', async () => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now });
    const options = { now: clock.now };
    const sessions = new SessionCacheClient(kv, options);
    const userId = newName();
    const [mine, stolen] = [newName(), newName()];
    // Longer than a copy is accepted.
    const expiresAt = new Date(clock.now() + 24 * HOUR_MS).toISOString();
    for (const token of [mine, stolen]) await sessions.set(token, sessionOf(token, { userId, expiresAt }));
    clock.advance(HOUR_MS / 2);
    const { revokedBefore, deleted } = await sessions.deleteUserSessions(userId, { except: mine });
    expect(deleted).toBe(1);
    expect((await kv.getWithMetadata(`session:${mine}`)) as unknown).toMatchObject({ metadata: { l: revokedBefore + 1 } });
    expect(await shown(kv, [mine, stolen], options)).toEqual([true, false]);
    expect(await shown(recording(kv), [mine, stolen], options)).toEqual([true, false]);
    expect(ids(await sessions.list(userId))).toEqual([`id of ${mine}`]);
    clock.advance(HOUR_MS / 2);
    expect(await shown(recording(kv), [mine], options)).toEqual([true]);
    clock.advance(1);
    expect(await shown(recording(kv), [mine], options)).toEqual([false]);
  });

  it('makes nothing good by excepting it', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const [userId, otherId] = [newName(), newName()];
    const [loggedOut = ''] = await loggedIn(sessions, userId, 1);
    const [foreign = ''] = await loggedIn(sessions, otherId, 1);
    await sessions.delete(loggedOut);
    await kv.put(`session:${loggedOut}`, JSON.stringify(sessionOf(loggedOut, { userId })), { metadata: { l: Date.now() } });
    await sessions.deleteUserSessions(otherId);
    await kv.put(`session:${foreign}`, JSON.stringify(sessionOf(foreign, { userId: otherId })), {
      metadata: { l: Date.now() },
    });
    for (const except of [loggedOut, foreign, 'nobody’s', '', 'x'.repeat(600)]) {
      await sessions.deleteUserSessions(userId, { except });
      expect(await shown(recording(kv), [loggedOut, foreign])).toEqual([false, false]);
    }
  });

  it('ends with the next one what was excepted from it, also within one millisecond', async () => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now });
    const sessions = new SessionCacheClient(kv, { now: clock.now });
    const userId = newName();
    const [one = '', other = '', third = ''] = await loggedIn(sessions, userId, 3);
    clock.advance(1);
    await sessions.deleteUserSessions(userId, { except: one });
    await sessions.deleteUserSessions(userId, { except: other });
    for (const store of [kv, recording(kv)]) {
      expect(await shown(store, [one, other, third], { now: clock.now })).toEqual([false, false, false]);
    }
    const again = await loggedIn(sessions, userId, 2);
    clock.advance(10_000);
    // At once, and in one place, the later exception holds.
    await Promise.all(again.map((except) => sessions.deleteUserSessions(userId, { except })));
    for (const store of [kv, recording(kv)]) expect(await shown(store, again, { now: clock.now })).toEqual([false, true]);
  });

  it('says on a store that cannot list that nothing was deleted, and voids everything', async () => {
    const kv = new ThreeMethodKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const tokens = await loggedIn(sessions, userId, 2);
    expect(await sessions.deleteUserSessions(userId)).toMatchObject({ deleted: 0, complete: false });
    expect(await shown(kv, tokens)).toEqual([false, false]);
    expect(await codeOf(() => sessions.list(userId))).toBe('not-supported');
    expect(await codeOf(() => sessions.deleteSession(userId, 'id'))).toBe('not-supported');
  });

  it('refuses what can never work before any I/O', async () => {
    const kv = recording(env.KV);
    const sessions = new SessionCacheClient(kv);
    for (const call of [
      () => sessions.deleteUserSessions(''),
      () => sessions.deleteUserSessions(5 as never),
      () => sessions.deleteUserSessions('u', { cursor: 'nonsense' }),
      () => sessions.deleteUserSessions('u', { cursor: 5 as never }),
      () => sessions.deleteUserSessions('u', { except: 5 as never }),
      () => sessions.invalidateUser(''),
      () => sessions.list(''),
      () => sessions.list('u', { limit: 0 }),
      () => sessions.list('u', { limit: 101 }),
      () => sessions.deleteSession('u', 5 as never),
      () => sessions.get('t', { strict: true }),
      () => sessions.get('t', { maxStaleMs: Number.NaN }),
      () => sessions.touch('t', 'soon'),
      () => sessions.set('t', sessionOf('t'), { loadedAt: Number.NaN }),
      () => sessions.getOrLoad('t', 5 as never),
      ...ODD_OPTIONS.flatMap((odd) => [
        () => sessions.get('t', odd),
        () => sessions.getOrLoad('t', () => null, odd),
        () => sessions.deleteUserSessions('u', odd),
        () => sessions.list('u', odd),
      ]),
    ]) {
      expect(await codeOf(call)).toBe('invalid-argument');
    }
    expect(kv.operations).toEqual([]);
  });

  it.each([2, 3, 4, 5, 6])('with operation %d failing, all is void, and the rest is said to be left', async (step) => {
    const kv = new MemoryKV();
    const userId = newName();
    const tokens = await loggedIn(new SessionCacheClient(kv), userId, 3);
    const failing = failingAt(step, () => Promise.reject(new Error('KV failed')), kv as unknown as KVLike);
    const result = await new SessionCacheClient(failing).deleteUserSessions(userId);
    expect(result).toMatchObject({ complete: false, cursor: expect.any(String) as string });
    expect(await shown(recording(kv), tokens)).toEqual([false, false, false]);
    const rest = await new SessionCacheClient(recording(kv)).deleteUserSessions(userId, { cursor: result.cursor ?? '' });
    expect(rest.complete).toBe(true);
    expect(await keysOf(kv, 'session:')).toEqual([]);
  });
});

describe('list and deleteSession', () => {
  it('ends a session by its id for a list, a read, a write and two deletes', async () => {
    const kv = recording(new MemoryKV());
    const sessions = new SessionCacheClient(kv, { memory: false });
    const userId = newName();
    const [token = ''] = await loggedIn(sessions, userId, 1);
    kv.operations.length = 0;
    expect(await new SessionCacheClient(kv, { memory: false }).deleteSession(userId, `id of ${token}`)).toBe(true);
    expect(kv.operations.map((operation) => operation.split(':', 1)[0])).toEqual([
      ...['list usess', 'get usess', 'put srev', 'delete session', 'delete usess'],
    ]);
  });

  it('ends a session whose entry KV lists and does not show yet', async () => {
    const kv = new MemoryKV();
    const userId = newName();
    const [token = '', other = ''] = await loggedIn(new SessionCacheClient(kv), userId, 2);
    const hiding = {
      get: (key: string) => kv.get(key),
      getWithMetadata: async (keys: string[]) => new Map([keys].flat().map((key) => [key, null])),
      put: (key: string, text: string, options?: object) => kv.put(key, text, options),
      delete: (key: string) => kv.delete(key),
      list: (options: object) => kv.list(options),
    };
    expect(await new SessionCacheClient(hiding).deleteSession(userId, `id of ${token}`)).toBe(true);
    expect(await shown(recording(kv), [token, other])).toEqual([false, true]);
  });

  it('reads two keys for each session that it lists', async () => {
    const events: ClientEvent[] = [];
    const sessions = new SessionCacheClient(new MemoryKV(), { onEvent: (event) => events.push(event) });
    const userId = newName();
    await loggedIn(sessions, userId, 3);
    events.length = 0;
    await sessions.list(userId);
    expect(events).toMatchObject([{ op: 'list', kvReads: 6, kvWrites: 0 }]);
  });

  it('show a user’s sessions without their tokens, page by page', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const tokens = await loggedIn(sessions, userId, 5);
    const first = await sessions.list(userId, { limit: 3 });
    const second = await sessions.list(userId, { limit: 3, cursor: first.cursor ?? '' });
    expect(first.sessions).toHaveLength(3);
    expect(second.cursor).toBeUndefined();
    const all = [...first.sessions, ...second.sessions];
    expect(ids({ sessions: all })).toEqual(tokens.map((token) => `id of ${token}`).toSorted());
    for (const info of all) expect(Object.keys(info).toSorted()).toEqual(['expiresAt', 'id']);
    expect(await sessions.list('nobody')).toEqual({ sessions: [] });
  });

  it('show what a user knows of a session, and no session that has ended', async () => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now });
    const sessions = new SessionCacheClient(kv, { now: clock.now });
    const [userId, token] = [newName(), newName()];
    const known = { createdAt: new Date(0).toISOString(), userAgent: 'curl', ipAddress: '203.0.113.1' };
    const expiresAt = new Date(clock.now() + 1000).toISOString();
    await sessions.set(token, sessionOf(token, { userId, expiresAt, ...known }));
    expect((await sessions.list(userId)).sessions).toEqual([{ id: `id of ${token}`, expiresAt, ...known }]);
    clock.advance(1000);
    expect((await sessions.list(userId)).sessions).toEqual([]);
  });

  it.each([
    ['plain', 'plain'],
    ['not ASCII', 'Ünïcode \u{1f511}'],
    ['like an encoded one', '%25'],
    ['long', 'x'.repeat(2000)],
    ['ill-formed', 'half \ud800'],
  ])('end one session by an id that is %s', async (_, id) => {
    for (const hashTokens of [false, true]) {
      const kv = new MemoryKV();
      const sessions = new SessionCacheClient(kv, { hashTokens });
      const [userId, mine, other] = [newName(), newName(), newName()];
      await sessions.set(mine, sessionOf(mine, { userId, id }));
      await sessions.set(other, sessionOf(other, { userId, id: 'another' }));
      expect(await sessions.deleteSession(userId, 'unheard of')).toBe(false);
      expect(await sessions.deleteSession(newName(), id)).toBe(false);
      expect(await sessions.deleteSession(userId, id)).toBe(true);
      expect(await shown(kv, [mine, other], { hashTokens })).toEqual([false, true]);
      expect(await shown(recording(kv), [mine, other], { hashTokens })).toEqual([false, true]);
      expect(ids(await sessions.list(userId))).toEqual(['another']);
    }
  });
});

describe('invalidateUser', () => {
  it('has every copy read anew, and logs nobody out', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv);
    const userId = newName();
    const [token = ''] = await loggedIn(sessions, userId, 1);
    expect(await sessions.invalidateUser(userId)).toEqual({ effectiveWithinMs: 92_000, bounded: false });
    expect(await sessions.get(token)).toBeNull();
    expect(await sessions.getOrLoad(token, async () => sessionOf(token, { userId }))).not.toBeNull();
    expect(ids(await sessions.list(userId))).toEqual([`id of ${token}`]);
    const forgetful = new SessionCacheClient(kv, { memory: false });
    expect(await forgetful.invalidateUser(userId)).toEqual({ effectiveWithinMs: 90_000, bounded: false });
  });
});

describe('hashTokens', () => {
  it('keeps no token in KV, and finds sessions by it', async () => {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv, { hashTokens: true });
    const [userId, token] = [newName(), newName()];
    const session = sessionOf(token, { userId, id: 'id' });
    await sessions.set(token, session);
    const { keys } = await kv.list({});
    const held = await Promise.all(keys.map(({ name }) => kv.get(name)));
    expect(JSON.stringify([keys, held])).not.toContain(token);
    expect(keys.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^session:h:[\w-]{43}$/));
    expect(await sessions.get(token)).toEqual(session);
    expect(await shown(recording(kv), [token], { hashTokens: true })).toEqual([true]);
    await sessions.delete(token);
    expect(await shown(recording(kv), [token], { hashTokens: true })).toEqual([false]);
  });

  it('finds and ends what was stored under its token', async () => {
    const kv = new MemoryKV();
    const userId = newName();
    const tokens = await loggedIn(new SessionCacheClient(kv), userId, 2);
    const sessions = new SessionCacheClient(recording(kv), { hashTokens: true });
    expect(await shown(recording(kv), tokens, { hashTokens: true })).toEqual([true, true]);
    await sessions.delete(tokens[0] ?? '');
    expect(await kv.get(`session:${tokens[0]}`)).toBeNull();
    expect(await sessions.deleteUserSessions(userId)).toMatchObject({ deleted: 1, complete: true });
    expect(await shown(recording(kv), tokens, { hashTokens: true })).toEqual([false, false]);
  });

  it('refuses a token that might be a hash', async () => {
    const kv = recording(new MemoryKV());
    const sessions = new SessionCacheClient(kv, { hashTokens: true });
    expect(await codeOf(() => sessions.set('h:x', sessionOf('h:x')))).toBe('invalid-argument');
    expect(await sessions.get('h:x')).toBeNull();
    expect(kv.operations).toEqual([]);
  });
});

it('a session that is ended by its id is not brought back by a load that was under way, whatever its key', async () => {
  for (const hashTokens of [false, true]) {
    const kv = new MemoryKV();
    const sessions = new SessionCacheClient(kv, { hashTokens, memory: false });
    const [userId, token] = [newName(), newName()];
    const session = sessionOf(token, { userId });
    await sessions.set(token, session);
    for (const name of await keysOf(kv, 'session:')) await kv.delete(name);
    let finish = (): void => {};
    const early = sessions.getOrLoad(token, () => new Promise((resolve) => (finish = () => resolve(session))));
    await turns();
    expect(await sessions.deleteSession(userId, session.session.id)).toBe(true);
    const late = sessions.getOrLoad(token, async () => null);
    await turns();
    finish();
    expect(await Promise.all([early, late])).toEqual([session, null]);
    expect(await sessions.get(token)).toBeNull();
  }
});

describe('where KV takes a write of a key each second', () => {
  const setUp = (options: SessionCacheOptions = {}) => {
    const kv = new MemoryKV({ oneWritePerSecond: true });
    const [token, userId] = [newName(), newName()];
    const session = sessionOf(token, { userId });
    const role = (name: 'customer' | 'owner' | 'creator') => ({ ...session, user: { ...session.user, role: name } });
    return { kv, token, userId, role, sessions: new SessionCacheClient(kv, options) };
  };
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('what is set again within it lands, and of several the last', async () => {
    const { kv, token, role, sessions } = setUp();
    await sessions.set(token, role('customer'));
    const again = [sessions.set(token, role('creator')), sessions.set(token, role('owner'))];
    await vi.advanceTimersByTimeAsync(2000);
    await Promise.all(again);
    for (const store of [kv, recording(kv)]) {
      expect(await new SessionCacheClient(store, { memory: false }).get(token)).toEqual(role('owner'));
    }
  });

  it.each([
    ['delete', (sessions: SessionCacheClient, token: string) => sessions.delete(token)],
    ['deleteUserSessions', (sessions: SessionCacheClient, _: string, user: string) => sessions.deleteUserSessions(user)],
  ])('what waits to be set again is not brought back by that after %s', async (_, revoke) => {
    const { kv, token, userId, role, sessions } = setUp({ memory: false });
    await sessions.set(token, role('customer'));
    const again = sessions.set(token, role('creator'));
    await turns();
    const revoking = revoke(sessions, token, userId);
    await vi.advanceTimersByTimeAsync(2000);
    await Promise.all([again, revoking]);
    for (const store of [kv, recording(kv)]) expect(await shown(store, [token])).toEqual([false]);
  });

  it('a revocation that follows another within it is recorded a moment later', async () => {
    const { token, userId, role, sessions } = setUp();
    await sessions.set(token, role('customer'));
    await sessions.delete(token);
    await sessions.invalidateUser(userId);
    const again = Promise.all([sessions.delete(token), sessions.deleteUserSessions(userId)]);
    await vi.advanceTimersByTimeAsync(2000);
    expect((await again)[1]).toMatchObject({ bounded: false });
  });

  it('a revocation that KV goes on refusing is rejected', async () => {
    const kv = { ...recording(new MemoryKV()), put: () => Promise.reject(new Error('KV PUT failed: 429 Too Many Requests')) };
    const codes = Promise.all([
      codeOf(() => new SessionCacheClient(kv).delete('t')),
      codeOf(() => new SessionCacheClient(kv).invalidateUser('u')),
    ]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await codes).toEqual(['store-rate-limited', 'store-rate-limited']);
  });
});

describe('touch', () => {
  const setUp = (options: SessionCacheOptions = {}) => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now });
    const token = newName();
    const sessions = new SessionCacheClient(kv, { now: clock.now, maxStaleMs: 86_400_000, ...options });
    const end = (ms: number): string => new Date(clock.now() + ms).toISOString();
    return { clock, kv, token, sessions, end };
  };

  it('puts off the end once in an interval', async () => {
    const { clock, kv, token, sessions, end } = setUp();
    await sessions.set(token, sessionOf(token, { expiresAt: end(HOUR_MS) }));
    expect(await sessions.touch(token, end(2 * HOUR_MS))).toBe(true);
    const elsewhere = new SessionCacheClient(recording(kv), { now: clock.now });
    for (const client of [sessions, elsewhere]) expect(await client.touch(token, end(3 * HOUR_MS))).toBe(false);
    clock.advance(HOUR_MS - 1);
    for (const client of [sessions, elsewhere]) expect(await client.touch(token, end(3 * HOUR_MS))).toBe(false);
    clock.advance(1);
    const last = new Date(clock.now() + 3 * HOUR_MS);
    expect(await sessions.touch(token, last)).toBe(true);
    expect((await sessions.get(token))?.session.expiresAt).toBe(last.toISOString());
    expect((await kv.list({ prefix: 'usess:' })).keys[0]?.metadata).toMatchObject({ e: last.getTime() });
  });

  it('neither shortens a session nor touches what is none', async () => {
    const { token, sessions, end } = setUp();
    await sessions.set(token, sessionOf(token, { expiresAt: end(HOUR_MS) }));
    expect(await sessions.touch(token, end(HOUR_MS - 1))).toBe(false);
    expect(await sessions.touch(newName(), end(HOUR_MS))).toBe(false);
    await sessions.delete(token);
    expect(await sessions.touch(token, end(2 * HOUR_MS))).toBe(false);
  });

  it('extends no session beyond absoluteSeconds, nor one of unknown age', async () => {
    const { clock, token, sessions, end } = setUp({ absoluteSeconds: 7200 });
    const createdAt = new Date(clock.now()).toISOString();
    await sessions.set(token, sessionOf(token, { expiresAt: end(HOUR_MS), createdAt }));
    const longest = end(2 * HOUR_MS);
    expect(await sessions.touch(token, end(9 * HOUR_MS))).toBe(true);
    expect((await sessions.get(token))?.session.expiresAt).toBe(longest);
    const ageless = newName();
    await sessions.set(ageless, sessionOf(ageless));
    expect(await sessions.touch(ageless, end(9 * HOUR_MS))).toBe(false);
  });

  it('makes a copy no younger', async () => {
    const { clock, token, sessions, end } = setUp({ maxStaleMs: HOUR_MS, touchIntervalSeconds: 0 });
    await sessions.set(token, sessionOf(token, { expiresAt: end(24 * HOUR_MS) }));
    clock.advance(HOUR_MS);
    expect(await sessions.touch(token, end(48 * HOUR_MS))).toBe(true);
    clock.advance(1);
    expect(await sessions.get(token)).toBeNull();
  });

  it('makes a copy of unknown age no younger either: a revocation that KV shows late voids it', async () => {
    const clock = new Clock();
    const kv = new MemoryKV({ now: clock.now, lagMs: 30_000 });
    const token = newName();
    const session = sessionOf(token, { userId: newName() });
    // As a plain put writes it: without saying when the database was asked.
    await kv.put(`session:${token}`, JSON.stringify(session));
    clock.advance(30_000);
    const options = { now: clock.now, memory: false } as const;
    await new SessionCacheClient(recording(kv.elsewhere()), options).deleteUserSessions(session.user.id);
    clock.advance(5000);
    const sessions = new SessionCacheClient(kv, options);
    const end = new Date(Date.parse(session.session.expiresAt) + 2 * HOUR_MS);
    expect(await sessions.touch(token, end)).toBe(true);
    expect((await sessions.get(token))?.session.expiresAt).toBe(end.toISOString());
    clock.advance(30_000);
    for (const client of [sessions, new SessionCacheClient(recording(kv), options)]) expect(await client.get(token)).toBeNull();
  });

  it('costs nothing within the interval, also by a client made anew', async () => {
    const { clock, kv, token, end } = setUp();
    const store = recording(kv);
    const client = (): SessionCacheClient => new SessionCacheClient(store, { now: clock.now });
    await client().set(token, sessionOf(token, { expiresAt: end(HOUR_MS) }));
    expect(await client().touch(token, end(2 * HOUR_MS))).toBe(true);
    store.operations.length = 0;
    expect(await client().touch(token, end(3 * HOUR_MS))).toBe(false);
    expect(store.operations).toEqual([]);
  });

  it('works with hashed tokens', async () => {
    const { kv, token, sessions, end } = setUp({ hashTokens: true });
    await sessions.set(token, sessionOf(token, { id: 'id', expiresAt: end(HOUR_MS) }));
    expect(await sessions.touch(token, end(2 * HOUR_MS))).toBe(true);
    expect(await sessions.get(token)).not.toBeNull();
    const { keys } = await kv.list({});
    expect(JSON.stringify([keys, await Promise.all(keys.map(({ name }) => kv.get(name)))])).not.toContain(token);
  });
});

it('no revoked session is accepted elsewhere after the usual figure, nor past maxStaleMs where KV never shows it', async () => {
  const clock = new Clock();
  const kv = new MemoryKV({ now: clock.now, lagMs: 60_000 });
  const options = { now: clock.now };
  const sessions = new SessionCacheClient(kv, options);
  const userId = newName();
  const tokens = await loggedIn(sessions, userId, 2);
  clock.advance(60_000);
  const elsewhere = kv.elsewhere();
  const late = new MemoryKV({ now: clock.now });
  for (const token of tokens) {
    await late.put(`session:${token}`, (await kv.get(`session:${token}`)) ?? '', { metadata: { l: clock.now() - 60_000 } });
  }
  expect(await shown(elsewhere, tokens, options)).toEqual([true, true]);
  await sessions.delete(tokens[0] ?? '');
  const { effectiveWithinMs } = await sessions.deleteUserSessions(userId);
  clock.advance(effectiveWithinMs);
  expect(await shown(elsewhere, tokens, options)).toEqual([false, false]);
  expect(await shown(late, tokens, options)).toEqual([true, true]);
  clock.advance(HOUR_MS - 60_000 - effectiveWithinMs + 1);
  expect(await shown(late, tokens, options)).toEqual([false, false]);
});

it('events of revocations say what they cost', async () => {
  const events: ClientEvent[] = [];
  const sessions = new SessionCacheClient(new MemoryKV(), { onEvent: (event) => events.push(event) });
  const [userId, token] = [newName(), newName()];
  await sessions.set(token, sessionOf(token, { userId }));
  await sessions.delete(token);
  await sessions.invalidateUser(userId);
  expect(events.map(({ op, outcome, kvReads, kvWrites }) => [op, outcome, kvReads, kvWrites])).toEqual([
    ['set', 'stored', 0, 2],
    ['delete', 'deleted', 0, 3],
    ['invalidateUser', 'deleted', 0, 1],
  ]);
});
