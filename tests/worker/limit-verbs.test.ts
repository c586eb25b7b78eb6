import { env } from 'cloudflare:workers';
import {
  type ClientEvent,
  type KVLike,
  type RateLimitAlgorithm,
  type RateLimitConfig,
  RateLimiterClient,
  type RateLimiterOptions,
  type RateLimitResult,
  type RateLimitTicket,
} from '@codex/cloudflare-clients';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { Later } from './support/later.ts';
import { type RecordingStore, recording } from './support/recording-store.ts';
import { codeOf } from './support/thrown.ts';

// What a limiter does beside counting ones: costs, peeks, refunds, several limits at once, blocks.

const PREFIX = 'rl:verbs:';
const rule = (fields: Partial<RateLimitConfig> = {}): RateLimitConfig => ({
  limit: 5,
  window: 900,
  keyPrefix: PREFIX,
  ...fields,
});
const somebody = (): string => crypto.randomUUID();

let later: Later;
beforeEach(() => {
  later = new Later();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  await later.settled();
  vi.useRealTimers();
});

const limiterOn = (kv: KVLike, options: RateLimiterOptions = {}): RateLimiterClient =>
  new RateLimiterClient(kv, { ...later.options, ...options });
const writes = ({ operations }: RecordingStore): string[] => operations.filter((operation) => !operation.startsWith('get'));
const ticketOf = ({ ticket }: RateLimitResult): RateLimitTicket => ticket ?? expect.fail('there is no ticket');

const ALGORITHMS: readonly RateLimitAlgorithm[] = ['fixed-window', 'sliding-window', 'gcra'];
const AUTHORITIES = ['kv', 'memory'] as const;
const CASES = AUTHORITIES.flatMap((authority) => ALGORITHMS.map((algorithm) => [authority, algorithm] as const));

