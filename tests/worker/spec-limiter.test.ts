import { env } from 'cloudflare:workers';
import { type RateLimitConfig, RateLimiterClient } from '@codex/cloudflare-clients';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SpecRateLimiter } from '../contract/spec-rate-limiter.ts';
import { Later } from './support/later.ts';

// The first limiter and this one on one namespace, as while one deployment replaces the other.

const RULE = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
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

const both = () => ({
  theirs: new SpecRateLimiter(env.KV, later.clock.now),
  ours: new RateLimiterClient(env.KV, later.options),
});

it('this one goes on from what the first has counted', async () => {
  const { theirs, ours } = both();
  const who = somebody();
  const { resetAt } = await theirs.checkLimit(who, RULE);
  await theirs.checkLimit(who, RULE);
  expect(await ours.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 2, resetAt });
  expect(await ours.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 1, resetAt });
});

it('the first goes on from what this one has counted', async () => {
  const { theirs, ours } = both();
  const who = somebody();
  const { resetAt } = await ours.checkLimit(who, RULE);
  await ours.checkLimit(who, RULE);
  await later.settled();
  expect(await theirs.checkLimit(who, RULE)).toEqual({ allowed: true, remaining: 2, resetAt });
  await theirs.checkLimit(who, RULE);
  expect(await theirs.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 0 });
  expect(await theirs.checkLimit(who, RULE)).toEqual({ allowed: false, remaining: 0, resetAt });
});

it('by turns, they admit the limit between them, as soon as this one has read again', async () => {
  const { theirs, ours } = both();
  const who = somebody();
  const allowed: boolean[] = [];
  for (let turn = 0; turn < 4; turn++) {
    allowed.push((await theirs.checkLimit(who, RULE)).allowed, (await ours.checkLimit(who, RULE)).allowed);
    await later.settled();
    await later.pass(30_000);
  }
  expect(allowed).toEqual([true, true, true, true, true, false, false, false]);
});

it('a record is the first limiter’s to the byte, and says in its metadata by which rule it was counted', async () => {
  const { theirs, ours } = both();
  const [one, other] = [somebody(), somebody()];
  const { resetAt } = await ours.checkLimit(one, RULE);
  await theirs.checkLimit(other, RULE);
  await later.done();
  const stored = await env.KV.getWithMetadata(RULE.keyPrefix + one);
  expect(stored.value).toBe(await env.KV.get(RULE.keyPrefix + other));
  expect(stored.value).toBe(JSON.stringify({ count: 1, resetAt }));
  expect(stored.metadata).toEqual({ p: 'f:5:900000' });
});

it('the first limiter’s reset lets in whoever this one does not know to be denied; this one’s lets in whomever', async () => {
  const { theirs, ours } = both();
  const who = somebody();
  for (let at = 0; at < 6; at++) await theirs.checkLimit(who, RULE);
  await ours.reset(who, RULE);
  expect(await theirs.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 4 });
  await theirs.reset(who, RULE.keyPrefix);
  expect(await ours.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 4 });
});

it.each<[string, Partial<RateLimitConfig>]>([
  ['another limit', { limit: 50 }],
  ['another window', { window: 3600 }],
  ['another algorithm', { algorithm: 'sliding-window' }],
  ['a token bucket', { algorithm: 'gcra' }],
  ['a token bucket of another burst', { algorithm: 'gcra', burst: 2 }],
])('R17: a record counted by %s is not ours', async (_, fields) => {
  const who = somebody();
  const before = { ...RULE, ...fields };
  const limiter = new RateLimiterClient(env.KV, later.options);
  for (let at = 0; at < 2; at++) expect((await limiter.checkLimit(who, before)).allowed).toBe(true);
  await later.settled();
  expect((await env.KV.getWithMetadata(RULE.keyPrefix + who)).metadata).not.toEqual({ p: 'f:5:900000' });

  const resetAt = later.clock.now() + 900_000;
  expect(await limiter.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 4, resetAt });
  await later.done();
  expect(await env.KV.getWithMetadata(RULE.keyPrefix + who)).toMatchObject({
    value: JSON.stringify({ count: 1, resetAt }),
    metadata: { p: 'f:5:900000' },
  });
});

it.each([{ p: 5 }, { q: 'x' }, 'f:5:900000', 5, [1], { p: 'f:5:900000', more: [1] }])(
  'a record with the metadata %j is one that does not say, or ours',
  async (metadata) => {
    const who = somebody();
    const resetAt = later.clock.now() + 30_000;
    await env.KV.put(RULE.keyPrefix + who, JSON.stringify({ count: 3, resetAt }), { metadata });
    const limiter = new RateLimiterClient(env.KV, later.options);
    expect(await limiter.checkLimit(who, RULE)).toMatchObject({ allowed: true, remaining: 1, resetAt });
  },
);
