import { env } from 'cloudflare:workers';
import { CacheClient, type KVLike, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { describe, expect, it } from 'vitest';
import { MemoryKV } from '../contract/memory-kv.ts';
import { callsWaiting } from './support/core.ts';
import { sessionOf } from './support/sessions.ts';
import { ShuffledStore } from './support/shuffled-store.ts';

const RULE = { limit: 2, window: 600, keyPrefix: 'rl:many:' };

/** Two hundred calls of every kind begun at once, as functions of their number, with what each must come to. */
async function twoHundred(kv: KVLike, run: string): Promise<{ came: unknown[]; expected: unknown[] }> {
  const left: Promise<unknown>[] = [];
  const admitted: boolean[] = [];
  const cache = new CacheClient(kv, { waitUntil: (work) => left.push(work) });
  const sessions = new SessionCacheClient(kv);
  const limiter = new RateLimiterClient(kv, { waitUntil: (work) => left.push(work) });
  const KINDS: [call: (name: string, at: number) => Promise<unknown>, result: (name: string, at: number) => unknown][] = [
    [(name) => sessions.get(name), (name) => sessionOf(name, { expiresAt: EXPIRES_AT, userId: `user of ${name}` })],
    [(name) => sessions.get(`${name} absent`), () => null],
    [(name) => cache.get(name), (name, at) => ({ name, at })],
    [(name) => cache.get(`${name} absent`), () => null],
    [(name) => cache.getOrSet(name, 60, () => 'not this'), (name, at) => ({ name, at })],
    [(name) => cache.getOrSet(`${name} new`, 60, async () => `loaded ${name}`), (name) => `loaded ${name}`],
    [(name) => cache.set(`${name} set`, name, 60), () => undefined],
    [(name) => limiter.checkLimit(name, RULE).then(({ remaining }) => remaining), () => 1],
    [() => limiter.checkLimit(`${run} all`, RULE).then(({ allowed }) => void admitted.push(allowed)), () => undefined],
    [(name) => cache.deleteMany([`${name} gone`, `${name} gone too`]).then(({ deleted }) => deleted), () => 2],
  ];
  const names = Array.from({ length: 200 }, (_, at) => `${run} ${at}`);
  await Promise.all(
    names.flatMap((name, at) => [
      sessions.set(name, sessionOf(name, { expiresAt: EXPIRES_AT, userId: `user of ${name}` })),
      cache.set(name, { name, at }, 60),
    ]),
  );
  const kind = (at: number) => KINDS[at % KINDS.length] as (typeof KINDS)[number];
  const calls = names.map((name, at) => kind(at)[0](name, at));
  const came = await Promise.all(calls);
  await Promise.all(left);
  expect(admitted.filter(Boolean)).toHaveLength(RULE.limit);
  for (const [at, name] of names.entries()) {
    if (kind(at) === KINDS[6]) expect(await cache.get(`${name} set`)).toBe(name);
    if (kind(at) === KINDS[5]) expect(await cache.get(`${name} new`)).toBe(`loaded ${name}`);
  }
  return { came, expected: names.map((name, at) => kind(at)[1](name, at)) };
}

const EXPIRES_AT = new Date(Date.now() + 3_600_000).toISOString();

describe('200 calls of every kind at once', () => {
  it('come out right on real KV', async () => {
    const { came, expected } = await twoHundred(env.KV, crypto.randomUUID());
    expect(came).toEqual(expected);
    expect(callsWaiting()).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])('come out right with answers in random order, seed %d', async (seed) => {
    const { came, expected } = await twoHundred(new ShuffledStore(new MemoryKV(), seed).kv, 'n');
    expect(came).toEqual(expected);
    expect(callsWaiting()).toBe(0);
  });
});