describe.each(CASES)('by %s, %s', (authority, algorithm) => {
  const config = rule({ algorithm, keyPrefix: `${PREFIX}${algorithm}:` });
  let kv: RecordingStore;
  let limiter: RateLimiterClient;
  let who: string;
  beforeEach(() => {
    kv = recording(env.KV);
    limiter = limiterOn(kv, { authority });
    who = somebody();
  });

  it('C6: a cost takes as much as it says, and what remains is the largest cost that passes', async () => {
    expect(await limiter.checkLimit(who, config, { cost: 3 })).toMatchObject({ allowed: true, remaining: 2 });
    expect(await limiter.checkLimit(who, config, { cost: 3 })).toMatchObject({ allowed: false, remaining: 2, reason: 'limit' });
    expect(await limiter.checkLimit(who, config, { cost: 2 })).toMatchObject({ allowed: true, remaining: 0, retryAfterMs: 0 });
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: false, remaining: 0 });
  });

  it('C3, C4: a cost above the limit never passes, and none does at a limit of 0', async () => {
    const never = { allowed: false, retryAfterMs: -1, reason: 'limit' };
    expect(await limiter.checkLimit(who, config, { cost: 6 })).toMatchObject({ ...never, remaining: 5 });
    expect(await limiter.checkLimit(who, { ...config, limit: 0 })).toMatchObject({ ...never, remaining: 0 });
    expect(await limiter.checkLimit(who, { ...config, limit: 0 }, { cost: 0 })).toMatchObject({ allowed: true });
    await later.settled();
    expect(writes(kv)).toEqual([]);
  });

  it('C1, C2: a peek, a cost of 0 and a denial change nothing, and write nothing', async () => {
    const first = await limiter.peek(who, config);
    expect(first).toMatchObject({ allowed: true, remaining: 5, limit: 5 });
    expect(first.ticket).toBeUndefined();
    await limiter.checkLimit(who, config, { cost: 4 });
    await later.settled();
    const written = writes(kv).length;
    expect(written).toBe(authority === 'kv' ? 1 : 0);

    const seen = await limiter.peek(who, config);
    for (let time = 0; time < 50; time++) {
      expect(await limiter.peek(who, config)).toEqual(seen);
      expect((await limiter.checkLimit(who, config, { cost: 0 })).allowed).toBe(true);
      expect((await limiter.checkLimit(who, config, { cost: 2 })).allowed).toBe(false);
      expect((await limiter.checkLimit(who, config, { cost: 6 })).allowed).toBe(false);
    }
    expect(await limiter.peek(who, config)).toEqual(seen);
    expect(seen).toMatchObject({ allowed: true, remaining: 1, retryAfterMs: 0 });
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: true, remaining: 0 });
    const denied = await limiter.checkLimit(who, config);
    expect(await limiter.peek(who, config)).toEqual(denied);
    await later.settled();
    expect(writes(kv).length).toBe(authority === 'kv' ? 2 : 0);
  });

  it('C5: what was denied passes after retryAfterMs, and not a millisecond earlier', async () => {
    await limiter.checkLimit(who, config, { cost: 5 });
    for (const cost of [1, 3]) {
      const { allowed, retryAfterMs } = await limiter.checkLimit(who, config, { cost });
      expect(allowed).toBe(false);
      later.clock.advance(retryAfterMs - 1);
      expect(await limiter.checkLimit(who, config, { cost })).toMatchObject({ allowed: false, retryAfterMs: 1 });
      later.clock.advance(1);
      expect((await limiter.checkLimit(who, config, { cost })).allowed).toBe(true);
      // What is left in the new window must not be enough for the next.
      const { remaining } = await limiter.peek(who, config);
      await limiter.checkLimit(who, config, { cost: remaining });
    }
  });

  it('a refund gives back what an attempt has cost, once: ten logins that succeed pass at a limit of five', async () => {
    for (let login = 0; login < 10; login++) {
      const verdict = await limiter.checkLimit(who, config);
      expect(verdict).toMatchObject({ allowed: true, remaining: 4 });
      await limiter.refund(ticketOf(verdict));
    }
    const { ticket } = await limiter.checkLimit(who, config, { cost: 3 });
    for (let time = 0; time < 3; time++) await limiter.refund(ticket as RateLimitTicket);
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 5 });
    await later.settled();
    if (authority === 'memory') expect(kv.operations).toEqual([]);
  });

  it('a refund lets a denied caller in again', async () => {
    const { ticket } = await limiter.checkLimit(who, config, { cost: 5 });
    expect((await limiter.checkLimit(who, config)).allowed).toBe(false);
    await limiter.refund(ticket as RateLimitTicket);
    expect(await limiter.checkLimit(who, config, { cost: 5 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('a refund after the window is no more, or after a reset, does nothing', async () => {
    const { ticket, resetAt } = await limiter.checkLimit(who, config, { cost: 2 });
    later.clock.set(resetAt);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ remaining: 4 });
    await limiter.refund(ticket as RateLimitTicket);
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 4 });

    const next = await limiter.checkLimit(who, config);
    await limiter.reset(who, config);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ remaining: 4 });
    await limiter.refund(ticketOf(next));
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 4 });
  });

  it('a ticket is plain data', async () => {
    const verdicts = [await limiter.checkLimit(who, config, { cost: 2 }), await limiter.checkLimit(who, config)];
    const [one, other] = verdicts.map(ticketOf) as [RateLimitTicket, RateLimitTicket];
    expect(structuredClone(one)).toEqual(one);
    expect(JSON.parse(JSON.stringify(other))).toEqual(other);
    await limiter.refund(structuredClone(one));
    await limiterOn(kv, { authority }).refund(JSON.parse(JSON.stringify(other)) as RateLimitTicket);
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 5 });
  });

  it.each<[string, Partial<RateLimitTicket>]>([
    ['of another isolate', { counter: 4_000_000_000 }],
    ['of an object', { counter: 0 }],
    ['of another caller', { identifier: 'somebody else' }],
    ['of another rule', { limit: 6 }],
    ['of another opening', { opening: 1 }],
    ['of an attempt to come', { sequence: 3 }],
    ['of no attempt', { sequence: 0 }],
    ['that counts backwards', { sequence: -1 }],
  ])('a ticket %s does nothing', async (_, fields) => {
    await limiter.checkLimit(who, config);
    const verdict = await limiter.checkLimit(who, config);
    await limiter.refund({ ...ticketOf(verdict), ...fields });
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 3 });
  });

  it('several attempts pass together or not at all', async () => {
    const account = somebody();
    const checks = [
      { identifier: who, config },
      { identifier: account, config: { ...config, limit: 2 } },
    ];
    for (const remaining of [
      [4, 1],
      [3, 0],
    ]) {
      const { allowed, results } = await limiter.checkAll(checks);
      expect({ allowed, remaining: results.map((result) => result.remaining) }).toEqual({ allowed: true, remaining });
      expect(results.every(({ ticket }) => ticket !== undefined)).toBe(true);
    }
    for (let time = 0; time < 10; time++) {
      const { allowed, results } = await limiter.checkAll(checks);
      expect(allowed).toBe(false);
      expect(results.map((result) => result.allowed)).toEqual([true, false]);
      expect(results.some(({ ticket }) => ticket !== undefined)).toBe(false);
    }
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 3 });
    expect(await limiter.checkAll([])).toEqual({ allowed: true, results: [] });
  });

  it('an attempt named twice is two, in one checkAll', async () => {
    const twice = [3, 3].map((cost) => ({ identifier: who, config, cost }));
    const { allowed, results } = await limiter.checkAll(twice);
    expect({ allowed, each: results.map((result) => result.allowed) }).toEqual({ allowed: false, each: [true, false] });
    expect(await limiter.peek(who, config)).toMatchObject({ remaining: 5 });
    await later.settled();
    expect(writes(kv)).toEqual([]);

    const five = Array.from({ length: 5 }, () => ({ identifier: who, config }));
    expect((await limiter.checkAll(five)).allowed).toBe(true);
    expect((await limiter.peek(who, config)).remaining).toBe(0);
  });

  it('200 checkAlls at once of a shared and an own limit admit exactly the limit, and count nothing else', async () => {
    const own = Array.from({ length: 200 }, () => somebody());
    const verdicts = await Promise.all(
      own.map((identifier) =>
        limiter.checkAll([
          { identifier, config },
          { identifier: who, config },
        ]),
      ),
    );
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(5);
    for (const [at, { allowed }] of verdicts.entries()) {
      expect((await limiter.peek(own[at] as string, config)).remaining).toBe(allowed ? 4 : 5);
    }
    await later.settled();
  });

  it('a block refuses at once, whatever the count and the rule, until it ends', async () => {
    const until = later.clock.now() + 2_000_000;
    await limiter.block(who, config, 2000);
    const blocked = { allowed: false, reason: 'blocked', remaining: 0, resetAt: until, retryAfterMs: 2_000_000 };
    expect(await limiter.checkLimit(who, config)).toMatchObject(blocked);
    expect(await limiter.peek(who, config)).toMatchObject(blocked);
    expect(await limiter.checkLimit(who, { ...config, limit: 1_000_000 })).toMatchObject(blocked);
    expect(await limiter.checkLimit(somebody(), config)).toMatchObject({ allowed: true });
    later.clock.set(until - 1);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: false, retryAfterMs: 1 });
    later.clock.set(until);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('C3, C5: a blocked caller is told when the attempt passes, with what was counted before, and -1 where it never will', async () => {
    await limiter.checkLimit(who, config, { cost: 5 });
    await limiter.block(who, config, 1);
    const { reason, retryAfterMs } = await limiter.checkLimit(who, config);
    expect(reason).toBe('blocked');
    expect(await limiter.checkLimit(who, config, { cost: 6 })).toMatchObject({ allowed: false, retryAfterMs: -1 });
    await later.pass(retryAfterMs - 1);
    expect((await limiter.peek(who, config)).allowed).toBe(false);
    await later.pass(1);
    expect((await limiter.checkLimit(who, config)).allowed).toBe(true);
  });

  it('a reset leaves a block, and unblock leaves the count', async () => {
    await limiter.checkLimit(who, config, { cost: 3 });
    await limiter.block(who, config, 600);
    await limiter.unblock(who, config);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: true, remaining: 1 });
    await limiter.block(who, config, 600);
    await limiter.reset(who, config);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: false, reason: 'blocked' });
    await limiter.unblock(who, config);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('a caller known to be denied or blocked costs no operation', async () => {
    await limiter.checkLimit(who, config, { cost: 5 });
    await later.settled();
    await limiter.block(`${who} too`, config, 600);
    await limiter.checkLimit(`${who} too`, config);
    const before = kv.operations.length;
    for (let time = 0; time < 100; time++) {
      expect((await limiter.checkLimit(who, config)).allowed).toBe(false);
      expect((await limiter.checkLimit(`${who} too`, config)).allowed).toBe(false);
      if (time % 2 === 0) await later.pass(1000);
    }
    expect(kv.operations.length - before).toBe(0);
  });

  it('in shadow mode nobody is denied, and the verdict says who would have been', async () => {
    const events: ClientEvent[] = [];
    const shadow = limiterOn(kv, { authority, shadow: true, onEvent: (event) => events.push(event) });
    await shadow.checkLimit(who, config, { cost: 5 });
    const passed = { allowed: true, reason: 'shadow', retryAfterMs: 0, remaining: 0 };
    expect(await shadow.checkLimit(who, config)).toMatchObject(passed);
    expect((await shadow.checkLimit(who, config)).ticket).toBeUndefined();
    expect(await shadow.peek(who, config)).toMatchObject(passed);
    await shadow.block(`${who} too`, config, 600);
    expect(await shadow.checkLimit(`${who} too`, config)).toMatchObject(passed);
    const together = await shadow.checkAll([
      { identifier: who, config },
      { identifier: somebody(), config },
    ]);
    expect([together.allowed, ...together.results.map(({ reason }) => reason)]).toEqual([true, 'shadow', 'ok']);
    // Whoever is not in shadow mode counts the same, and denies.
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: false, reason: 'limit' });
  });
});

