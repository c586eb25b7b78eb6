import { type CachedSession, type ClientEvent, type KVLike, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { failingAt, FAULTS } from './support/failing-store.ts';
import { HeldStore } from './support/held-store.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';

const newName = (): string => crypto.randomUUID();
const HOUR_MS = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** A client, the work it leaves for later, and a loader that counts its calls. */
function setUp(kv: KVLike = new MemoryKV(), options: object = {}) {
  const left: Promise<unknown>[] = [];
  const events: ClientEvent[] = [];
  const [token, userId] = [newName(), newName()];
  const session = sessionOf(token, { userId });
  const sessions = new SessionCacheClient(kv, {
    waitUntil: (work) => left.push(work),
    onEvent: (event) => events.push(event),
    ...options,
  });
  const loader = vi.fn(async (): Promise<CachedSession | null> => session);
  return { kv, sessions, token, userId, session, loader, events, left, done: () => Promise.all(left) };
}

describe('getOrLoad', () => {
  it('loads what is not cached, once, and caches it with the instant before the load', async () => {
    const { kv, sessions, token, session, loader, done } = setUp();
    const before = Date.now();
    loader.mockImplementationOnce(async () => {
      vi.setSystemTime(Date.now() + 700);
      return session;
    });
    expect(await sessions.getOrLoad(token, loader)).toEqual(session);
    await done();
    expect(await sessions.getOrLoad(token, loader)).toEqual(session);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(await (kv as MemoryKV).getWithMetadata(`session:${token}`)).toMatchObject({ metadata: { l: before } });
  });

  it('loads once for all who miss at once, and gives each a copy of its own', async () => {
    const { sessions, token, session, loader } = setUp();
    const found = await Promise.all(Array.from({ length: 20 }, () => sessions.getOrLoad(token, loader)));
    expect(loader).toHaveBeenCalledTimes(1);
    for (const each of found) expect(each).toEqual(session);
    expect(new Set(found).size).toBe(20);
    expect(found).not.toContain(session);
  });

  it('throws to all of them what the loader throws, and loads anew afterwards', async () => {
    const { sessions, token, session, loader } = setUp();
    const failure = new Error('the database is away');
    loader.mockRejectedValueOnce(failure);
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => sessions.getOrLoad(token, loader)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: failure });
    expect(await sessions.getOrLoad(token, loader)).toEqual(session);
  });

  it('answers null for nobody’s token, and asks again the next time', async () => {
    const { kv, sessions, token, loader, done } = setUp();
    loader.mockResolvedValue(null);
    expect(await Promise.all([1, 2, 3].map(() => sessions.getOrLoad(token, loader)))).toEqual([null, null, null]);
    await done();
    expect(await sessions.getOrLoad(token, loader)).toBeNull();
    expect(loader).toHaveBeenCalledTimes(2);
    expect((await (kv as MemoryKV).list({})).keys).toEqual([]);
    for (const odd of ['', 'x'.repeat(600), 'a\ud800']) expect(await sessions.getOrLoad(odd, loader)).toBeNull();
  });

  it('gives dates as the cache would, whoever loaded', async () => {
    const { sessions, token, session, done } = setUp();
    const expiresAt = new Date(Date.now() + HOUR_MS);
    const load = async () => ({ ...session, session: { ...session.session, expiresAt } });
    const expected = { ...session, session: { ...session.session, expiresAt: expiresAt.toISOString() } };
    expect(await Promise.all([1, 2].map(() => sessions.getOrLoad(token, load)))).toEqual([expected, expected]);
    await done();
    expect(await sessions.get(token)).toEqual(expected);
  });

  it('answers what can not be cached all the same, and says that it was not', async () => {
    const { kv, sessions, token, events, done } = setUp();
    const foreign = sessionOf('another token');
    expect(await sessions.getOrLoad(token, async () => foreign)).toEqual(foreign);
    await done();
    expect(events.at(-1)).toMatchObject({ op: 'getOrLoad', outcome: 'failed', errorCode: 'invalid-argument' });
    expect((await (kv as MemoryKV).list({})).keys).toEqual([]);
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    expect(await sessions.getOrLoad(newName(), async () => cyclic as never)).toBe(cyclic);
  });

  it('does not wait for itself where its loader asks for the same session', async () => {
    const { sessions, token, session } = setUp();
    expect(await sessions.getOrLoad(token, () => sessions.getOrLoad(token, async () => session))).toEqual(session);
  });

  it('takes a load that does not end for dead', async () => {
    const { sessions, token, session, loader } = setUp();
    loader.mockReturnValueOnce(new Promise(() => {}));
    void sessions.getOrLoad(token, loader);
    await vi.advanceTimersByTimeAsync(0);
    const other = sessions.getOrLoad(token, loader);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await other).toEqual(session);
    expect(loader).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['delete', (sessions: SessionCacheClient, token: string) => sessions.delete(token)],
    ['deleteUserSessions', (sessions: SessionCacheClient, _: string, user: string) => sessions.deleteUserSessions(user)],
  ])('who asks after %s does not get what was being loaded before', async (_, change) => {
    const { kv, sessions, token, userId, session, done } = setUp();
    const before = Promise.withResolvers<CachedSession>();
    const first = sessions.getOrLoad(token, () => before.promise);
    await vi.advanceTimersByTimeAsync(0);
    await change(sessions, token, userId);
    const second = sessions.getOrLoad(token, async () => null);
    expect(await second).toBeNull();
    before.resolve(session);
    expect(await first).toEqual(session);
    await done();
    expect(await (kv as MemoryKV).get(`session:${token}`)).toBeNull();
  });

  it('does not overwrite what was set while it was being loaded', async () => {
    const { sessions, token, session, done } = setUp();
    const before = Promise.withResolvers<CachedSession>();
    const first = sessions.getOrLoad(token, () => before.promise);
    await vi.advanceTimersByTimeAsync(0);
    const newer = { ...session, user: { ...session.user, name: 'Newer' } };
    await sessions.set(token, newer);
    before.resolve(session);
    expect(await first).toEqual(session);
    await done();
    expect(await sessions.get(token)).toEqual(newer);
  });
});

