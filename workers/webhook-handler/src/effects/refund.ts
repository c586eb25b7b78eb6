import * as v from 'valibot';
import { forgetLibrary } from './buyer.ts';
import type { Effect } from './effect.ts';
import { Amount, Reference, objectOf } from './effect.ts';

const Charge = v.object({ payment_intent: Reference, amount_refunded: Amount, refunded: v.boolean() });

/**
 * A payment was refunded, in part or in full; only the latter takes the content back. `amount_refunded` is the sum so far and only
 * grows, so the largest seen is the latest, in whatever order it came. May come before its purchase. A charge without a payment
 * intent is none of ours.
 */
export const recordRefund: Effect = (db, event) => {
  const { payment_intent: paymentId, amount_refunded: amount, refunded } = objectOf(event, Charge);
  if (!paymentId) return [];
  return [
    db
      .prepare(
        `INSERT INTO refunds (payment_id, amount, complete) VALUES (?1, ?2, ?3)
         ON CONFLICT (payment_id) DO UPDATE SET amount = MAX(amount, excluded.amount), complete = MAX(complete, excluded.complete)`,
      )
      .bind(paymentId, amount, refunded ? 1 : 0),
    forgetLibrary(db, event.id, paymentId),
  ];
};
