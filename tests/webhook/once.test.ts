import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { LEASE_MS, claimEvent } from '../../workers/webhook-handler/src/events-table.ts';
import { checkout, event, newId, sign } from './stripe.ts';
import type { TestEvent } from './stripe.ts';
import { deliverAt, followups, post, purchasesOf, send, stored } from './webhook.ts';

/** An effect that shows how often it happened, as none of the real ones does: they say the same when said twice. */
const COUNTED = 'test.counted';
const effects: Parameters<typeof deliverAt>[2] = {
  effects: new Map([
    [COUNTED, (db, { id }) => [db.prepare('UPDATE counters SET happened = happened + 1 WHERE event_id = ?1').bind(id)]],
  ]),
};

/** Makes an event of that kind, and its counter. */
async function counted(): Promise<TestEvent> {
  const made = event(COUNTED, {});
  await env.DB.prepare('INSERT INTO counters (event_id, happened) VALUES (?1, 0)').bind(made.id).run();
  return made;
}

const happened = (id: string): Promise<number | null> =>
  env.DB.prepare('SELECT happened FROM counters WHERE event_id = ?1').bind(id).first<number>('happened');

/** A database that does as `on` says when it comes to a batch. */
function databaseWith(on: (run: () => Promise<D1Result[]>) => Promise<unknown>): { bindings: { DB: D1Database } } {
  const DB = {
    prepare: (sql: string) => env.DB.prepare(sql),
    batch: (statements: D1PreparedStatement[]) => on(() => env.DB.batch(statements)),
  };
  return { bindings: { DB: DB as unknown as D1Database } };
}

beforeAll(async () => {
  await env.DB.prepare('CREATE TABLE counters (event_id TEXT PRIMARY KEY, happened INTEGER NOT NULL) STRICT').run();
});

describe('an event', () => {
  it('takes effect once when it is delivered fifty times at once', async () => {
    const made = await counted();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => deliverAt(made, Date.now(), effects)));
    expect(await happened(made.id)).toBe(1);
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1);
    expect(outcomes.every((outcome) => ['applied', 'duplicate', 'held'].includes(outcome))).toBe(true);
    expect(await stored(made.id)).toEqual({ outcome: 'applied', attempts: 1 });
    expect(await deliverAt(made, Date.now(), effects)).toBe('duplicate');
  });

  it('takes effect once when fifty signed deliveries arrive at once, and again an hour later', async () => {
    const paid = checkout(newId('pi'));
    const body = JSON.stringify(paid);
    const signature = await sign(body);
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(body, signature)));
    const outcomes = answers.map(({ status, body: { outcome } }) => (status === 200 ? outcome : status));
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1);
    expect(outcomes.every((outcome) => outcome === 'applied' || outcome === 'duplicate' || outcome === 409)).toBe(true);
    expect(await deliverAt(paid, Date.now() + 3_600_000)).toBe('duplicate');
  });

  it('is held while a delivery is at it: the others are told to come again', async () => {
    const paid = checkout(newId('pi'));
    await claimEvent(env.DB, paid, Date.now());
    const { status, headers, body } = await send(paid);
    expect({ status, type: body.type, retry: headers.get('Retry-After') }).toEqual({
      status: 409,
      type: 'urn:codex:problem:event-held',
      retry: '60',
    });
  });

  it('is taken over from a handler that crashed, once its lease has ended', async () => {
    const made = await counted();
    const crashedAt = Date.now();
    await claimEvent(env.DB, made, crashedAt);
    expect(await deliverAt(made, crashedAt + LEASE_MS - 1, effects)).toBe('held');
    const takers = await Promise.all(Array.from({ length: 20 }, () => deliverAt(made, crashedAt + LEASE_MS, effects)));
    expect(takers.filter((outcome) => outcome === 'applied')).toHaveLength(1);
    expect(await happened(made.id)).toBe(1);
    expect(await stored(made.id)).toEqual({ outcome: 'applied', attempts: 2 });
  });

  it('is refused to a handler that was only slow and still believes in its claim', async () => {
    const made = await counted();
    const begun = Date.now();
    const [waiting, resume] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slowDatabase = databaseWith(async (run) => {
      waiting.resolve();
      await resume.promise;
      return run();
    });
    const slow = deliverAt(made, begun, { ...effects, ...slowDatabase }).then(
      () => 'believed',
      () => 'refused',
    );
    await waiting.promise;
    expect(await deliverAt(made, begun + LEASE_MS, effects)).toBe('applied');
    resume.resolve();
    expect(await slow).toBe('refused');
    expect(await happened(made.id)).toBe(1);
  });

  it('is refused to such a handler also while the one that took over is still at it', async () => {
    const made = await counted();
    const begun = Date.now();
    const slow = deliverAt(made, begun, {
      ...effects,
      ...databaseWith(async (run) => {
        await claimEvent(env.DB, made, begun + LEASE_MS);
        return run();
      }),
    });
    await expect(slow).rejects.toThrow();
    expect(await happened(made.id)).toBe(0);
    expect(await deliverAt(made, begun + 2 * LEASE_MS, effects)).toBe('applied');
    expect(await happened(made.id)).toBe(1);
  });

  it('is free again at once when its effect could not be stored, and half of one never is', async () => {
    const made = await counted();
    const begun = Date.now();
    const half: Parameters<typeof deliverAt>[2] = {
      effects: new Map([
        [
          COUNTED,
          (db, { id }) => [
            db.prepare('UPDATE counters SET happened = happened + 1 WHERE event_id = ?1').bind(id),
            db.prepare("INSERT INTO counters (event_id, happened) VALUES (?1, 'not a number')").bind(`${id}x`),
          ],
        ],
      ]),
    };
    await expect(deliverAt(made, begun, half)).rejects.toThrow();
    expect(await happened(made.id)).toBe(0);
    expect(await deliverAt(made, begun, effects)).toBe('applied');
    expect(await happened(made.id)).toBe(1);
  });

  it('is answered with 503 when the database fails, and taken when it is delivered again', async () => {
    const paid = checkout(newId('pi'));
    const broken = databaseWith(() => Promise.reject(new Error('D1_ERROR: Network connection lost.')));
    const { status, body } = await send(paid, broken.bindings);
    expect({ status, type: body.type }).toEqual({ status: 503, type: 'urn:codex:problem:unavailable' });
    expect((await send(paid)).body).toEqual({ received: true, outcome: 'applied' });
  });

  it('is taken once when its effect was stored but the database’s answer was lost', async () => {
    const paymentId = newId('pi');
    const paid = checkout(paymentId);
    const lossy = databaseWith(async (run) => {
      await run();
      throw new Error('D1_ERROR: Network connection lost.');
    });
    expect((await send(paid, lossy.bindings)).status).toBe(503);
    expect(await purchasesOf('user-cory')).toMatchObject({ [paymentId]: 'paid' });
    // The handler never came to its follow-ups; the next delivery does them.
    expect(await followups()).toBe(1);
    expect((await send(paid)).body).toEqual({ received: true, outcome: 'duplicate' });
    expect(await followups()).toBe(0);
  });

  it('is another event than every other', async () => {
    const [one, two] = [await counted(), await counted()];
    await Promise.all([one, two].map((made) => deliverAt(made, Date.now(), effects)));
    expect([await happened(one.id), await happened(two.id)]).toEqual([1, 1]);
  });
});
