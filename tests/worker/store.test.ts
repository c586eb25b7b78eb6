import {
  CacheClient,
  type ClientEvent,
  type KVLike,
  RateLimiterClient,
  type RateLimitTicket,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { failingAt, FAULTS } from './support/failing-store.ts';
import { sessionOf } from './support/sessions.ts';

// A store that fails, at every step of every method: what each promises for that case.

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:test:' };
const ENDED = sessionOf('k', { expiresAt: new Date(0).toISOString() });

interface Told {
  kv: KVLike;
  onEvent: (event: ClientEvent) => void;
}
type Method = [name: string, step: number, call: (told: Told) => Promise<unknown>];

/** Which operation of the store fails, counted from 1, and in which call. */
const READS: Method[] = [
  ['sessions.get, reading the session', 1, ({ kv, ...options }) => new SessionCacheClient(kv, options).get('k')],
  ['sessions.get, reading the watermark', 2, ({ kv, ...options }) => new SessionCacheClient(kv, options).get('k')],
  ['cache.get', 1, ({ kv, ...options }) => new CacheClient(kv, options).get('k')],
];
const LOADS: Method[] = [
  [
    'cache.getOrSet, reading',
    1,
    ({ kv, ...options }) => new CacheClient(kv, withLeft(options)).getOrSet('k', 60, () => 'loaded'),
  ],
  [
    'cache.getOrSet, writing',
    2,
    ({ kv, ...options }) => new CacheClient(kv, withLeft(options)).getOrSet('new', 60, () => 'loaded'),
  ],
];
const WRITES: Method[] = [
  ['sessions.set', 1, ({ kv, ...options }) => new SessionCacheClient(kv, options).set('k', sessionOf('k'))],
  ['sessions.set of one that has ended', 1, ({ kv, ...options }) => new SessionCacheClient(kv, options).set('k', ENDED)],
  ['cache.set', 1, ({ kv, ...options }) => new CacheClient(kv, options).set('k', 1, 60)],
  ['cache.set for 0 seconds', 1, ({ kv, ...options }) => new CacheClient(kv, options).set('k', 1, 0)],
];
const REVOCATIONS: Method[] = [
  ['limiter.reset', 1, ({ kv, ...options }) => new RateLimiterClient(kv, options).reset('k', RULE)],
  ['limiter.unblock', 1, ({ kv, ...options }) => new RateLimiterClient(kv, options).unblock('k', RULE)],
];
const DELETIONS: Method[] = [
  ['sessions.delete', 1, ({ kv, ...options }) => new SessionCacheClient(kv, options).delete('k')],
  ['sessions.deleteUserSessions', 1, ({ kv, ...options }) => new SessionCacheClient(kv, options).deleteUserSessions('u')],
  ['cache.delete', 1, ({ kv, ...options }) => new CacheClient(kv, options).delete('k')],
  ['cache.deleteMany', 2, ({ kv, ...options }) => new CacheClient(kv, options).deleteMany(['a', 'b', 'c'])],
];

let left: Promise<unknown>[] = [];
const withLeft = (options: object): object => ({ ...options, waitUntil: (work: Promise<unknown>) => left.push(work) });

/** Calls a method on a store that has a session and an entry and fails at that step; no answer takes as long as it may. */
async function called([, step, call]: Method, fault: (operation: string) => unknown) {
  const events: ClientEvent[] = [];
  const kv = new MemoryKV();
  await kv.put('session:k', JSON.stringify(sessionOf('k')), { metadata: { l: Date.now() } });
  await kv.put('k', '"stored"');
  const onEvent = (event: ClientEvent): void => void events.push(event);
  const outcome = call({ kv: failingAt(step, fault, kv), onEvent }).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.advanceTimersByTimeAsync(3000);
  const came = await outcome;
  await vi.advanceTimersByTimeAsync(3000);
  await Promise.all(left);
  return { ...came, events: events.filter(({ errorCode }) => errorCode !== undefined), kv };
}

beforeEach(() => {
  left = [];
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => void vi.useRealTimers());

describe.each(FAULTS)('%s', (_, fault, errorCode) => {
  const failed = { outcome: 'failed', errorCode };

  it.each(READS)('%s: a miss and an event', async (...method) => {
    const { value, error, events } = (await called(method, fault)) as { value?: unknown; error?: unknown; events: unknown };
    expect({ value, error }).toEqual({ value: null, error: undefined });
    expect(events).toMatchObject([failed]);
  });

  it.each(LOADS)('%s: the loaded value and an event', async (...method) => {
    expect(await called(method, fault)).toMatchObject({ value: 'loaded', events: [{ op: 'getOrSet', ...failed }] });
  });

  it.each(WRITES)('%s: resolves, and an event', async (...method) => {
    const came = await called(method, fault);
    expect(came).toMatchObject({ value: undefined, events: [failed] });
    expect(came).not.toHaveProperty('error');
  });

  it.each(REVOCATIONS)('%s: rejects, and an event', async (...method) => {
    expect(await called(method, fault)).toMatchObject({ error: { name: 'KVClientError', code: errorCode }, events: [failed] });
  });

  it.each(DELETIONS)('%s: is tried again where KV refuses it, else rejects with an event', async (...method) => {
    const came = await called(method, fault);
    if (errorCode !== 'store-rate-limited') {
      expect(came).toMatchObject({ error: { name: 'KVClientError', code: errorCode }, events: [failed] });
      return;
    }
    // Each try is told.
    expect(came).toMatchObject({ events: [failed] });
    expect(came).not.toHaveProperty('error');
  });

  it.each([
    ['local', { allowed: true, remaining: 4 }],
    ['deny', { allowed: false, remaining: 0 }],
    ['allow', { allowed: true }],
  ] as const)('limiter.checkLimit, reading: decided by onUnavailable %s', async (onUnavailable, verdict) => {
    const method: Method = [
      '',
      1,
      ({ kv, ...options }) => limiter(kv, { ...options, onUnavailable }).checkLimit(newName(), RULE),
    ];
    const { value, events } = (await called(method, fault)) as { value: unknown; events: unknown };
    expect(value).toMatchObject({ ...verdict, reason: 'degraded', scope: 'isolate', exact: false });
    expect(events).toMatchObject([{ op: 'checkLimit', outcome: 'degraded', errorCode }]);
  });

  it('limiter.checkLimit, writing after the answer: decided, and an event', async () => {
    const method: Method = ['', 2, ({ kv, ...options }) => limiter(kv, withLeft(options)).checkLimit(newName(), RULE)];
    const { value, events, kv } = (await called(method, fault)) as { value: unknown; events: unknown; kv: MemoryKV };
    expect(value).toMatchObject({ allowed: true, remaining: 4, reason: 'ok' });
    expect(events).toMatchObject([{ op: 'write', source: 'kv', kvReads: 0, kvWrites: 1, ...failed }]);
    // KV’s 429 says that the key was written within the second: the count is written once that has passed.
    const { keys } = await kv.list({ prefix: RULE.keyPrefix });
    expect(keys).toHaveLength(errorCode === 'store-rate-limited' ? 1 : 0);
  });

  it.each([
    ['local', { allowed: true, remaining: 4 }],
    ['deny', { allowed: false, remaining: 0 }],
  ] as const)('limiter.checkLimit, writing before the answer: decided by onUnavailable %s', async (onUnavailable, verdict) => {
    const method: Method = [
      '',
      // The store has three methods, and is read for the counter and for the block.
      3,
      ({ kv: { get, put, delete: remove }, ...options }) =>
        limiter({ get, put, delete: remove }, { ...options, onUnavailable }).checkLimit(newName(), RULE),
    ];
    const { value, events } = (await called(method, fault)) as { value: unknown; events: unknown };
    // KV’s 429 says that somebody else counted within the second, and no more than that.
    const refused = errorCode === 'store-rate-limited';
    expect(value).toMatchObject(refused ? { allowed: true, remaining: 4, reason: 'ok' } : { ...verdict, reason: 'degraded' });
    expect(events).toMatchObject(refused ? [] : [{ op: 'checkLimit', outcome: 'degraded', errorCode }]);
  });

  it.each(['peek', 'checkAll'] as const)('limiter.%s: decided here', async (op) => {
    const method: Method = ['', 1, ({ kv, ...options }) => CHECKS[op](limiter(kv, options))];
    const { value, events } = (await called(method, fault)) as { value: unknown; events: unknown };
    expect(value).toMatchObject({ allowed: true, reason: 'degraded', scope: 'isolate', exact: false });
    expect(events).toMatchObject([{ op, outcome: 'degraded', errorCode }]);
  });

  it('limiter.refund: resolves, and an event', async () => {
    const method: Method = [
      '',
      3,
      async ({ kv, ...options }) => {
        const client = limiter(kv, withLeft(options));
        const { ticket } = await client.checkLimit(newName(), RULE);
        await vi.advanceTimersByTimeAsync(1500);
        await client.refund(ticket as RateLimitTicket);
      },
    ];
    const came = await called(method, fault);
    expect(came).toMatchObject({ value: undefined, events: [{ op: 'write', ...failed }] });
  });

  it('limiter.block: rejects, and the block holds here', async () => {
    const who = newName();
    const method: Method = [
      '',
      1,
      async ({ kv, ...options }) => {
        const client = limiter(kv, options);
        const error: unknown = await client.block(who, RULE, 600).catch((reason: unknown) => reason);
        return { error, verdict: await client.checkLimit(who, RULE) };
      },
    ];
    const { value, events } = (await called(method, fault)) as { value: unknown; events: unknown };
    expect(value).toMatchObject({
      error: { name: 'KVClientError', code: errorCode },
      verdict: { allowed: false, reason: 'blocked', remaining: 0 },
    });
    expect(events).toMatchObject([{ op: 'block', ...failed }]);
  });

  it('limiter.checkLimit at every step: an isolate admits the limit and no more', async () => {
    const client = limiter({ get: fault, put: fault, delete: fault } as never, {});
    const [who, verdicts] = [newName(), [] as boolean[]];
    for (let attempt = 0; attempt < 7; attempt++) {
      const verdict = client.checkLimit(who, RULE);
      await vi.advanceTimersByTimeAsync(6000);
      verdicts.push((await verdict).allowed);
    }
    expect(verdicts).toEqual([true, true, true, true, true, false, false]);
  });
});

const limiter = (kv: KVLike, options: object): RateLimiterClient => new RateLimiterClient(kv, options);
const CHECKS = {
  peek: (client: RateLimiterClient) => client.peek(newName(), RULE),
  checkAll: async (client: RateLimiterClient) => (await client.checkAll([{ identifier: newName(), config: RULE }])).results[0],
};
const newName = (): string => crypto.randomUUID();

const ODD_ANSWERS = [
  undefined,
  5,
  true,
  'text',
  '',
  {},
  [],
  { value: 5 },
  { value: {} },
  { value: 'text', metadata: 5 },
  () => 1,
  Symbol('a'),
];

describe.each(ODD_ANSWERS)('a store that answers everything with %s', (answer) => {
  it.each([
    ['at once', () => answer],
    ['later', async () => answer],
  ])('%s: every method comes out as if there were nothing, or nothing sound', async (_, respond) => {
    for (const kv of [
      { get: respond, put: respond, delete: respond },
      { get: respond, getWithMetadata: respond, put: respond, delete: respond },
    ] as unknown as KVLike[]) {
      const [sessions, cache] = [new SessionCacheClient(kv), new CacheClient(kv, { waitUntil: () => {} })];
      expect(await sessions.get('k')).toBeNull();
      expect(await sessions.set('k', sessionOf('k'))).toBeUndefined();
      expect(await sessions.delete('k')).toBeUndefined();
      expect(await sessions.deleteUserSessions('u')).toMatchObject({ deleted: 0, complete: false });
      expect(await limiter(kv, {}).checkLimit(newName(), RULE)).toMatchObject({ allowed: true, remaining: 4, reason: 'ok' });
      expect(await limiter(kv, {}).reset('k', RULE)).toBeUndefined();
      expect(await cache.get('k')).toBeNull();
      expect(await cache.getOrSet('k', 60, () => 'loaded')).toBe('loaded');
      expect(await cache.set('another', 1, 60)).toBeUndefined();
      expect(await cache.deleteMany(['k'])).toMatchObject({ deleted: 1 });
    }
  });
});

it('storeTimeoutMs is how long a store may take', async () => {
  const kv = { get: () => new Promise(() => {}), put: async () => {}, delete: async () => {} } as unknown as KVLike;
  let answer: unknown = 'none yet';
  void new CacheClient(kv, { storeTimeoutMs: 50 }).get('k').then((value) => (answer = value));
  await vi.advanceTimersByTimeAsync(49);
  expect(answer).toBe('none yet');
  await vi.advanceTimersByTimeAsync(1);
  expect(answer).toBeNull();
});

it('a listener that throws, and a clock that stands or goes back, disturb nobody', async () => {
  const onEvent = (): never => {
    throw new Error('a listener');
  };
  for (const times of [[5], [9, 1], [Number.NaN], [-1e308], [1e308]]) {
    let asked = 0;
    const now = (): number => times[Math.min(asked++, times.length - 1)] as number;
    const cache = new CacheClient(new MemoryKV(), { onEvent, now });
    await cache.set('k', 1, 60);
    await cache.get('k');
    expect(await limiter(new MemoryKV(), { onEvent, now }).checkLimit('k', RULE)).toMatchObject({ allowed: true });
  }
});
