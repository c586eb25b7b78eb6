import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import {
  type RateLimitAlgorithm,
  type RateLimitConfig,
  RateLimiterClient,
  type RateLimiterOptions,
  type RateLimitResult,
} from '@codex/cloudflare-clients';
import type { RateLimitAuthority } from '@codex/cloudflare-clients/durable-objects';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { freshMinutes, instance, turns } from './support/core.ts';
import { Objects, stubOf } from './support/objects.ts';
import { recording } from './support/recording-store.ts';

// The objects live in the isolate of the tests, so they go by the same clock. Alarms go by the real one: they are set for
// tomorrow, and the tests run them.
const TOMORROW = Math.ceil(Date.now() / 300_000) * 300_000 + 86_400_000;
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: TOMORROW }));
afterEach(() => void vi.useRealTimers());

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

const rule = (fields: Partial<RateLimitConfig> = {}): RateLimitConfig => ({
  limit: 5,
  window: 900,
  keyPrefix: 'rl:object:',
  ...fields,
});
const somebody = (): string => crypto.randomUUID();

/** A client as in an isolate of its own: no other has counted on its store. */
function isolated(options: Partial<RateLimiterOptions> & { objects?: Objects } = {}): RateLimiterClient {
  const { objects = new Objects(), ...rest } = options;
  return new RateLimiterClient(new MemoryKV(), { authority: objects, shards: 1, ...rest });
}

const attempts = (limiter: RateLimiterClient, who: string, count: number, config = rule()): Promise<RateLimitResult[]> =>
  Promise.all(Array.from({ length: count }, () => limiter.checkLimit(who, config)));

const admitted = (results: RateLimitResult[]): number => results.filter(({ allowed }) => allowed).length;
const summary = ({ allowed, remaining, reason, exact, scope }: RateLimitResult): unknown[] => [
  allowed,
  remaining,
  reason,
  exact,
  scope,
];

const ALGORITHMS: RateLimitAlgorithm[] = ['fixed-window', 'sliding-window', 'gcra'];

/** The one object that there is with one shard, and the one that writes nothing. */
const LIMITS = 'limits:1:0';
const IN_MEMORY = 'limits-in-memory:1:0';

interface Rows {
  rows: Record<string, SqlStorageValue>[];
  alarm: number | null;
}

/** What an object has written down. */
function written(name = LIMITS): Promise<Rows> {
  return runInDurableObject(stubOf(name), async (_, { storage }) => {
    const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'attempts'").toArray();
    const rows = tables.length === 0 ? [] : storage.sql.exec('SELECT * FROM attempts ORDER BY key, rule').toArray();
    return { rows, alarm: await storage.getAlarm() };
  });
}

/** What an object says to a call that it refuses. Caught in there: a rejection that crosses counts as unhandled here. */
function refusalOf(call: (object: RateLimitAuthority) => Promise<unknown>): Promise<unknown> {
  return runInDurableObject<RateLimitAuthority, unknown>(stubOf(LIMITS), (object) =>
    call(object).then(
      () => expect.fail('nothing was refused'),
      ({ message }: Error) => message,
    ),
  );
}

async function rowsOf(who: string): Promise<Rows['rows']> {
  return (await written()).rows.filter(({ key }) => key === `rl:object:${who}`);
}

