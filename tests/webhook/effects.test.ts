import { SessionCacheClient, cacheKeys } from '@codex/cloudflare-clients';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkout, dispute, event, newId, refund } from './stripe.ts';
import type { TestEvent } from './stripe.ts';
import { deliverAt, followups, minute, purchasesOf, send, stored } from './webhook.ts';

const CORY = 'user-cory';
const LIBRARY = cacheKeys.userLibrary(CORY);
const PURCHASES = cacheKeys.userPurchases(CORY);

/** Delivers events one after the other, each of them taken. */
async function deliverAll(...events: TestEvent[]): Promise<void> {
  for (const made of events) expect((await send(made)).status, made.type).toBe(200);
}

const roleOf = (userId: string): Promise<string | null> =>
  env.DB.prepare('SELECT role FROM users WHERE id = ?1').bind(userId).first<string>('role');

const sessionsOf = (userId: string): Promise<number | null> =>
  env.DB.prepare('SELECT COUNT(*) AS live FROM sessions WHERE user_id = ?1').bind(userId).first<number>('live');

/** A session of a user, in D1 and in the cache. Returns its token. */
async function signIn(userId: string): Promise<string> {
  const token = newId('token');
  const expiresAt = Date.now() + 3_600_000;
  await env.DB.prepare('INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES (?1, ?1, ?2, 0, ?3)')
    .bind(token, userId, expiresAt)
    .run();
  await new SessionCacheClient(env.AUTH_SESSION_KV).set(token, {
    session: { id: token, userId, token, expiresAt: new Date(expiresAt).toISOString() },
    user: { id: userId, email: 'someone@codex.example', name: 'Someone', role: 'customer', emailVerified: true },
  });
  return token;
}

const isCached = async (token: string): Promise<boolean> =>
  (await new SessionCacheClient(env.AUTH_SESSION_KV).get(token)) !== null;

/** A namespace that refuses what would change it. */
function refusing(kv: KVNamespace): KVNamespace {
  const fail = (operation: string) => (): Promise<never> =>
    Promise.reject(new Error(`KV ${operation} failed: 500 Internal Server Error`));
  const get = kv.get.bind(kv) as unknown;
  const getWithMetadata = kv.getWithMetadata.bind(kv) as unknown;
  return { get, getWithMetadata, list: kv.list.bind(kv), put: fail('PUT'), delete: fail('DELETE') } as unknown as KVNamespace;
}

beforeEach(async () => {
  await Promise.all([LIBRARY, PURCHASES].map((key) => env.CACHE_KV.put(key, '[]')));
  await env.CACHE_KV.put(cacheKeys.userLibrary('user-cleo'), '[]');
});

describe('a purchase', () => {
  it('is recorded, and the buyer’s cached lists are forgotten, nobody else’s', async () => {
    const paymentId = newId('pi');
    await deliverAll(checkout(paymentId));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'paid' });
    expect([await env.CACHE_KV.get(LIBRARY), await env.CACHE_KV.get(PURCHASES)]).toEqual([null, null]);
    expect(await env.CACHE_KV.get(cacheKeys.userLibrary('user-cleo'))).toBe('[]');
    expect(await followups()).toBe(0);
  });

  it('is nothing yet while it is unpaid, and one when the transfer arrives', async () => {
    const paymentId = newId('pi');
    const pending = checkout(paymentId);
    pending.data.object['payment_status'] = 'unpaid';
    expect((await send(pending)).body.outcome).toBe('ignored');
    expect(await purchasesOf(CORY)).not.toHaveProperty(paymentId);
    const paid = checkout(paymentId);
    await deliverAll({ ...paid, type: 'checkout.session.async_payment_succeeded' });
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'paid' });
  });

  it('is known by its checkout where there was nothing to pay', async () => {
    const free = checkout('unused');
    Object.assign(free.data.object, { payment_intent: null, payment_status: 'no_payment_required', amount_total: 0 });
    await deliverAll(free);
    expect(await purchasesOf(CORY)).toMatchObject({ [String(free.data.object['id'])]: 'paid' });
  });

  it('names its payment also where Stripe sends the whole of it', async () => {
    const paymentId = newId('pi');
    const expanded = checkout(paymentId);
    expanded.data.object['payment_intent'] = { id: paymentId, object: 'payment_intent' };
    await deliverAll(expanded);
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'paid' });
  });

  it('without a buyer or a content is taken, kept and changes nothing: delivered again it would say no more', async () => {
    for (const lacking of ['client_reference_id', 'metadata', 'amount_total', 'currency']) {
      const paymentId = newId('pi');
      const useless = checkout(paymentId);
      delete useless.data.object[lacking];
      expect((await send(useless)).body, lacking).toEqual({ received: true, outcome: 'unusable' });
      expect(await stored(useless.id)).toMatchObject({ outcome: 'unusable' });
      expect(await purchasesOf(CORY)).not.toHaveProperty(paymentId);
    }
  });

  it('of a subscription is left to the subscription’s own events', async () => {
    const subscribed = checkout(newId('pi'));
    subscribed.data.object['mode'] = 'subscription';
    expect((await send(subscribed)).body.outcome).toBe('ignored');
  });
});

