import { cacheKeys } from '@codex/cloudflare-clients';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLEO, CORY, call, callWith, storeSession } from './api.ts';
import { brokenD1, failingKv } from './failing-stores.ts';

let cory = '';
let cleo = '';

beforeAll(async () => {
  [cory, cleo] = await Promise.all([storeSession(CORY.id), storeSession(CLEO.id)]);
});

beforeEach(async () => {
  await env.DB.batch(['purchases', 'refunds', 'disputes', 'progress'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  for (const { id } of [CORY, CLEO]) {
    const keys = [cacheKeys.userLibrary(id), cacheKeys.userPurchases(id), cacheKeys.userProgress(id)];
    // By the route, so that this isolate forgets them too.
    const token = id === CORY.id ? cory : cleo;
    for (const path of ['/library', '/purchases', '/progress']) {
      await call('GET', path, { token, headers: { 'Cache-Control': 'no-cache' } });
    }
    await Promise.all(keys.map((key) => expect.poll(() => env.CACHE_KV.get(key)).toBe('[]')));
  }
});

/** Records a purchase as the webhook worker does. */
async function bought(
  paymentId: string,
  contentId: string,
  { user = CORY.id, at = Date.now(), amount = 900 } = {},
): Promise<void> {
  await env.DB.prepare('INSERT INTO purchases VALUES (?1, ?2, ?3, ?4, ?5, ?6)')
    .bind(paymentId, user, contentId, amount, 'eur', at)
    .run();
}

const fresh = { 'Cache-Control': 'no-cache' };
const titles = async (token: string, headers = {}): Promise<string[]> =>
  ((await call('GET', '/library', { token, headers })).body.library as { title: string }[]).map(({ title }) => title);

describe('GET /library', () => {
  it('is what the caller paid for, newest first, each once, and nobody else’s', async () => {
    await bought('pi_1', 'ten-staircases', { at: 1000 });
    await bought('pi_2', 'sun-prints', { at: 2000 });
    await bought('pi_3', 'ten-staircases', { at: 3000 });
    expect(await titles(cory, fresh)).toEqual(['Prints from the sun', 'Ten staircases']);
    expect(await titles(cleo, fresh)).toEqual([]);
  });

  it('keeps what is withdrawn, and not what was refunded or disputed', async () => {
    await bought('pi_1', 'night-bus');
    await bought('pi_2', 'sun-prints');
    await bought('pi_3', 'ten-staircases');
    await bought('pi_4', 'walking-maps');
    await env.DB.batch([
      env.DB.prepare("INSERT INTO refunds VALUES ('pi_2', 900, 1), ('pi_4', 100, 0)"),
      env.DB.prepare("INSERT INTO disputes VALUES ('dp_1', 'pi_3', 0, 'withdrawn')"),
    ]);
    expect((await titles(cory, fresh)).toSorted()).toEqual(['Maps made by walking', 'Night bus, line 9']);
    await env.DB.prepare("UPDATE disputes SET state = 'reinstated'").run();
    expect(await titles(cory, fresh)).toContain('Ten staircases');
  });

  it('comes from the cache, until the caller asks for a fresh one', async () => {
    await bought('pi_1', 'ten-staircases');
    const cached = await call('GET', '/library', { token: cory });
    expect({ library: cached.body.library, d1Queries: cached.served.d1Queries }).toEqual({ library: [], d1Queries: 0 });
    expect(await titles(cory, fresh)).toEqual(['Ten staircases']);
    expect(await titles(cory)).toEqual(['Ten staircases']);
  });

  it('comes from D1 when KV fails', async () => {
    await bought('pi_1', 'ten-staircases');
    const { status, body } = await callWith({ CACHE_KV: failingKv() }, 'GET', '/library', { token: cory, headers: fresh });
    expect([status, (body.library as unknown[]).length]).toEqual([200, 1]);
  });

  it('is nobody’s without a session, nor are the others', async () => {
    for (const path of ['/library', '/purchases', '/progress']) expect((await call('GET', path)).status, path).toBe(401);
  });
});

it('GET /library/offers is what is published and has a price', async () => {
  const offers = (await call('GET', '/library/offers')).body.offers as { id: string }[];
  expect(offers).toContainEqual({
    id: 'ten-staircases',
    title: 'Ten staircases',
    creatorName: 'Olive',
    amount: 900,
    currency: 'eur',
  });
  expect(offers.map(({ id }) => id)).not.toContain('night-bus');
});

it('GET /purchases says what became of each', async () => {
  await bought('pi_1', 'ten-staircases', { at: 1000 });
  await bought('pi_2', 'long-gone', { at: 2000 });
  await bought('pi_3', 'sun-prints', { at: 3000 });
  await env.DB.batch([
    env.DB.prepare("INSERT INTO refunds VALUES ('pi_1', 300, 0)"),
    env.DB.prepare("INSERT INTO disputes VALUES ('dp_1', 'pi_3', 1, 'withdrawn')"),
  ]);
  const { body } = await call('GET', '/purchases', { token: cory, headers: fresh });
  expect(body.purchases).toMatchObject([
    { contentId: 'sun-prints', state: 'disputed', purchasedAt: '1970-01-01T00:00:03.000Z' },
    { contentId: 'long-gone', title: null, state: 'paid' },
    { contentId: 'ten-staircases', title: 'Ten staircases', amount: 900, refunded: 300, currency: 'eur', state: 'paid' },
  ]);
});

describe('/progress', () => {
  const put = (token: string, contentId: string, body: unknown): ReturnType<typeof call> =>
    call('PUT', `/progress/${contentId}`, { token, body });

  it('is what was stored last, and shows at once', async () => {
    await bought('pi_1', 'ten-staircases');
    expect((await put(cory, 'ten-staircases', { positionSeconds: 61 })).status).toBe(200);
    const stored = await put(cory, 'ten-staircases', { positionSeconds: 45 });
    expect(stored.body).toEqual({ contentId: 'ten-staircases', positionSeconds: 45, list: { refreshed: true } });
    const { body } = await call('GET', '/progress', { token: cory });
    expect(body.progress).toMatchObject([{ contentId: 'ten-staircases', positionSeconds: 45 }]);
    expect((await call('GET', '/progress', { token: cleo })).body.progress).toEqual([]);
  });

  it('is refused for what the caller does not own, or owns no more', async () => {
    await bought('pi_1', 'ten-staircases');
    await env.DB.prepare("INSERT INTO refunds VALUES ('pi_1', 900, 1)").run();
    expect((await put(cory, 'ten-staircases', { positionSeconds: 1 })).status).toBe(403);
    expect((await put(cory, 'sun-prints', { positionSeconds: 1 })).status).toBe(403);
  });

  it('is stored when KV fails, and says how long the old one may show', async () => {
    await bought('pi_1', 'ten-staircases');
    const { status, body } = await callWith({ CACHE_KV: failingKv() }, 'PUT', '/progress/ten-staircases', {
      token: cory,
      body: { positionSeconds: 7 },
    });
    expect({ status, list: body.list }).toEqual({ status: 200, list: { refreshed: false, staleForSeconds: 300 } });
  });

  it.each([{ positionSeconds: -1 }, { positionSeconds: 1.5 }, { positionSeconds: 86_401 }, { positionSeconds: '1' }, {}])(
    'takes no such position: %o',
    async (body) => {
      await bought('pi_1', 'ten-staircases');
      expect((await put(cory, 'ten-staircases', body)).status).toBe(400);
    },
  );
});

it('answers with 503 when D1 fails', async () => {
  const bindings = { DB: brokenD1('no'), CACHE_KV: failingKv() };
  expect((await callWith(bindings, 'GET', '/library/offers')).status).toBe(503);
  expect((await callWith(bindings, 'GET', '/settings')).status).toBe(503);
});
