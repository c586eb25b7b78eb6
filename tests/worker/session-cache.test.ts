import { env } from 'cloudflare:workers';
import { type CachedSession, type ClientEvent, SessionCacheClient, type SessionInput } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import isoDates from '../contract/iso-dates.json';
import { ODD_SESSIONS, type SessionRecord } from '../contract/odd-sessions.ts';
import { Clock } from './support/clock.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';
import { codeOf } from './support/thrown.ts';

// The ids are those of the list of what the platform's first session cache got wrong.

const newToken = (): string => crypto.randomUUID();
const iso = (ms: number): string => new Date(ms).toISOString();
const DAY_MS = 86_400_000;

async function secondsKept(token: string): Promise<number> {
  const { keys } = await env.KV.list({ prefix: `session:${token}` });
  return (keys[0]?.expiration ?? 0) - Date.now() / 1000;
}

describe('S1, 3.3: sessions that end', () => {
  it.each([0, 1, 3_600_000])('one that ended %d ms ago is not stored, and what stood there is deleted', async (ago) => {
    const clock = new Clock();
    const sessions = new SessionCacheClient(env.KV, { now: clock.now });
    const token = newToken();
    await sessions.set(token, sessionOf(token));
    await sessions.set(token, sessionOf(token, { expiresAt: iso(clock.now() - ago) }));
    expect(await sessions.get(token)).toBeNull();
    expect(await env.KV.get(`session:${token}`)).toBeNull();
  });

  it('one that ends within a minute is kept for KV’s minute and shown until it ends', async () => {
    const clock = new Clock();
    const sessions = new SessionCacheClient(env.KV, { now: clock.now });
    const token = newToken();
    const session = sessionOf(token, { expiresAt: iso(clock.now() + 10_000) });
    await sessions.set(token, session);
    expect(await secondsKept(token)).toBeGreaterThan(55);
    clock.advance(9_999);
    expect(await sessions.get(token)).toEqual(session);
    clock.advance(1);
    expect(await sessions.get(token)).toBeNull();
  });

  it('one that ended while it was stored by somebody else is not shown', async () => {
    const token = newToken();
    await env.KV.put(`session:${token}`, JSON.stringify(sessionOf(token, { expiresAt: iso(Date.now() - 1) })));
    expect(await new SessionCacheClient(env.KV).get(token)).toBeNull();
  });

  it('one is kept until it ends', async () => {
    const token = newToken();
    await new SessionCacheClient(env.KV).set(token, sessionOf(token, { expiresAt: iso(Date.now() + 7_200_000) }));
    expect(await secondsKept(token)).toBeGreaterThan(7_195);
    expect(await secondsKept(token)).toBeLessThan(7_205);
  });
});

describe('S2: stored values', () => {
  it.each(ODD_SESSIONS)('%s is a miss, reported, and repaired by the next set', async (_, spoil) => {
    const token = newToken();
    const sound = sessionOf(token);
    await env.KV.put(`session:${token}`, spoil(sound as unknown as SessionRecord));
    const events: ClientEvent[] = [];
    const sessions = new SessionCacheClient(env.KV, { onEvent: (event) => events.push(event) });
    expect(await sessions.get(token)).toBeNull();
    expect(events).toMatchObject([{ op: 'get', outcome: 'corrupt' }]);
    await sessions.set(token, sound);
    expect(await sessions.get(token)).toEqual(sound);
  });

  it('the record that the first cache wrote is shown', async () => {
    const token = newToken();
    const session = sessionOf(token, { ipAddress: '1.1.1.1', userAgent: 'curl' });
    await env.KV.put(`session:${token}`, JSON.stringify(session), { expirationTtl: 60 });
    expect(await new SessionCacheClient(env.KV).get(token)).toEqual(session);
  });

  it('what is written stands under the token as the JSON that it is', async () => {
    const token = newToken();
    await new SessionCacheClient(env.KV).set(token, sessionOf(token));
    expect(await env.KV.get(`session:${token}`, 'json')).toEqual(sessionOf(token, { expiresAt: expect.any(String) as string }));
  });

  it.each([null, 5, 'text', [], { l: 'yesterday' }, { l: 1e308 }, { l: 2 ** 60 }, { l: -1 }, { l: null }])(
    'metadata %j throws nothing, and shows no copy older than allowed',
    async (metadata) => {
      const token = newToken();
      await env.KV.put(`session:${token}`, JSON.stringify(sessionOf(token)), { metadata });
      const shown = await new SessionCacheClient(env.KV).get(token);
      const isOld = JSON.stringify(metadata) === '{"l":-1}';
      expect(shown === null).toBe(isOld);
    },
  );
});

