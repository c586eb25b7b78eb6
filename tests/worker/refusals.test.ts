import { CacheClient, type ErrorCode, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { recording } from './support/recording-store.ts';
import { sessionOf } from './support/sessions.ts';
import { codeOf } from './support/thrown.ts';

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:test:' };
const NO_STRINGS = [undefined, null, 5, Number.NaN, true, {}, ['k'], () => 'k', Symbol('k'), 10n, new String('k')];
const NO_KEYS = ['', '.', '..'];
const NO_TTLS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '60', null, undefined, 60n, {}, new Date()];
const NO_TAGS = [null, 5, 'tag', {}, [''], ['a', 5], [undefined], [['a']]];
const NO_JSON = [undefined, () => 1, Symbol('v'), 10n, { toJSON: () => undefined }, cyclic()];
const NO_PREFIXES = [
  '',
  'x'.repeat(257),
  '\ud800',
  'a%:b',
  'rl:a:%b:',
  'session:',
  'usess:a:',
  'urev:',
  'srev:',
  'cache:',
  'e:',
];
const NO_COSTS = [-1, 0.5, 1e9 + 1, Number.NaN, Number.POSITIVE_INFINITY, '1', null, 1n, {}];
const TICKET = { ...RULE, identifier: 'a', algorithm: 'fixed-window', cost: 1, counter: 1, opening: 1, sequence: 1 };

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

type Call = (kv: KVLike, odd: never) => unknown;