describe.each(ALGORITHMS)('%s: 200 checks at once at limit 5', (algorithm) => {
  it.each([1, 16])('admit 5 by four isolates, with %d shards, and say so', async (shards) => {
    const who = somebody();
    const results = await Promise.all(
      Array.from({ length: 4 }, () => attempts(isolated({ shards }), who, 50, rule({ algorithm }))),
    );
    const [passed, denied] = [results.flat().filter(({ allowed }) => allowed), results.flat().filter((each) => !each.allowed)];
    expect(passed.map(({ remaining }) => remaining).toSorted()).toEqual([0, 1, 2, 3, 4]);
    for (const each of passed) expect(each).toMatchObject({ reason: 'ok', exact: true, scope: 'global', retryAfterMs: 0 });
    expect(denied).toHaveLength(195);
    for (const each of denied) expect(each).toMatchObject({ reason: 'limit', exact: true, scope: 'global', remaining: 0 });
  });

  it('admit 5 of many callers each, whichever object counts them', async () => {
    const objects = new Objects();
    const limiter = isolated({ objects, shards: 16 });
    const everybody = Array.from({ length: 40 }, somebody);
    const results = await Promise.all(everybody.map((who) => attempts(limiter, who, 6, rule({ algorithm }))));
    expect(results.map(admitted)).toEqual(everybody.map(() => 5));
    expect(new Set(objects.requests).size).toBeGreaterThan(8);
  });

  it('admit 5 where the object is evicted in the middle, and where it is moved', async () => {
    const who = somebody();
    const config = rule({ algorithm });
    const results = await attempts(isolated(), who, 3, config);
    await evictDurableObject(stubOf(LIMITS));
    results.push(...(await attempts(isolated(), who, 1, config)));
    await abortAllDurableObjects();
    results.push(...(await attempts(isolated(), who, 196, config)));
    expect(admitted(results)).toBe(5);
    expect(results.filter(({ exact }) => !exact)).toEqual([]);
  });
});

it('admits no more than 5 where the objects are torn down with requests under way', async () => {
  const who = somebody();
  const limiter = (): RateLimiterClient => isolated({ onUnavailable: 'deny' });
  const underWay = Promise.all(Array.from({ length: 10 }, () => attempts(limiter(), who, 10, rule({ limit: 50 }))));
  await turns(20);
  await abortAllDurableObjects();
  const results = (await underWay).flat();
  const before = admitted(results);
  results.push(
    ...(await Promise.all(Array.from({ length: 10 }, () => attempts(limiter(), who, 10, rule({ limit: 50 }))))).flat(),
  );
  expect(admitted(results)).toBeLessThanOrEqual(50);
  // What was answered for is not lost: what remains is what it was, less what nobody heard of.
  expect(before + (await limiter().peek(who, rule({ limit: 50 }))).remaining).toBeLessThanOrEqual(50);
});