describe('dates', () => {
  it.each(isoDates.nonsense)('S3, 3.3: expiresAt %j is refused before any I/O', async (expiresAt) => {
    const kv = recording(env.KV);
    const token = newToken();
    expect(await codeOf(() => new SessionCacheClient(kv).set(token, sessionOf(token, { expiresAt })))).toBe('invalid-argument');
    expect(kv.operations).toEqual([]);
  });

  it.each([Number.NaN, undefined, null, 0, Date.now(), new Date(Number.NaN), {}, [], true])(
    'S3: expiresAt %s is refused before any I/O',
    async (expiresAt) => {
      const kv = recording(env.KV);
      const token = newToken();
      const odd = sessionOf(token);
      const data = { ...odd, session: { ...odd.session, expiresAt } } as SessionInput;
      expect(await codeOf(() => new SessionCacheClient(kv).set(token, data))).toBe('invalid-argument');
      expect(kv.operations).toEqual([]);
    },
  );

  it.each(isoDates.dates)('$text ends at $ms', async ({ text, ms }) => {
    const clock = new Clock();
    clock.set(ms - 1);
    const sessions = new SessionCacheClient(env.KV, { now: clock.now });
    const token = newToken();
    const session = sessionOf(token, { expiresAt: text });
    await sessions.set(token, session);
    expect(await sessions.get(token)).toEqual(session);
    clock.set(ms);
    expect(await sessions.get(token)).toBeNull();
  });

  it.each(['2100-01-01T00:00:00.000Z', '+275760-09-13T00:00:00.000Z'])('S4, 3.3: %s is kept for 30 days', async (expiresAt) => {
    const sessions = new SessionCacheClient(env.KV);
    const token = newToken();
    await sessions.set(token, sessionOf(token, { expiresAt }));
    expect(await sessions.get(token)).toEqual(sessionOf(token, { expiresAt }));
    expect(Math.round((await secondsKept(token)) / 86_400)).toBe(30);
  });

  it('S4: maxSessionSeconds is the cap on what is kept', async () => {
    const token = newToken();
    await new SessionCacheClient(env.KV, { maxSessionSeconds: 600 }).set(token, sessionOf(token));
    expect(Math.round((await secondsKept(token)) / 60)).toBe(10);
  });

  it('S14: Dates are stored and come back as ISO 8601', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const token = newToken();
    const [createdAt, updatedAt, expiresAt] = [new Date(0), new Date(1), new Date(Date.now() + DAY_MS)];
    const base = sessionOf(token);
    await sessions.set(token, { ...base, session: { ...base.session, createdAt, updatedAt, expiresAt } });
    const expected = { createdAt: iso(0), updatedAt: iso(1), expiresAt: expiresAt.toISOString() };
    expect((await sessions.get(token))?.session).toEqual({ ...base.session, ...expected });
  });
});

describe('tokens', () => {
  it('S5: a record of another token is refused before any I/O, and not shown where it stands', async () => {
    const kv = recording(env.KV);
    const sessions = new SessionCacheClient(kv);
    const [mine, other] = [newToken(), newToken()];
    expect(await codeOf(() => sessions.set(mine, sessionOf(other)))).toBe('invalid-argument');
    expect(kv.operations).toEqual([]);
    await env.KV.put(`session:${mine}`, JSON.stringify(sessionOf(other)));
    expect(await sessions.get(mine)).toBeNull();
  });

  it.each([
    ['of 600 bytes', 'x'.repeat(600)],
    ['of 505 bytes', 'x'.repeat(505)],
    ['of 508 bytes in emoji', '\u{1f511}'.repeat(127)],
    ['of ten million', 'x'.repeat(10_000_000)],
    ['that is empty', ''],
    ['with half a surrogate pair', 'a\ud800b'],
  ])('S6: a token %s is nobody’s: null, nothing to delete, and no I/O', async (_, token) => {
    const kv = recording(env.KV);
    const sessions = new SessionCacheClient(kv);
    expect(await sessions.get(token)).toBeNull();
    await sessions.delete(token);
    const tooLong = new TextEncoder().encode(token).length > 504;
    const code = tooLong ? 'key-too-long' : 'invalid-argument';
    expect(await codeOf(() => sessions.set(token, sessionOf(token)))).toBe(code);
    expect(kv.operations).toEqual([]);
  });

  it.each([
    ['of 504 bytes', 'x'.repeat(504)],
    ['of 504 bytes in emoji', '\u{1f511}'.repeat(126)],
    ['with NUL, a colon and a slash', 'a\u0000:b/../c?d#e%3A'],
    ['that is a dot', '.'],
    ['called __proto__', '__proto__'],
    ['called session:', 'session:'],
  ])('a token %s works', async (_, token) => {
    const sessions = new SessionCacheClient(env.KV);
    await sessions.set(token, sessionOf(token));
    expect((await sessions.get(token))?.session.token).toBe(token);
    await sessions.delete(token);
    expect(await sessions.get(token)).toBeNull();
  });
});

