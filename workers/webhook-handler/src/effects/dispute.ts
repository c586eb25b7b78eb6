import * as v from 'valibot';
import { forgetLibrary, signOutDefrauder } from './buyer.ts';
import type { Effect } from './effect.ts';
import { Reference, objectOf } from './effect.ts';

const Dispute = v.object({
  id: v.pipe(v.string(), v.regex(/^\w{1,255}$/)),
  payment_intent: Reference,
  reason: v.string(),
});

/**
 * The money of a payment was taken back: its content is, too, and where the reason is fraud its buyer is signed out everywhere.
 * A mere inquiry takes no money and changes nothing.
 */
export const withdraw: Effect = (db, event) => {
  const { id, payment_intent: paymentId, reason } = objectOf(event, Dispute);
  if (!paymentId) return [];
  return [
    db
      .prepare(
        `INSERT INTO disputes (id, payment_id, fraudulent, state) VALUES (?1, ?2, ?3, 'withdrawn') ON CONFLICT (id) DO NOTHING`,
      )
      .bind(id, paymentId, reason === 'fraudulent' ? 1 : 0),
    forgetLibrary(db, event.id, paymentId),
    ...signOutDefrauder(db, event.id, paymentId),
  ];
};

/** The dispute was won, and the money given back: so is the content. This is the last word, also where it comes first. */
export const reinstate: Effect = (db, event) => {
  const { id, payment_intent: paymentId, reason } = objectOf(event, Dispute);
  if (!paymentId) return [];
  return [
    db
      .prepare(
        `INSERT INTO disputes (id, payment_id, fraudulent, state) VALUES (?1, ?2, ?3, 'reinstated')
         ON CONFLICT (id) DO UPDATE SET state = 'reinstated'`,
      )
      .bind(id, paymentId, reason === 'fraudulent' ? 1 : 0),
    forgetLibrary(db, event.id, paymentId),
  ];
};