describe('an attempt', () => {
  it('asks no KV', async () => {
    const kv = recording(new MemoryKV());
    await new RateLimiterClient(kv, { authority: new Objects() }).checkLimit(somebody(), rule());
    expect(kv.operations).toEqual([]);
  });

  it('is one row, which a denial and a peek leave as it is', async () => {
    const who = somebody();
    const resetAt = Date.now() + 900_000;
    await attempts(isolated(), who, 5);
    const rows = await rowsOf(who);
    expect(rows).toEqual([expect.objectContaining({ mark: resetAt, count: 5, previous: 0, sequence: 5, refunded: 0 })]);
    later(1000);
    expect(summary(await isolated().checkLimit(who, rule()))).toEqual([false, 0, 'limit', true, 'global']);
    expect(await isolated().peek(who, rule())).toMatchObject({ allowed: false, retryAfterMs: 899_000, resetAt });
    expect(await rowsOf(who)).toEqual(rows);
  });

  it('is counted again once the window has ended', async () => {
    const who = somebody();
    await attempts(isolated(), who, 5);
    later(899_999);
    expect(await isolated().checkLimit(who, rule())).toMatchObject({ allowed: false, retryAfterMs: 1 });
    later(1);
    expect(await isolated().checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('counts for its rule alone, in whichever words that is said', async () => {
    const who = somebody();
    await isolated().checkLimit(who, rule({ algorithm: 'gcra' }));
    expect(await isolated().checkLimit(who, rule({ algorithm: 'gcra', burst: 5 }))).toMatchObject({ remaining: 3 });
    expect(await isolated().checkLimit(who, rule({ algorithm: 'gcra', burst: 6 }))).toMatchObject({ remaining: 5 });
    expect(await isolated().checkLimit(who, rule())).toMatchObject({ remaining: 4 });
    expect(await rowsOf(who)).toHaveLength(3);
  });

  it('counts what it costs, and one that costs more than there is costs nothing', async () => {
    const who = somebody();
    const limiter = isolated();
    expect(await limiter.checkLimit(who, rule(), { cost: 3 })).toMatchObject({ allowed: true, remaining: 2 });
    expect(await limiter.checkLimit(who, rule(), { cost: 3 })).toMatchObject({ allowed: false, remaining: 2 });
    expect(await limiter.checkLimit(who, rule(), { cost: 6 })).toMatchObject({ allowed: false, retryAfterMs: -1 });
    expect(await limiter.checkLimit(who, rule(), { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('is denied without a request for 10 s, once it has been denied', async () => {
    const [who, objects] = [somebody(), new Objects()];
    const limiter = isolated({ objects });
    await attempts(limiter, who, 6);
    objects.requests.length = 0;
    expect(admitted(await attempts(limiter, who, 100))).toBe(0);
    later(9_999);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: false, exact: true, scope: 'global' });
    expect(objects.requests).toEqual([]);
    later(1);
    expect((await limiter.checkLimit(who, rule())).allowed).toBe(false);
    expect(objects.requests).toEqual([`check ${LIMITS}`]);
  });

  it('passes in shadow mode, and says that it would not have', async () => {
    const results = await attempts(isolated({ shadow: true }), somebody(), 6);
    expect(results.filter(({ reason }) => reason === 'shadow').map(summary)).toEqual([[true, 0, 'shadow', true, 'global']]);
  });
});

describe('an object that writes nothing', () => {
  it('counts as well, says that it is not exact, and forgets when it is evicted', async () => {
    const who = somebody();
    const limiter = (): RateLimiterClient => isolated({ durable: false });
    const results = (await Promise.all([attempts(limiter(), who, 100), attempts(limiter(), who, 100)])).flat();
    expect(admitted(results)).toBe(5);
    expect(new Set(results.map(({ exact, scope }) => `${exact} ${scope}`))).toEqual(new Set(['false global']));
    await limiter().block(`${who} blocked`, rule(), 60);
    expect(await limiter().checkLimit(`${who} blocked`, rule())).toMatchObject({ reason: 'blocked' });
    expect(await written(IN_MEMORY)).toEqual({ rows: [], alarm: null });

    await evictDurableObject(stubOf(IN_MEMORY));
    expect(await limiter().checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
    expect(await limiter().checkLimit(`${who} blocked`, rule())).toMatchObject({ reason: 'ok' });
  });

  it('takes back, resets and unblocks', async () => {
    const who = somebody();
    const limiter = isolated({ durable: false });
    const [first] = await attempts(limiter, who, 2);
    for (let time = 0; time < 2; time++) if (first?.ticket) await limiter.refund(first.ticket);
    expect((await limiter.peek(who, rule())).remaining).toBe(4);
    await limiter.block(who, rule(), 60);
    await limiter.reset(who, rule());
    expect((await limiter.checkLimit(who, rule())).reason).toBe('blocked');
    await limiter.unblock(who, rule());
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ reason: 'ok', remaining: 4 });
  });

  it('keeps a bounded number of callers, and drops whoever was counted longest ago', async () => {
    const stub = stubOf(IN_MEMORY);
    const request = { limit: 5, window: 60, algorithm: 0, burst: Number.NaN, cost: 1 };
    const run = somebody();
    const check = async (from: number, to: number, counts: boolean): Promise<number[]> => {
      const requests = Array.from({ length: to - from }, (_, at) => ({ ...request, key: `${run} ${from + at}` }));
      return (await stub.check(requests, counts, false)).map(({ remaining }) => remaining);
    };
    for (let from = 0; from < 50_100; from += 5_010) await check(from, from + 5_010, true);
    expect(new Set(await check(0, 100, false))).toEqual(new Set([5]));
    expect(new Set(await check(10_100, 10_200, false))).toEqual(new Set([4]));
  });
});

describe('an object that fails', () => {
  const TIMEOUT = { storeTimeoutMs: 20 };

  it.each(['throws', 'hangs', 'too late'] as const)(
    'and %s leaves the isolate to go on from what it had said',
    async (fault) => {
      const [who, objects] = [somebody(), new Objects()];
      const limiter = isolated({ objects, ...TIMEOUT });
      await attempts(limiter, who, 3);
      objects.fault = fault;
      const results: RateLimitResult[] = [];
      for (let attempt = 0; attempt < 3; attempt++) results.push(await limiter.checkLimit(who, rule()));
      expect(results.map(summary)).toEqual([
        [true, 1, 'degraded', false, 'isolate'],
        [true, 0, 'degraded', false, 'isolate'],
        [false, 0, 'degraded', false, 'isolate'],
      ]);
      objects.fault = 'none';
      const remaining = fault === 'too late' ? 0 : 1;
      expect((await limiter.checkLimit(who, rule())).remaining).toBe(remaining);
    },
  );

  it.each([
    ['deny', false],
    ['allow', true],
  ] as const)('is answered for by %s where that is asked', async (onUnavailable, allowed) => {
    const [who, objects] = [somebody(), new Objects()];
    const limiter = isolated({ objects, onUnavailable, ...TIMEOUT });
    for (const fault of ['throws', 'hangs'] as const) {
      objects.fault = fault;
      for (const each of await attempts(limiter, who, 7)) {
        expect(each).toMatchObject({ allowed, reason: 'degraded', exact: false, scope: 'isolate' });
      }
    }
    objects.fault = 'none';
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4, reason: 'ok' });
  });

  it('admits 5 of 200 at once all the same, in one isolate', async () => {
    const objects = new Objects();
    for (const fault of ['throws', 'hangs', 'too late'] as const) {
      objects.fault = fault;
      expect(admitted(await attempts(isolated({ objects, ...TIMEOUT }), somebody(), 200))).toBe(5);
    }
  });

  it.each(['block', 'unblock', 'reset'] as const)('makes %s reject', async (op) => {
    const objects = new Objects();
    const limiter = isolated({ objects, ...TIMEOUT });
    for (const fault of ['throws', 'hangs'] as const) {
      objects.fault = fault;
      const change = {
        block: () => limiter.block('who', rule(), 60),
        unblock: () => limiter.unblock('who', rule()),
        reset: () => limiter.reset('who', rule()),
      };
      await expect(change[op]()).rejects.toMatchObject({ code: 'store-unavailable' });
    }
  });
});

describe('a refund', () => {
  it.each(ALGORITHMS)('takes one attempt back, once (%s)', async (algorithm) => {
    const [who, config] = [somebody(), rule({ algorithm })];
    const results = await attempts(isolated(), who, 3, config);
    const { ticket } = results[1] as RateLimitResult;
    if (ticket === undefined) return expect.fail('no ticket');
    const sent = JSON.parse(JSON.stringify(ticket)) as typeof ticket;
    for (let time = 0; time < 3; time++) {
      await isolated().refund(sent);
      expect((await isolated().peek(who, config)).remaining).toBe(3);
    }
    await evictDurableObject(stubOf(LIMITS));
    await isolated().refund(sent);
    expect((await isolated().peek(who, config)).remaining).toBe(3);
  });

  it('once the window has rolled takes nothing from the next one', async () => {
    const who = somebody();
    const [first] = await attempts(isolated(), who, 1);
    later(900_000);
    await attempts(isolated(), who, 2);
    if (first?.ticket) await isolated().refund(first.ticket);
    expect((await isolated().peek(who, rule())).remaining).toBe(3);
  });

  it('has no ticket where the isolate decided by itself, but takes that back too', async () => {
    const [who, objects] = [somebody(), new Objects()];
    const limiter = isolated({ objects });
    await attempts(limiter, who, 2);
    objects.fault = 'throws';
    const { ticket } = await limiter.checkLimit(who, rule());
    if (ticket) await limiter.refund(ticket);
    expect(await limiter.checkLimit(who, rule())).toMatchObject({ remaining: 2, reason: 'degraded' });
    objects.fault = 'none';
    expect((await isolated().peek(who, rule())).remaining).toBe(3);
  });
});

describe('a block', () => {
  it('holds for everybody who asks, by whatever rule, until it ends', async () => {
    const who = somebody();
    await isolated().checkLimit(who, rule());
    await isolated().block(who, rule(), 60);
    await evictDurableObject(stubOf(LIMITS));
    for (const config of [rule(), rule({ algorithm: 'gcra' })]) {
      expect(await isolated().checkLimit(who, config)).toMatchObject({
        allowed: false,
        reason: 'blocked',
        retryAfterMs: 60_000,
      });
    }
    expect((await isolated().peek(who, rule())).reason).toBe('blocked');
    later(59_999);
    expect((await isolated().checkLimit(who, rule())).retryAfterMs).toBe(1);
    later(1);
    expect(await isolated().checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 3 });
  });

  it('is lifted by unblock and not by reset; reset forgets the attempts', async () => {
    const who = somebody();
    await attempts(isolated(), who, 5);
    await isolated().block(who, rule(), 60);
    await isolated().reset(who, rule());
    expect((await isolated().checkLimit(who, rule())).reason).toBe('blocked');
    await isolated().unblock(who, rule());
    expect(await isolated().checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('may be shortened by another', async () => {
    const who = somebody();
    await isolated().block(who, rule(), 600);
    await isolated().block(who, rule(), 0.5);
    expect((await isolated().checkLimit(who, rule())).retryAfterMs).toBe(500);
  });
});

describe('checkAll', () => {
  const address = rule();
  const account = rule({ limit: 1, keyPrefix: 'rl:object:account:' });

  it.each([1, 16])('admits what both limits allow, and takes back what only one did (%d shards)', async (shards) => {
    const [email, addresses] = [somebody(), Array.from({ length: 12 }, somebody)];
    const both = await Promise.all(
      addresses.map((from) =>
        isolated({ shards }).checkAll([
          { identifier: from, config: address },
          { identifier: email, config: account },
        ]),
      ),
    );
    expect(both.filter(({ allowed }) => allowed)).toHaveLength(1);
    const left = await Promise.all(addresses.map(async (from) => (await isolated({ shards }).peek(from, address)).remaining));
    expect(left.toSorted()).toEqual([4, ...Array<number>(11).fill(5)]);
    for (const { allowed, results } of both) {
      expect(results.map(({ exact, scope }) => [exact, scope])).toEqual(Array(2).fill([true, 'global']));
      expect(results.every((result) => (result.ticket !== undefined) === allowed)).toBe(true);
    }
  });

  it('is one request to one object, which counts all or none', async () => {
    const [who, objects] = [somebody(), new Objects()];
    const passed = await isolated({ objects }).checkAll([1, 2].map(() => ({ identifier: who, config: address })));
    expect(passed.results.map(({ remaining }) => remaining)).toEqual([4, 3]);
    expect(objects.requests.slice(2)).toEqual([`check ${LIMITS}`]);
    expect((await isolated().checkAll([1, 2, 3, 4].map(() => ({ identifier: who, config: address })))).allowed).toBe(false);

    // As after another isolate has counted between what was peeked and what is counted.
    const request = { key: `rl:object:${who}`, limit: 5, window: 900, algorithm: 0, burst: Number.NaN, cost: 2 };
    const before = await rowsOf(who);
    const refused = await stubOf(LIMITS).check([request, request], true, true);
    expect(refused.map(({ allowed, remaining, sequence }) => [allowed, remaining, sequence])).toEqual([
      [true, 3, 0],
      [false, 1, 0],
    ]);
    expect(refused.map(({ known }) => known[2])).toEqual([2, 2]);
    expect(await rowsOf(who)).toEqual(before);
  });

  it('gives tickets that can be refunded each', async () => {
    const [from, email] = [somebody(), somebody()];
    const { results } = await isolated({ shards: 16 }).checkAll([
      { identifier: from, config: address },
      { identifier: email, config: account },
    ]);
    await Promise.all(results.map(({ ticket }) => ticket && isolated({ shards: 16 }).refund(ticket)));
    expect((await isolated({ shards: 16 }).peek(from, address)).remaining).toBe(5);
    expect((await isolated({ shards: 16 }).peek(email, account)).remaining).toBe(1);
  });
});

describe('the alarm', () => {
  // An object that nobody has counted on.
  beforeEach(async () => {
    await runInDurableObject(stubOf(LIMITS), (_, { storage }) => storage.deleteAll());
    await evictDurableObject(stubOf(LIMITS));
  });

  it('comes some minutes after a count has ended, and clears it', async () => {
    const who = somebody();
    const { resetAt } = await isolated().checkLimit(who, rule());
    await isolated().block(who, rule(), 3600);
    const { rows, alarm } = await written();
    expect(rows).toHaveLength(2);
    expect(alarm).toBeGreaterThanOrEqual(resetAt + 300_000);
    expect(alarm).toBeLessThanOrEqual(resetAt + 600_000);

    vi.setSystemTime((alarm ?? 0) - 1000);
    expect(await runDurableObjectAlarm(stubOf(LIMITS))).toBe(true);
    expect(await written()).toEqual({ rows, alarm });

    vi.setSystemTime(alarm ?? 0);
    expect(await runDurableObjectAlarm(stubOf(LIMITS))).toBe(true);
    const left = await written();
    expect(left.rows).toEqual([expect.objectContaining({ rule: '' })]);

    vi.setSystemTime(left.alarm ?? 0);
    await runDurableObjectAlarm(stubOf(LIMITS));
    expect(await written()).toEqual({ rows: [], alarm: null });
  });

  it('is set once for many counts, and for an earlier one again', async () => {
    const set = vi.fn<(ms: number) => void>();
    await runInDurableObject(stubOf(LIMITS), (_, { storage }) => {
      const setAlarm = storage.setAlarm.bind(storage);
      storage.setAlarm = async (ms) => {
        set(Number(ms));
        await setAlarm(ms);
      };
    });
    for (let minute = 0; minute < 20; minute++) {
      await attempts(isolated(), somebody(), 3, rule({ window: 7200 }));
      await attempts(isolated(), somebody(), 3, rule({ window: 7200, algorithm: 'gcra' }));
      later(10_000);
    }
    const first = set.mock.calls.length;
    expect(first).toBeLessThanOrEqual(2);
    await isolated().checkLimit(somebody(), rule({ window: 1 }));
    expect(set).toHaveBeenCalledTimes(first + 1);
    await evictDurableObject(stubOf(LIMITS));
  });

  it('clears a bounded number at a time, and comes back for the rest', async () => {
    await isolated().checkLimit(somebody(), rule());
    await runInDurableObject(stubOf(LIMITS), (_, { storage }) => {
      storage.sql.exec(
        `INSERT INTO attempts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
         SELECT 'k' || i, 'r', 0, 1, 0, 0, 1, 0, 1 FROM n`,
      );
    });
    await runDurableObjectAlarm(stubOf(LIMITS));
    const { rows, alarm } = await written();
    expect(rows).toHaveLength(1001);
    expect(alarm).toBe(Date.now() + 1000);
    await runDurableObjectAlarm(stubOf(LIMITS));
    expect((await written()).rows).toHaveLength(1);
  });

  it('that never came is set again by the next count', async () => {
    await isolated().checkLimit(somebody(), rule());
    await runInDurableObject(stubOf(LIMITS), (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(stubOf(LIMITS));
    later(7_200_000);
    await isolated().checkLimit(somebody(), rule());
    expect((await written()).alarm).toBe(Date.now());
  });
});

describe('what no client sends', () => {
  const good = { key: 'rl:object:hostile', limit: 5, window: 60, algorithm: 0, burst: Number.NaN, cost: 1 };
  const changed = (fields: object): unknown => [{ ...good, ...fields }];
  const bad: [what: string, requests: unknown][] = [
    ['a text', 'x'],
    ['nothing', undefined],
    ['null in an array', [null]],
    ['a text in an array', ['x']],
    ['no key', changed({ key: undefined })],
    ['an empty key', changed({ key: '' })],
    ['a key that is too long', changed({ key: 'x'.repeat(100_000) })],
    ['a key that is an object', changed({ key: { length: 5 } })],
    ['a negative limit', changed({ limit: -1 })],
    ['a limit that is no number', changed({ limit: '5' })],
    ['a limit that is a BigInt', changed({ limit: 5n })],
    ['a window of no length', changed({ window: 0 })],
    ['an infinite window', changed({ window: Number.POSITIVE_INFINITY })],
    ['an algorithm that does not exist', changed({ algorithm: 3 })],
    ['an algorithm that is a text', changed({ algorithm: 'gcra' })],
    ['a burst for a window', changed({ burst: 3 })],
    ['a burst of 0', changed({ algorithm: 2, burst: 0 })],
    ['a fractional cost', changed({ cost: 0.5 })],
    ['a cost that is not there', changed({ cost: undefined })],
    ['one that is bad after one that is good', [good, { ...good, limit: 0.5 }]],
  ];

  it.each(bad)('%s is refused, and nothing is counted', async (_, requests) => {
    const before = await written();
    const [first] = Array.isArray(requests) ? requests.slice(-1) : [requests];
    for (const durable of [true, false]) {
      expect(await refusalOf((object) => object.check(requests as never, true, durable))).toMatch(/^check: /);
      expect(await refusalOf((object) => object.refund(first as never, 1, 1, durable))).toMatch(/^refund: /);
    }
    expect(await written()).toEqual(before);
    expect((await isolated().checkLimit(somebody(), rule())).reason).toBe('ok');
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 34_560_001, '60', 60n])(
    'a block of %s s is refused',
    async (seconds) => {
      const refused = await refusalOf((object) => object.block('rl:object:x', seconds as number, true));
      expect(refused).toMatch(/^block: seconds must be/);
    },
  );

  it('a ticket that is none takes nothing back', async () => {
    const who = somebody();
    await isolated().checkLimit(who, rule());
    const request = { ...good, key: `rl:object:${who}`, window: 900 };
    const tickets = [
      [0, 0],
      [Number.NaN, 1],
      [Date.now(), 2],
      [Date.now(), -1],
      ['x', 1n],
    ] as const;
    for (const [opening, sequence] of tickets) {
      await stubOf(LIMITS).refund(request, opening as number, sequence as number, true);
    }
    expect((await isolated().peek(who, rule())).remaining).toBe(4);
  });
});

describe('the core', () => {
  it('that traps under an object makes it throw, and loses nothing that was counted', async () => {
    const who = somebody();
    await attempts(isolated(), who, 3);
    await freshMinutes();
    const request = { key: `rl:object:${who}`, limit: 5, window: 90_000, algorithm: 0, burst: Number.NaN, cost: 1 };
    await stubOf(LIMITS).check([request], true, true);
    const judge = vi.spyOn(instance().exports, 'judgeAttempt').mockImplementation(() => {
      throw new WebAssembly.RuntimeError('unreachable');
    });
    expect(await refusalOf((object) => object.check([request], true, true))).toMatch(/core trapped/);
    judge.mockRestore();
    await turns();
    const [answer] = await stubOf(LIMITS).check([request], true, true);
    expect(answer?.remaining).toBe(3);
  });

  it('keeps what the isolate has counted itself apart from what its objects have', async () => {
    const who = somebody();
    const [kv, objects] = [new MemoryKV(), new Objects()];
    const own = new RateLimiterClient(kv, { authority: 'memory' });
    await attempts(own, who, 2);
    await Promise.all([attempts(isolated({ objects }), who, 4), attempts(isolated({ objects }), somebody(), 4)]);
    expect((await own.peek(who, rule())).remaining).toBe(3);
    expect((await isolated().peek(who, rule())).remaining).toBe(1);
  });
});