describe('S15: further fields', () => {
  it('survive a round trip as they are, known and unknown', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const token = newToken();
    const base = sessionOf(token, {
      createdAt: iso(0),
      impersonatedBy: null,
      activeOrganizationId: 'org-1',
      ipAddress: '1.1.1.1',
      userAgent: 'Ünïcode \u{1f511} "quoted"',
    });
    const further = { nested: { list: [1, 'two', null, { three: 3.5 }] }, '': 'empty name', big: 2 ** 53 };
    const session = { ...base, further, user: { ...base.user, banned: false, further } } as CachedSession;
    await sessions.set(token, session);
    expect(await sessions.get(token)).toEqual(session);
  });

  it('as long as they like', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const token = newToken();
    const session = sessionOf(token, { userAgent: 'x'.repeat(10_000_000) });
    await sessions.set(token, session);
    expect(await sessions.get(token)).toEqual(session);
  });
});

describe('deleteUserSessions', () => {
  it('voids what was cached of the user before, and nothing of others or after', async () => {
    const clock = new Clock();
    const sessions = new SessionCacheClient(env.KV, { now: clock.now });
    const [userId, otherId] = [newToken(), newToken()];
    const [one, two, other] = [newToken(), newToken(), newToken()];
    await sessions.set(one, sessionOf(one, { userId }));
    await sessions.set(two, sessionOf(two, { userId }));
    await sessions.set(other, sessionOf(other, { userId: otherId }));
    const { revokedBefore, bounded, complete } = await sessions.deleteUserSessions(userId);
    expect({ revokedBefore, bounded, complete }).toEqual({ revokedBefore: clock.now() + 2000, bounded: false, complete: true });
    expect([await sessions.get(one), await sessions.get(two)]).toEqual([null, null]);
    expect(await sessions.get(other)).not.toBeNull();
    await sessions.set(one, sessionOf(one, { userId }));
    expect(await sessions.get(one)).not.toBeNull();
  });

  it('is seen by an isolate that did not make it', async () => {
    const sessions = new SessionCacheClient(env.KV);
    const userId = `user ${newToken()}: 100%`;
    const token = newToken();
    await sessions.set(token, sessionOf(token, { userId }));
    await sessions.deleteUserSessions(userId);
    // A namespace of its own, to this isolate: it knows what KV says and nothing else.
    const elsewhere = new SessionCacheClient(recording(env.KV));
    expect(await elsewhere.get(token)).toBeNull();
  });

  it('leaves an unreadable watermark to mean that everything may be revoked', async () => {
    const sessions = new SessionCacheClient(env.KV, { memory: false });
    const [userId, token] = [newToken(), newToken()];
    await sessions.set(token, sessionOf(token, { userId }));
    await env.KV.put(`urev:${userId}`, '{"before":"yesterday"}');
    expect(await sessions.get(token)).toBeNull();
  });
});

it('maxStaleMs is the age of the oldest copy shown', async () => {
  const clock = new Clock();
  const sessions = new SessionCacheClient(env.KV, { now: clock.now, maxStaleMs: 5000 });
  const token = newToken();
  await sessions.set(token, sessionOf(token));
  clock.advance(5000);
  expect(await sessions.get(token)).not.toBeNull();
  clock.advance(1);
  expect(await sessions.get(token)).toBeNull();
});
