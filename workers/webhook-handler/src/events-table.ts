/** How long a delivery may work on an event before another may take it over, in milliseconds. Far above what one ever needs. */
export const LEASE_MS = 30_000;

/** How long an event is remembered, in milliseconds: Stripe's command line resends one for 30 days. */
const KEPT_MS = 40 * 24 * 3_600_000;

/** What became of an event. */
export type Outcome = 'applied' | 'ignored' | 'unusable';

/** What a delivery may do with its event. `token` names the claim. */
export type Claim = { state: 'claimed'; token: string } | { state: 'held' } | { state: 'done' };

/**
 * Claims an event for one delivery, in one statement, so that of any number at once one gets it. A claim whose lease has
 * ended, because its handler crashed, goes to the next delivery. The lease alone makes nothing safe: a handler that was
 * only slow still believes in its claim, and it is `completion` that refuses it. Cost: 1 query, 2 for who does not get it.
 */
export async function claimEvent(db: D1Database, event: { id: string; type: string }, now: number): Promise<Claim> {
  const token = crypto.randomUUID();
  const mine = await db
    .prepare(
      `INSERT INTO webhook_events (id, type, received_at, claim, lease_until, attempts) VALUES (?1, ?2, ?3, ?4, ?5, 1)
       ON CONFLICT (id) DO UPDATE SET claim = excluded.claim, lease_until = excluded.lease_until, attempts = attempts + 1
         WHERE done_at IS NULL AND lease_until <= ?3
       RETURNING claim`,
    )
    .bind(event.id, event.type, now, token, now + LEASE_MS)
    .first();
  if (mine !== null) return { state: 'claimed', token };
  const done = await db.prepare('SELECT 1 FROM webhook_events WHERE id = ?1 AND done_at IS NOT NULL').bind(event.id).first();
  return { state: done === null ? 'held' : 'done' };
}

/**
 * The statement that completes an event: first in the batch of its effect. D1 runs a batch in one transaction, and the
 * schema's trigger fails it unless `token` is still the event's claim and the event is not done. So either the effect and its
 * completion are stored, or neither is, and never twice.
 */
export function completion(db: D1Database, id: string, token: string, outcome: Outcome, now: number): D1PreparedStatement {
  return db
    .prepare('UPDATE webhook_events SET claim = ?2, done_at = ?3, outcome = ?4 WHERE id = ?1')
    .bind(id, token, now, outcome);
}

/** Gives a claim back, so that the next delivery need not wait for its lease to end. A claim lost or done is left alone. */
export async function releaseClaim(db: D1Database, id: string, token: string): Promise<void> {
  await db
    .prepare('UPDATE webhook_events SET lease_until = 0 WHERE id = ?1 AND claim = ?2 AND done_at IS NULL')
    .bind(id, token)
    .run();
}

/** Counts a delivery of a type that has no effect here. It is not claimed: a later version may know what to do with it. */
export async function countUnknown(db: D1Database, type: string, now: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO webhook_unknown (type, deliveries, last_at) VALUES (?1, 1, ?2)
       ON CONFLICT (type) DO UPDATE SET deliveries = deliveries + 1, last_at = excluded.last_at`,
    )
    .bind(type, now)
    .run();
}

/** Forgets events that nobody can deliver any more. */
export async function forgetOldEvents(db: D1Database, now: number): Promise<void> {
  await db
    .prepare('DELETE FROM webhook_events WHERE done_at <= ?1')
    .bind(now - KEPT_MS)
    .run();
}