/** What API.md says is refused: the call, with what in it, and the code. */
const REFUSED: [name: string, call: Call, odd: readonly unknown[], code: ErrorCode][] = [
  ['sessions.get(token)', (kv, odd) => new SessionCacheClient(kv).get(odd), NO_STRINGS, 'invalid-argument'],
  ['sessions.set(token)', (kv, odd) => new SessionCacheClient(kv).set(odd, sessionOf('t')), NO_STRINGS, 'invalid-argument'],
  [
    'sessions.set(data)',
    (kv, odd) => new SessionCacheClient(kv).set('t', odd),
    [...NO_JSON, {}, null, 5, []],
    'invalid-argument',
  ],
  ['sessions.delete(token)', (kv, odd) => new SessionCacheClient(kv).delete(odd), NO_STRINGS, 'invalid-argument'],
  [
    'sessions.deleteUserSessions(userId)',
    (kv, odd) => new SessionCacheClient(kv).deleteUserSessions(odd),
    [...NO_STRINGS, ''],
    'invalid-argument',
  ],
  [
    'limiter.checkLimit(identifier)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit(odd, RULE),
    NO_STRINGS,
    'invalid-argument',
  ],
  [
    'limiter.checkLimit(config)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', odd),
    [undefined, null, 5, 'rl:a:', [], {}, { limit: 5, window: 60 }],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.limit)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, limit: odd }),
    [-1, 0.5, 1e9 + 1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, 5n],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.window)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, window: odd }),
    [0, -0, -60, 0.0001, 2_678_400.001, Number.NaN, Number.POSITIVE_INFINITY, '60', null, undefined, 60n],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.keyPrefix)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, keyPrefix: odd }),
    [...NO_STRINGS, ...NO_PREFIXES],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.algorithm)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, algorithm: odd } as never),
    ['Fixed-Window', 'token-bucket', 'toString', '', null, 5],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.burst), for gcra',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, algorithm: 'gcra', burst: odd }),
    [0, -1, 1.5, 1e9 + 1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 3_000_000],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(config.burst), for the others',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', { ...RULE, algorithm: odd, burst: 5 }),
    ['fixed-window', 'sliding-window', undefined],
    'invalid-config',
  ],
  [
    'limiter.checkLimit(cost)',
    (kv, odd) => new RateLimiterClient(kv).checkLimit('a', RULE, { cost: odd }),
    NO_COSTS,
    'invalid-argument',
  ],
  ['limiter.peek(identifier)', (kv, odd) => new RateLimiterClient(kv).peek(odd, RULE), NO_STRINGS, 'invalid-argument'],
  [
    'limiter.peek(config)',
    (kv, odd) => new RateLimiterClient(kv).peek('a', odd),
    [undefined, null, 5, 'rl:a:', {}],
    'invalid-config',
  ],
  [
    'limiter.checkAll(checks)',
    (kv, odd) => new RateLimiterClient(kv).checkAll(odd),
    [undefined, null, 5, 'a', {}, [undefined], [null], [{}], [{ config: RULE }]],
    'invalid-argument',
  ],
  [
    'limiter.checkAll(one of the checks)',
    (kv, odd) =>
      new RateLimiterClient(kv).checkAll([
        { identifier: 'a', config: RULE },
        { identifier: 'b', config: odd },
      ]),
    [undefined, null, { ...RULE, limit: -1 }, { ...RULE, keyPrefix: 'e:' }],
    'invalid-config',
  ],
  [
    'limiter.checkAll(one of the costs)',
    (kv, odd) => new RateLimiterClient(kv).checkAll([{ identifier: 'a', config: RULE, cost: odd }]),
    NO_COSTS,
    'invalid-argument',
  ],
  [
    'limiter.refund(ticket)',
    (kv, odd) => new RateLimiterClient(kv).refund(odd),
    [undefined, null, 5, 'ticket', {}, { ...TICKET, sequence: '1' }, { ...TICKET, cost: 0.5 }, { ...TICKET, identifier: 5 }],
    'invalid-argument',
  ],
  [
    'limiter.block(seconds)',
    (kv, odd) => new RateLimiterClient(kv).block('a', RULE, odd),
    [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 34_560_001, '60', null, undefined],
    'invalid-argument',
  ],
  ['limiter.block(identifier)', (kv, odd) => new RateLimiterClient(kv).block(odd, RULE, 60), NO_STRINGS, 'invalid-argument'],
  ['limiter.unblock(identifier)', (kv, odd) => new RateLimiterClient(kv).unblock(odd, RULE), NO_STRINGS, 'invalid-argument'],
  [
    'limiter.unblock(config)',
    (kv, odd) => new RateLimiterClient(kv).unblock('a', odd),
    [undefined, null, 'rl:a:', { ...RULE, window: 0 }],
    'invalid-config',
  ],
  ['limiter.reset(identifier)', (kv, odd) => new RateLimiterClient(kv).reset(odd, RULE), NO_STRINGS, 'invalid-argument'],
  [
    'limiter.reset(config)',
    (kv, odd) => new RateLimiterClient(kv).reset('a', odd),
    [...NO_STRINGS, ...NO_PREFIXES],
    'invalid-config',
  ],
  ['cache.get(key)', (kv, odd) => new CacheClient(kv).get(odd), [...NO_STRINGS, ...NO_KEYS], 'invalid-argument'],
  ['cache.set(key)', (kv, odd) => new CacheClient(kv).set(odd, 1, 60), [...NO_STRINGS, ...NO_KEYS], 'invalid-argument'],
  ['cache.set(value)', (kv, odd) => new CacheClient(kv).set('k', odd, 60), NO_JSON, 'invalid-argument'],
  ['cache.set(ttlSeconds)', (kv, odd) => new CacheClient(kv).set('k', 1, odd), NO_TTLS, 'invalid-argument'],
  ['cache.delete(key)', (kv, odd) => new CacheClient(kv).delete(odd), [...NO_STRINGS, ...NO_KEYS], 'invalid-argument'],
  [
    'cache.deleteMany(keys)',
    (kv, odd) => new CacheClient(kv).deleteMany(odd),
    [undefined, null, 'k', {}, 5],
    'invalid-argument',
  ],
  [
    'cache.deleteMany(one of the keys)',
    (kv, odd) => new CacheClient(kv).deleteMany(['a', odd, 'b']),
    [...NO_STRINGS, ...NO_KEYS],
    'invalid-argument',
  ],
  ['cache.getMany(keys)', (kv, odd) => new CacheClient(kv).getMany(odd), [undefined, null, 'k', {}, 5], 'invalid-argument'],
  [
    'cache.getMany(one of the keys)',
    (kv, odd) => new CacheClient(kv).getMany(['a', odd, 'b']),
    [...NO_STRINGS, ...NO_KEYS],
    'invalid-argument',
  ],
  ['cache.lookup(key)', (kv, odd) => new CacheClient(kv).lookup(odd), [...NO_STRINGS, ...NO_KEYS], 'invalid-argument'],
  ['cache.explain(key)', (kv, odd) => new CacheClient(kv).explain(odd), [...NO_STRINGS, ...NO_KEYS], 'invalid-argument'],
  ['cache.set(options)', (kv, odd) => new CacheClient(kv).set('k', 1, 60, odd), [null, 5, 'tags'], 'invalid-argument'],
  ['cache.set(tags)', (kv, odd) => new CacheClient(kv).set('k', 1, 60, { tags: odd }), NO_TAGS, 'invalid-argument'],
  [
    'cache.setMany(entries)',
    (kv, odd) => new CacheClient(kv).setMany(odd, 60),
    [undefined, null, 5, 'k', [5]],
    'invalid-argument',
  ],
  ['cache.setMany(value)', (kv, odd) => new CacheClient(kv).setMany({ a: 1, k: odd }, 60), NO_JSON, 'invalid-argument'],
  ['cache.setMany(ttlSeconds)', (kv, odd) => new CacheClient(kv).setMany({ a: 1 }, odd), NO_TTLS, 'invalid-argument'],
  ['cache.setMany(tags)', (kv, odd) => new CacheClient(kv).setMany({ a: 1 }, 60, { tags: odd }), NO_TAGS, 'invalid-argument'],
  [
    'cache.invalidateTags(tags)',
    (kv, odd) => new CacheClient(kv).invalidateTags(odd),
    [...NO_TAGS, undefined],
    'invalid-argument',
  ],
  [
    'cache.invalidateTags(one of the tags)',
    (kv, odd) => new CacheClient(kv).invalidateTags(['a', odd]),
    [...NO_STRINGS, ''],
    'invalid-argument',
  ],
  [
    'cache.deleteByPrefix(prefix)',
    (kv, odd) => new CacheClient(kv).deleteByPrefix(odd),
    [...NO_STRINGS, ''],
    'invalid-argument',
  ],
  ...(['maxOperations', 'cursor'] as const).map((name): (typeof REFUSED)[number] => [
    `cache.deleteByPrefix({ ${name} })`,
    (kv, odd) => new CacheClient(kv).deleteByPrefix('p:', { [name]: odd }),
    [null, Number.NaN, {}, 1, true],
    'invalid-argument',
  ]),
  ...(['staleWhileRevalidateSeconds', 'staleIfErrorSeconds', 'negativeTtlSeconds'] as const).map(
    (name): (typeof REFUSED)[number] => [
      `cache.getOrSet({ ${name} })`,
      (kv, odd) => new CacheClient(kv).getOrSet('k', 60, () => 1, { [name]: odd }),
      NO_TTLS.filter((odd) => odd !== undefined),
      'invalid-argument',
    ],
  ),
  ...(['softTimeoutMs', 'hardTimeoutMs'] as const).map((name): (typeof REFUSED)[number] => [
    `cache.getOrSet({ ${name} })`,
    (kv, odd) => new CacheClient(kv).getOrSet('k', 60, () => 1, { [name]: odd }),
    [0, -1, 2 ** 31, Number.NaN, '5', null],
    'invalid-argument',
  ]),
  [
    'cache.getOrSet({ validate })',
    (kv, odd) => new CacheClient(kv).getOrSet('k', 60, () => 1, { validate: odd }),
    [null, 5, 'v', {}],
    'invalid-argument',
  ],
  [
    'cache.getOrSet({ tags })',
    (kv, odd) => new CacheClient(kv).getOrSet('k', 60, () => 1, { tags: odd }),
    NO_TAGS,
    'invalid-argument',
  ],
  [
    'cache.getOrSet(key)',
    (kv, odd) => new CacheClient(kv).getOrSet(odd, 60, () => 1),
    [...NO_STRINGS, ...NO_KEYS],
    'invalid-argument',
  ],
  ['cache.getOrSet(ttlSeconds)', (kv, odd) => new CacheClient(kv).getOrSet('k', odd, () => 1), NO_TTLS, 'invalid-argument'],
  [
    'cache.getOrSet(fetchFn)',
    (kv, odd) => new CacheClient(kv).getOrSet('k', 60, odd),
    [undefined, null, {}, 'f', Promise.resolve(1)],
    'invalid-argument',
  ],
];

