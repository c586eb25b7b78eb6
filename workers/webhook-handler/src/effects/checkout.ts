import * as v from 'valibot';
import type { Effect } from './effect.ts';
import { Amount, Id, Reference, objectOf } from './effect.ts';
import { forgetLibrary, signOutDefrauder } from './buyer.ts';

const Session = v.object({
  id: v.pipe(v.string(), v.regex(/^\w{1,255}$/)),
  mode: v.string(),
  payment_status: v.string(),
  payment_intent: Reference,
  client_reference_id: v.nullish(v.string()),
  metadata: v.nullish(v.record(v.string(), v.string())),
  amount_total: v.nullish(Amount),
  currency: v.nullish(v.string()),
});

/** What the checkout of a content must say, which is for whoever makes its session to put there. */
const Purchase = v.object({
  client_reference_id: Id,
  metadata: v.object({ content_id: Id }),
  amount_total: Amount,
  currency: v.pipe(v.string(), v.regex(/^[a-z]{3}$/)),
});

/**
 * A checkout was paid: its buyer, `client_reference_id`, owns `metadata.content_id`. A checkout that is not yet paid (a bank
 * transfer) changes nothing: `async_payment_succeeded` follows. One of another kind, a subscription's, is told of by events of its own.
 */
export const recordPurchase: Effect = (db, event) => {
  const session = objectOf(event, Session);
  if (session.mode !== 'payment' || session.payment_status === 'unpaid') return [];
  const { client_reference_id: userId, metadata, amount_total: amount, currency } = objectOf(event, Purchase);
  const paymentId = session.payment_intent ?? session.id;
  return [
    db
      .prepare(
        `INSERT INTO purchases (payment_id, user_id, content_id, amount, currency, purchased_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (payment_id) DO NOTHING`,
      )
      .bind(paymentId, userId, metadata.content_id, amount, currency, event.created * 1000),
    forgetLibrary(db, event.id, paymentId),
    ...signOutDefrauder(db, event.id, paymentId),
  ];
};