describe('a burst', () => {
  it('passes at once, and then one attempt each window / limit', async () => {
    const config = rule({ algorithm: 'gcra', limit: 60, window: 60, burst: 3 });
    const [limiter, who] = [limiterOn(env.KV), somebody()];
    const verdicts = [];
    for (let at = 0; at < 4; at++) verdicts.push(await limiter.checkLimit(who, config));
    expect(verdicts.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
    ]);
    expect(verdicts[3]?.retryAfterMs).toBe(1000);
    expect(await limiter.checkLimit(who, config, { cost: 4 })).toMatchObject({ allowed: false, retryAfterMs: -1 });
    await later.pass(1000);
    expect(await limiter.checkLimit(who, config)).toMatchObject({ allowed: true, remaining: 0 });
  });
});

describe('on KV', () => {
  it('a block stands under a key of its own within the prefix, for as long as it lasts', async () => {
    const kv = recording(env.KV);
    const who = `2001:db8::${somebody()}`;
    const at = later.clock.now();
    await limiterOn(kv).block(who, rule(), 600);
    const key = `${PREFIX}%b:${who.replaceAll(':', '%3A')}`;
    expect(kv.operations).toEqual([`put ${key}`]);
    expect(await env.KV.get(key, 'json')).toEqual({ at, until: at + 600_000 });
    await limiterOn(kv).unblock(who, rule());
    expect(await env.KV.get(key)).toBeNull();
  });

  it('a block made elsewhere holds here, and is lifted here once it was lifted there', async () => {
    const elsewhere = limiterOn(recording(env.KV));
    const here = limiterOn(recording(env.KV));
    const who = somebody();
    await elsewhere.block(who, rule(), 86_400);
    expect(await here.checkLimit(who, rule())).toMatchObject({ allowed: false, reason: 'blocked' });
    await later.pass(2000);
    await elsewhere.unblock(who, rule());
    // KV may show the change a minute and a half late; whoever is known to be blocked is looked up once a minute.
    await later.pass(60_000);
    expect(await here.checkLimit(who, rule())).toMatchObject({ allowed: false, reason: 'blocked' });
    await later.pass(60_000);
    expect(await here.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('what a store holds in the place of a block blocks nobody', async () => {
    const limiter = limiterOn(env.KV);
    const now = later.clock.now();
    for (const text of ['', '{', 'null', '{"until":9e15}', '[1]', JSON.stringify({ at: now, until: now + 401 * 86_400_000 })]) {
      const who = somebody();
      await env.KV.put(`${PREFIX}%b:${who}`, text);
      expect(await limiter.checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
    }
  });

  it.each(['local', 'deny', 'allow'] as const)(
    'a block that KV did not take holds here all the same: %s',
    async (onUnavailable) => {
      const down = async (): Promise<never> => {
        throw new Error('KV PUT failed: 500 Internal Server Error');
      };
      const kv = { get: down, getWithMetadata: down, put: down, delete: down } as unknown as KVLike;
      const limiter = limiterOn(kv, { onUnavailable });
      const who = somebody();
      expect(await codeOf(() => limiter.block(who, rule(), 600))).toBe('store-unavailable');
      expect((await limiter.checkLimit(who, rule())).allowed).toBe(false);
      await later.pass(300_000);
      expect((await limiter.checkLimit(who, rule())).allowed).toBe(false);
    },
  );

  it('a refund reaches KV, and with it everybody else', async () => {
    const kv = new MemoryKV({ now: later.clock.now });
    const who = somebody();
    const limiter = limiterOn(kv);
    const { ticket } = await limiter.checkLimit(who, rule(), { cost: 4 });
    await later.settled();
    expect(await kv.get(PREFIX + who, 'json')).toMatchObject({ count: 4 });
    await limiter.refund(ticket as RateLimitTicket);
    await later.settled();
    expect(await kv.get(PREFIX + who, 'json')).toMatchObject({ count: 0 });
    expect(await limiterOn(kv.elsewhere()).checkLimit(who, rule())).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('nothing is read or written for several attempts of which one is refused', async () => {
    const kv = recording(env.KV);
    const bad = [
      { identifier: 'a', config: rule() },
      { identifier: 'b', config: rule({ limit: -1 }) },
    ];
    expect(await codeOf(() => limiterOn(kv).checkAll(bad))).toBe('invalid-config');
    await later.settled();
    expect(kv.operations).toEqual([]);
  });
});

describe('by memory', () => {
  it('nothing is read or written, whatever is asked', async () => {
    const kv = recording(env.KV);
    const limiter = limiterOn(kv, { authority: 'memory' });
    const who = somebody();
    const { ticket } = await limiter.checkLimit(who, rule());
    await limiter.peek(who, rule());
    await limiter.refund(ticket as RateLimitTicket);
    await limiter.block(who, rule(), 60);
    await limiter.unblock(who, rule());
    await limiter.reset(who, rule());
    await later.settled();
    expect(kv.operations).toEqual([]);
  });
});