describe('refused before any I/O', () => {
  it.each(REFUSED)('%s', async (_, call, odd, code) => {
    const kv = recording(new MemoryKV());
    for (const value of odd) expect(await codeOf(() => call(kv, value as never))).toBe(code);
    expect(kv.operations).toEqual([]);
  });

  it('a value above 25 MiB of UTF-8, whatever its length in characters', async () => {
    const kv = recording(new MemoryKV());
    const cache = new CacheClient(kv);
    for (const value of ['x'.repeat(26_214_399), '€'.repeat(8_738_134)]) {
      expect(await codeOf(() => cache.set('k', value, 60))).toBe('value-too-large');
    }
    const session = sessionOf('t', { userAgent: 'x'.repeat(26_214_400) });
    expect(await codeOf(() => new SessionCacheClient(kv).set('t', session))).toBe('value-too-large');
    expect(kv.operations).toEqual([]);
    await cache.set('k', 'x'.repeat(26_214_398), 60);
    expect(kv.operations).toEqual(['put k']);
  });

  it('a loader is not asked where the call is refused', async () => {
    const cache = new CacheClient(new MemoryKV());
    const loader = (): never => expect.fail('the loader was asked');
    await codeOf(() => cache.getOrSet('', 60, loader));
    await codeOf(() => cache.getOrSet('k', Number.NaN, loader));
  });
});