describe('a refund', () => {
  it('takes the content back, and the cached lists with it', async () => {
    const paymentId = newId('pi');
    await deliverAll(checkout(paymentId));
    await Promise.all([LIBRARY, PURCHASES].map((key) => env.CACHE_KV.put(key, '[]')));
    await deliverAll(refund(paymentId));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'refunded' });
    expect([await env.CACHE_KV.get(LIBRARY), await env.CACHE_KV.get(PURCHASES)]).toEqual([null, null]);
  });

  it('counts also when it comes before its purchase', async () => {
    const paymentId = newId('pi');
    await deliverAll(refund(paymentId));
    expect(await env.CACHE_KV.get(LIBRARY)).toBe('[]');
    await deliverAll(checkout(paymentId));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'refunded' });
    expect(await env.CACHE_KV.get(LIBRARY)).toBeNull();
  });

  it('of a part leaves the content, and is not undone by an older event', async () => {
    const paymentId = newId('pi');
    await deliverAll(checkout(paymentId), refund(paymentId, 300));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'paid' });
    const other = newId('pi');
    await deliverAll(checkout(other), refund(other), refund(other, 300));
    expect(await purchasesOf(CORY)).toMatchObject({ [other]: 'refunded' });
  });

  it('of a payment that was no checkout changes nothing', async () => {
    const foreign = refund(newId('pi'));
    foreign.data.object['payment_intent'] = null;
    expect((await send(foreign)).body.outcome).toBe('ignored');
  });
});

describe('a dispute', () => {
  it('for fraud takes the content back and signs the buyer out everywhere, and nobody else', async () => {
    const paymentId = newId('pi');
    const [token, cleo] = [await signIn(CORY), await signIn('user-cleo')];
    await deliverAll(checkout(paymentId));
    expect(await isCached(token)).toBe(true);
    await deliverAll(dispute(paymentId));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'disputed' });
    expect([await sessionsOf(CORY), await isCached(token)]).toEqual([0, false]);
    expect([await sessionsOf('user-cleo'), await isCached(cleo)]).toEqual([1, true]);
    expect(await env.AUTH_SESSION_KV.get(`urev:${CORY}`)).not.toBeNull();
  });

  it('for fraud signs out also when it comes before the purchase', async () => {
    const paymentId = newId('pi');
    const token = await signIn(CORY);
    await deliverAll(dispute(paymentId));
    expect(await isCached(token)).toBe(true);
    await deliverAll(checkout(paymentId));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'disputed' });
    expect([await sessionsOf(CORY), await isCached(token)]).toEqual([0, false]);
  });

  it('for another reason leaves the sessions alone', async () => {
    const paymentId = newId('pi');
    await signIn(CORY);
    await deliverAll(checkout(paymentId), dispute(paymentId, { reason: 'product_not_received' }));
    expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'disputed' });
    expect(await sessionsOf(CORY)).toBe(1);
  });

  it('that is won gives the content back, in either order', async () => {
    for (const swap of [false, true]) {
      const paymentId = newId('pi');
      const id = newId('dp');
      const both = [dispute(paymentId, { id }), dispute(paymentId, { id, type: 'funds_reinstated' })];
      await deliverAll(checkout(paymentId), ...(swap ? both.reverse() : both));
      expect(await purchasesOf(CORY)).toMatchObject({ [paymentId]: 'paid' });
    }
  });
});

describe('a creator’s subscription', () => {
  const change = (id: string, kind: string, status: string, created: number, userId = CORY): TestEvent =>
    event(`customer.subscription.${kind}`, { id, status, metadata: { user_id: userId } }, created);

  it('makes a creator, voids the sessions that say otherwise, and signs nobody out', async () => {
    const token = await signIn(CORY);
    const before = await sessionsOf(CORY);
    const id = newId('sub');
    await deliverAll(change(id, 'created', 'active', 1000));
    expect([await roleOf(CORY), await isCached(token), await sessionsOf(CORY)]).toEqual(['creator', false, before]);
    await deliverAll(change(id, 'deleted', 'canceled', 2000));
    expect(await roleOf(CORY)).toBe('customer');
  });

  it('voids nothing where the role stays', async () => {
    const id = newId('sub');
    await deliverAll(change(id, 'created', 'incomplete', 1000));
    await env.AUTH_SESSION_KV.delete(`urev:${CORY}`);
    await deliverAll(change(id, 'updated', 'incomplete_expired', 1001));
    expect(await env.AUTH_SESSION_KV.get(`urev:${CORY}`)).toBeNull();
  });

  it('is what its newest event says, in whatever order they come', async () => {
    const [one, two, three] = [newId('sub'), newId('sub'), newId('sub')];
    await deliverAll(change(one, 'updated', 'active', 1000), change(one, 'created', 'incomplete', 1000));
    expect(await roleOf(CORY)).toBe('creator');
    await deliverAll(change(one, 'deleted', 'canceled', 3000), change(one, 'updated', 'active', 2000));
    expect(await roleOf(CORY)).toBe('customer');
    await deliverAll(change(two, 'updated', 'unpaid', 2000), change(two, 'updated', 'active', 1000));
    expect(await roleOf(CORY)).toBe('customer');
    await deliverAll(change(three, 'deleted', 'canceled', 2000), change(three, 'updated', 'active', 2000));
    expect(await roleOf(CORY)).toBe('customer');
  });

  it('takes nothing from an owner, and one that names nobody is none of ours', async () => {
    await deliverAll(change(newId('sub'), 'deleted', 'canceled', 1000, 'user-olive'));
    expect(await roleOf('user-olive')).toBe('owner');
    const foreign = event('customer.subscription.created', { id: newId('sub'), status: 'active', metadata: {} });
    expect((await send(foreign)).body.outcome).toBe('ignored');
  });
});

