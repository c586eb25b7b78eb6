import { type ClientEvent, SessionCacheClient, type SessionCacheOptions } from '@codex/cloudflare-clients';
import { expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { ThreeMethodKV } from '../contract/three-method-kv.ts';
import { Clock } from './support/clock.ts';
import { turns } from './support/core.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';

const newName = (): string => crypto.randomUUID();

function setUp(options: SessionCacheOptions = {}) {
  const clock = new Clock();
  const kv = recording(new MemoryKV({ now: clock.now }) as never);
  const events: ClientEvent[] = [];
  const sessions = new SessionCacheClient(kv, { now: clock.now, onEvent: (event) => events.push(event), ...options });
  const [token, userId] = [newName(), newName()];
  /** Keys read since the last time. */
  const reads = (): number => {
    const read = kv.operations.splice(0).filter((operation) => operation.startsWith('get '));
    return read.reduce((sum, operation) => sum + operation.slice(4).split(',').length, 0);
  };
  return { clock, kv, events, sessions, token, userId, session: sessionOf(token, { userId }), reads };
}

it('answers for two seconds from memory, each time a copy of the caller’s own, without a key read', async () => {
  const { clock, events, sessions, token, session, reads } = setUp();
  await sessions.set(token, session);
  reads();
  const found = [];
  for (let time = 0; time < 4; time++) found.push(await sessions.get(token));
  clock.advance(2000);
  found.push(await sessions.get(token));
  expect(found).toEqual(found.map(() => session));
  expect(new Set(found).size).toBe(5);
  for (const each of found) if (each !== null) each.user.name = 'somebody else';
  expect(await sessions.get(token)).toEqual(session);
  expect(reads()).toBe(0);
  expect(events.at(-1)).toMatchObject({ op: 'get', outcome: 'hit', source: 'memory', kvReads: 0 });
  clock.advance(1);
  expect(await sessions.get(token)).toEqual(session);
  expect(reads()).toBe(3);
  expect(await sessions.get(token)).toEqual(session);
  expect(reads()).toBe(0);
});

it('answers as long as it is asked to, and not beyond the session’s end or what a read accepts', async () => {
  const { clock, sessions, token, session } = setUp({ memory: { maxAgeMs: 30_000 } });
  const expiresAt = new Date(clock.now() + 20_000).toISOString();
  await sessions.set(token, { ...session, session: { ...session.session, expiresAt } });
  clock.advance(19_999);
  expect(await sessions.get(token)).not.toBeNull();
  expect(await sessions.get(token, { maxStaleMs: 19_998 })).toBeNull();
  expect(await sessions.getOrLoad(token, async () => null)).not.toBeNull();
  clock.advance(1);
  expect(await sessions.get(token)).toBeNull();
});

it.each([
  ['delete', true, (sessions: SessionCacheClient, token: string) => sessions.delete(token)],
  ['deleteUserSessions', true, (sessions: SessionCacheClient, _: string, user: string) => sessions.deleteUserSessions(user)],
  ['invalidateUser', true, (sessions: SessionCacheClient, _: string, user: string) => sessions.invalidateUser(user)],
  // Which session has that id the index has to say first.
  [
    'deleteSession',
    false,
    (sessions: SessionCacheClient, token: string, user: string) => sessions.deleteSession(user, `id of ${token}`),
  ],
])('forgets at once what %s ends, and nobody else', async (_, atOnce, revoke) => {
  for (const hashTokens of [false, true]) {
    const { sessions, token, userId, session } = setUp({ hashTokens });
    const other = newName();
    await sessions.set(token, session);
    await sessions.set(other, sessionOf(other));
    const ending = revoke(sessions, token, userId);
    if (atOnce) expect(await sessions.get(token)).toBeNull();
    await ending;
    expect(await sessions.get(token)).toBeNull();
    expect(await sessions.get(other)).not.toBeNull();
  }
});

it('has neither an old copy after a set, nor a token of hashed ones', async () => {
  for (const hashTokens of [false, true]) {
    const { sessions, token, session, userId } = setUp({ hashTokens });
    await sessions.set(token, session);
    expect(await sessions.get(token)).toEqual(session);
    const renamed = { ...session, user: { ...session.user, name: 'Another Name' } };
    await sessions.set(token, renamed);
    expect(await sessions.get(token)).toEqual(renamed);
    expect((await sessions.get(token))?.session).toMatchObject({ token, userId });
  }
});

it.each([false, {}])('a read under way does not bring back what a client with memory %o has replaced', async (memory) => {
  const { kv, sessions, token, session, clock } = setUp();
  await sessions.set(token, session);
  clock.advance(2001);
  const read = kv as unknown as { getWithMetadata(key: unknown, options: unknown): Promise<unknown> };
  const { getWithMetadata } = read;
  let answer = (): void => {};
  read.getWithMetadata = async (...asked) => {
    const found = await getWithMetadata(...asked);
    await new Promise<void>((resolve) => (answer = resolve));
    return found;
  };
  const reading = sessions.get(token);
  await turns();
  read.getWithMetadata = getWithMetadata;
  const changed = { ...session, user: { ...session.user, role: 'owner' as const } };
  const client = new SessionCacheClient(kv, { now: clock.now, memory });
  await client.set(token, changed);
  answer();
  expect(await reading).toEqual(session);
  expect(await sessions.get(token)).toEqual(changed);
});

it('has the new end after a touch', async () => {
  const { clock, sessions, token, session } = setUp();
  await sessions.set(token, session);
  const end = new Date(clock.now() + 86_400_000).toISOString();
  expect(await sessions.touch(token, end)).toBe(true);
  expect((await sessions.get(token))?.session.expiresAt).toBe(end);
});

it('is neither used nor filled where it is turned off, nor on a store of three methods', async () => {
  const off = setUp({ memory: false });
  await off.sessions.set(off.token, off.session);
  off.reads();
  for (let time = 0; time < 2; time++) expect(await off.sessions.get(off.token)).toEqual(off.session);
  expect(off.reads()).toBe(6);
  const kv = new ThreeMethodKV();
  const sessions = new SessionCacheClient(kv);
  await sessions.set(off.token, off.session);
  await kv.delete(`session:${off.token}`);
  expect(await sessions.get(off.token)).toBeNull();
});
