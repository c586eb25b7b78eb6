import type Stripe from 'stripe';
import * as v from 'valibot';
import { followup } from '../followups.ts';
import type { Effect } from './effect.ts';
import { Id, objectOf } from './effect.ts';

const Subscription = v.object({
  id: v.pipe(v.string(), v.regex(/^\w{1,255}$/)),
  status: v.pipe(v.string(), v.regex(/^[a-z_]{1,40}$/)),
  metadata: v.optional(v.object({ user_id: v.optional(Id) }), {}),
});

/** The role that a user's subscriptions give; `user` is the parameter that names them. `past_due` still does, while Stripe tries the card again. */
const roleOf = (user: string): string =>
  `CASE WHEN EXISTS (SELECT 1 FROM subscriptions WHERE user_id = ${user} AND status IN ('active', 'trialing', 'past_due'))
     THEN 'creator' ELSE 'customer' END`;

/** A creator's subscription began. A change of it may have been told of before, and knows better. */
export const createSubscription: Effect = (db, event) => record(db, event, 'DO NOTHING');

/**
 * A creator's subscription changed or ended. The newer event is right, and nothing follows the end. Stripe dates events by the
 * second: of two changes within one, the one that is delivered last counts.
 */
export const changeSubscription: Effect = (db, event) =>
  record(
    db,
    event,
    `DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
       WHERE excluded.changed_at >= changed_at AND status <> 'canceled'`,
  );

/**
 * Where the subscription changes a role, the user's cached sessions are read anew, since they carry the old one. Nobody is signed
 * out by that. An owner stays one. A subscription that names no user is none of ours.
 */
function record(db: D1Database, event: Stripe.Event, onConflict: string): D1PreparedStatement[] {
  const { id, status, metadata } = objectOf(event, Subscription);
  const userId = metadata.user_id;
  if (userId === undefined) return [];
  return [
    db
      .prepare(
        `INSERT INTO subscriptions (id, user_id, status, changed_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) ${onConflict}`,
      )
      .bind(id, userId, status, event.created * 1000),
    followup(
      db,
      event.id,
      'refresh-sessions',
      `SELECT id AS user_id FROM users WHERE id = ?3 AND role <> 'owner' AND role <> ${roleOf('?3')}`,
      userId,
    ),
    db
      .prepare(`UPDATE users SET role = ${roleOf('?1')} WHERE id = ?1 AND role <> 'owner' AND role <> ${roleOf('?1')}`)
      .bind(userId),
  ];
}
