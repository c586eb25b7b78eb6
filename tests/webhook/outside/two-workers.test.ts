import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, newId, sign } from '../stripe.ts';
import type { TestEvent } from '../stripe.ts';
import { TwoWorkers } from './two-workers.ts';
import type { Environment } from './two-workers.ts';

/** Posts an event as Stripe does, to the api worker. */
async function deliver(workers: TwoWorkers, event: TestEvent, secret?: string): Promise<{ status: number; outcome: unknown }> {
  const body = JSON.stringify(event);
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Stripe-Signature': await sign(body, secret ? { secret } : {}),
  };
  const response = await workers.fetch('/webhooks/stripe', { method: 'POST', headers, body });
  return { status: response.status, outcome: ((await response.json()) as { outcome?: unknown }).outcome };
}

const purchases = async (workers: TwoWorkers, paymentId: string): Promise<number | null> =>
  (await workers.database())
    .prepare('SELECT COUNT(*) AS rows FROM purchases WHERE payment_id = ?1')
    .bind(paymentId)
    .first<number>('rows');

describe('both workers on a developer’s machine', () => {
  const workers = new TwoWorkers();
  let cookie = '';

  beforeAll(() => workers.start());
  afterAll(() => workers.stop());

  /** Asks as Cory's browser. */
  async function asCory(
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { Origin: workers.origin, Cookie: cookie, 'Content-Type': 'application/json', ...more };
    const response = await workers.fetch(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const set = response.headers.getSetCookie().find((line) => line.startsWith('codex-session='));
    if (set !== undefined) cookie = set.split(';', 1)[0] ?? '';
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** The titles of Cory's library, by a page that asks for a fresh one. KV has it afterwards. */
  async function titles(): Promise<string[]> {
    const { body } = await asCory('GET', '/library', undefined, { 'Cache-Control': 'no-cache' });
    await expect.poll(() => workers.cached('cache:user:user-cory:library')).not.toBeNull();
    return (body.library as { title: string }[]).map(({ title }) => title);
  }

  /** Has an event about Cory and a content signed and delivered. It drops the cached library from KV. */
  async function happens(event: string): Promise<void> {
    const answer = await asCory('POST', '/demo/stripe', { event, contentId: 'sun-prints' });
    expect(answer).toMatchObject({ status: 200, body: { outcome: 'applied' } });
    expect(await workers.cached('cache:user:user-cory:library')).toBeNull();
  }

  it('take an event that is delivered fifty times at once over HTTP, once', async () => {
    const paymentId = newId('pi');
    const paid = checkout(paymentId);
    const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(workers, paid)));
    expect(answers.filter(({ outcome }) => outcome === 'applied')).toHaveLength(1);
    expect(answers.every(({ status, outcome }) => status === 409 || outcome === 'applied' || outcome === 'duplicate')).toBe(
      true,
    );
    expect(await purchases(workers, paymentId)).toBe(1);
    expect(await deliver(workers, paid)).toEqual({ status: 200, outcome: 'duplicate' });
  });

  it('take one that reaches the webhook worker itself', async () => {
    const paymentId = newId('pi');
    const body = JSON.stringify(checkout(paymentId));
    expect(await workers.direct(body, { 'Stripe-Signature': await sign(body) })).toBe(200);
    expect(await workers.direct(body, { 'Stripe-Signature': 't=1,v1=00' })).toBe(400);
    expect(await purchases(workers, paymentId)).toBe(1);
  });

  it('refuse one whose signature is of another body or another secret', async () => {
    const paymentId = newId('pi');
    const body = JSON.stringify(checkout(paymentId));
    const post = async (signature: string): Promise<Response> =>
      workers.fetch('/webhooks/stripe', { method: 'POST', headers: { 'Stripe-Signature': signature }, body });
    for (const signature of [await sign(`${body}\n`), await sign(body, { secret: 'whsec_other' }), '']) {
      const response = await post(signature);
      expect([response.status, response.headers.get('Content-Type')]).toEqual([400, 'application/problem+json; charset=utf-8']);
    }
    expect(await purchases(workers, paymentId)).toBe(0);
  });

  it('show what was bought, take it back with the money, and sign out who used a stranger’s card', async () => {
    await asCory('POST', '/auth/login', { email: 'cory@codex.example', password: 'demo-customer' });
    expect(await titles()).not.toContain('Prints from the sun');
    await happens('bought');
    expect(await titles()).toContain('Prints from the sun');
    await happens('refunded');
    expect(await titles()).not.toContain('Prints from the sun');
    expect((await asCory('POST', '/demo/stripe', { event: 'refunded', contentId: 'sun-prints' })).status).toBe(404);

    await happens('bought');
    expect((await asCory('GET', '/auth/me')).status).toBe(200);
    await happens('disputed');
    // The api worker's isolate may remember the session a moment longer than KV and D1 do.
    await expect.poll(async () => (await asCory('GET', '/auth/me')).status, { timeout: 15_000 }).toBe(401);
  });

  it('sign events for whoever is signed in, about what is for sale', async () => {
    cookie = '';
    expect((await asCory('POST', '/demo/stripe', { event: 'bought', contentId: 'sun-prints' })).status).toBe(401);
    await asCory('POST', '/auth/login', { email: 'cory@codex.example', password: 'demo-customer' });
    expect((await asCory('POST', '/demo/stripe', { event: 'bought', contentId: 'night-bus' })).status).toBe(404);
    expect((await asCory('POST', '/demo/stripe', { event: 'gift', contentId: 'sun-prints' })).status).toBe(400);
  });
});

describe.each<Environment>(['development', 'staging', 'production'])('both workers of %s', (environment) => {
  const secret = `whsec_${environment}`;
  const workers = new TwoWorkers(environment, secret);

  beforeAll(() => workers.start());
  afterAll(() => workers.stop());

  it('find each other, and share a database', async () => {
    const paymentId = newId('pi');
    expect(await deliver(workers, checkout(paymentId), secret)).toEqual({ status: 200, outcome: 'applied' });
    expect(await purchases(workers, paymentId)).toBe(1);
    expect((await deliver(workers, checkout(newId('pi')))).status).toBe(400);
  });

  it('sign nothing in Stripe’s place', async () => {
    const headers = { Origin: `https://${environment}.codex.example`, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ event: 'bought', contentId: 'sun-prints' });
    const own = environment === 'production' ? { ...headers, Origin: 'https://codex.example' } : headers;
    expect((await workers.fetch('/demo/stripe', { method: 'POST', headers: own, body })).status).toBe(404);
  });
});
