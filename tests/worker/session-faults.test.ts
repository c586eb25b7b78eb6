import { type KVLike, SessionCacheClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { failingAt, FAULTS } from './support/failing-store.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';

// What `get` and `getOrLoad` do at each step is in session-load.test.ts, and what both show in any history of faults in
// tests/native/session-faults-test.cpp. Here: every step of `deleteUserSessions`.

const newName = (): string => crypto.randomUUID();
const TIMEOUT_MS = 3000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Three sessions of a user, as they stand in KV. */
async function loggedIn(hashTokens = false) {
  const kv = new MemoryKV();
  const userId = newName();
  const tokens = Array.from({ length: 3 }, newName);
  const sessions = new SessionCacheClient(kv, { hashTokens });
  for (const token of tokens) await sessions.set(token, sessionOf(token, { userId }));
  return { kv, userId, tokens };
}

/** A client that this isolate has told nothing, as one in another isolate would be. */
const elsewhere = (kv: MemoryKV): SessionCacheClient => new SessionCacheClient(recording(kv), { memory: false });

/** What becomes of a call whose operations may all have to be given up. */
async function outcomeOf<T>(call: Promise<T>, operations: number): Promise<T | 'rejected'> {
  const ended = call.catch(() => 'rejected' as const);
  await vi.advanceTimersByTimeAsync(operations * TIMEOUT_MS);
  return ended;
}

/** The operations of a revocation where nothing fails. */
async function operationsOf(except: boolean): Promise<number> {
  const { kv, userId, tokens } = await loggedIn();
  const store = recording(kv);
  const [spared = ''] = tokens;
  await new SessionCacheClient(store).deleteUserSessions(userId, except ? { except: spared } : {});
  return store.operations.length;
}

it('the steps of a revocation are as many as are tried below', async () => {
  expect(await operationsOf(false)).toBe(STEPS.length);
  expect(await operationsOf(true)).toBe(STEPS_WITH_EXCEPTION.length);
});

/** The watermark; a list, two bulk reads; a session and its index entry, three times. */
const STEPS = Array.from({ length: 10 }, (_, at) => at + 1);
/** Before them the excepted session is read, in two steps, and after the watermark it is written, in two. */
const STEPS_WITH_EXCEPTION = Array.from({ length: 12 }, (_, at) => at + 1);

describe.each(FAULTS)('deleteUserSessions where an operation meets %s', (_, fault, code) => {
  it.each(STEPS)('number %d: it rejects, or all is void; once more does the rest', async (step) => {
    const { kv, userId, tokens } = await loggedIn();
    const client = new SessionCacheClient(failingAt(step, fault, recording(kv)));
    const result = await outcomeOf(client.deleteUserSessions(userId), STEPS.length);
    // The watermark is the first of them, and the only one that counts. Refused for another write within the second, it is tried again.
    expect(result === 'rejected').toBe(step === 1 && code !== 'store-rate-limited');
    if (result !== 'rejected') {
      expect(result).toMatchObject({ complete: step === 1, bounded: false });
      for (const token of tokens) expect(await elsewhere(kv).get(token)).toBeNull();
    }
    for (const token of tokens) expect(await client.get(token)).toBeNull();
    for (const token of tokens) await refusesNobodyWhoIsLive(client, token, userId);

    const again = result === 'rejected' || result.complete ? {} : { cursor: result.cursor ?? '' };
    await new SessionCacheClient(recording(kv)).deleteUserSessions(userId, again);
    for (const token of tokens) await refusesNobodyWhoIsLive(elsewhere(kv), token, userId);
  });

  it.each(STEPS_WITH_EXCEPTION)(
    'number %d, one session excepted: no other is shown, and its user is not refused',
    async (step) => {
      const { kv, userId, tokens } = await loggedIn();
      const [spared = '', ...others] = tokens;
      const client = new SessionCacheClient(failingAt(step, fault, recording(kv)));
      const result = await outcomeOf(client.deleteUserSessions(userId, { except: spared }), STEPS_WITH_EXCEPTION.length);
      if (result !== 'rejected') for (const token of others) expect(await elsewhere(kv).get(token)).toBeNull();
      for (const token of others) expect(await client.get(token)).toBeNull();
      await refusesNobodyWhoIsLive(client, spared, userId);
      await refusesNobodyWhoIsLive(elsewhere(kv), spared, userId);
    },
  );
});

/** Whom the database still knows, `getOrLoad` answers. */
async function refusesNobodyWhoIsLive(client: SessionCacheClient, token: string, userId: string): Promise<void> {
  const loaded = client.getOrLoad(token, async () => sessionOf(token, { userId }));
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect((await loaded)?.session.token).toBe(token);
}

describe('deleteUserSessions where KV holds what is corrupt', () => {
  const CORRUPT: [name: string, corrupt: (kv: MemoryKV, key: string) => Promise<void>][] = [
    ['no JSON', (kv, key) => kv.put(key, '{')],
    ['nothing', (kv, key) => kv.put(key, '')],
    ['another record', (kv, key) => kv.put(key, '{"before":"yesterday"}', { metadata: { l: 'now', e: null, i: 5 } })],
    [
      'a session of somebody else',
      (kv, key) => kv.put(key, JSON.stringify(sessionOf('other')), { metadata: { l: Date.now() } }),
    ],
    ['something that went', (kv, key) => kv.delete(key)],
  ];
  const KEYS = ['session:', 'usess:', 'urev:', 'srev:'];

  it.each(KEYS.flatMap((prefix) => CORRUPT.map(([name, corrupt]) => [prefix, name, corrupt] as const)))(
    'under %s, %s: all is void',
    async (prefix, _, corrupt) => {
      const { kv, userId, tokens } = await loggedIn();
      const client = elsewhere(kv);
      for (const key of await keysOf(kv, prefix, userId)) await corrupt(kv, key);
      await client.deleteUserSessions(userId);
      for (const token of tokens) {
        expect(await client.get(token)).toBeNull();
        expect(await elsewhere(kv).get(token)).toBeNull();
        await refusesNobodyWhoIsLive(client, token, userId);
      }
    },
  );

  /** Those that there are, and the user's watermark and the fences, which there may be. */
  async function keysOf(kv: MemoryKV, prefix: string, userId: string): Promise<string[]> {
    if (prefix === 'urev:') return [`urev:${userId}`];
    const { keys } = await kv.list({ prefix: prefix === 'srev:' ? 'usess:' : prefix });
    return keys.map(({ name }) => (prefix === 'srev:' ? `srev:${name.slice(-22)}` : name));
  }
});

it('deleteUserSessions where KV shows neither the sessions nor their index yet: void here at once, there when KV shows it', async () => {
  const kv = new MemoryKV({ lagMs: 60_000 });
  const there = kv.elsewhere();
  const [userId, token] = [newName(), newName()];
  await new SessionCacheClient(kv).set(token, sessionOf(token, { userId }));
  const revoking = new SessionCacheClient(recording(there));
  expect(await revoking.deleteUserSessions(userId)).toMatchObject({ deleted: 0, complete: true, effectiveWithinMs: 92_000 });
  expect(await revoking.get(token)).toBeNull();
  expect(await elsewhere(kv).get(token)).not.toBeNull();
  vi.setSystemTime(Date.now() + 60_000);
  expect(await elsewhere(kv).get(token)).toBeNull();
  expect(await elsewhere(there).get(token)).toBeNull();
});

it('a KV that answers nothing costs a revocation its timeout, and then it says so', async () => {
  const silent = failingAt(1, () => new Promise(() => {}), recording(new MemoryKV())) as KVLike;
  const revoking = new SessionCacheClient(silent, { storeTimeoutMs: 100 }).deleteUserSessions(newName()).catch(String);
  await vi.advanceTimersByTimeAsync(100);
  expect(await revoking).toContain('KV failed or did not answer in time');
});