describe('an event of an unknown type', () => {
  it('is taken and counted, and stays new to a version that knows it', async () => {
    const strange = event('invoice.finalized', { id: newId('in') });
    expect((await send(strange)).body).toEqual({ received: true, outcome: 'unknown' });
    await send(strange);
    const counted = await env.DB.prepare("SELECT deliveries FROM webhook_unknown WHERE type = 'invoice.finalized'").first();
    expect(counted).toEqual({ deliveries: 2 });
    const effects = new Map([['invoice.finalized', () => [env.DB.prepare('SELECT 1')]]]);
    expect(await deliverAt(strange, Date.now(), { effects })).toBe('applied');
  });
});

describe('a KV that fails', () => {
  it('makes no delivery fail; the worker’s minute makes up for it', async () => {
    const paymentId = newId('pi');
    const token = await signIn(CORY);
    const bindings = { CACHE_KV: refusing(env.CACHE_KV), AUTH_SESSION_KV: refusing(env.AUTH_SESSION_KV) };
    expect((await send(checkout(paymentId), bindings)).body).toEqual({ received: true, outcome: 'applied' });
    expect((await send(dispute(paymentId), bindings)).body).toEqual({ received: true, outcome: 'applied' });
    expect([await purchasesOf(CORY), await sessionsOf(CORY)]).toEqual([
      expect.objectContaining({ [paymentId]: 'disputed' }),
      0,
    ]);
    expect([await env.CACHE_KV.get(LIBRARY), await followups()]).toEqual(['[]', 3]);

    await minute();
    expect([await env.CACHE_KV.get(LIBRARY), await isCached(token), await followups()]).toEqual([null, false, 0]);
  });

  it('leaves alone what went well in the other namespace', async () => {
    const paymentId = newId('pi');
    await deliverAll(checkout(paymentId));
    await env.CACHE_KV.put(LIBRARY, '[]');
    expect((await send(dispute(paymentId), { CACHE_KV: refusing(env.CACHE_KV) })).status).toBe(200);
    const { results } = await env.DB.prepare('SELECT action, attempts FROM webhook_followups').all();
    expect(results).toEqual([{ action: 'forget-library', attempts: 1 }]);
    await minute();
    expect([await env.CACHE_KV.get(LIBRARY), await followups()]).toEqual([null, 0]);
  });

  it('is asked about the least tried first, a hundred a minute', async () => {
    await env.DB.batch(
      Array.from({ length: 120 }, (_, at) =>
        env.DB.prepare("INSERT INTO webhook_followups VALUES (?1, 'forget-library', 'user-cory', ?2)").bind(`evt_${at}`, at),
      ),
    );
    await minute();
    const { results } = await env.DB.prepare('SELECT attempts FROM webhook_followups ORDER BY attempts').all();
    expect(results.map(({ attempts }) => attempts)).toEqual(Array.from({ length: 20 }, (_, at) => 100 + at));
  });
});

it('forgets events that nobody can deliver any more, and no others', async () => {
  const [old, recent, unfinished] = [checkout(newId('pi')), checkout(newId('pi')), checkout(newId('pi'))];
  await deliverAll(old, recent);
  const longAgo = Date.now() - 41 * 86_400_000;
  await env.DB.prepare('UPDATE webhook_events SET received_at = ?2 WHERE id = ?1').bind(recent.id, longAgo).run();
  // What is done is never written again, so the old one is made anew.
  await env.DB.batch([
    env.DB.prepare('DELETE FROM webhook_events WHERE id = ?1').bind(old.id),
    env.DB.prepare("INSERT INTO webhook_events VALUES (?1, 'x', ?2, 'c', ?2, 1, ?2, 'applied')").bind(old.id, longAgo),
    env.DB.prepare("INSERT INTO webhook_events VALUES (?1, 'x', ?2, 'c', ?2, 1, NULL, NULL)").bind(unfinished.id, longAgo),
  ]);
  await minute();
  expect([await stored(old.id), await stored(recent.id), await stored(unfinished.id)]).toEqual([
    null,
    expect.objectContaining({ outcome: 'applied' }),
    expect.objectContaining({ outcome: null }),
  ]);
});
