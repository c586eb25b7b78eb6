import {
  type CachedSession,
  CacheClient,
  type ClientEvent,
  RateLimiterClient,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsWaiting, core, Field, freshMinutes, instance, ruin, slotEnteredLast, turns } from './support/core.ts';
import { HeldStore, stored } from './support/held-store.ts';
import { sessionOf } from './support/sessions.ts';

// Slots are reused and instances are replaced. An answer of KV that comes after that must not reach the call that stands in
// the same place now: it would show one user's session to another.

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:test:' };
const newToken = (): string => crypto.randomUUID();
const loadedNow = (): { l: number } => ({ l: Date.now() });

/** Past the deadline of every call: twice the store's timeout, and a second. No timer fires, as of a request that died. */
const passDeadlines = (): void => void vi.setSystemTime(Date.now() + 10_000);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  await freshMinutes();
});
afterEach(() => void vi.useRealTimers());

/** Answers the watermark of a session's user, which is asked for once the session was found: there is none. */
async function answerWatermark(store: HeldStore, session: CachedSession): Promise<void> {
  await turns();
  store.take(`urev:${session.user.id}`).answer(null);
}

describe('an answer that comes after its slot was reclaimed and used again', () => {
  it('shows nobody another’s session', async () => {
    const store = new HeldStore();
    const events: ClientEvent[] = [];
    const sessions = new SessionCacheClient(store.kv, { onEvent: (event) => events.push(event) });
    const [late, mine] = [sessionOf(newToken(), { userId: 'late' }), sessionOf(newToken(), { userId: 'mine' })];

    const forLate = sessions.get(late.session.token);
    const slot = slotEnteredLast();
    passDeadlines();
    const forMine = sessions.get(mine.session.token);
    expect(slotEnteredLast()).toBe(slot);
    const dropped = instance().exports.answersDropped();

    store.take(`session:${late.session.token}`).answer(stored(late, loadedNow()));
    expect(await forLate).toBeNull();
    expect(events).toMatchObject([{ op: 'get', outcome: 'failed', errorCode: 'aborted' }]);
    expect(instance().exports.answersDropped()).toBe(dropped + 1);

    store.take(`session:${mine.session.token}`).answer(stored(mine, loadedNow()));
    await answerWatermark(store, mine);
    expect(await forMine).toEqual(mine);
  });

  it('shows no session that was being checked against its user’s watermark', async () => {
    const store = new HeldStore();
    const sessions = new SessionCacheClient(store.kv);
    const [late, mine] = [sessionOf(newToken(), { userId: 'late' }), sessionOf(newToken(), { userId: 'mine' })];

    const forLate = sessions.get(late.session.token);
    store.take(`session:${late.session.token}`).answer(stored(late, loadedNow()));
    await turns();
    passDeadlines();
    const forMine = sessions.get(mine.session.token);
    store.take('urev:late').answer(null);
    expect(await forLate).toBeNull();

    store.take(`session:${mine.session.token}`).answer(null);
    expect(await forMine).toBeNull();
  });

  it('is aborted to its caller and no more, whatever the calls are', async () => {
    const store = new HeldStore();
    const cache = new CacheClient(store.kv, { waitUntil: () => {} });
    const limiter = new RateLimiterClient(store.kv);
    const sessions = new SessionCacheClient(store.kv);
    const late = {
      check: limiter.checkLimit('late', RULE),
      get: cache.get('late'),
      load: cache.getOrSet('late load', 60, () => 'loaded'),
      set: cache.set('late set', 1, 60),
      remove: cache.delete('late delete').catch((error: unknown) => error),
      logout: sessions.delete('late logout').catch((error: unknown) => error),
      revoke: sessions.deleteUserSessions('late revoke').catch((error: unknown) => error),
      reset: limiter.reset('late reset', RULE).catch((error: unknown) => error),
    };
    const waiting = store.held.splice(0);
    passDeadlines();
    const reused = Array.from({ length: 8 }, (_, at) => cache.get(`mine ${at}`));
    expect(callsWaiting()).toBe(8);

    for (const { verb, answer } of waiting) answer(verb === 'get' ? stored({ count: 5, resetAt: Date.now() + 9 }) : undefined);
    expect(await late.check).toMatchObject({ allowed: true, reason: 'degraded', scope: 'isolate' });
    expect([await late.get, await late.load, await late.set]).toEqual([null, 'loaded', undefined]);
    for (const rejected of [late.remove, late.logout, late.revoke, late.reset]) {
      expect(await rejected).toMatchObject({ name: 'KVClientError', code: 'aborted' });
    }

    for (let at = 0; at < 8; at++) store.take(`mine ${at}`).answer(stored(at));
    expect(await Promise.all(reused)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    store.take('late load').answer();
    await turns();
    expect(callsWaiting()).toBe(0);
  });
});

describe('an answer that comes after the instance was replaced', () => {
  it('shows nobody another’s session, in the slot and generation of the same numbers', async () => {
    const store = new HeldStore();
    const events: ClientEvent[] = [];
    const sessions = new SessionCacheClient(store.kv, { onEvent: (event) => events.push(event) });
    // A new instance counts its slots and generations from the beginning, so this is where the two can meet.
    await replaceInstance();
    const [late, mine] = [sessionOf(newToken(), { userId: 'late' }), sessionOf(newToken(), { userId: 'mine' })];
    const forLate = sessions.get(late.session.token);
    const name = nameEnteredLast();
    await replaceInstance();
    const forMine = sessions.get(mine.session.token);
    expect(nameEnteredLast()).toEqual(name);

    store.take(`session:${late.session.token}`).answer(stored(late, loadedNow()));
    expect(await forLate).toBeNull();
    expect(events).toMatchObject([{ op: 'get', outcome: 'failed', errorCode: 'core-failed' }]);

    store.take(`session:${mine.session.token}`).answer(stored(mine, loadedNow()));
    await answerWatermark(store, mine);
    expect(await forMine).toEqual(mine);
  });

  it('does not count an attempt of another', async () => {
    const store = new HeldStore();
    const limiter = new RateLimiterClient(store.kv);
    const forLate = limiter.checkLimit('late', RULE);
    await replaceInstance();
    const forMine = limiter.checkLimit('mine', RULE);
    store.take('rl:test:late').answer(stored({ count: 4, resetAt: Date.now() + 30_000 }));
    expect(await forLate).toMatchObject({ allowed: true, reason: 'degraded' });
    store.take('rl:test:mine').answer(null);
    expect(await forMine).toMatchObject({ allowed: true, remaining: 4, reason: 'ok' });
  });
});

/** The slot and the generation of the call that was entered last. */
function nameEnteredLast(): number[] {
  return [instance().int(Field.Slot), instance().int(Field.Generation)];
}

/** Makes the instance trap under a call of its own and waits for the next one. */
async function replaceInstance(): Promise<void> {
  const before = instance().number;
  ruin();
  await new CacheClient(new HeldStore().kv).get('the call that traps');
  await turns();
  expect(instance().number).toBeGreaterThan(before);
  expect(core.traps).toBeGreaterThan(0);
}