// Operations of a miss: the bulk read, the write, the index. Of a hit that this isolate does not know: the bulk read, the watermark.
describe.each(FAULTS)('where an operation meets %s', (_, fault) => {
  const within = async <T>(call: Promise<T>): Promise<T> => {
    await vi.advanceTimersByTimeAsync(3000);
    return call;
  };

  it.each([1, 2, 3])('number %d of a miss: the loader answers', async (step) => {
    const { sessions, token, session, loader, events, left } = setUp(failingAt(step, fault, new MemoryKV()));
    expect(await within(sessions.getOrLoad(token, loader))).toEqual(session);
    await within(Promise.all(left));
    expect(loader).toHaveBeenCalledTimes(1);
    expect(events.filter(({ errorCode }) => errorCode !== undefined)).toHaveLength(1);
  });

  it.each([1, 2])('number %d of a hit: the loader answers, and a revoked session is not shown', async (step) => {
    const kv = new MemoryKV();
    const { sessions, token, userId, session, loader } = setUp(failingAt(step, fault, recording(kv)));
    await new SessionCacheClient(recording(kv)).set(token, session);
    expect(await within(sessions.getOrLoad(token, loader))).toEqual(session);
    expect(loader).toHaveBeenCalledTimes(1);

    await new SessionCacheClient(recording(kv)).deleteUserSessions(userId);
    await kv.put(`session:${token}`, JSON.stringify(session), { metadata: { l: Date.now() } });
    const reader = new SessionCacheClient(failingAt(step, fault, recording(kv)));
    expect(await within(reader.get(token))).toBeNull();
    expect(await reader.get(token)).toBeNull();
  });
});

it.each([
  ['the session', 'session:'],
  ['the fence', 'srev:'],
  ['the watermark', 'urev:'],
])('corrupt text in %s: the loader answers', async (_, prefix) => {
  const kv = new MemoryKV();
  const { sessions, token, userId, session, loader } = setUp(kv);
  await sessions.set(token, session);
  vi.setSystemTime(Date.now() + 2001);
  const key = prefix === 'session:' ? `session:${token}` : prefix === 'urev:' ? `urev:${userId}` : await fenceOf(kv);
  await kv.put(key, '{"before":"yesterday"}', { metadata: { l: Date.now() } });
  expect(await new SessionCacheClient(recording(kv)).get(token)).toBeNull();
  expect(await sessions.getOrLoad(token, loader)).toEqual(session);
  expect(loader).toHaveBeenCalledTimes(1);
});

/** The fence of the one session that there is, as its index entry names it. */
async function fenceOf(kv: MemoryKV): Promise<string> {
  const { keys } = await kv.list({ prefix: 'usess:' });
  return `srev:${keys[0]?.name.slice(-22) ?? ''}`;
}

it('a store that is slow costs its timeout and no more', async () => {
  const { sessions, token, session, loader } = setUp(new HeldStore().kv, { storeTimeoutMs: 100 });
  const loading = sessions.getOrLoad(token, loader);
  await vi.advanceTimersByTimeAsync(100);
  expect(await loading).toEqual(session);
});
