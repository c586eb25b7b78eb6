import { followup } from '../followups.ts';

/** The buyer's cached library and purchases are to be forgotten, where the purchase is known already; else it will see to that. */
export function forgetLibrary(db: D1Database, eventId: string, paymentId: string): D1PreparedStatement {
  return followup(db, eventId, 'forget-library', 'SELECT user_id FROM purchases WHERE payment_id = ?3', paymentId);
}

/** Selects the buyer, where their payment is disputed as fraud; `payment` is the parameter that names the payment. */
const defrauder = (payment: string): string =>
  `SELECT purchases.user_id FROM purchases JOIN disputes USING (payment_id)
    WHERE payment_id = ${payment} AND disputes.state = 'withdrawn' AND disputes.fraudulent = 1`;

/**
 * Signs the buyer out everywhere, where the card's owner says that the payment was not theirs: whoever uses this account uses
 * somebody else's card, or somebody else's account. The sessions go from D1 first, so that no cache is filled from it again.
 */
export function signOutDefrauder(db: D1Database, eventId: string, paymentId: string): D1PreparedStatement[] {
  return [
    db.prepare(`DELETE FROM sessions WHERE user_id IN (${defrauder('?1')})`).bind(paymentId),
    followup(db, eventId, 'revoke-sessions', defrauder('?3'), paymentId),
  ];
}