describe('refused at construction, as invalid-config', () => {
  const kv = new MemoryKV();
  it.each([[undefined], [null], [5], ['KV'], [{}], [{ get() {}, put() {} }], [{ get: 1, put: 1, delete: 1 }]])(
    'a binding that is none: %s',
    async (odd) => {
      for (const Client of [SessionCacheClient, RateLimiterClient, CacheClient]) {
        expect(await codeOf(() => new Client(odd as never))).toBe('invalid-config');
      }
    },
  );

  it.each([
    { storeTimeoutMs: 0 },
    { storeTimeoutMs: Number.NaN },
    { storeTimeoutMs: 2 ** 31 },
    { storeTimeoutMs: '3000' },
    { waitUntil: true },
    { onEvent: {} },
    { now: Date.now() },
  ])('%o, of any client', async (options) => {
    for (const Client of [SessionCacheClient, RateLimiterClient, CacheClient]) {
      expect(await codeOf(() => new Client(kv, options as never))).toBe('invalid-config');
    }
  });

  it.each([
    { maxSessionSeconds: 59 },
    { maxSessionSeconds: 400 * 86_400 + 1 },
    { maxStaleMs: 0 },
    { maxStaleMs: Number.POSITIVE_INFINITY },
  ])('%o, of sessions', async (options) => {
    expect(await codeOf(() => new SessionCacheClient(kv, options))).toBe('invalid-config');
  });

  it.each([
    { authority: 'durable' },
    { authority: 'fast' },
    { authority: 'toString' },
    { authority: {} },
    { shards: 0 },
    { shards: 4097 },
    { shards: Number.NaN },
  ])('%o, of limits', async (options) => {
    expect(await codeOf(() => new RateLimiterClient(kv, options as never))).toBe('invalid-config');
  });

  it.each(['fail', '', '__proto__', 'toString', null, 1])('onUnavailable %s', async (onUnavailable) => {
    const options = { onUnavailable } as never;
    if (onUnavailable === null) return expect(() => new RateLimiterClient(kv, options)).not.toThrow();
    expect(await codeOf(() => new RateLimiterClient(kv, options))).toBe('invalid-config');
  });
});
